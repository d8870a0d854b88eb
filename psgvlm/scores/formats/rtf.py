"""Rich text (`.rtf`), which Domino exports too: its text is read as that of a text file is."""

import re
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import read_bytes
from psgvlm.scores.sheet import Sheet

SUFFIXES = (".rtf",)
# A control word with its number, an escaped byte, another escaped character, a brace, or text.
_TOKEN = re.compile(
    r"\\([a-z]{1,32})(-?\d{1,10})?[ ]?|\\'([0-9a-f]{2})|\\([^a-z])|([{}])|[\r\n]+|(.)", re.I
)
_SPACES = {"par": "\n", "line": "\n", "row": "\n", "tab": "\t", "cell": "\t"}
_NO_TEXT = {"fonttbl", "colortbl", "stylesheet", "info", "pict", "header", "footer", "generator"}


def read(path: Path) -> Sheet | None:
    """Return the stages in the text; None if the file is no rich text."""
    from psgvlm.scores.formats import read_text_sheet

    content = read_bytes(path)
    if not content.startswith(b"{\\rtf"):
        return None
    if sheet := read_text_sheet(path, _text_of(content.decode("cp1252", "replace"))):
        return sheet
    raise InputError(f"{path}: its text holds no stages; expected a sleep profile")


def _text_of(source: str) -> str:
    """Return the text without control words and without the groups that hold no text."""
    pieces, depth, hidden_from = [], 0, None
    for match in _TOKEN.finditer(source):
        word, number, byte, escaped, brace, character = match.groups()
        if brace:
            depth += 1 if brace == "{" else -1
            if hidden_from is not None and depth < hidden_from:
                hidden_from = None
            continue
        if word in _NO_TEXT or escaped == "*":
            hidden_from = depth if hidden_from is None else hidden_from
        if hidden_from is not None:
            continue
        if word == "u" and number:
            pieces.append(chr(int(number) % 65536))
        elif word:
            pieces.append(_SPACES.get(word, ""))
        elif byte:
            pieces.append(bytes.fromhex(byte).decode("cp1252", "replace"))
        elif escaped:
            pieces.append({"~": " ", "\n": "\n", "\r": ""}.get(escaped, escaped))
        elif character:
            pieces.append(character)
    return "".join(pieces)
