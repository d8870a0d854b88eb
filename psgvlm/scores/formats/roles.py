"""Which columns of a table are stages, scorers and times: by header, or by what they hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from psgvlm.scores.formats import columns
from psgvlm.scores.formats.cells import (
    MOST_KNOWN,
    all_codes,
    code_of,
    has_stages,
    is_clock,
    known_share,
    may_be_stages,
    rises,
)
from psgvlm.scores.formats.columns import name_of
from psgvlm.scores.formats.headless import roles_by_content
from psgvlm.scores.formats.moments import number_of
from psgvlm.scores.formats.text_table import TextTable
from psgvlm.scores.words import is_stage_text, meaning_of

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
    method : int or None
        The column that says whether a person or a program scored.
    recording : int or None
        The column that says which recording a row is about.
    probabilities : bool
        Whether columns of probabilities, one for each stage, stand beside the stages.
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
    recording: int | None = None
    probabilities: bool = False


def roles_of(table: TextTable) -> Roles:
    """Return what each column of a table is; `stages` is empty if none holds stages."""
    kinds = _by_header(table)
    stages, certain = _stage_columns(table, kinds)
    if table.columns:
        return _with_times(table, kinds, stages, certain)
    roles = roles_by_content(table, stages)
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
        "method": columns.METHODS,
        "recording": columns.RECORDINGS,
    }
    found: dict[str, list[int]] = {kind: [] for kind in names}
    for index, header in enumerate(table.columns):
        name = name_of(header)
        if index == 0 and not name:
            name = "index"  # pandas writes the number of a row without a header
        for kind, known in names.items():
            if name in known:
                found[kind].append(index)
    if not found["event"]:  # EEGLAB's onset of an event; beside a stage, the time until its first
        latencies = [i for i, header in enumerate(table.columns) if name_of(header) == "latency"]
        found["starts"] = [i for i in found["starts"] if i not in latencies]
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
        and may_be_stages(cells[i])
        and (not columns.is_person(header) or known_share(cells[i]) > 0.5 or all_codes(cells[i]))
        and i not in kinds["scorer"]
    ]
    words = [i for i in headed if not all(code_of(cell) is not None for cell in cells[i])]
    others = {i for i, header in enumerate(table.columns) if columns.is_of_another_epoch(header)}
    whole = {i: table.column(i) for i in width if i not in times | others}
    counts = {i: sum(map(is_stage_text, whole[i])) for i in whole}
    events = [i for i in kinds["event"] if i in counts and counts[i] and has_stages(whole[i])]
    event = max(events, key=lambda i: counts[i], default=None)
    if event is not None and (not words or _repeats(whole[event], whole[words[0]])):
        return (event,), False
    full = [i for i in whole if known_share(cells[i]) >= MOST_KNOWN and has_stages(whole[i])]
    if headed and not words:
        return tuple(headed), True
    if words or full:
        # A column under the name of a person or a program holds stages, too. Body positions are
        # L, R, S and W.
        full = [i for i in full if not words or {"N1", "N2", "N3"} & set(map(meaning_of, cells[i]))]
        return tuple(sorted({*words, *full} - set(kinds["event"]) or full)), True
    best = max(
        (i for i in counts if counts[i] and has_stages(whole[i])),
        key=lambda i: counts[i],
        default=None,
    )
    if best is not None:
        return (best,), known_share(cells[best]) >= MOST_KNOWN
    numbered = [
        i
        for i, header in enumerate(table.columns)
        if name_of(header) in columns.NUMBERED_EVENTS and all_codes(cells[i])
    ]
    return tuple(numbered[:1]), True


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
    # Times under a header that is not known.
    others = [i for i in range(table.width) if i not in taken]
    times = [i for i in others if is_clock(table.column(i)) or _is_every_epoch(table, i)]
    starts = [i for i in kinds["starts"] if i not in stages]

    def rank(index: int) -> tuple[int, int]:
        if columns.SINCE_START.search(name_of(table.columns[index])):
            return 0, index
        return (1 if is_clock(table.column(index)) else 2), index

    def first(kind: str) -> int | None:
        return next((i for i in kinds[kind] if i not in stages), None)

    return Roles(
        stages=stages,
        certain=certain,
        starts=(*sorted(starts, key=rank), *(() if starts else times)),
        duration=first("duration"),
        end=first("end"),
        epoch=first("epoch"),
        date=first("date"),
        scorer=first("scorer"),
        method=next((i for i in kinds["method"] if _is_method(table, i)), None),
        recording=first("recording"),
        probabilities=_has_probabilities(table),
    )


def _is_method(table: TextTable, index: int) -> bool:
    return any(map(columns.METHOD_WORDS.search, set(table.column(index))))


def _has_probabilities(table: TextTable) -> bool:
    """Return whether four stages or more have a column of fractions from 0 to 1."""
    found = set()
    for index, header in enumerate(table.columns):
        if stage := columns.probability_of(header):
            values = [number_of(cell) for cell in table.column(index)[:_SAMPLED] if cell]
            if values and all(value is not None and 0 <= value <= 1.001 for value in values):
                found.add(stage)
    return len(found) >= 4


def _is_every_epoch(table: TextTable, index: int) -> bool:
    """Return whether a column goes up by the length of an epoch in most rows."""
    values = [number_of(cell) for cell in table.column(index)]
    if len(values) < 4 or None in values or not rises(values):
        return False
    steps = [b - a for a, b in pairwise(values)]
    return any(2 * steps.count(length) > len(steps) for length in (5, 10, 15, 20, 30, 60))
