"""`SHA256SUMS`: a line for every file of a corpus, as `sha256sum --check` reads it."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import write_text

FILE_NAME = "SHA256SUMS"

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def files(corpus: Path) -> list[str]:
    """Return the sorted paths of a corpus' files within it, without this one and hidden files."""
    paths = (path.relative_to(corpus) for path in corpus.rglob("*") if path.is_file())
    visible = (path for path in paths if not any(part.startswith(".") for part in path.parts))
    return sorted(path.as_posix() for path in visible if path.as_posix() != FILE_NAME)


def digest(path: Path) -> str:
    """Return the SHA-256 of the content of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(corpus: Path, known: Mapping[str, str] | None = None) -> Path:
    """Write `SHA256SUMS` anew; files whose digest is `known` are not read."""
    known = known or {}
    digests = {name: known.get(name) or digest(corpus / name) for name in files(corpus)}
    return _save(corpus, digests)


def renew(corpus: Path, *names: str) -> Path:
    """Write the lines of some files anew, or remove them if the files are gone.

    All other lines stay as they are, right or wrong.
    """
    others = {name: known for name, known in read(corpus).items() if name not in names}
    existing = [name for name in names if (corpus / name).is_file()]
    return _save(corpus, others | {name: digest(corpus / name) for name in existing})


def _save(corpus: Path, digests: Mapping[str, str]) -> Path:
    if odd := [name for name in digests if "\n" in name or "\\" in name]:
        raise InputError(
            f"{corpus}: holds a file {odd[0]!r}; expected no line end and no backslash in its name"
        )
    lines = [f"{digests[name]}  {name}\n" for name in sorted(digests)]
    return write_text(corpus / FILE_NAME, "".join(lines))


def read(corpus: Path) -> dict[str, str]:
    """Return the digests in `SHA256SUMS` by file; raise `InputError` if it cannot be read."""
    path = corpus / FILE_NAME
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); expected a digest for every file of the corpus"
        ) from error
    digests = {}
    for number, line in enumerate(lines, start=1):
        match = _LINE.fullmatch(line)
        if not match:
            raise InputError(
                f"{path}: line {number} is not a digest and a name; expected the form of sha256sum"
            )
        digests[match[2]] = match[1]
    return digests
