"""What the rows of a corpus hold, as a digest that does not depend on how they are stored."""

import hashlib


class RowsDigest:
    """A digest over rows, in their order.

    All columns but `images` count; `pixels` stands for the images. The digest is therefore the same
    if PNGs were written by another encoder, or if shards and row groups are cut elsewhere.

    Examples
    --------
    >>> import pyarrow as pa
    >>> table = pa.table({"stage": [0, 1, None], "lanes": [["E1"], [], ["E1", "chin"]]})
    >>> whole, pieces = RowsDigest(), RowsDigest()
    >>> whole.update(table)
    >>> pieces.update(table.slice(0, 1))
    >>> pieces.update(table.slice(1))
    >>> whole.hexdigest() == pieces.hexdigest()
    True
    """

    def __init__(self):
        self._hashes: dict[str, hashlib._Hash] = {}

    def update(self, rows) -> None:
        """Add a `pyarrow.Table` or `pyarrow.RecordBatch`."""
        for name in rows.schema.names:
            if name != "images":
                column = rows.column(name)
                for chunk in getattr(column, "chunks", [column]):
                    self._add(name, chunk)

    def _add(self, name: str, array) -> None:
        """Add an Arrow array; every level of a nested column has a hash of its own."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if pa.types.is_list(array.type):
            self._add(f"{name}/length", pc.list_value_length(array))
            self._add(f"{name}/item", array.flatten())
        elif pa.types.is_struct(array.type):
            self._add(f"{name}/null", array.is_null())
            for field, values in zip(array.type, array.flatten(), strict=True):
                self._add(f"{name}/{field.name}", values)
        elif len(array):
            texts = pc.fill_null(array.cast(pa.string()), "\0")
            lists = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts)
            line = pc.binary_join(lists, "\x1f")[0].as_buffer()
            digest = self._hashes.setdefault(name, hashlib.sha256())
            digest.update(line)
            digest.update(b"\x1f")

    def hexdigest(self) -> str:
        """Return the digest of all rows so far: 64 hexadecimal digits."""
        lines = [f"{name} {digest.hexdigest()}\n" for name, digest in sorted(self._hashes.items())]
        return hashlib.sha256("".join(lines).encode()).hexdigest()
