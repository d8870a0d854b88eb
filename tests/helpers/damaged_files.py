"""Damage to the bytes of files, as hypothesis chooses it."""

import numpy as np
from hypothesis import strategies as st

MAX_BYTES = 300_000_000  # of memory, for files of under 1 MB

FLIPS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 255)), max_size=12)
# Bytes of the first 4 kB, where the headers are, are replaced, too.
HEADS = st.lists(st.tuples(st.integers(0, 4095), st.integers(0, 255)), max_size=6)
CUTS = st.one_of(st.none(), st.floats(0, 1))


def damage(content: bytes, heads, flips, cut) -> bytes:
    """Return bytes with some replaced, some flipped, and cut off at a share of the length."""
    changed = np.frombuffer(content, np.uint8).copy()
    for place, value in flips:
        changed[int(place * len(changed))] ^= value
    for place, value in heads:
        changed[place % len(changed)] = value
    return changed[: None if cut is None else int(cut * len(changed))].tobytes()
