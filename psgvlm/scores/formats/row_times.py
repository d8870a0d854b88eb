"""When each row of a table begins and how long it holds, in the file's own time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import gcd
from pathlib import Path
from statistics import median

from psgvlm.errors import InputError
from psgvlm.recordings.edf_header import MAX_DURATION_S
from psgvlm.scores.clock import DAY_S, clock_onsets
from psgvlm.scores.formats import columns
from psgvlm.scores.formats.moments import (
    CLOCK_TIME,
    ELAPSED,
    NUMBER,
    UNITS_S,
    Moment,
    date_of,
    moment_of,
    number_of,
)
from psgvlm.scores.formats.roles import Roles
from psgvlm.scores.formats.text_table import TextTable
from psgvlm.scores.sheet import CLOCK, RECORD

_EPOCH_LENGTHS_S = (5, 10, 15, 20, 30, 60)
MOST_TIMED = 0.9  # a column of times has one in at least this share of the rows with a stage


@dataclass(frozen=True)
class RowTimes:
    """The times of the rows of a table, one entry a row.

    Attributes
    ----------
    onsets_s : list of float or None
        None in a row without a time; None for the list if the table has no times at all.
    durations_s : list of float or None
    numbers : list of int or None
        The numbers of epochs, if the table has them and no times.
    origin : str
        What onsets count from, as in `Sheet`.
    notes : tuple of str
    """

    onsets_s: Sequence[float | None] | None
    durations_s: Sequence[float | None]
    numbers: Sequence[int | None] | None = None
    origin: str = RECORD
    notes: tuple[str, ...] = ()


def row_times(path: Path, table: TextTable, roles: Roles, staged: Sequence[int]) -> RowTimes:
    """Return when the rows of a table begin and end.

    Parameters
    ----------
    path : Path
        The file, which errors name.
    table : TextTable
    roles : Roles
        Which columns hold times.
    staged : sequence of int
        The rows with a stage, at least one.

    Raises
    ------
    InputError
        If the only column of times cannot be understood: its numbers are no seconds, or its times
        of day have no seconds.
    """
    durations = _durations(table, roles.duration)
    numbers = _epoch_numbers(table, roles.epoch, staged)
    doubts = []
    for index in roles.starts:
        moments = _moments(table, index, roles.date)
        timed = sum(moments[row] is not None for row in staged)
        if timed == 0 or timed < MOST_TIMED * len(staged):
            if 2 * sum(bool(table.rows[row][index]) for row in staged) > len(staged):
                doubts.append(f"{_name(table, index)}: times in an unknown form")
            continue
        times, doubt = _times(table, index, moments, staged)
        if times is None:
            doubts.append(f"{_name(table, index)}: {doubt}")
            continue
        if roles.end is not None:
            durations = _up_to_ends(table, roles, times, durations)
        return _with_durations(replace(times, durations_s=durations), staged)
    if numbers is not None:
        _require_epochs(path, table, roles, staged, numbers)
        return _by_numbers(table, roles, staged, numbers, durations, doubts)
    if doubts:
        raise InputError(f"{path}: {doubts[0]}; expected seconds, or times such as 22:18:17")
    return RowTimes(None, durations)


def _with_durations(times: RowTimes, staged: Sequence[int]) -> RowTimes:
    """Return times whose onsets and durations make sense together.

    Onsets that rise by 1 beside epochs of 30 s are numbers of epochs; a duration of 1 beside onsets
    that rise by 30 is in epochs.
    """
    onsets = [times.onsets_s[row] for row in staged]
    lengths = {times.durations_s[row] for row in staged}
    if None in onsets or len(lengths) != 1 or len(onsets) < 3 or times.origin != RECORD:
        return times
    (length,) = lengths
    steps = Counter(b - a for a, b in pairwise(onsets))
    step, count = steps.most_common(1)[0]
    if length is None or 2 * count <= len(onsets) - 1:
        return times
    if step == 1 and length in _EPOCH_LENGTHS_S and all(onset == int(onset) for onset in onsets):
        numbers = [None if onset is None else int(onset) for onset in times.onsets_s]
        note = f"onsets go up by 1 and durations are {length:g} s: taken as numbers of epochs"
        return RowTimes(None, times.durations_s, numbers, notes=(*times.notes, note))
    if length == 1 and step in _EPOCH_LENGTHS_S:
        note = f"onsets go up by {step:g} and durations are 1: taken as one epoch"
        durations = [duration and float(step) for duration in times.durations_s]
        return replace(times, durations_s=durations, notes=(*times.notes, note))
    return times


def _require_epochs(
    path: Path,
    table: TextTable,
    roles: Roles,
    staged: Sequence[int],
    numbers: Sequence[int | None],
) -> None:
    """Refuse numbers that count the rows of a table of events, stages and others."""
    header = columns.name_of(table.columns[roles.epoch]) if table.columns else ""
    if roles.certain or columns.COUNTS_EPOCHS.search(header):
        return
    counted = {number for number in numbers if number is not None}
    others = counted - {numbers[row] for row in staged}
    if len(others) > (1 - MOST_TIMED) * len(counted):
        raise InputError(
            f"{path}: {_name(table, roles.epoch)} counts the rows, and stages stand among other "
            "events; expected a column of onsets"
        )


def _by_numbers(
    table: TextTable,
    roles: Roles,
    staged: Sequence[int],
    numbers: Sequence[int | None],
    durations: Sequence[float | None],
    doubts: Sequence[str],
) -> RowTimes:
    """Return the times of rows with numbers; those that rise by 5 or more are seconds."""
    spacing = gcd(*[numbers[row] for row in staged if numbers[row] is not None])
    if spacing >= 5 and len(staged) > 2:
        onsets = [None if number is None else float(number) for number in numbers]
        note = f"{_name(table, roles.epoch)} goes up by {spacing}: taken as seconds"
        return RowTimes(onsets, durations, notes=(note,))
    notes = tuple(f"{doubt}; epochs are placed by their numbers" for doubt in doubts)
    return RowTimes(None, durations, numbers, notes=notes)


def _name(table: TextTable, index: int) -> str:
    return f"column {table.columns[index]!r}" if table.columns else f"column {index + 1}"


def _moments(table: TextTable, index: int, date: int | None) -> list[Moment | None]:
    moments = [moment_of(cell) for cell in table.column(index)]
    if date is None or date == index:
        return moments
    days = map(date_of, table.column(date))
    return [
        replace(moment, day=day) if moment and moment.kind == CLOCK_TIME and day else moment
        for moment, day in zip(moments, days, strict=True)
    ]


def _times(
    table: TextTable, index: int, moments: Sequence[Moment | None], staged: Sequence[int]
) -> tuple[RowTimes | None, str]:
    """Return the times of a column, or None and why they cannot be understood."""
    header = table.columns[index] if table.columns else ""
    kinds = Counter(moments[row].kind for row in staged if moments[row])
    if kinds[NUMBER] and not (kinds[CLOCK_TIME] or kinds[ELAPSED]):
        factor = UNITS_S.get(columns.unit_of(header), 1.0)
        onsets = [m and m.kind == NUMBER and m.value * factor for m in moments]
        onsets = [None if onset is None or onset is False else onset for onset in onsets]
        doubt = _doubt([onsets[row] for row in staged if onsets[row] is not None])
        return (None, doubt) if doubt else (RowTimes(onsets, ()), "")
    moments = [None if m and m.kind == NUMBER else m for m in moments]
    timed = [m for m in moments if m]
    if all(moment.short for moment in timed):
        return _short_times(moments, staged)
    name = columns.name_of(header)
    dated = any(moment.day for moment in timed)
    zero = timed[0].value == 0 and not dated
    rising = all(a.value <= b.value for a, b in pairwise(timed))
    early = rising and timed[0].value < DAY_S / 2
    since_start = bool(columns.SINCE_START.search(name)) and early and not dated
    if kinds[ELAPSED] or since_start or zero:
        first = timed[0].value
        note = f"times begin with {first / 3600:.2g} h: taken as counted from the recording's start"
        onsets = [m.value if m else None for m in moments]
        return RowTimes(onsets, (), notes=() if kinds[ELAPSED] else (note,)), ""
    placed = iter(clock_onsets([(m.day, m.value) for m in timed]))
    onsets = [next(placed) if m else None for m in moments]
    return RowTimes(onsets, (), origin=CLOCK), ""


def _short_times(
    moments: Sequence[Moment | None], staged: Sequence[int]
) -> tuple[RowTimes | None, str]:
    """Return times of two numbers: hours and minutes, or minutes and seconds.

    They are minutes and seconds if the first number passes 23, or if they count from 0 by the
    length of an epoch.
    """
    values = [moments[row].value for row in staged if moments[row]]
    steps = {(b - a) / 60 for a, b in pairwise(values)}
    counted = values[0] == 0 and len(steps) == 1 and steps <= {5.0, 10.0, 20.0, 30.0}
    if max(values) >= DAY_S or counted:
        return RowTimes([m.value / 60 if m else None for m in moments], ()), ""
    if 0 in steps:
        return None, "times of day without seconds"
    return RowTimes([m.value if m else None for m in moments], (), origin=CLOCK), ""


def _doubt(onsets: Sequence[float]) -> str:
    """Return why numbers cannot be onsets in seconds; empty if they can."""
    steps = [b - a for a, b in pairwise(onsets) if b != a]
    if max(map(abs, onsets)) > MAX_DURATION_S:
        return f"times up to {max(onsets):g}"
    if len(steps) > 2 and 0 < median(steps) < 1:
        return f"times that go up by {median(steps):g}"
    return ""


def _durations(table: TextTable, index: int | None) -> list[float | None]:
    if index is None:
        return [None] * len(table.rows)
    unit = columns.unit_of(table.columns[index]) if table.columns else ""
    factor = UNITS_S.get(unit, 1.0)
    lengths: list[float | None] = []
    for cell in table.column(index):
        moment = moment_of(cell)
        if moment is None:
            lengths.append(None)
        elif moment.kind == NUMBER:
            lengths.append(moment.value * factor)
        else:
            lengths.append(moment.value / 60 if moment.short else moment.value)
    return [None if length is None or length < 0 else length for length in lengths]


def _up_to_ends(
    table: TextTable, roles: Roles, times: RowTimes, durations: Sequence[float | None]
) -> list[float | None]:
    """Return durations from a column of ends; a given duration goes first."""
    moments = [moment_of(cell) for cell in table.column(roles.end)]
    unit = columns.unit_of(table.columns[roles.end]) if table.columns else ""
    factor = UNITS_S.get(unit, 1.0)
    lengths = list(durations)
    for row, (moment, onset) in enumerate(zip(moments, times.onsets_s, strict=True)):
        if lengths[row] is not None or moment is None or onset is None:
            continue
        length = moment.value * (factor if moment.kind == NUMBER else 1.0) - onset
        if times.origin == CLOCK:
            length %= DAY_S
        lengths[row] = length if length >= 0 else None
    return lengths


def _epoch_numbers(
    table: TextTable, index: int | None, staged: Sequence[int]
) -> list[int | None] | None:
    """Return the numbers of epochs; None if a row with a stage has no whole number there."""
    if index is None:
        return None
    values = [number_of(cell) for cell in table.column(index)]
    numbers = [None if v is None or v != int(v) else int(v) for v in values]
    counted = sum(numbers[row] is not None for row in staged)
    return numbers if counted and counted >= MOST_TIMED * len(staged) else None
