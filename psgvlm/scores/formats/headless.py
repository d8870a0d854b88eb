"""Tables without a header: which column is what, by what the numbers in it do."""

import math
from collections.abc import Sequence
from itertools import pairwise

from psgvlm.scores.clock import DAY_S
from psgvlm.scores.formats.cells import all_codes, is_clock, rises, speaks
from psgvlm.scores.formats.moments import moment_of, number_of
from psgvlm.scores.formats.text_table import TextTable

SHORTEST_S = 5  # of an epoch
# So many cells, and so great a share of them, make a column one of times.
LEAST_TIMES, MOST = 4, 0.75


def roles_by_content(table: TextTable, stages: tuple[int, ...]) -> dict:
    """Return the columns of a table without a header, by what the numbers in it do.

    Epochs go up by one. A start and a duration add up to the next start; of a start and an end,
    the end is the next start.
    """
    width = [i for i in range(table.width) if i not in stages]
    roles: dict = {"stages": stages} if stages else {}
    # Rows of other events may overlap the stages, so that rows of stages are compared.
    rows = [row for row in table.rows if not stages or any(speaks(row[i]) for i in stages)]
    clocks = [i for i in width if is_clock(table.column(i))]
    numbers = {i: [number_of(row[i]) for row in rows] for i in width if i not in clocks}
    numbers |= {i: _seconds([row[i] for row in rows]) for i in clocks}
    numbers = {i: values for i, values in numbers.items() if None not in values}
    rising = [i for i, values in numbers.items() if rises(values)]
    rising.sort(key=lambda i: i not in clocks)
    counted = [i for i in rising if i not in clocks and _counts(numbers[i])]
    for i in rising:
        if i not in counted and len(rows) > 1 and (pair := _follows(numbers, i)):
            roles["starts"], roles[pair[0]] = (i,), pair[1]
            break
    else:
        if clocks or not counted:
            roles["starts"] = tuple(clocks[:1] or rising[:1])
        if counted:
            roles["epoch"] = counted[0]
    used = {i for value in roles.values() for i in (value if isinstance(value, tuple) else [value])}
    if not stages:
        codes = [i for i in numbers if i not in used and all_codes(table.column(i))]
        if len(codes) == 1 and len(used):
            roles["stages"] = (codes[0],)
    return roles


def broken_row(table: TextTable, stages: Sequence[int]) -> int | None:
    """Return the first row, from 1, that breaks a column of times; None if no column is broken.

    In a column of times most cells are numbers or times of day, and most of these go up.
    """
    for index in range(table.width):
        if index in stages:
            continue
        cells = table.column(index)
        values = [number_of(cell) for cell in cells]
        clocks = _seconds(cells)
        if values.count(None) > clocks.count(None):
            values = clocks
        known = [value for value in values if value is not None]
        upwards = sum(b > a for a, b in pairwise(known))
        if len(known) < LEAST_TIMES or len(known) < MOST * len(cells):
            continue
        if upwards >= MOST * (len(known) - 1) and upwards < len(cells) - 1:
            last = -math.inf
            for row, value in enumerate(values, 1):
                if value is None or value <= last:
                    return row
                last = value
    return None


def _seconds(cells: Sequence[str]) -> list[float | None]:
    """Return times of day as seconds that go on after midnight; None for a cell without one."""
    seconds: list[float | None] = []
    days = 0
    for moment in map(moment_of, cells):
        if moment and seconds and seconds[-1] is not None:
            days += moment.value + DAY_S * days < seconds[-1] - DAY_S / 2
        seconds.append(moment and moment.value + DAY_S * days)
    return seconds


def _counts(values: Sequence[float]) -> bool:
    """Return whether numbers go up by one, with holes at most here and there."""
    steps = [b - a for a, b in pairwise(values)]
    whole = all(value == int(value) and value >= 0 for value in values)
    return whole and 2 * steps.count(1) > len(steps)


def _follows(numbers: dict[int, list[float]], start: int) -> tuple[str, int] | None:
    """Return the column of durations or ends that belongs to a column of starts."""
    starts = numbers[start]
    fits = []
    for index, values in numbers.items():
        pairs = list(zip(starts, values, starts[1:], strict=False))
        if index == start or min(values) < 0:
            continue
        fits.append((sum(abs(a + b - c) < 0.5 for a, b, c in pairs), "duration", index))
        fits.append((sum(abs(b - c) < 0.5 and b > a for a, b, c in pairs), "end", index))
    matched, kind, index = max(fits, default=(0, "", 0))
    if 2 * matched >= len(starts) - 1:
        return kind, index
    return _apart(numbers, start)


def _apart(numbers: dict[int, list[float]], start: int) -> tuple[str, int] | None:
    """Return a column of durations or ends where the rows do not touch each other."""
    starts = numbers[start]
    for index, values in numbers.items():
        pairs = list(zip(starts, values, starts[1:], strict=False))
        if index == start:
            continue
        if all(a < b <= c + 0.5 for a, b, c in pairs):
            return "end", index
        if all(b >= SHORTEST_S and a + b <= c + 0.5 for a, b, c in pairs):
            return "duration", index
    return None
