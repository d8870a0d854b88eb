"""Which columns of a table are stages, scorers and times: by header, or by what they hold."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from psgvlm.scores.formats import columns
from psgvlm.scores.formats.columns import name_of
from psgvlm.scores.formats.moments import CLOCK_TIME, ELAPSED, moment_of, number_of
from psgvlm.scores.formats.text_table import TextTable
from psgvlm.scores.words import is_stage_text, meaning_of
from psgvlm.stages import STAGES

MOST_KNOWN = 0.9  # a column of stages holds at least this share of known words
CODES_RANGE = range(-9, 21)  # numbers outside it are no codes of stages
_CODE = re.compile(r"[+-]?\d{1,3}(?:\.\d*)?(?:e[+-]?\d\d?)?", re.ASCII | re.IGNORECASE)
_SAMPLED = 5000  # rows by which a column is judged


@dataclass(frozen=True)
class Roles:
    """The columns of a table, by index; None if the table has no such column.

    Attributes
    ----------
    stages : tuple of int
        The columns of stages, one for each scorer.
    certain : bool
        Whether every row of these columns is about a stage. Otherwise stages stand among other
        events, such as arousals and notes.
    starts : tuple of int
        The columns that may say when a row begins, the best first.
    """

    stages: tuple[int, ...] = ()
    certain: bool = True
    starts: tuple[int, ...] = ()
    duration: int | None = None
    end: int | None = None
    epoch: int | None = None
    date: int | None = None
    scorer: int | None = None
    method: int | None = None


def code_of(text: str) -> int | None:
    """Return the whole number in a cell if it may be the code of a stage, else None."""
    if len(text) > 32 or not _CODE.fullmatch(text):
        return None
    value = float(text)
    return int(value) if value in CODES_RANGE else None


def roles_of(table: TextTable) -> Roles:
    """Return what each column of a table is; `stages` is empty if none holds stages."""
    kinds = _by_header(table)
    stages, certain = _stage_columns(table, kinds)
    if table.columns:
        return _with_times(table, kinds, stages, certain)
    roles = _by_content(table, stages)
    return Roles(**roles, certain=certain) if "stages" in roles else Roles()


def _by_header(table: TextTable) -> dict[str, list[int]]:
    """Return the columns of each kind that a header names."""
    names = {
        "starts": columns.STARTS,
        "duration": columns.DURATIONS,
        "end": columns.ENDS,
        "epoch": columns.EPOCHS,
        "event": columns.EVENTS,
        "scorer": columns.SCORERS,
        "date": columns.DATES,
        "method": frozenset({"annotationmethod", "method", "source"}),
    }
    found: dict[str, list[int]] = {kind: [] for kind in names}
    for index, header in enumerate(table.columns):
        name = name_of(header)
        if index == 0 and not name:
            name = "index"  # pandas writes the number of a row without a header
        for kind, known in names.items():
            if name in known:
                found[kind].append(index)
    return found


def _stage_columns(table: TextTable, kinds: dict[str, list[int]]) -> tuple[tuple[int, ...], bool]:
    """Return the columns of stages, and whether every row of them is about a stage."""
    width = range(table.width)
    cells = {i: [cell for cell in table.column(i)[:_SAMPLED] if cell] for i in width}
    times = {i for kind in ("starts", "duration", "end", "epoch", "date") for i in kinds[kind]}
    headed = [
        i
        for i, header in enumerate(table.columns)
        if i not in times
        and columns.is_stage_header(header)
        and _may_be_stages(cells[i])
        and (not columns.is_person(header) or _known_share(cells[i]) > 0.5 or _all_codes(cells[i]))
        and i not in kinds["scorer"]
    ]
    words = [i for i in headed if not all(code_of(cell) is not None for cell in cells[i])]
    whole = {i: table.column(i) for i in width if i not in times}
    counts = {i: sum(map(is_stage_text, whole[i])) for i in whole}
    events = [i for i in kinds["event"] if i in counts and counts[i] and _has_stages(whole[i])]
    event = max(events, key=lambda i: counts[i], default=None)
    if event is not None and (not words or _repeats(whole[event], whole[words[0]])):
        return (event,), False
    full = [i for i in whole if _known_share(cells[i]) >= MOST_KNOWN and _has_stages(whole[i])]
    if headed and not words:
        return tuple(headed), True
    if words or full:
        # A column under the name of a person or a program holds stages, too.
        return tuple(sorted({*words, *full} - set(kinds["event"]) or full)), True
    best = max(
        (i for i in counts if counts[i] and _has_stages(whole[i])),
        key=lambda i: counts[i],
        default=None,
    )
    if best is not None:
        return (best,), _known_share(cells[best]) >= MOST_KNOWN
    numbered = [
        i
        for i, header in enumerate(table.columns)
        if name_of(header) in columns.NUMBERED_EVENTS and _all_codes(cells[i])
    ]
    return tuple(numbered[:1]), True


def _may_be_stages(cells: Sequence[str]) -> bool:
    """Return whether no cell of a column is a fraction, and numbers are in the range of codes."""
    numbers = [cell for cell in cells if number_of(cell) is not None]
    return bool(cells) and all(code_of(cell) is not None for cell in numbers)


def _all_codes(cells: Sequence[str]) -> bool:
    return bool(cells) and all(code_of(cell) is not None for cell in cells)


def _known_share(cells: Sequence[str]) -> float:
    """Return the share of cells with a known word; a column without words has none."""
    return sum(meaning_of(cell) is not None for cell in cells) / max(1, len(cells))


def _has_stages(cells: Sequence[str]) -> bool:
    """Return whether there is a stage that no other kind of column has.

    A column of body positions holds L, R and S, one of sexes M and W: a letter R or W alone is no
    sign of stages.
    """
    texts_by_stage: dict[str | None, set[str]] = {}
    for cell in set(cells):
        texts_by_stage.setdefault(meaning_of(cell), set()).add(cell)
    staged = texts_by_stage.keys() & set(STAGES)
    letters = staged <= {"W", "R"} and all(
        len(text) == 1 for stage in staged for text in texts_by_stage[stage]
    )
    return len(staged) > 1 or (bool(staged) and not letters)


def _repeats(events: Sequence[str], stages: Sequence[str]) -> bool:
    """Return whether a column of stages says again what the events of each row say."""
    pairs = [
        (meaning_of(event), meaning_of(stage))
        for event, stage in zip(events, stages, strict=True)
        if is_stage_text(event)
    ]
    return 2 * sum(one == other for one, other in pairs) >= len(pairs)


def _with_times(
    table: TextTable, kinds: dict[str, list[int]], stages: tuple[int, ...], certain: bool
) -> Roles:
    """Return the columns of a table with a header, the start in its order of preference."""
    taken = {i for found in kinds.values() for i in found} | set(stages)
    # A time of day under a header in a language that is not known.
    clocks = [i for i in range(table.width) if i not in taken and _is_clock(table, i)]
    starts = [i for i in kinds["starts"] if i not in stages]

    def rank(index: int) -> tuple[int, int]:
        if columns.SINCE_START.search(name_of(table.columns[index])):
            return 0, index
        return (1 if _is_clock(table, index) else 2), index

    def first(kind: str) -> int | None:
        return next((i for i in kinds[kind] if i not in stages), None)

    return Roles(
        stages=stages,
        certain=certain,
        starts=(*sorted(starts, key=rank), *clocks),
        duration=first("duration"),
        end=first("end"),
        epoch=first("epoch"),
        date=first("date"),
        scorer=first("scorer"),
        method=first("method"),
    )


def _is_clock(table: TextTable, index: int) -> bool:
    cells = [cell for cell in table.column(index)[:200] if cell]
    moments = [moment_of(cell) for cell in cells]
    clocks = [m for m in moments if m and m.kind in (CLOCK_TIME, ELAPSED)]
    return bool(cells) and len(clocks) >= MOST_KNOWN * len(cells)


def _by_content(table: TextTable, stages: tuple[int, ...]) -> dict:
    """Return the columns of a table without a header, by what the numbers in it do.

    Epochs go up by one. A start and a duration add up to the next start; of a start and an end,
    the end is the next start.
    """
    width = [i for i in range(table.width) if i not in stages]
    roles: dict = {"stages": stages} if stages else {}
    clocks = [i for i in width if _is_clock(table, i)]
    roles["starts"] = tuple(clocks[:1])
    numbers = {i: [number_of(cell) for cell in table.column(i)] for i in width if i not in clocks}
    numbers = {i: values for i, values in numbers.items() if None not in values}
    rising = [i for i, values in numbers.items() if _rises(values)]
    for i in rising:
        if not clocks and len(table.rows) > 1 and (pair := _follows(numbers, i)):
            roles["starts"], roles[pair[0]] = (i,), pair[1]
            break
    else:
        counted = [i for i in rising if _counts(numbers[i])]
        if counted:
            roles["epoch"] = counted[0]
        elif rising and not clocks:
            roles["starts"] = (rising[0],)
        if len(table.rows) > 1:
            roles |= _constant(numbers, bool(clocks))
    used = {i for value in roles.values() for i in (value if isinstance(value, tuple) else [value])}
    if not stages:
        codes = [i for i in numbers if i not in used and _all_codes(table.column(i))]
        if len(codes) == 1 and len(used):
            roles["stages"] = (codes[0],)
    return roles


def _rises(values: Sequence[float]) -> bool:
    return len(values) > 1 and all(a < b for a, b in pairwise(values))


def _counts(values: Sequence[float]) -> bool:
    """Return whether numbers go up by one, with holes at most here and there."""
    steps = [b - a for a, b in pairwise(values)]
    whole = all(value == int(value) and value >= 0 for value in values)
    return whole and 2 * steps.count(1) > len(steps)


def _follows(numbers: dict[int, list[float]], start: int) -> tuple[str, int] | None:
    """Return the column of durations or ends that belongs to a column of starts."""
    starts = numbers[start]
    if len(starts) < 2 or starts[1] - starts[0] <= 1:
        return None  # numbers that go up by one are epochs
    fits = []
    for index, values in numbers.items():
        pairs = list(zip(starts, values, starts[1:], strict=False))
        if index == start or min(values) < 0:
            continue
        fits.append((sum(abs(a + b - c) < 0.5 for a, b, c in pairs), "duration", index))
        fits.append((sum(abs(b - c) < 0.5 and b > a for a, b, c in pairs), "end", index))
    matched, kind, index = max(fits, default=(0, "", 0))
    return (kind, index) if 2 * matched >= len(starts) - 1 else None


def _constant(numbers: dict[int, list[float]], clocks: bool) -> dict[str, int]:
    """Return a column of durations that are the same in every row, beside times of day."""
    same = [i for i, values in numbers.items() if set(values) <= {5.0, 10.0, 20.0, 30.0}]
    return {"duration": same[0]} if clocks and len(same) == 1 else {}
