"""Tables in text files: any separator, quotes, units, lines before the header, or no header."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from psgvlm.scores.formats.columns import is_header
from psgvlm.scores.formats.moments import moment_of

MAX_ROWS, MAX_COLUMNS = 300_000, 2_000
MOST_TRANSPOSED, LEAST_TRANSPOSED = 6, 24  # rows and columns of a table of epochs as columns
SAMPLE, HEAD = 200, 80  # lines by which the separator is found; how many may precede the header
WIDE_BLANKS, BLANKS = "wide blanks", "blanks"
_SEPARATORS = ("\t", ";", ",", "|", WIDE_BLANKS, BLANKS)
_SPLIT = {WIDE_BLANKS: re.compile(r"[ \t\u00a0]{2,}"), BLANKS: re.compile(r"[ \t\u00a0]+")}
_UNIT = re.compile(r"[\[(].{0,16}[\])]|", re.DOTALL)
_RULE = re.compile(r"[-=+:_*|\s]*")  # cells of a line that is drawn, and empty cells

Row = tuple[str, ...]


@dataclass(frozen=True)
class TextTable:
    """The cells of a table, without quotes and outer blanks.

    Attributes
    ----------
    columns : tuple of str
        The header's cells, as the file has them; empty if the table has no header.
    rows : tuple of tuple of str
        Each of the table's width; missing cells are empty.
    head : tuple of str
        The lines before the table, and those that start with `#`.
    """

    columns: Row
    rows: tuple[Row, ...]
    head: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return len(self.rows[0]) if self.rows else len(self.columns)

    def column(self, index: int) -> list[str]:
        """Return the cells of one column."""
        return [row[index] for row in self.rows]


def tables_of_text(text: str) -> Iterator[TextTable]:
    """Yield the text as a table by each separator that fits most lines, the likeliest first.

    A text whose lines have no separator yields nothing. `0,0  30,0  W` is a table by two
    separators, of which one makes sense.
    """
    lines = [line for line in text.splitlines() if line.strip(' \t\r\u00a0\ufeff,;|"')]
    if not lines or "\0" in text or len(lines) > MAX_ROWS:
        return
    comments = {line for line in lines if re.match(r"#+\s*\w", line.lstrip("\"'"))}
    marked = [line.lstrip("\"' ").lstrip("#").strip() for line in lines if line in comments]
    data = [line for line in lines if line not in comments]
    for separator in _separators_of(data):
        # numpy and MNE write the header as a comment.
        headers = [line for line in marked if is_header(_cells(line, separator))]
        rows = [_cells(line, separator) for line in (*headers[-1:], *data)]
        if table := table_of_rows(rows, head=marked):
            yield table


def table_of_rows(rows: Iterable[Sequence[str]], head: Iterable[str] = ()) -> TextTable | None:
    """Return the table of rows of cells, such as those of a sheet of a workbook.

    Parameters
    ----------
    rows : iterable of sequences of str
        The lines before the header and the row of units below it may be among them.
    head : iterable of str, optional
        Lines that are known to stand before the table.

    Returns
    -------
    TextTable or None
        None if there is no row with two cells or more.
    """
    rows = [tuple(cell.strip(" \t\r\u00a0\ufeff") for cell in row) for row in rows]
    rows = [row for row in rows if not all(map(_RULE.fullmatch, row))]
    if not rows or max(map(len, rows)) < 2:
        return None
    first = next((i for i, row in enumerate(rows[:HEAD]) if is_header(row)), None)
    header: Row = ()
    start = 0
    if first is not None:
        header, start = rows[first], first + 1
        if start < len(rows) and all(map(_UNIT.fullmatch, rows[start])):
            units = (*rows[start], *[""] * len(header))
            header = tuple(
                f"{name} {unit}".strip() for name, unit in zip(header, units, strict=False)
            )
            start += 1
    else:
        start = _first_data_row(rows)
        # A header in words that nobody knows, and a row of units below it.
        names = [row for row in rows[:start] if not all(map(_UNIT.fullmatch, row))]
        if names and _is_text(names[-1]) and len(names[-1]) == len(rows[start]):
            header = names[-1]
    before = [
        *head,
        *(" ".join(filter(None, row)) for row in rows[: start if first is None else first]),
    ]
    body = [row for row in rows[start:] if row != header]
    width = _width(header, body)
    if width < 2 or width > MAX_COLUMNS:
        return None
    header = header and (*header, *[""] * width)[:width]
    body = tuple(_fit(row, width) for row in body)
    return TextTable(header, body, tuple(before))


def transposed(table: TextTable) -> TextTable | None:
    """Return a table whose rows are columns, where there are far fewer rows than columns."""
    rows = [row for row in (table.columns, *table.rows) if row]
    if len(rows) > MOST_TRANSPOSED or len(rows[0]) < LEAST_TRANSPOSED:
        return None
    columns = list(zip(*(_fit(row, len(rows[0])) for row in rows), strict=True))
    # One row is made a table of two columns, by numbers for its epochs.
    if len(rows) == 1:
        columns = [(str(number), *cell) for number, cell in enumerate(columns)]
        columns[0] = ("epoch", columns[0][1])
    return table_of_rows(columns)


def _separators_of(lines: Sequence[str]) -> list[str]:
    """Return the separators by which most lines have as many cells, two or more; blanks last."""
    middle = lines[-SAMPLE:] if len(lines) > 2 * HEAD else lines
    shares = {}
    for separator in _SEPARATORS:
        widths = Counter(len(_cells(line[:10_000], separator)) for line in middle)
        several = {width: count for width, count in widths.items() if width >= 2}
        # In a column of free text the number of separators differs: the usual one is the least.
        usual = max(several, key=lambda width: (several[width], width), default=0)
        share = sum(count for width, count in several.items() if width >= usual)
        if 2 * share >= max(1, len(middle)):
            shares[separator] = share
    return sorted(shares, key=lambda separator: (separator in _SPLIT, -shares[separator]))


def _cells(line: str, separator: str) -> list[str]:
    if separator in _SPLIT:
        return [cell.strip("\"'").rstrip(":)") for cell in _SPLIT[separator].split(line.strip())]
    if '"' not in line:
        return line.split(separator)
    try:
        (cells,) = csv.reader([line], delimiter=separator, skipinitialspace=True)
    except (csv.Error, ValueError):
        cells = line.split(separator)
    return [cell.strip().strip('"') for cell in cells]


def _first_data_row(rows: Sequence[Row]) -> int:
    """Return the first of the rows that has a time or a number where most rows have one.

    A line of the head, such as `Start Time,22:00:00`, has it elsewhere.
    """
    columns = [{i for i, cell in enumerate(row) if moment_of(cell)} for row in rows[:1000]]
    counts = Counter(column for found in columns for column in found)
    usual = {column for column, count in counts.items() if 2 * count > len(columns)}
    for index, found in enumerate(columns[:HEAD]):
        if found & usual if usual else found and len(rows[index]) > 1:
            return index
    return 0


def _is_text(row: Row) -> bool:
    return not any(map(moment_of, row))


def _width(header: Row, body: Sequence[Row]) -> int:
    """Return the number of columns: the header's, without those that are empty to the end."""
    if not body:
        return len(header)
    usual = Counter(len(row) for row in body[:1000]).most_common(1)[0][0]
    return len(header) if header else usual


def _fit(row: Row, width: int) -> Row:
    """Return a row of a width: cells of free text with separators in it become one again."""
    if len(row) > width and any(row[width:]):
        row = (*row[: width - 1], ", ".join(row[width - 1 :]))
    return (*row, *[""] * width)[:width]
