"""Files that are there whole or not at all, and the same bytes each time."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable
from contextlib import contextmanager


@contextmanager
def beside(path):
    """A path to write to, renamed to `path` once complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    yield part
    part.replace(path)


def write_text(path, text):
    """`text` as UTF-8, its line ends as they are."""
    with beside(path) as part:
        part.write_bytes(text.encode())


def write_csv(path, header, rows):
    """A table with a header, LF at the ends of lines."""
    with beside(path) as part, part.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_xlsx(path, rows: Iterable):
    """One sheet. openpyxl stamps the time of writing into the file; take it out again."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    for row in rows:
        sheet.append(row)
    stamped = io.BytesIO()
    book.save(stamped)
    with (
        beside(path) as part,
        zipfile.ZipFile(stamped) as source,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"2001-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
