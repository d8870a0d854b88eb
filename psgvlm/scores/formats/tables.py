"""Tables of stages: csv, tsv and text of any program, found by their columns."""

import re
from dataclasses import replace
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import read_json
from psgvlm.scores.formats.columns import is_time_header, name_of
from psgvlm.scores.formats.table_sheet import sheet_of_table
from psgvlm.scores.formats.text_table import TextTable, tables_of_text, transposed
from psgvlm.scores.sheet import RECORD, Mark, Sheet
from psgvlm.scores.words import key_of, meaning_of

# The columns by which a kind of table is recognised; what to call it; what its numbers mean.
_KNOWN = (
    ({"recordingonset", "annotation", "linkedchannel"}, "Polyman table", None),
    ({"stagehum"}, "BOAS events", "aasm"),
    ({"begsample", "endsample", "stageai"}, "BOAS events", "aasm"),
    ({"epoch", "userdefinedstage"}, "WSC stages", "rk"),
    ({"starttime", "duration", "event"}, "table of events", None),
    ({"onset", "duration", "trialtype"}, "BIDS events", None),
)
_SCORER_FILE = re.compile(
    r"[_-]((?:scorer|scoring|rater|annotator|expert)[_-]?[a-z0-9]{1,12})(?:_events|_hypnogram)?$",
    re.IGNORECASE,
)
_RECORDING_STARTS = "startrecording"
_FOLDERS_UP = 3  # how far above a file of events BIDS lets the description of its columns lie


def read(path: Path, text: str) -> Sheet | None:
    """Return what a table of stages says; None if the text is no table.

    Raises
    ------
    InputError
        If it is a table with a header and no column holds stages; the columns are named.
    """
    tables = list(tables_of_text(text))
    tables = [turned for table in tables if (turned := transposed(table))] + tables
    doubts = []
    for table in tables:
        try:
            if sheet := read_table(path, table):
                return sheet
        except InputError as error:
            doubts.append(error)
    if doubts:
        raise doubts[0]
    for table in tables:
        if table.columns and table.rows:
            raise InputError(
                f"{path}: a table without stages, of {_columns_shown(table)}; expected a column of "
                "stages, such as stage, event or annotation"
            )
    return None


def _columns_shown(table: TextTable) -> str:
    """Return the names of columns for a message; of a list of a person's data, their number."""
    names = [name for name in table.columns if name]
    if any(map(is_time_header, names)) or (
        len(names) > 2 and all(" " not in name for name in names)
    ):
        return f"the columns {', '.join(names)[:200]}"
    return f"{table.width} columns"


def read_table(path: Path, table: TextTable) -> Sheet | None:
    """Return what a table of stages says; None if none of its columns holds stages."""
    names = {name_of(header) for header in table.columns}
    kind, codes = next(
        ((kind, codes) for known, kind, codes in _KNOWN if known <= names), ("table", None)
    )
    sheet = sheet_of_table(path, table, format=kind, codes=codes, words=_levels(path))
    if sheet is None:
        return None
    if (named := _SCORER_FILE.search(path.stem)) and list(sheet.marks) == [""]:
        sheet = replace(sheet, marks={named[1]: sheet.marks[""]})
    return _from_recording_start(sheet, table)


def _from_recording_start(sheet: Sheet, table: TextTable) -> Sheet:
    """Count onsets from an event `Start Recording` if it does not stand at 0 s (NCHSDB)."""
    onsets = {name_of(header): index for index, header in enumerate(table.columns)}
    if sheet.origin != RECORD or "onset" not in onsets:
        return sheet
    starts = (row for row in table.rows if any(map(_is_recording_start, row)))
    if (row := next(starts, None)) is None:
        return sheet
    try:
        start_s = float(row[onsets["onset"]])
    except ValueError:
        return sheet
    if not 0 < abs(start_s) < 86400:
        return sheet

    def moved(mark: Mark) -> Mark:
        return replace(mark, onset_s=None if mark.onset_s is None else mark.onset_s - start_s)

    marks = {scorer: tuple(map(moved, own)) for scorer, own in sheet.marks.items()}
    note = f"onsets count from the event Start Recording, at {start_s:g} s"
    return replace(sheet, marks=marks, notes=(*sheet.notes, note))


def _is_recording_start(cell: str) -> bool:
    return cell[:1] in "Ss" and key_of(cell) == _RECORDING_STARTS


def _levels(path: Path) -> dict[str, dict[str, str]]:
    """Return what BIDS says that the texts in the columns of a table mean.

    A description with `Levels` lies beside the table, or in a folder above it for all tables whose
    name ends alike: `task-sleep_events.json`.
    """
    if path.suffix != ".tsv":
        return {}
    entities = path.stem.split("_")
    for folder in (path.parent, *path.parents[1 : 1 + _FOLDERS_UP]):
        for beside in sorted(folder.glob(f"*{entities[-1]}.json")):
            if set(beside.stem.split("_")) <= set(entities) and (found := _words_in(beside)):
                return found
    return {}


def _words_in(path: Path) -> dict[str, dict[str, str]]:
    """Return the stage words of the `Levels` in a BIDS description; none if it cannot be read."""
    try:
        described = read_json(path)
    except (OSError, ValueError):
        return {}
    found: dict[str, dict[str, str]] = {}
    for header, column in described.items() if isinstance(described, dict) else ():
        levels = column.get("Levels") if isinstance(column, dict) else None
        for text, word in levels.items() if isinstance(levels, dict) else ():
            word = word.get("Description", "") if isinstance(word, dict) else word
            if meaning_of(text) is None and meaning_of(str(word)) is not None:
                found.setdefault(header, {})[text] = str(word)
    return found
