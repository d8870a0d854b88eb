"""Where a signal stands still, or is no number: compiled, as it looks at every sample."""

import numpy as np
from numba import njit


@njit(cache=True)
def standing_still(samples, least):
    """Runs of `least` or more equal samples (2 at least), and of any number that are not finite.

    `samples` is float32 of shape (n,). Returns int64 of shape (runs, 2): first sample, and the one
    after the last.
    """
    found = [(0, 0) for _ in range(0)]
    least = max(2.0, least)
    start = 0
    for i in range(1, len(samples) + 1):
        if i < len(samples):
            if samples[i] == samples[start] and np.isfinite(samples[i]):
                continue
            if not np.isfinite(samples[i]) and not np.isfinite(samples[start]):
                continue
        if i - start >= least or not np.isfinite(samples[start]):
            found.append((start, i))
        start = i
    runs = np.empty((len(found), 2), np.int64)
    for i, (first, stop) in enumerate(found):
        runs[i, 0], runs[i, 1] = first, stop
    return runs
