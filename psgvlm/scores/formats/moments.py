"""Times in the cells of a table: numbers, times of day, elapsed times."""

import re
from dataclasses import dataclass
from functools import lru_cache

from psgvlm.scores.clock import DAY_S, read_clock

NUMBER, CLOCK_TIME, ELAPSED = "number", "time of day", "elapsed time"
_UNITS = {
    "s sec secs second seconds sek sekunde sekunden seconde secondes segundo segundos": 1.0,
    "ms msec msecs millisecond milliseconds": 0.001,
    "min mins minute minutes minuten minutos": 60.0,
    "h hr hrs hour hours": 3600.0,
}
UNITS_S = {word: length for words, length in _UNITS.items() for word in words.split()}

_NUMBER = re.compile(r"([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?)\s*([a-z]*)", re.ASCII)
_SHORT = re.compile(r"(\d{1,4}):(\d\d)(?:\s*([ap])\.?m\.?)?", re.ASCII)
_FRENCH = re.compile(r"(\d{1,2})\s?h\s?(\d{1,2})(?:\s?m(?:in|n)?)?\s?(?:(\d{1,2})\s?s?)?", re.ASCII)
_LONG = re.compile(r"(\d{1,4}):(\d\d):(\d\d)(?:[.,](\d{1,9}))?", re.ASCII)
_DAYS = re.compile(r"(\d{1,3})\s*(?:days?,?\s*\+?|\+)\s*(?=\d)", re.ASCII)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = re.compile(rf"^(\d{{1,2}})[- .]+({'|'.join(_MONTHS)})[a-z]*[- .,]+(\d{{2,4}})\b", re.ASCII)
_DATE = re.compile(r"\d{1,4}([-./])\d{1,2}\1\d{1,4}", re.ASCII)
_LONGEST = 40


@dataclass(frozen=True)
class Moment:
    """A time as a cell gives it.

    Attributes
    ----------
    value : float
        In seconds; a bare number (`NUMBER`) has no unit yet and is returned as it is. A time of
        day counts from midnight.
    kind : str
        `NUMBER`, `CLOCK_TIME` or `ELAPSED`.
    day : str
        The date before a time of day, as the cell has it; empty if there is none.
    short : bool
        Whether the cell holds two numbers alone, such as `21:34`: hours and minutes, or minutes
        and seconds.
    """

    value: float
    kind: str
    day: str = ""
    short: bool = False


@lru_cache(1 << 16)
def moment_of(text: str) -> Moment | None:
    """Return the time in a cell, or None if the cell holds no time.

    Examples
    --------
    >>> moment_of("9:18:51 PM") == moment_of("21.18.51")
    True
    >>> moment_of("12,5 min").value, moment_of("0 days 00:00:30").value, moment_of("N2")
    (750.0, 30.0, None)
    """
    if len(text) > _LONGEST or not any(map(str.isdigit, text)):
        return None
    text = re.sub(r"\s+", " ", text).strip(" \"'\ufeff").casefold()
    text = _with_month(text)
    if match := _NUMBER.fullmatch(text):
        return _number(*match.groups())
    if clock := read_clock(text.upper()):
        return Moment(clock[1], CLOCK_TIME, clock[0])
    if match := _DAYS.match(text):
        clock = _long(text[match.end() :])
        return clock and Moment(DAY_S * int(match[1]) + clock.value, ELAPSED)
    return _long(text) or _short(text)


def date_of(text: str) -> str:
    """Return the date in a cell with the month as a number; empty if the cell holds no date.

    Examples
    --------
    >>> date_of("31-Jan-2020"), date_of("2020/01/31"), date_of("Friday")
    ('31.1.2020', '2020/01/31', '')
    """
    text = _with_month(text.strip().casefold())
    return text if _DATE.fullmatch(text) else ""


def _with_month(text: str) -> str:
    return _MONTH.sub(lambda found: f"{found[1]}.{_MONTHS.index(found[2]) + 1}.{found[3]}", text)


def number_of(text: str) -> float | None:
    """Return the number in a cell, or None if the cell holds no bare number."""
    moment = moment_of(text)
    return moment.value if moment and moment.kind == NUMBER else None


def _number(digits: str, unit: str) -> Moment | None:
    if unit and unit not in UNITS_S:
        return None
    value = float(digits.replace(",", "."))
    if not abs(value) < 1e12:
        return None
    return Moment(value * UNITS_S.get(unit, 1.0), ELAPSED if unit else NUMBER)


def _long(text: str) -> Moment | None:
    """Return an elapsed time of any number of hours: `32:10:30`."""
    if not (match := _LONG.fullmatch(text)) or int(match[2]) > 59 or int(match[3]) > 59:
        return None
    seconds = 3600.0 * int(match[1]) + 60 * int(match[2]) + int(match[3])
    return Moment(seconds + float(f"0.{match[4] or 0}"), ELAPSED)


def _short(text: str) -> Moment | None:
    """Return a time such as `22:18`, `9:18 PM` or `22h18`."""
    if match := _FRENCH.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return Moment(3600.0 * hours + 60 * minutes + seconds, CLOCK_TIME)
    if not (match := _SHORT.fullmatch(text)):
        return None
    hours, minutes = int(match[1]), int(match[2])
    if minutes > 59 or (match[3] and not 1 <= hours <= 12):
        return None
    if match[3]:
        hours = hours % 12 + 12 * (match[3] == "p")
    return Moment(3600.0 * hours + 60 * minutes, CLOCK_TIME, short=not match[3])
