"""Where a signal stands still. The function is compiled, because it looks at whole nights."""

import numpy as np
from numba import njit


@njit(cache=True)
def standing_still(samples, least):
    """Return the runs of equal samples.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        NaN is equal to nothing, not even to NaN.
    least : float
        The least length of a run in samples. It is rounded up, and at least 2.

    Returns
    -------
    ndarray of int64, shape (n_runs, 2)
        The first sample of each run, and the one after its last.
    """
    least = max(2, int(np.ceil(least)))
    runs = [(0, 0) for _ in range(0)]
    start = 0
    while start + least <= len(samples):
        # Compare backwards from where a run that begins at `start` would be long enough. In a
        # moving signal the first comparison mostly decides, and `least` samples are skipped.
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
    bounds = np.empty((len(runs), 2), np.int64)
    for i, (first, stop) in enumerate(runs):
        bounds[i, 0], bounds[i, 1] = first, stop
    return bounds
