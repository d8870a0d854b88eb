"""Event export of RemLogic and Embla as text, which CAP comes with.

Its head names the columns in the language of the program, and some columns are missing in some
files, so that a row's time, event and duration are told by what they look like.
"""

import re
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.scores.clock import clock_onsets, read_clock
from psgvlm.scores.formats.columns import is_header
from psgvlm.scores.formats.events import held
from psgvlm.scores.sheet import CLOCK, Mark, Sheet
from psgvlm.scores.words import is_stage_text, key_of

_FORMAT = "RemLogic event export"
_COLUMN = re.compile(r"\[hh:mm:ss[^\]]*\]", re.IGNORECASE)
_PROGRAM = re.compile(r"remlogic|event export", re.IGNORECASE)
_SECONDS = re.compile(r"\d+(?:[.,]\d+)?")
HEAD_LINES = 100


def read(path: Path, text: str) -> Sheet | None:
    """Return the events `SLEEP-...`; onsets are times of day. None for another file."""
    lines = text.splitlines()
    separator = _separator_of(lines)
    rows = [[cell.strip().strip('"') for cell in line.split(separator)] for line in lines]
    stages = [(number, row) for number, row in enumerate(rows, 1) if _is_stage_row(row)]
    if not stages:
        is_export = any(map(_PROGRAM.search, lines[:HEAD_LINES]))
        if not is_export and not any(map(_COLUMN.search, lines[:HEAD_LINES])):
            return None
        # The events may have the words of another language.
        stages = [
            (number, row)
            for number, row in enumerate(rows, 1)
            if _time_in(row) and is_stage_text(_event_in(row))
        ]
        if not stages and is_export:
            raise InputError(
                f"{path}: an event export without events of sleep stages; expected SLEEP-S0, "
                "SLEEP-S1 ...: export the stages, too"
            )
        if not stages:
            return None
    elif not _is_named(lines) and (any(map(is_header, rows)) or not _is_whole(stages[0][1])):
        return None  # a table of another program with the same words
    clocks = [_clock(path, number, row) for number, row in stages]
    marks = [
        Mark(_event_in(row), onset_s, _duration_in(row))
        for (_, row), onset_s in zip(stages, clock_onsets(clocks), strict=True)
    ]
    return Sheet(path, _FORMAT, {"": held(marks)}, CLOCK)


def _separator_of(lines: list[str]) -> str:
    """Return what stands between cells: a tab, or in a CSV a semicolon or comma."""
    counted = [line for line in lines if "sleep-" in line.casefold()] or lines
    return max("\t;,", key=lambda separator: sum(line.count(separator) for line in counted))


def _is_named(lines: list[str]) -> bool:
    """Return whether the head names the program, or a column in its way."""
    head = lines[:HEAD_LINES]
    return any(map(_PROGRAM.search, head)) or any(map(_COLUMN.search, head))


def _is_whole(row: list[str]) -> bool:
    """Return whether a row has a time, and a duration behind its event."""
    return _time_in(row) is not None and _duration_in(row) is not None


def _is_stage_row(row: list[str]) -> bool:
    """Return whether a row has an event of a stage; in the head, its name stands alone."""
    return len(row) > 2 and any(map(_is_event, row))


def _clock(path: Path, number: int, row: list[str]) -> tuple[str, float]:
    if clock := _time_in(row):
        return clock
    raise InputError(f"{path}: line {number} has a stage and no time of day; expected hh:mm:ss")


def _is_event(cell: str) -> bool:
    """Return whether a cell names an event of a stage, which `SLEEP-SPINDLE` is not."""
    return key_of(cell).startswith("sleep-") and "spindle" not in key_of(cell)


def _time_in(row: list[str]) -> tuple[str, float] | None:
    return next((clock for cell in row if (clock := read_clock(cell))), None)


def _event_in(row: list[str]) -> str:
    """Return the cell that names the event: `SLEEP-...`, or the one after the time."""
    times = [index for index, cell in enumerate(row) if read_clock(cell)]
    after = row[times[-1] + 1] if times and len(row) > times[-1] + 1 else ""
    return next(filter(_is_event, row), after)


def _duration_in(row: list[str]) -> float | None:
    """Return the number after the event, None if the row has no duration."""
    after = row[row.index(_event_in(row)) + 1 :] if _event_in(row) in row else []
    number = next((cell for cell in after if _SECONDS.fullmatch(cell)), None)
    return float(number.replace(",", ".")) if number else None
