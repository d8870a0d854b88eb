"""The fields of an EDF header: texts and numbers of a fixed width, as recorders write them."""

import math
import re
from pathlib import Path

from psgvlm.errors import InputError


def text_of(field: bytes) -> str:
    """Decode a text in UTF-8 or else in Latin-1, and replace control characters with spaces."""
    field = before_nul(field)
    try:
        text = field.decode("utf-8")
    except UnicodeDecodeError as error:
        # A field has a fixed width, so its last character may be cut in two.
        cut = error.reason == "unexpected end of data" and error.start > 0
        whole = field[: error.start]
        text = whole.decode("utf-8") if cut and not whole.isascii() else field.decode("latin-1")
    return "".join(c if c.isprintable() else " " for c in text).strip()


def is_whole(value: float | None) -> bool:
    """Return whether a field held a whole number that counts something."""
    return value is not None and value >= 0 and value == int(value)


def whole_number(path: Path, name: str, field: bytes, lowest: float, highest: float) -> int:
    """Return the whole number in a header field; raise InputError if it holds none."""
    value = number_in(path, name, field, lowest, highest)
    if value != int(value):
        raise InputError(
            f"{path}: damaged EDF header, {name}: {value:.10g}; expected a whole number"
        )
    return int(value)


def number_in(path: Path, name: str, field: bytes, lowest: float, highest: float) -> float:
    """Return the number in a header field; raise InputError if it is outside the limits."""
    value = float_of(field)
    if value is None or not lowest <= value <= highest:
        actual = "not a number" if value is None else f"{value:.10g}"
        raise InputError(
            f"{path}: damaged EDF header, {name}: {actual}; expected {lowest:.10g} to "
            f"{highest:.10g}"
        )
    return value


def float_of(field: bytes) -> float | None:
    """Return the number in a header field, None if it holds no finite number.

    Some programs write a decimal comma.
    """
    text = before_nul(field).strip().replace(b",", b".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and b"_" not in text else None


def before_nul(field: bytes) -> bytes:
    """Return the text of a field: programs in C end it with a NUL, and leave bytes behind it."""
    return field.lstrip(b" \0").split(b"\0")[0]


def clock_of(field: bytes) -> tuple[int | None, list[str]]:
    """Return `hh.mm.ss` as seconds after midnight, None if it is no time of day, and notes."""
    text = before_nul(field).strip()
    match = re.fullmatch(rb"(\d{1,2})[.:](\d{1,2})[.:](\d{1,2})", text)
    if not match:
        # What stands there may be anything, so it is not quoted.
        return None, ["its header has a start that is no time of day: unknown"] if text else []
    hours, minutes, seconds = map(int, match.groups())
    if hours < 24 and minutes < 60 > seconds:
        return 3600 * hours + 60 * minutes + seconds, []
    shown = text.decode()
    return None, [f"its header gives the start as {shown}, which is no time of day: unknown"]
