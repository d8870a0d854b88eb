"""`SHA256SUMS`: a line for every file of a corpus, as `sha256sum --check` reads it."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from psgvlm.errors import InputError

FILE_NAME = "SHA256SUMS"

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def files(corpus: Path) -> list[str]:
    """Every file of a corpus by its path within it, sorted; hidden ones and this file are none."""
    paths = (path.relative_to(corpus) for path in corpus.rglob("*") if path.is_file())
    visible = (path for path in paths if not any(part.startswith(".") for part in path.parts))
    return sorted(path.as_posix() for path in visible if path.as_posix() != FILE_NAME)


def digest(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(corpus: Path, known: Mapping[str, str] | None = None) -> Path:
    """Write `SHA256SUMS` anew; files with a `known` digest are not read."""
    known = known or {}
    digests = {name: known.get(name) or digest(corpus / name) for name in files(corpus)}
    return _save(corpus, digests)


def renew(corpus: Path, *names: str) -> Path:
    """Write some files' digests anew; all others stay as they stand there, right or wrong.

    A file of these that is gone loses its line.
    """
    others = {name: known for name, known in read(corpus).items() if name not in names}
    there = [name for name in names if (corpus / name).is_file()]
    return _save(corpus, others | {name: digest(corpus / name) for name in there})


def unchanged(corpus: Path) -> dict[str, str]:
    """The digests of files that are there and, by their time, have not been written since."""
    written = (corpus / FILE_NAME).stat().st_mtime_ns
    return {
        name: known
        for name, known in read(corpus).items()
        if (path := corpus / name).is_file() and path.stat().st_mtime_ns <= written
    }


def _save(corpus: Path, digests: Mapping[str, str]) -> Path:
    """Whole or not at all, as files that are being written are: under another name at first."""
    if odd := [name for name in digests if "\n" in name or "\\" in name]:
        raise InputError(f"{corpus}: holds {odd[0]!r}; expected no such names")
    part = corpus / f".{FILE_NAME}.part"
    lines = [f"{digests[name]}  {name}\n" for name in sorted(digests)]
    part.write_text("".join(lines), "utf-8")
    return part.replace(corpus / FILE_NAME)


def read(corpus: Path) -> dict[str, str]:
    """Digests by file, as `SHA256SUMS` has them; `InputError` where it is missing or damaged."""
    path = corpus / FILE_NAME
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); expected a digest for every file of the corpus"
        ) from error
    digests = {}
    for number, line in enumerate(lines, start=1):
        found = _LINE.fullmatch(line)
        if not found:
            raise InputError(f"{path}: line {number} is no digest and name, as sha256sum writes it")
        digests[found[2]] = found[1]
    return digests
