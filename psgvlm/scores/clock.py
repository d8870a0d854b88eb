"""Times of day in files of scores: with or without a date, in 12 or 24 hours."""

import re
from collections.abc import Sequence
from datetime import date

DAY_S = 86400.0
_CLOCK = re.compile(
    r"(?:(?P<date>\d{1,4}[-./]\d{1,2}[-./]\d{1,4})(?:T|,?\s+))?"
    r"(?P<hour>\d{1,2})(?P<colon>[:.])(?P<minute>\d{2})(?P=colon)(?P<second>\d{2})"
    r"(?:[.,:](?P<fraction>\d{1,9}))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?(?:Z|[+-]\d{2}:?\d{2})?"
)


def read_clock(text: str) -> tuple[str, float] | None:
    """Return the date of a time as it is written, and the seconds after midnight.

    Parameters
    ----------
    text : str
        Such as `"22:18:17"`, `"6.53.17"`, `"22:00:00,000"`, `"9:18:51 PM"` or
        `"2020-01-31T22:00:00"`. A zone is passed over: recordings have local times, too.

    Returns
    -------
    tuple of (str, float) or None
        The date is empty if there is none. None if the text is no time of day.

    Examples
    --------
    >>> read_clock("6.53.17"), read_clock("31/01/2020 9:00:00 PM"), read_clock("25:00:00")
    (('', 24797.0), ('31/01/2020', 75600.0), None)
    """
    if not (match := _CLOCK.fullmatch(text.strip().strip('"'))):
        return None
    hour, minute, second = (int(match[name]) for name in ("hour", "minute", "second"))
    if half := match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half[0] in "Pp")
    # Some recorders write midnight as 24:00:00.
    if (hour > 23 and (hour, minute, second) != (24, 0, 0)) or minute > 59 or second > 59:
        return None
    fraction = float(f"0.{match['fraction'] or 0}")
    return match["date"] or "", 3600.0 * hour + 60 * minute + second + fraction


def clock_onsets(clocks: Sequence[tuple[str, float]]) -> list[float]:
    """Return times as seconds after the midnight before the first of them.

    Dates make times of the next day greater than 86400. Without dates, times stay times of day:
    placing adds the days.

    Parameters
    ----------
    clocks : sequence of (str, float)
        As `read_clock` returns them.

    Examples
    --------
    >>> clock_onsets([("31.01.20", 86370.0), ("01.02.20", 0.0)])
    [86370.0, 86400.0]
    """
    dates = [day for day, _ in clocks]
    days = _days(dates) if dates and all(dates) else None
    return [second + DAY_S * (days[day] if days else 0) for day, second in clocks]


def _days(written: Sequence[str]) -> dict[str, int] | None:
    """Return how many days each date is after the first one; None if they are no dates.

    The order of day and month is the one in which all dates exist and lie closest together.
    """
    best: dict[str, int] | None = None
    for order in ("ymd", "dmy", "mdy"):
        try:
            ordinals = {text: _ordinal(text, order) for text in dict.fromkeys(written)}
        except ValueError:
            continue
        days = {text: ordinal - ordinals[written[0]] for text, ordinal in ordinals.items()}
        if best is None or _span(days) < _span(best):
            best = days
    return best


def _ordinal(text: str, order: str) -> int:
    fields = re.split(r"[-./]", text)
    if (len(fields[0]) == 4) != (order == "ymd"):
        raise ValueError("the year does not stand where this order has it")
    year, month, day = (int(fields[order.index(key)]) for key in "ymd")
    return date(year + (2000 if year < 100 else 0), month, day).toordinal()


def _span(days: dict[str, int]) -> int:
    return max(days.values()) - min(days.values())
