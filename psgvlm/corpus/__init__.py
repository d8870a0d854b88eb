"""A corpus on the disk: its rows, manifest, checksums and splits, and how it is opened."""

__all__ = [
    "checksums",
    "content",
    "loading",
    "manifest",
    "neighbours",
    "row_schema",
    "splits",
]
