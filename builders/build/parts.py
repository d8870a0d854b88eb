"""A part: the file of one drawn recording, with its pictures and what their rows hold.

    PNG, PNG, ... | JSON | length of the JSON, 8 bytes | SHA-256 of the JSON, 32 bytes

The JSON holds the SHA-256 of the pictures. A recording that was skipped has a part without
pictures, so that it is not tried again. A worker writes parts without pyarrow and pandas, which
saves it 80 MB of memory.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from psgvlm.builders.build.examine import Choices
from psgvlm.builders.readers.found_night import FoundNight

from psgvlm import files
from psgvlm.corpus.manifest import BUILT
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.stages import STAGES

# Raise this number whenever the same recording gives other rows: because of a reader, of `examine`,
# of what is measured or answered, of the PNG encoder, or of this file.
VERSION = 4
# Files that a reader opens beside those of a `FoundNight`, by the suffix of the latter.
_OPENED_BESIDE = {".txt": (".xlsx",), ".vhdr": (".eeg", ".dat", ".vmrk"), ".set": (".fdt",)}
_OPENED_BESIDE |= {".hea": (".dat", ".mat")}
_FOOTER = 40  # bytes


class Unwritable(InputError):
    """A file of the corpus cannot be written: the build stops, and no recording is skipped."""


class DamagedFile(Exception):
    """A file does not hold what was written into it. The argument is its path."""


@dataclass(frozen=True)
class Result:
    """What became of one recording.

    Parameters
    ----------
    status : str
        `"built"`, `"skipped"` or `"failed"`.
    rows : int
        How many epochs were drawn.
    bytes : int
        The size of all its pictures.
    manifest_columns : dict
        The columns of the manifest that only a drawn recording can fill.
    notes : list of str
        What was odd about it.
    warnings : list of str
        What a person should look at before the stages are used.
    reason : str, optional
        Why it was not drawn.
    lasting : bool
        False if another try may succeed.
    """

    status: str
    rows: int = 0
    bytes: int = 0
    manifest_columns: dict = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    reason: str | None = None
    lasting: bool = True

    @property
    def unscored(self) -> bool:
        """Whether it was drawn and none of its epochs has a stage."""
        columns = self.manifest_columns
        return self.status == BUILT and not any(columns.get(stage) for stage in STAGES)


@dataclass(frozen=True)
class Part:
    """A part as it is read.

    Parameters
    ----------
    path : Path
        The file.
    result : Result
        What became of the recording.
    sizes : list of int
        Bytes of each picture.
    columns : dict of str to list
        Columns with one value for each picture.
    shared : dict
        Columns with one value for all pictures.
    sha256 : str
        The digest of the pictures.
    """

    path: Path
    result: Result
    sizes: list[int]
    columns: dict[str, list]
    shared: dict
    sha256: str

    def pictures(self) -> Iterator[bytes]:
        """Yield the PNGs in order, then raise `DamagedFile` if they are not those written."""
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            for size in self.sizes:
                png = file.read(size)
                digest.update(png)
                yield png
        if digest.hexdigest() != self.sha256:
            raise DamagedFile(self.path)


def key(reader: str, night: FoundNight, spec: ImageSpec, choices: Choices) -> str:
    """Return a digest of everything that decides the rows of a recording.

    Its split, its fold and the tasks are not part of it. Files count by their path below the raw
    folder, their size and their time; their content is not read.
    """
    paths = [
        other
        for path in (night.signal, *night.scores)
        for other in (
            path,
            *map(path.with_suffix, _OPENED_BESIDE.get(path.suffix.lower(), ())),
        )
    ]
    decides = {
        "version": VERSION,
        "spec": asdict(spec),
        "reader": reader,
        "choices": [dict(choices.reader), choices.map, choices.strict, choices.trim_wake_min],
        "night": [night.cohort, night.subject, night.recording],
        "files": [[os.path.relpath(path, choices.raw or "."), *_stat(path)] for path in paths],
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _stat(path: Path) -> tuple[int, ...]:
    try:
        stat = path.stat()
    except OSError:
        return ()
    return stat.st_size, stat.st_mtime_ns


def write(
    path: Path,
    key: str,
    result: Result,
    pictures: Iterable[tuple[bytes, str]] = (),
    columns: dict | None = None,
    shared: dict | None = None,
    manifest_columns: Callable[[], dict] | None = None,
) -> Result:
    """Write a part whole or not at all.

    Parameters
    ----------
    path : Path
        The file to write.
    key : str
        The key that `read` will ask for.
    result : Result
        What became of the recording, without the number of rows and bytes.
    pictures : iterable of tuple of bytes and str
        The PNG and the pixel hash of each picture; they may be drawn as they are written.
    columns, shared : dict
        The columns with a value for each picture, and those with one value for all.
    manifest_columns : callable, optional
        Called after the last picture: returns the columns of the manifest that are known only then.

    Returns
    -------
    Result
        The result with the number of rows and bytes.

    Raises
    ------
    Unwritable
        If the disk does not take the file.
    """
    sizes, pixels, digest = [], [], hashlib.sha256()
    try:
        with files.replacing(path) as new, new.open("xb") as file:
            for png, pixel_hash in pictures:
                file.write(png)
                digest.update(png)
                sizes.append(len(png))
                pixels.append(pixel_hash)
            result = replace(result, rows=len(sizes), bytes=sum(sizes))
            if manifest_columns:
                result = replace(result, manifest_columns=manifest_columns())
            content = {
                "key": key,
                "result": asdict(result),
                "sizes": sizes,
                "columns": {"pixels": pixels, **(columns or {})},
                "shared": shared or {},
                "sha256": digest.hexdigest(),
            }
            text = json.dumps(content).encode()
            file.write(text + len(text).to_bytes(8, "little") + hashlib.sha256(text).digest())
    except OSError as error:
        raise unwritable(path, error) from error
    return result


def read(path: Path, key: str) -> Part:
    """Read a part without its pictures. Raise `DamagedFile` if it is not what was written."""
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
    """Return the error for a file that the disk did not take."""
    return Unwritable(
        f"{error.filename or path}: cannot be written ({error.strerror or error}); expected a disk "
        "with room that can be written to: what was done is kept, run the same command again"
    )
