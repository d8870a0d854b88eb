"""XML files of scores, parsed safely and whatever encoding they really have."""

import re
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import read_bytes

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def parse_xml(path: Path):
    """Return the root element of a small XML file, all tags without their namespaces.

    A file whose declaration names another encoding than it has is decoded by its bytes. A file
    that defines entities is refused, because a small file could expand to fill the memory.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    content = read_bytes(path)
    try:
        try:
            root = fromstring(content)
        except (ParseError, ValueError, LookupError) as error:
            if isinstance(error, DefusedXmlException):
                raise
            root = fromstring(_DECLARATION.sub("", _decode(content), count=1))
    except DefusedXmlException as error:
        raise InputError(
            f"{path}: refused, its XML defines entities ({type(error).__name__}); expected the "
            "XML as the scoring program wrote it"
        ) from error
    except (ParseError, ValueError, LookupError, RecursionError) as error:
        raise InputError(
            f"{path}: not complete XML; expected the XML as the scoring program wrote it"
        ) from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def _decode(content: bytes) -> str:
    """Decode XML by its bytes: UTF-16 has a mark or a zero beside each character."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    head = content[:4].ljust(4, b" ")
    if head[1] == 0 or head[0] == 0:
        return content.decode("utf-16-le" if head[1] == 0 else "utf-16-be", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
