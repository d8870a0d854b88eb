"""The formats of score files, one module each, and which of them a file is in.

A module for text has `read(path, text)`, one for XML has `ROOTS` and `read(path, root)`, one for
binary files has `SUFFIXES` and `read(path)`. Text and binary modules return None for a file that is
not in their format.
"""

from pathlib import Path
from types import ModuleType

from psgvlm.errors import InputError
from psgvlm.files import read_bytes, read_text
from psgvlm.scores.sheet import Sheet

BINARY: tuple[ModuleType, ...] = ()
XML: tuple[ModuleType, ...] = ()
# Tried in this order: a module with a head of its own before those that guess by columns.
TEXT: tuple[ModuleType, ...] = ()


def read_sheet(path: Path) -> Sheet:
    """Return what a file of scores says.

    Raises
    ------
    InputError
        If the file is in none of the formats, or is damaged.
    """
    suffix = path.suffix.lower()
    for module in BINARY:
        if suffix in module.SUFFIXES and (sheet := module.read(path)):
            return sheet
    if _is_xml(path):
        return _read_xml(path)
    text = read_text(path)
    for module in TEXT:
        if sheet := module.read(path, text):
            return sheet
    raise InputError(
        f"{path}: no stages found in it; expected a list or a table of stages, or an export of a "
        "scoring program"
    )


def _is_xml(path: Path) -> bool:
    head = read_bytes(path)[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t")
    return head.startswith(b"<")


def _read_xml(path: Path) -> Sheet:
    from psgvlm.scores.xml import parse_xml

    root = parse_xml(path)
    tag = root.tag.rpartition("}")[2]
    for module in XML:
        if tag in module.ROOTS:
            return module.read(path, root)
    known = ", ".join(name for module in XML for name in module.ROOTS)
    raise InputError(f"{path}: its root element is {tag[:40]!r}; expected one of {known}")
