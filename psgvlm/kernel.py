"""The rasteriser's inner loop, compiled by numba once and cached.

A trace is a function of time, so above any x its stroke is one interval. In each of `SUB`
sub-columns a pixel the polyline's minimum and maximum are found, widened by the round pen, and
added up as covered area. Nothing is blended, and a spike of one sample is never lost.
"""

import numpy as np
from numba import njit

SUB = 4  # sub-columns a pixel


@njit(cache=True)
def stroke(samples, first, per_px, centre_uv, px_per_uv, line_px, base, strip):
    """Draw a polyline into `strip` (uint8, rows x columns) as palette entries base + 1..15.

    `first` is the sample position at the left edge, `per_px` the samples a pixel; `centre_uv` lies
    in the middle of the strip; the line's width is rounded to an even number of sub-columns. Ink
    beyond the strip's border is clipped; time outside the samples gets none.
    """
    rows, columns = strip.shape
    reach = max(1, round(line_px / 2 * SUB))
    radius = reach / SUB
    # Cell m lies between the centres of sub-columns m and m + 1, half a sub-column aside, so that
    # the pen's distance to it is (k + 1/2) / SUB on both sides and the line is not widened.
    cells = columns * SUB + 2 * reach
    low = np.empty(cells)
    high = np.empty(cells)
    last = len(samples) - 1
    for m in range(cells):
        start = first + (m - reach + 0.5) / SUB * per_px
        stop = start + per_px / SUB
        if start < 0.0:
            start = 0.0
        if stop > last:
            stop = float(last)
        if stop < start or last < 1:
            low[m], high[m] = np.inf, -np.inf
            continue
        i = min(int(start), last - 1)
        a = samples[i] + (start - i) * (samples[i + 1] - samples[i])
        i = min(int(stop), last - 1)
        b = samples[i] + (stop - i) * (samples[i + 1] - samples[i])
        lo, hi = min(a, b), max(a, b)
        for k in range(int(start) + 1, int(stop) + 1):
            lo, hi = min(lo, samples[k]), max(hi, samples[k])
        # Rows count downwards.
        low[m] = rows / 2 - (hi - centre_uv) * px_per_uv
        high[m] = rows / 2 - (lo - centre_uv) * px_per_uv

    pen = np.empty(reach)
    for k in range(reach):
        pen[k] = np.sqrt(radius * radius - ((k + 0.5) / SUB) ** 2)

    cover = np.zeros((rows + 2, columns), np.float32)
    weight = np.float32(1.0 / SUB)
    for j in range(columns * SUB):
        top, bottom = np.inf, -np.inf
        for k in range(reach):
            for m in (j + reach + k, j + reach - 1 - k):
                top = min(top, low[m] - pen[k])
                bottom = max(bottom, high[m] + pen[k])
        top, bottom = max(top, 0.0), min(bottom, float(rows))
        if not top < bottom:
            continue
        column = j // SUB
        r = int(top)
        part = np.float32(top - r)
        cover[r, column] += weight * (1 - part)
        cover[r + 1, column] += weight * part
        r = int(bottom)
        part = np.float32(bottom - r)
        cover[r, column] -= weight * (1 - part)
        cover[r + 1, column] -= weight * part
    for r in range(rows):
        for c in range(columns):
            if r > 0:
                cover[r, c] += cover[r - 1, c]
            level = int(cover[r, c] * 15 + 0.5)
            if level > 0:
                strip[r, c] = base + min(level, 15)
