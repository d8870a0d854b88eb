"""Rows of many recordings as Parquet shards, streamed: never more than one row group in memory.

A row group holds rows of one recording, and its bounds depend on that recording alone. So a row
group read from an older shard is written again as the very same bytes.

The rows of several tasks are written side by side, in shards and row groups of the same bounds: the
pictures lie in all of them as the same bytes, which a store that knows content keeps once. A
`Group` is a row group of each task, a table by the task's name.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from psgvlm.builders.build.parts import DamagedFile, Part

from psgvlm.corpus import checksums, row_schema

SHARD_BYTES = 500_000_000
GROUP_BYTES = 100_000_000
GROUP_ROWS = 100  # larger groups make random access slow
# Of a row group, beside pictures and answers: other columns, page headers, its share of the footer.
_OVERHEAD_BYTES = 65_536

Group = Mapping[str, Any]  # of pyarrow tables, which is not imported before it is needed


class Shard(NamedTuple):
    """A Parquet file as it was written: enough to see by a stat that it is still the same."""

    name: str
    size: int
    mtime_ns: int
    sha256: str

    def intact(self, folder: Path) -> bool:
        """Whether the file in `folder` has its size and time of change; nothing is read."""
        try:
            found = (folder / self.name).stat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == (self.size, self.mtime_ns)


class Place(NamedTuple):
    """Where a recording's rows begin, among the shards of its split, and how many row groups.

    It is the same for all tasks.
    """

    shard: int
    group: int
    groups: int


def write(
    recordings: Iterable[Iterable[Group]], folders: Mapping[str, Path], split: str
) -> tuple[dict[str, list[Shard]], list[Place]]:
    """Write `{split}-0000k-of-0000n.parquet` into each task's folder; recordings come as groups.

    Returns the shards of each task, and the place of every recording. None is larger than
    `SHARD_BYTES`, unless a single row group is.
    """
    sinks: list[dict[str, _Sink]] = []
    places = []
    for groups in recordings:
        first, count = None, 0
        for tables in groups:
            if not sinks or not all(sinks[-1][task].takes(tables[task]) for task in folders):
                if sinks:
                    _close(sinks[-1])
                name = f"{split}-{len(sinks):05d}.tmp"
                sinks.append({task: _Sink(folder / name) for task, folder in folders.items()})
            for task, sink in sinks[-1].items():
                first = first or (len(sinks) - 1, sink.groups)
                sink.write_group(tables[task])
            count += 1
        places.append(Place(*first, count))
    if sinks:
        _close(sinks[-1])
    names = [f"{split}-{i:05d}-of-{len(sinks):05d}.parquet" for i in range(len(sinks))]
    shards = {
        task: [each[task].named(name) for each, name in zip(sinks, names, strict=True)]
        for task in folders
    }
    return shards, places


def _close(sinks: dict[str, "_Sink"]) -> None:
    for sink in sinks.values():
        sink.close()


def from_part(part: Part, fold: int | None, tasks: Sequence[str]) -> Iterator[Group]:
    """A part's rows as its row groups. `DamagedFile` where its pictures are not whole."""
    pictures, start = part.pictures(), 0
    for stop in _bounds(part.sizes):
        pngs = [next(pictures) for _ in range(start, stop)]
        columns = {name: values[start:stop] for name, values in part.columns.items()}
        # The last picture is compared with the checksum before anything is made of it.
        if stop == len(part.sizes):
            next(pictures, None)
        yield {
            task: row_schema.table(pngs, **columns, **part.shared, fold=fold, task=task)
            for task in tasks
        }
        start = stop


def from_shards(files: Mapping[str, list[Path]], place: Place, fold: int | None) -> Iterator[Group]:
    """A recording's row groups from each task's shards, with their texts, put into another fold."""
    import pyarrow.parquet as pq

    index, group, left = place
    while left:
        with contextlib.ExitStack() as stack:
            opened = {
                task: stack.enter_context(pq.ParquetFile(shards[index]))
                for task, shards in files.items()
            }
            stop = min(group + left, *(file.num_row_groups for file in opened.values()))
            for number in range(group, stop):
                yield {
                    task: _refolded(file.read_row_group(number), fold)
                    for task, file in opened.items()
                }
        left -= stop - group
        index, group = index + 1, 0


def _refolded(table, fold: int | None):
    import pyarrow as pa

    column = table.schema.get_field_index("fold")
    folds = pa.array([fold] * len(table), pa.int32())
    return table.set_column(column, table.schema.field(column), folds)


def check(folder: Path, shard: Shard) -> None:
    """`DamagedFile` where a shard is not what was written, bit by bit."""
    if checksums.digest(folder / shard.name) != shard.sha256:
        raise DamagedFile(folder / shard.name)


def _bounds(sizes: list[int]) -> Iterator[int]:
    """Where row groups end."""
    rows = held = 0
    for index, size in enumerate(sizes):
        if rows and (rows == GROUP_ROWS or held + size > GROUP_BYTES):
            yield index
            rows = held = 0
        rows, held = rows + 1, held + size
    if rows:
        yield len(sizes)


class _Sink:
    """A shard being written, hashed on the way so that nobody has to read it again."""

    closed = False  # asked by pyarrow

    def __init__(self, path: Path):
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path, self.groups = path, 0
        self._digest, self._file = hashlib.sha256(), path.open("xb")
        self._writer = pq.ParquetWriter(
            pa.PythonFile(self, "w"),
            row_schema.schema(),
            compression={"images.list.element.bytes": "none"},
            write_page_index=True,
            use_content_defined_chunking=True,
        )

    def takes(self, table) -> bool:
        """Whether a row group still fits."""
        import pyarrow.compute as pc

        pictures = table["images"].combine_chunks().flatten().field("bytes")
        messages = table["completion"].combine_chunks().flatten().field("content")
        answers = messages.flatten().field("text")
        size = sum(pc.sum(pc.binary_length(x)).as_py() or 0 for x in (pictures, answers))
        expected = self._file.tell() + size + _OVERHEAD_BYTES * (self.groups + 1)
        return not self.groups or expected <= SHARD_BYTES

    def write_group(self, table) -> None:
        self._writer.write_table(table)
        self.groups += 1

    def close(self) -> None:
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def named(self, name: str) -> Shard:
        """The closed file under its final name."""
        path = self.path.rename(self.path.with_name(name))
        found = path.stat()
        return Shard(name, found.st_size, found.st_mtime_ns, self._digest.hexdigest())

    # What pyarrow asks of a file.

    def write(self, data) -> int:
        self._digest.update(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()
