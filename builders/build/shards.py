"""Rows of many recordings as Parquet shards, streamed: at most one row group is in memory.

A row group holds rows of one recording, and its bounds depend on that recording alone. A row group
that is read from an older shard is therefore written again as the same bytes.

The rows of several tasks are written side by side, into shards and row groups with the same bounds.
The pictures are in all of them as the same bytes; storage that finds equal content keeps them once.
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
# Bytes of a row group beside pictures and answers: other columns, page headers, its footer entry.
_OVERHEAD_BYTES = 65_536

# A row group of each task: a pyarrow table by the name of the task.
Group = Mapping[str, Any]


class Shard(NamedTuple):
    """A Parquet file as it was written, with what a stat needs to see that it is unchanged."""

    name: str
    size: int
    mtime_ns: int
    sha256: str

    def unchanged(self, folder: Path) -> bool:
        """Return whether the file in `folder` has this size and time; its content is not read."""
        try:
            stat = (folder / self.name).stat()
        except OSError:
            return False
        return (stat.st_size, stat.st_mtime_ns) == (self.size, self.mtime_ns)


class RowSpan(NamedTuple):
    """Where the rows of a recording are in the shards of its split, the same for all tasks.

    Parameters
    ----------
    shard, group : int
        The shard and the row group in it where they begin.
    groups : int
        How many row groups they fill.
    """

    shard: int
    group: int
    groups: int


def write(
    recordings: Iterable[Iterable[Group]], folders: Mapping[str, Path], split: str
) -> tuple[dict[str, list[Shard]], list[RowSpan]]:
    """Write the shards `{split}-0000k-of-0000n.parquet` of every task.

    Parameters
    ----------
    recordings : iterable of iterable of Group
        The row groups of every recording, in order.
    folders : mapping of str to Path
        The folder of each task.
    split : str
        The name of the split.

    Returns
    -------
    dict of str to list of Shard
        The shards of each task. None is larger than `SHARD_BYTES` unless one row group is.
    list of RowSpan
        Where the rows of each recording are.
    """
    writers: list[dict[str, _ShardWriter]] = []
    spans = []
    for groups in recordings:
        first, count = None, 0
        for tables in groups:
            if not writers or not all(writers[-1][task].has_room(tables[task]) for task in folders):
                if writers:
                    _close(writers[-1])
                name = f"{split}-{len(writers):05d}.tmp"
                writers.append(
                    {task: _ShardWriter(folder / name) for task, folder in folders.items()}
                )
            for task, writer in writers[-1].items():
                first = first or (len(writers) - 1, writer.groups)
                writer.write_group(tables[task])
            count += 1
        spans.append(RowSpan(*first, count))
    if writers:
        _close(writers[-1])
    names = [f"{split}-{i:05d}-of-{len(writers):05d}.parquet" for i in range(len(writers))]
    shards = {
        task: [each[task].rename(name) for each, name in zip(writers, names, strict=True)]
        for task in folders
    }
    return shards, spans


def _close(writers: dict[str, "_ShardWriter"]) -> None:
    for writer in writers.values():
        writer.close()


def from_part(part: Part, fold: int | None, tasks: Sequence[str]) -> Iterator[Group]:
    """Yield the row groups of a part. Raise `DamagedFile` if its pictures are not whole."""
    pictures, start = part.pictures(), 0
    for stop in group_ends(part.sizes):
        pngs = [next(pictures) for _ in range(start, stop)]
        columns = {name: values[start:stop] for name, values in part.columns.items()}
        # Reading past the last picture compares the checksum, before the last rows are made.
        if stop == len(part.sizes):
            next(pictures, None)
        yield {
            task: row_schema.table(pngs, **columns, **part.shared, fold=fold, task=task)
            for task in tasks
        }
        start = stop


def from_shards(
    files: Mapping[str, list[Path]], span: RowSpan, fold: int | None
) -> Iterator[Group]:
    """Yield the row groups of a recording from the shards of each task, moved to another fold."""
    import pyarrow.parquet as pq

    index, group, left = span
    while left:
        with contextlib.ExitStack() as stack:
            opened = {
                task: stack.enter_context(pq.ParquetFile(shards[index]))
                for task, shards in files.items()
            }
            stop = min(group + left, *(file.num_row_groups for file in opened.values()))
            for number in range(group, stop):
                yield {
                    task: _with_fold(file.read_row_group(number), fold)
                    for task, file in opened.items()
                }
        left -= stop - group
        index, group = index + 1, 0


def _with_fold(table, fold: int | None):
    import pyarrow as pa

    column = table.schema.get_field_index("fold")
    folds = pa.array([fold] * len(table), pa.int32())
    return table.set_column(column, table.schema.field(column), folds)


def check(folder: Path, shard: Shard) -> None:
    """Raise `DamagedFile` unless a shard has exactly the bytes that were written."""
    if checksums.digest(folder / shard.name) != shard.sha256:
        raise DamagedFile(folder / shard.name)


def group_ends(sizes: list[int]) -> Iterator[int]:
    """Yield where row groups end, as numbers of rows, for pictures of `sizes` bytes."""
    rows = size = 0
    for index, picture in enumerate(sizes):
        if rows and (rows == GROUP_ROWS or size + picture > GROUP_BYTES):
            yield index
            rows = size = 0
        rows, size = rows + 1, size + picture
    if rows:
        yield len(sizes)


class _ShardWriter:
    """Writes a shard and hashes it on the way, so that it does not have to be read again."""

    closed = False  # pyarrow asks for this attribute

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

    def has_room(self, table) -> bool:
        """Return whether one more row group fits into this shard."""
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

    def rename(self, name: str) -> Shard:
        """Give the closed file its final name and return it as a shard."""
        path = self.path.rename(self.path.with_name(name))
        stat = path.stat()
        return Shard(name, stat.st_size, stat.st_mtime_ns, self._digest.hexdigest())

    # The methods of a file that pyarrow calls.

    def write(self, data) -> int:
        self._digest.update(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()
