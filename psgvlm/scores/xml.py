"""XML files of scores, parsed safely."""

from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import read_bytes


def parse_xml(path: Path):
    """Return the root element of a small XML file.

    A file that defines entities is refused, because a small file could expand to fill the memory.
    """
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    content = read_bytes(path)
    try:
        return fromstring(content)
    except DefusedXmlException as error:
        raise InputError(
            f"{path}: refused, its XML defines entities ({type(error).__name__}); expected the "
            "XML as NSRR gives it"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path}: not complete XML; expected the XML as NSRR gives it") from error
