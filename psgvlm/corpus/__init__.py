"""A corpus: its rows, manifest, checksums and splits, and how a split is loaded."""
