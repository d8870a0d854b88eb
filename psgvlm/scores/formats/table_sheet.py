"""From the columns of a table to the marks of each scorer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.scores.formats import columns
from psgvlm.scores.formats.cells import code_of, speaks
from psgvlm.scores.formats.headless import broken_row
from psgvlm.scores.formats.legend import legend_of
from psgvlm.scores.formats.moments import CLOCK_TIME, moment_of
from psgvlm.scores.formats.roles import Roles, roles_of
from psgvlm.scores.formats.row_marks import TableRow, marks_of
from psgvlm.scores.formats.row_times import row_times
from psgvlm.scores.formats.text_table import TextTable
from psgvlm.scores.sheet import OWN, RECORD, Mark, Sheet
from psgvlm.scores.words import meaning_of

MOST_SCORERS = 50
_NO_NAME = {"", "n/a", "na", "nan", "none", "null", "-", ".", "?"}
_EPOCH_UNIT = re.compile(r"(\d{1,3})\s*s(?:ec)?")
_START = re.compile(
    r"#?\s*(?:recording\s+)?(?:start(?:\s?(?:date)?\s?time)?|startzeit)[\s:=;,]+(.*\d)",
    re.IGNORECASE,
)
_PROGRAMS = re.compile(r"automat|algorithm|model|machine", re.IGNORECASE)


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
    table = _translated(table, words or {}, legend_of(table.head))
    roles = roles_of(table) if roles is None else roles
    if not roles.stages or not table.rows:
        return None
    if not (table.columns or roles.starts or roles.epoch is not None):
        _require_whole_times(path, table, roles)
    marks: dict[str, tuple[Mark, ...]] = {}
    notes: list[str] = []
    algorithms: set[str] = set()
    origin, epoch_s = RECORD, _epoch_length(table, roles)
    for column in roles.stages:
        rows = _rows(table, column, roles)
        staged = [row.index for row in rows if speaks(row.text)]
        _require_one_recording(path, table, roles, staged)
        times = row_times(path, table, roles, staged)
        origin = times.origin
        lengths = {times.durations_s[index] for index in staged}
        if times.numbers is not None and len(lengths) == 1:
            epoch_s = epoch_s or next(iter(lengths))
        for scorer, own in _by_scorer(rows).items():
            found, more = marks_of(path, own, times, roles.certain)
            if not any(speaks(mark.text) for mark in found):
                continue
            by_program = _is_by_program(table, roles, column, own)
            name = _name_of(table, roles, column, scorer, by_program)
            if name in marks:
                name = f"{name} ({len(marks) + 1})"
            marks[name] = tuple(found)
            notes += [*times.notes, *more]
            if by_program:
                algorithms.add(name)
    if not marks:
        return None
    headers = map(columns.name_of, table.columns)
    if not algorithms and any(map(columns.CONFIDENCE.search, headers)):
        notes.append("a column of confidences stands beside the stages: a program may have scored")
    start_clock_s = None
    if all(mark.onset_s is None for own in marks.values() for mark in own):
        start_clock_s = _start_of(table.head)
    return Sheet(
        path,
        format,
        marks,
        origin=origin if start_clock_s is None else OWN,
        start_clock_s=start_clock_s,
        epoch_s=epoch_s,
        codes=codes,
        algorithms=frozenset(algorithms),
        notes=tuple(dict.fromkeys(notes)),
    )


def _require_whole_times(path: Path, table: TextTable, roles: Roles) -> None:
    """Refuse a table without a header that has a column of times with a damaged row.

    Without its times it would be read as a list of epochs.
    """
    if row := broken_row(table, roles.stages):
        raise InputError(
            f"{path}: row {row} of {len(table.rows)} has no time that fits those of the other "
            "rows; expected times that go up in every row"
        )


def _rows(table: TextTable, column: int, roles: Roles) -> list[TableRow]:
    """Return the rows of a column of stages.

    Among other events, a number is a stage only where no words for N1 to N3 are.
    """
    rows = [
        TableRow(_mark_text(row[column]), index, _scorer_of(row, roles))
        for index, row in enumerate(table.rows)
    ]
    words = {meaning_of(row.text) for row in rows}
    if not roles.certain and words & {"N1", "N2", "N3"}:
        return [row for row in rows if code_of(row.text) is None]
    return rows


def _by_scorer(rows: Sequence[TableRow]) -> dict[str, list[TableRow]]:
    """Return the rows of each scorer; a column of too many names tells no scorers apart."""
    by_scorer: dict[str, list[TableRow]] = {}
    for row in rows:
        by_scorer.setdefault(row.scorer, []).append(row)
    return by_scorer if len(by_scorer) <= MOST_SCORERS else {"": list(rows)}


def _name_of(table: TextTable, roles: Roles, column: int, scorer: str, by_program: bool) -> str:
    """Return the name of a scorer: that in the row, the header, or none if there is only one."""
    header = table.columns[column] if table.columns else str(column + 1)
    several = len(roles.stages) > 1
    if scorer and several:
        return f"{scorer} {header}"
    return scorer or (header if several or by_program else "")


def _require_one_recording(
    path: Path, table: TextTable, roles: Roles, staged: Sequence[int]
) -> None:
    """Refuse a table of the stages of several recordings."""
    if roles.recording is None:
        return
    named = {table.rows[index][roles.recording] for index in staged}
    if 1 < len(named) < len(staged):
        raise InputError(
            f"{path}: holds the stages of {len(named)} recordings, by the column "
            f"{table.columns[roles.recording]!r}; expected a file for each recording"
        )


def _is_by_program(table: TextTable, roles: Roles, column: int, rows: Sequence[TableRow]) -> bool:
    """Return whether a table says that a program gave these stages."""
    header = table.columns[column] if table.columns else ""
    if columns.is_algorithm(header) or columns.is_algorithm(rows[0].scorer):
        return True
    if roles.method is None:
        return roles.probabilities
    return all(_PROGRAMS.search(table.rows[row.index][roles.method]) for row in rows)


def _start_of(head: Sequence[str]) -> float | None:
    """Return the time of day at which the lines before a table say that it starts."""
    found = [moment_of(match[1].strip()) for line in head if (match := _START.fullmatch(line))]
    clocks = [moment.value for moment in found if moment and moment.kind == CLOCK_TIME]
    return clocks[0] if clocks else None


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


def _scorer_of(row: Sequence[str], roles: Roles) -> str:
    index = roles.scorer if roles.scorer is not None else roles.method
    name = "" if index is None else row[index]
    return "" if name.casefold() in _NO_NAME else name


def _epoch_length(table: TextTable, roles: Roles) -> float | None:
    """Return the length of an epoch where the header of the epochs says it: `Epoch (20 s)`."""
    if roles.epoch is None or not table.columns:
        return None
    match = _EPOCH_UNIT.fullmatch(columns.unit_of(table.columns[roles.epoch]))
    return float(match[1]) if match and int(match[1]) else None
