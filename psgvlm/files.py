"""Files: written whole or not at all, listed below a folder, read if they are small enough."""

import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from psgvlm.errors import InputError

JSON_BYTES = 10_000_000
MAX_BYTES = 16_000_000  # the scores of a real night are under 2 MB, unpacked

_WALKS: ContextVar[dict[Path, list[Path]] | None] = ContextVar("walks", default=None)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Write a file whole or not at all.

    Yields the path of a hidden file in the same folder to write into. When the block ends, that
    file is flushed to the disk and takes the place of `path`; when the block raises, it is removed
    and `path` is left as it was.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "stages.txt"
    >>> with replacing(path) as new:
    ...     _ = new.write_text("W")
    >>> path.read_text()
    'W'
    """
    path = Path(path)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield new
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file in UTF-8, whole or not at all; return its path."""
    with replacing(path) as new:
        new.write_text(text, "utf-8", newline="\n")
    return Path(path)


def list_files(folder: Path, suffixes: Iterable[str]) -> list[Path]:
    """List the files in a folder, and in all folders in it, that end with one of the suffixes.

    Parameters
    ----------
    folder : Path
        Where to look. Links to folders are followed; each folder is entered once, so that a link
        to a folder further up does no harm.
    suffixes : iterable of str
        In lower case, such as `".edf"`; the case of a file's name does not matter.

    Returns
    -------
    list of Path
        Sorted by name, 2 before 10.
    """
    suffixes = tuple(suffixes)
    walks = _WALKS.get()
    if walks is None:
        return sorted(_walk(folder, suffixes), key=lambda path: _key_below(folder, path))
    if folder not in walks:
        walks[folder] = sorted(_walk(folder, ("",)), key=lambda path: _key_below(folder, path))
    return [path for path in walks[folder] if path.name.lower().endswith(suffixes)]


@contextmanager
def walking_once() -> Iterator[None]:
    """Let `list_files` walk each folder only once within this block.

    Many readers list the files of one folder; on a disk of another machine a walk takes minutes.
    """
    outer = _WALKS.get()
    token = _WALKS.set({} if outer is None else outer)
    try:
        yield
    finally:
        _WALKS.reset(token)


def _walk(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()
    for inner, folders, names in os.walk(folder, followlinks=True):
        try:
            status = os.stat(inner)
        except OSError:  # removed meanwhile
            folders.clear()
            continue
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        for name in names:
            # macOS writes a file with the prefix `._` beside each on a disk of another system.
            if name.lower().endswith(suffixes) and not name.startswith("._"):
                yield Path(inner, name)


def _key_below(folder: Path, path: Path) -> list[tuple[int, int | str]]:
    return natural_key(str(path.relative_to(folder)))


def natural_key(text: str) -> list[tuple[int, int | str]]:
    """Return a key that sorts names with numbers in them, 2 before 10."""
    pieces = re.split(r"([0-9]+)", text)
    return [(0, int(piece)) if piece.isdecimal() else (1, piece) for piece in pieces if piece]


def printable_name(name: str) -> str:
    """Return a file's name with every byte that is not UTF-8 replaced by a question mark.

    Such a name can be printed and stored; Python cannot encode the name as `pathlib` gives it.
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def quote_short(word: str) -> str:
    """Return a word of a file as an error message may quote it.

    A word of more than 4 characters could be a person's name, so only its length is given.
    """
    if len(word) <= 4:
        return repr(word)
    return f"something of {len(word)} characters"


def read_text(path: Path) -> str:
    """Read a small text file in UTF-8 or UTF-16, with or without a byte-order mark, or in Latin-1.

    Raises
    ------
    InputError
        If the file cannot be read, is too large for scores, or begins as UTF-16 and breaks off.
    """
    content = read_bytes(path)
    encoding = _utf16_of(content)
    if encoding is None:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return content.decode("latin-1")
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: begins as UTF-16 text and is not UTF-16 at byte {error.start}; expected a "
            "whole file: export or copy it again"
        ) from error


def _utf16_of(content: bytes) -> str | None:
    """Return the kind of UTF-16 of a text, or None if it is none.

    Without a byte-order mark, every second byte of a text that is mostly Latin letters is zero.
    """
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    sample = content[:4096]
    half = len(sample) // 2
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if half and max(even, odd) >= 0.7 * half and min(even, odd) <= 0.05 * half:
        return "utf-16-be" if even > odd else "utf-16-le"
    return None


def read_bytes(path: Path) -> bytes:
    """Read a small file; raise InputError if it cannot be read or is too large for scores."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(
                f"{path}: {size / 1e6:.0f} MB; expected a file of scores, of no more than "
                f"{MAX_BYTES / 1e6:.0f} MB"
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def read_json(path: Path) -> object:
    """Return the value in a JSON file.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not JSON, is nested too deep, or is larger than `JSON_BYTES`.
    """
    if (size := path.stat().st_size) > JSON_BYTES:
        raise ValueError(f"{size} bytes; expected no more than {JSON_BYTES}")
    try:
        return json.loads(path.read_text("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
