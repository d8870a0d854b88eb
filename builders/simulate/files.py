"""Files of a simulated cohort, written whole or not at all, with the same bytes every time."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable

from psgvlm.files import replacing


def write_text(path, text, encoding="utf-8"):
    """Write a text with its line ends as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as new:
        new.write_bytes(text.encode(encoding))


def write_csv(path, header, rows):
    """Write a table with a header; lines end in LF."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_text(path, table.getvalue())


def write_xlsx(path, rows: Iterable):
    """Write a workbook of one sheet, without the time of writing that openpyxl puts into it."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    for row in rows:
        sheet.append(row)
    stamped = io.BytesIO()
    book.save(stamped)
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        replacing(path) as new,
        zipfile.ZipFile(stamped) as source,
        zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"2001-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
