"""Lists of numbers in two columns: Stanford's `.sta`, and the code and artefact of SleepTrip."""

from pathlib import Path

from psgvlm.scores.formats.cells import code_of
from psgvlm.scores.formats.roles import Roles
from psgvlm.scores.formats.table_sheet import sheet_of_table
from psgvlm.scores.formats.text_table import TextTable
from psgvlm.scores.sheet import Mark, Sheet

LEAST_REM = 0.05  # so many 5 among the codes are REM, not epochs that nobody could score


def read(path: Path, text: str) -> Sheet | None:
    """Return what two columns of whole numbers say; None if the text is anything else."""
    rows = [line.replace(",", " ").replace(";", " ").split() for line in text.splitlines()]
    rows = [row for row in rows if row]
    if path.suffix.lower() == ".sta":
        return _read_sta(path, rows)
    if not rows or any(len(row) != 2 for row in rows):
        return None
    codes = [code_of(row[0]) for row in rows]
    artefacts = {row[1] for row in rows}
    if None in codes or not artefacts <= {"0", "1"} or _counts(codes):
        return None
    marks = tuple(Mark(str(code)) for code in codes)
    flagged = sum(row[1] == "1" for row in rows)
    notes = ["two columns of numbers: taken as SleepTrip's stage and artefact"]
    if flagged:
        notes.append(f"{flagged} epochs marked as artefact keep their stage")
    known = set(codes) <= {0, 1, 2, 3, 4, 5, 8, -1} and codes.count(5) >= LEAST_REM * len(codes)
    return Sheet(
        path,
        "SleepTrip list",
        {"": marks},
        codes="rk" if known else None,
        notes=tuple(notes),
    )


def _counts(codes: list[int | None]) -> bool:
    """Return whether numbers go up by one from row to row: epochs, not stages."""
    return len(codes) > 1 and all(codes[0] + i == code for i, code in enumerate(codes))


def _read_sta(path: Path, rows: list[list[str]]) -> Sheet | None:
    """Return Stanford's numbered epochs, by Rechtschaffen and Kales."""
    rows = [
        row for row in rows if len(row) > 1 and row[0].isdecimal() and code_of(row[1]) is not None
    ]
    if not rows:
        return None
    table = TextTable(("epoch", "stage"), tuple((row[0], row[1]) for row in rows))
    roles = Roles(stages=(1,), epoch=0)
    return sheet_of_table(path, table, format="Stanford stages", codes="rk", roles=roles)
