"""The formats of score files, one module each, and which of them a file is in.

A module for text has `read(path, text)`, one for XML has `ROOTS` and `read(path, root)`, one for
binary files has `SUFFIXES` and `read(path)`. Text and binary modules return None for a file that is
not in their format.
"""

from pathlib import Path
from types import ModuleType

from psgvlm.errors import InputError
from psgvlm.files import read_bytes, read_text
from psgvlm.recordings.file_kind import kind_of
from psgvlm.scores.formats import (
    domino,
    edf_annotations,
    edfbrowser_xml,
    elan,
    embla_xml,
    event_export,
    json_stages,
    lists,
    luna,
    luna_xml,
    mne_annotations,
    nox_json,
    npy,
    nsrr_xml,
    profusion_xml,
    rml,
    rtf,
    snooz,
    stage_signals,
    tables,
    two_columns,
    visbrain,
    wfdb_annotations,
    wonambi_xml,
    workbook,
    wsc,
)
from psgvlm.scores.sheet import Sheet

BINARY: tuple[ModuleType, ...] = (
    *(edf_annotations, stage_signals, wfdb_annotations, npy),
    *(workbook, rtf),
)
XML: tuple[ModuleType, ...] = (
    nsrr_xml,
    profusion_xml,
    embla_xml,
    luna_xml,
    rml,
    edfbrowser_xml,
    wonambi_xml,
)
# Tried in this order: a module with a head of its own before those that guess by columns.
TEXT: tuple[ModuleType, ...] = (
    # A file of WSC is known by its name; its events look like a sleep profile.
    *(wsc, mne_annotations, event_export, domino, elan, visbrain, nox_json, json_stages, snooz),
    *(luna, two_columns, lists, tables),
)


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
    if sheet := read_text_sheet(path, read_text(path)):
        return sheet
    kind = kind_of(read_bytes(path)[:256])
    kind = "" if kind.startswith(("text", "XML", "without")) else f" ({kind})"
    raise InputError(
        f"{path}: no stages found in it{kind}; expected a list or a table of stages, or an export "
        "of a scoring program"
    )


def read_text_sheet(path: Path, text: str) -> Sheet | None:
    """Return what a text says in the first format that it is in; None if it is in none."""
    return next((sheet for module in TEXT if (sheet := module.read(path, text))), None)


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
