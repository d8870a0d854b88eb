"""Where a signal stands still: compiled, as it looks at a whole night."""

import numpy as np
from numba import njit


@njit(cache=True)
def standing_still(samples, least):
    """Runs of `least` or more equal samples, two at least; NaN equals nothing.

    `samples` has shape (n,). Returns int64 of shape (runs, 2): first sample, and the one after the
    last.
    """
    least = max(2, int(np.ceil(least)))
    runs = [(0, 0) for _ in range(0)]
    start = 0
    while start + least <= len(samples):
        # Backwards from where a run from `start` on would be long enough: mostly one comparison.
        first = start + least - 1
        while first > start and samples[first] == samples[first - 1]:
            first -= 1
        if first > start:
            start = first
            continue
        stop = start + least
        while stop < len(samples) and samples[stop] == samples[start]:
            stop += 1
        runs.append((start, stop))
        start = stop
    found = np.empty((len(runs), 2), np.int64)
    for i, (first, stop) in enumerate(runs):
        found[i, 0], found[i, 1] = first, stop
    return found
