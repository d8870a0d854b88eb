"""One recording drawn, as a file: its pictures, what their rows say, and a checksum over all of it.

    PNG, PNG, ... | JSON | length of the JSON, 8 bytes | SHA-256 of the JSON, 32 bytes

The JSON has the SHA-256 of the pictures. A recording that had to be skipped is a part without
pictures, so that it is not tried again. Written by a worker, which needs neither pyarrow nor pandas
for it and so 80 MB less.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from psgvlm.builders.build.examine import Choices
from psgvlm.builders.readers.found_night import FoundNight

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec

# Raised whenever the same recording comes out as other rows: by a reader, `examine`, what is
# measured or said of an epoch, the encoder of pictures, or this file.
VERSION = 2
# Files that readers open beside one of the `FoundNight`: they decide what is drawn as much.
_BESIDE = {".txt": (".xlsx",), ".vhdr": (".eeg", ".dat", ".vmrk"), ".set": (".fdt",)}
_FOOTER = 40  # bytes


class Unwritable(InputError):
    """A file of the corpus cannot be written: no reason to skip a recording, but to stop."""


class DamagedFile(Exception):
    """A file does not hold what was written into it; its argument is the path."""


@dataclass(frozen=True)
class Result:
    """What became of one recording, as the manifest tells it.

    `status` is built, skipped or failed; `bytes` are those of its pictures; `found` the manifest's
    columns that only a drawn night can fill. `lasting` is false where another try may do better.
    """

    status: str
    rows: int = 0
    bytes: int = 0
    found: dict = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    reason: str | None = None
    lasting: bool = True


@dataclass(frozen=True)
class Part:
    """A part file looked into: `columns` has a value for each picture, `shared` those of all."""

    path: Path
    result: Result
    sizes: list[int]
    columns: dict[str, list]
    shared: dict
    sha256: str

    def pictures(self) -> Iterator[bytes]:
        """The PNGs in their order; then `DamagedFile` where they are not those written."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            for size in self.sizes:
                png = file.read(size)
                digest.update(png)
                yield png
        if digest.hexdigest() != self.sha256:
            raise DamagedFile(self.path)


def key(reader: str, night: FoundNight, spec: ImageSpec, choices: Choices) -> str:
    """A digest of all that decides a recording's rows, but for its split and fold and the tasks.

    Files count by their place below `raw`, size and time of change: nothing is read.
    """
    files = [
        other
        for path in (night.signal, *night.scores)
        for other in (path, *map(path.with_suffix, _BESIDE.get(path.suffix.lower(), ())))
    ]
    decides = {
        "version": VERSION,
        "spec": asdict(spec),
        "reader": reader,
        "choices": [dict(choices.reader), choices.map, choices.trim_wake_min],
        "night": [night.cohort, night.subject, night.recording],
        "files": [[os.path.relpath(path, choices.raw or "."), *_stat(path)] for path in files],
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _stat(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns


def write(
    path: Path,
    key: str,
    result: Result,
    pictures: Iterable[bytes] = (),
    columns: dict | None = None,
    shared: dict | None = None,
) -> Result:
    """Write a part beside its place and rename it there when whole.

    `pictures` may be drawn as they are written. Returns the result with rows and bytes filled in.
    Raises `Unwritable`.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    sizes, digest = [], hashlib.sha256()
    try:
        with part.open("xb") as file:
            for png in pictures:
                file.write(png)
                digest.update(png)
                sizes.append(len(png))
            result = replace(result, rows=len(sizes), bytes=sum(sizes))
            content = {
                "key": key,
                "result": asdict(result),
                "sizes": sizes,
                "columns": columns or {},
                "shared": shared or {},
                "sha256": digest.hexdigest(),
            }
            text = json.dumps(content).encode()
            file.write(text + len(text).to_bytes(8, "little") + hashlib.sha256(text).digest())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise unwritable(part, error) from error
    finally:
        part.unlink(missing_ok=True)
    return result


def read(path: Path, key: str) -> Part:
    """Look into a part; its pictures are read later. `DamagedFile` where it is not
    what was written."""
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - _FOOTER))
            footer = file.read()
            length = int.from_bytes(footer[:8], "little")
            if len(footer) < _FOOTER or length > end - _FOOTER:
                raise DamagedFile(path)
            file.seek(end - _FOOTER - length)
            text = file.read(length)
    except OSError as error:
        raise DamagedFile(path) from error
    if hashlib.sha256(text).digest() != footer[8:]:
        raise DamagedFile(path)
    content = json.loads(text)
    if content.pop("key") != key or sum(content["sizes"]) != end - _FOOTER - length:
        raise DamagedFile(path)
    return Part(path, Result(**content.pop("result")), **content)


def unwritable(path: Path, error: OSError) -> Unwritable:
    """What to say of a file that the disk did not take."""
    return Unwritable(
        f"{error.filename or path}: cannot be written ({error.strerror or error}); expected a disk "
        "with room that can be written to: what was done is kept, start the same command again"
    )
