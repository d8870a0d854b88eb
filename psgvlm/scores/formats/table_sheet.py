"""From the columns of a table to the marks of each scorer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from statistics import median

from psgvlm.errors import InputError
from psgvlm.recordings.edf_header import MAX_DURATION_S
from psgvlm.scores.clock import DAY_S
from psgvlm.scores.formats import columns
from psgvlm.scores.formats.roles import MOST_KNOWN, Roles, code_of, roles_of
from psgvlm.scores.formats.row_times import RowTimes, row_times
from psgvlm.scores.formats.text_table import TextTable
from psgvlm.scores.sheet import RECORD, Mark, Sheet
from psgvlm.scores.words import LIGHTS, is_stage_text, key_of, meaning_of
from psgvlm.stages import STAGES

_SHORT_WORD = 8
MOST_HOLES = 20  # so many times more epoch numbers than rows are no numbers of epochs
_LEGEND = re.compile(r"(?<![\w.])(-?\d{1,2})\s*[=:]+\s*\"?([A-Za-z][A-Za-z]*\s?\d?)")
_EPOCH_UNIT = re.compile(r"(\d{1,3})\s*s(?:ec)?")
_PROGRAMS = re.compile(r"automat|algorithm|model|machine", re.IGNORECASE)


@dataclass(frozen=True)
class _Row:
    """A row of a table that says something about a stage."""

    text: str
    index: int
    scorer: str = ""


def sheet_of_table(
    path: Path,
    table: TextTable,
    *,
    format: str = "table",
    codes: str | None = None,
    words: Mapping[str, Mapping[str, str]] | None = None,
    roles: Roles | None = None,
) -> Sheet | None:
    """Return the marks of the scorers in a table.

    Parameters
    ----------
    path : Path
        The file.
    table : TextTable
        Its cells.
    format : str, optional
        What kind of file it is, for a person. Default: `"table"`.
    codes : str, optional
        What numbers mean, where the format says so.
    words : mapping of str to mapping of str to str, optional
        What a file beside this one says of a column, by its header: a text to a stage word.
    roles : Roles, optional
        Which column is what. Default: found from the headers and the cells.

    Returns
    -------
    Sheet or None
        None if no column holds stages.

    Raises
    ------
    InputError
        If there are stages, and the times beside them cannot be understood.
    """
    table = _translated(table, words or {}, _legend(table.head))
    roles = roles_of(table) if roles is None else roles
    if not roles.stages or not table.rows:
        return None
    named = len(roles.stages) > 1
    marks: dict[str, tuple[Mark, ...]] = {}
    notes: list[str] = []
    algorithms: set[str] = set()
    origin, epoch_s = RECORD, _epoch_length(table, roles)
    for column in roles.stages:
        header = table.columns[column] if table.columns else str(column + 1)
        rows = [
            _Row(_mark_text(row[column]), index, _scorer_of(row, roles))
            for index, row in enumerate(table.rows)
        ]
        times = row_times(path, table, roles, [row.index for row in rows if _speaks(row.text)])
        origin = times.origin
        for scorer in dict.fromkeys(row.scorer for row in rows):
            own = [row for row in rows if row.scorer == scorer]
            found, more = _marks(path, own, times, roles.certain)
            if not any(_speaks(mark.text) for mark in found):
                continue
            name = scorer or (header if named or columns.is_algorithm(header) else "")
            marks[name] = tuple(found)
            notes += [*times.notes, *more]
            by_program = roles.method is not None and all(
                _PROGRAMS.search(table.rows[row.index][roles.method]) for row in own
            )
            if by_program or columns.is_algorithm(name):
                algorithms.add(name)
    if not marks:
        return None
    if any(columns.CONFIDENCE.search(columns.name_of(header)) for header in table.columns):
        notes.append("a column of confidences stands beside the stages: a program may have scored")
    return Sheet(
        path,
        format,
        marks,
        origin=origin,
        epoch_s=epoch_s,
        codes=codes,
        algorithms=frozenset(algorithms),
        notes=tuple(dict.fromkeys(notes)),
    )


def _legend(head: Sequence[str]) -> dict[str, str]:
    """Return what lines before a table say that numbers mean, as in `0 = Wake, 1 = N1`."""
    found = {
        number: word.strip()
        for line in head
        for number, word in _LEGEND.findall(line)
        if meaning_of(word.strip()) is not None
    }
    stages = {meaning_of(word) for word in found.values()} & set(STAGES)
    return found if len(stages) >= 4 else {}


def _translated(
    table: TextTable, words: Mapping[str, Mapping[str, str]], legend: Mapping[str, str]
) -> TextTable:
    """Return a table in which the words that a column's texts stand for take their place.

    A legend in the file is one of its columns of stages.
    """
    meanings = {
        i: words.get(header) or (legend if columns.is_stage_header(header) else {})
        for i, header in enumerate(table.columns)
    }
    meanings = {i: meaning for i, meaning in meanings.items() if meaning}
    if not meanings:
        return table
    rows = [list(row) for row in table.rows]
    for row in rows:
        for i, meaning in meanings.items():
            row[i] = meaning.get(row[i], meaning.get(_mark_text(row[i]), row[i]))
    return replace(table, rows=tuple(map(tuple, rows)))


def _mark_text(cell: str) -> str:
    """Return the word or the number of a cell; `2.0` is the number 2."""
    code = code_of(cell)
    return cell if code is None else str(code)


def _speaks(text: str) -> bool:
    return is_stage_text(text) or code_of(text) is not None


def _scorer_of(row: Sequence[str], roles: Roles) -> str:
    if roles.scorer is not None:
        return row[roles.scorer]
    return row[roles.method] if roles.method is not None else ""


def _epoch_length(table: TextTable, roles: Roles) -> float | None:
    """Return the length of an epoch where the header of the epochs says it: `Epoch (20 s)`."""
    if roles.epoch is None or not table.columns:
        return None
    match = _EPOCH_UNIT.fullmatch(columns.unit_of(table.columns[roles.epoch]))
    return float(match[1]) if match and int(match[1]) else None


def _marks(
    path: Path, rows: Sequence[_Row], times: RowTimes, certain: bool
) -> tuple[list[Mark], list[str]]:
    """Return the marks of one scorer, in the order of the file."""
    if times.onsets_s is not None:
        return _timed(rows, times, certain)
    if times.numbers is not None:
        return _numbered(path, rows, times.numbers, certain)
    kept = [row for row in rows if certain or _mostly_stages(rows) or _speaks(row.text)]
    durations = times.durations_s
    if any(durations[row.index] is None for row in kept):
        return [Mark(row.text) for row in kept], []
    ends = [0.0]
    for row in kept:
        ends.append(ends[-1] + durations[row.index])
    return [Mark(row.text, ends[i], durations[row.index]) for i, row in enumerate(kept)], []


def _numbered(
    path: Path, rows: Sequence[_Row], numbers: Sequence[int | None], certain: bool
) -> tuple[list[Mark], list[str]]:
    """Return the marks of a table that numbers its epochs; a missing number has an empty mark."""
    notes = []
    text_of: dict[int, str] = {}
    twice = set()
    for row in sorted(rows, key=lambda row: not _speaks(row.text)):
        number = numbers[row.index]
        if number is None or not (certain or _speaks(row.text) or number not in text_of):
            continue
        if number in text_of and _speaks(row.text) and text_of[number] != row.text:
            twice.add(number)
        text_of.setdefault(number, row.text)
    text_of |= dict.fromkeys(twice, "")
    if twice:
        notes.append(f"{len(twice)} epochs have two stages and are left unscored")
    if not text_of:
        return [], []
    base = min(1, *[number for number in numbers if number is not None])
    first, last = min(text_of), max(text_of)
    if base < 0 or last > 1000 + MOST_HOLES * len(text_of):
        raise InputError(
            f"{path}: epochs are numbered from {first} to {last} in {len(text_of)} rows; expected "
            "numbers that count from 0 or 1"
        )
    missing = last - base + 1 - len(text_of)
    if missing:
        notes.append(
            f"epochs are numbered from {first} to {last}: {missing} of those from {base} on are "
            "not in the file and stay unscored"
        )
    return [Mark(text_of.get(number, "")) for number in range(base, last + 1)], notes


def _timed(rows: Sequence[_Row], times: RowTimes, certain: bool) -> tuple[list[Mark], list[str]]:
    """Return the marks of rows with onsets."""
    onsets, durations = times.onsets_s, times.durations_s
    notes = []
    spoken = [row for row in rows if _speaks(row.text)]
    lost = [row for row in spoken if onsets[row.index] is None]
    rows = [row for row in rows if onsets[row.index] is not None]
    if lost:
        notes.append(f"{len(lost)} rows with a stage and without a time are left out")
    spoken = [row for row in rows if _speaks(row.text)]
    given = [durations[row.index] for row in spoken]
    positive = [duration for duration in given if duration is not None and duration > 0]
    # Where most durations are 0, a 0 stands for: until the next stage.
    has_durations = 2 * len(positive) > len(given)
    marks = []
    zeros = 0
    for row in rows:
        duration = durations[row.index]
        if has_durations and duration == 0 and _speaks(row.text):
            zeros += 1
            continue
        if duration is not None and not 0 < duration <= DAY_S:
            duration = None  # a program that writes a month means: until the next stage
        marks.append(Mark(row.text, onsets[row.index], duration))
    if zeros:
        notes.append(f"{zeros} stages of 0 s are left out")
    step_s = None if positive else _epoch_step([mark for mark in marks if _speaks(mark.text)])
    if step_s is not None:
        marks = [replace(mark, duration_s=step_s) for mark in marks]
    if certain:
        return marks, notes
    mostly = _mostly_stages(rows)
    kept = [
        mark
        for mark in marks
        if _speaks(mark.text) or _takes_place(mark, marks) or _may_be_stage(mark, mostly)
    ]
    if len(kept) < len(marks) and not has_durations and step_s is None:
        notes.append(f"{len(marks) - len(kept)} rows of other events are left out")
    return kept, notes


def _mostly_stages(rows: Sequence[_Row]) -> bool:
    return sum(map(_speaks, (row.text for row in rows))) >= MOST_KNOWN * len(rows)


def _may_be_stage(mark: Mark, mostly: bool) -> bool:
    """Return whether an unknown text at a change may be a stage: left out, the last one went on."""
    if mark.duration_s is not None or meaning_of(mark.text) == LIGHTS:
        return False
    named = key_of(mark.text).startswith(("stage", "sleep", "nrem", "stadium"))
    short = len(mark.text) <= _SHORT_WORD and len(mark.text.split()) == 1
    return (named and len(mark.text) <= 3 * _SHORT_WORD) or (mostly and short)


def _epoch_step(marks: Sequence[Mark]) -> float | None:
    """Return the length of an epoch if onsets alone are a row of epochs, with holes at most.

    Stages at changes never repeat the stage before; epochs do, at equal steps.
    """
    onsets = [mark.onset_s for mark in marks]
    steps = [(b - a) % DAY_S for a, b in pairwise(onsets)]
    if len(steps) < 2 or min(steps) <= 0:
        return None
    step = float(median(steps))
    even = [abs(each / step - round(each / step)) < 0.05 for each in steps]
    usual = [abs(each - step) < 0.05 * step for each in steps]
    repeats = any(
        a.text == b.text and same for a, b, same in zip(marks, marks[1:], usual, strict=False)
    )
    if step > 300 or not (all(usual) or (repeats and all(even) and 2 * sum(usual) > len(usual))):
        return None
    return float(round(step)) if abs(step - round(step)) < 0.05 else step


def _takes_place(mark: Mark, marks: Sequence[Mark]) -> bool:
    """Return whether an unknown text stands where a stage must stand.

    It is as long as an epoch, and no stage covers its time.
    """
    lengths = {other.duration_s for other in marks if _speaks(other.text)} - {None}
    if not mark.text or not lengths or mark.duration_s is None:
        return False
    if abs(mark.duration_s - min(lengths)) > 0.01:
        return False
    middle = mark.onset_s + mark.duration_s / 2
    return not any(
        other.onset_s <= middle < other.onset_s + (other.duration_s or MAX_DURATION_S)
        for other in marks
        if other is not mark and _speaks(other.text)
    )
