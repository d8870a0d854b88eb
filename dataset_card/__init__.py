"""The card of a corpus: its README.md, with the YAML that `load_dataset` and the Hub read."""

from psgvlm.dataset_card.card import build_commands, quoted, write
from psgvlm.dataset_card.contents import Counts, SplitCounts, count, metadata, num_bytes

__all__ = [
    "Counts",
    "SplitCounts",
    "build_commands",
    "count",
    "metadata",
    "num_bytes",
    "quoted",
    "write",
]
