"""What kind of file this is, by its first bytes: for choosing a reader and for error messages."""

import string

BDF_VERSION = b"\xffBIOSEMI"
HDF5_VERSION = b"\x89HDF\r\n\x1a\n"

_KINDS = {
    BDF_VERSION: "a BDF file",
    HDF5_VERSION: "an HDF5 file",
    b"PK\x03\x04": "a ZIP archive or an Office document: unpack or export it",
    b"\x1f\x8b": "compressed with gzip: unpack it",
    b"7z\xbc\xaf": "a 7z archive: unpack it",
    b"Rar!": "a RAR archive: unpack it",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"%PDF": "a PDF document",
    b"{\\rtf": "an RTF document",
    b"version https://git-lfs": "a pointer of Git LFS: download its content (git lfs pull)",
    b"/annex/objects": "a pointer of git-annex: download its content (datalad get)",
    b"MATLAB 5.0": "a MATLAB file",
}
_TEXT = set(string.printable.encode()) - {0x0B, 0x0C}


def kind_of(start: bytes) -> str:
    """Say what kind of file begins with these bytes, without quoting them.

    They may name a person, so they are never part of a message.
    """
    if not start:
        return "empty"
    for magic, kind in _KINDS.items():
        if start.startswith(magic):
            return kind
    head = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "a web page, such as a login page: download the file again"
    if head.startswith(b"<?xml"):
        return "XML"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "text in UTF-16"
    if not any(start):
        return "zeros: its download or its copy may not be complete"
    if set(start) <= _TEXT:
        return "text without the header of EDF"
    return "without EDF's version at the start"
