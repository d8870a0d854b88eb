"""Workbooks (`.xlsx`): each of their sheets is read as a table in a text file is."""

from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from psgvlm.errors import InputError
from psgvlm.files import MAX_BYTES
from psgvlm.scores.sheet import Sheet

SUFFIXES = (".xlsx", ".xlsm")
MAX_COLUMNS, MAX_ROWS = 200, 500_000


def read(path: Path) -> Sheet:
    """Return the stages in the first sheet of the workbook that holds some."""
    from psgvlm.scores.formats import read_text_sheet

    reason = None
    for text in _sheets(path):
        try:
            if sheet := read_text_sheet(path, text):
                return sheet
        except InputError as error:
            reason = reason or error
    raise reason or InputError(f"{path}: no sheet of the workbook holds stages; expected a table")


def _sheets(path: Path) -> Iterator[str]:
    """Yield every sheet as text, its cells separated by tabs."""
    for rows in rows_by_sheet(path):
        yield "\n".join("\t".join(map(_cell, row)).rstrip("\t") for row in rows)


def rows_by_sheet(path: Path) -> Iterator[list[tuple]]:
    """Yield the rows of each sheet of a workbook, as tuples of the cells' values.

    Raises
    ------
    InputError
        If the file is no workbook, is damaged, or would unpack to a huge size.
    """
    from openpyxl import load_workbook

    _check_unpacked(path)
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        for sheet in book.worksheets:
            yield list(sheet.iter_rows(max_col=MAX_COLUMNS, max_row=MAX_ROWS, values_only=True))
        book.close()
    # openpyxl raises many kinds of errors for a damaged file.
    except Exception as error:
        raise _no_workbook(path, error) from error


def _check_unpacked(path: Path) -> None:
    """Refuse a workbook, which is a zip archive, that would unpack to a huge size."""
    try:
        with ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _no_workbook(path, error) from error
    if size > MAX_BYTES:
        raise InputError(
            f"{path}: unpacks to {size / 1e6:.0f} MB; expected no more than "
            f"{MAX_BYTES / 1e6:.0f} MB of scores"
        )


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | time | date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:.10g}"
    return " ".join(str(value).split())


def _no_workbook(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path}: cannot be read as a workbook ({type(error).__name__}); expected a table of stages"
    )
