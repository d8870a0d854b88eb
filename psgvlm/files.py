"""Files on a disk: written whole or not at all, found in any folder, read whatever they hold."""

import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from psgvlm.errors import InputError

JSON_BYTES = 10_000_000
MAX_BYTES = 16_000_000  # of a night's scores, unpacked; real ones are under 2 MB


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


def below(raw: Path, suffixes: Iterable[str]) -> list[Path]:
    """Every file below `raw` with one of the suffixes (lower case), 2 before 10.

    Links to folders are followed, each folder is entered once: a link to a folder above ends there.
    """
    suffixes = tuple(suffixes)
    seen: set[tuple[int, int]] = set()
    found = []
    for folder, folders, names in os.walk(raw, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        # `._` files are what macOS leaves on foreign disks; corpora may lie below too.
        found += [
            Path(folder, name)
            for name in names
            if name.lower().endswith(suffixes) and not name.startswith("._")
        ]
    return sorted(found, key=lambda path: natural(str(path.relative_to(raw))))


def natural(text: str) -> list[tuple[int, int | str]]:
    """A key that sorts 2 before 10."""
    pieces = re.split(r"([0-9]+)", text)
    return [(0, int(piece)) if piece.isdecimal() else (1, piece) for piece in pieces if piece]


def readable(name: str) -> str:
    """A file's name as text that can be stored: bytes that are no UTF-8 become question marks."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def shown(word: str) -> str:
    """A word of a file as an error may quote it: a longer one could be anything, a name too."""
    if len(word) <= 4:
        return repr(word)
    return f"something of {len(word)} characters"


def read_text(path: Path) -> str:
    """A small text file: UTF-8, with or without a mark, else Latin-1."""
    content = read_bytes(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def read_bytes(path: Path) -> bytes:
    """A small file's content; `InputError` where it cannot be read, or is too large for scores."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(
                f"{path}: {size / 1e6:.0f} MB; expected scores of no more than "
                f"{MAX_BYTES / 1e6:.0f} MB"
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error


def read_json(path: Path) -> object:
    """What a JSON file holds. Raises `OSError`, or `ValueError` for what is none or too much."""
    if (size := path.stat().st_size) > JSON_BYTES:
        raise ValueError(f"{size} bytes; expected {JSON_BYTES} at the most")
    try:
        return json.loads(path.read_text("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
