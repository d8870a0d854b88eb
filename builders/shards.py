"""Rows of many recordings as Parquet shards, streamed: never more than one row group in memory.

A row group holds rows of one recording, and its bounds depend on that recording alone. So a row
group read from an older shard is written again as the very same bytes.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from builders import checksums
from builders.parts import Damaged, Part
from psgvlm import chat

SHARD_BYTES = 500_000_000
GROUP_BYTES = 100_000_000
GROUP_ROWS = 100  # larger groups make random access slow
# Of a row group, beside its pictures: the other columns, page headers, its share of the footer.
_OVERHEAD_BYTES = 65_536


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
    """Where a recording's rows begin, among the shards of its split, and how many row groups."""

    shard: int
    group: int
    groups: int


def write(
    recordings: Iterable[Iterable], folder: Path, split: str
) -> tuple[list[Shard], list[Place]]:
    """Write `{split}-0000k-of-0000n.parquet`; each recording comes as its row groups.

    Returns the shards, and the place of every recording. None is larger than `SHARD_BYTES`, unless
    a single row group is.
    """
    sinks: list[_Sink] = []
    places = []
    for groups in recordings:
        first, count = None, 0
        for table in groups:
            if not sinks or not sinks[-1].takes(table):
                if sinks:
                    sinks[-1].close()
                sinks.append(_Sink(folder / f"{split}-{len(sinks):05d}.tmp"))
            first = first or (len(sinks) - 1, sinks[-1].groups)
            sinks[-1].write_group(table)
            count += 1
        places.append(Place(*first, count))
    if sinks:
        sinks[-1].close()
    names = [f"{split}-{i:05d}-of-{len(sinks):05d}.parquet" for i in range(len(sinks))]
    return [sink.named(name) for sink, name in zip(sinks, names, strict=True)], places


def from_part(part: Part, fold: int | None) -> Iterator:
    """A part's rows as the tables of its row groups. `Damaged` where its pictures are not whole."""
    pictures, start = part.pictures(), 0
    for stop in _bounds(part.sizes):
        pngs = [next(pictures) for _ in range(start, stop)]
        columns = {name: values[start:stop] for name, values in part.columns.items()}
        # The last picture is compared with the checksum before anything is made of it.
        if stop == len(part.sizes):
            next(pictures, None)
        yield chat.table(pngs, **columns, **part.shared, fold=fold)
        start = stop


def from_shards(folder: Path, shards: list[Shard], place: Place, fold: int | None) -> Iterator:
    """A recording's row groups from the shards that it was written to, put into another fold."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    index, group, left = place
    while left:
        with pq.ParquetFile(folder / shards[index].name) as file:
            stop = min(group + left, file.num_row_groups)
            for number in range(group, stop):
                table = file.read_row_group(number)
                column = table.schema.get_field_index("fold")
                folds = pa.array([fold] * len(table), pa.int32())
                yield table.set_column(column, table.schema.field(column), folds)
        left -= stop - group
        index, group = index + 1, 0


def check(folder: Path, shard: Shard) -> None:
    """`Damaged` where a shard is not what was written, bit by bit."""
    if checksums.digest(folder / shard.name) != shard.sha256:
        raise Damaged(folder / shard.name)


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
            chat.schema(),
            compression={"images.list.element.bytes": "none"},
            write_page_index=True,
            use_content_defined_chunking=True,
        )

    def takes(self, table) -> bool:
        """Whether a row group still fits."""
        import pyarrow.compute as pc

        pictures = table["images"].combine_chunks().flatten().field("bytes")
        size = pc.sum(pc.binary_length(pictures)).as_py()
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
