"""The rasteriser's inner loop, compiled by numba once and cached.

A trace is a function of time, so above any x its stroke is one interval. At the centres of `SUB`
sub-columns a pixel it is found from the polyline and the peaks between, widened by the round pen;
the intervals add up to covered area. Nothing is blended, and a spike of one sample is never lost.
"""

import numpy as np
from numba import njit

SUB_BITS = 2
SUB = 1 << SUB_BITS  # sub-columns a pixel; 8 would halve the error at 1.6 times the cost
BITS = 8
ONE = 1 << BITS  # a whole pixel row, in the fixed point that area is added up in
FAR = np.float32(1e6)  # rows; beyond any picture, and float32 still knows a tenth of a row there


@njit(cache=True, error_model="numpy")
def stroke(samples, first, per_px, centre_uv, px_per_uv, middle, line_px, base, image):
    """Draw a polyline into `image` (uint8, rows x columns) as palette entries base + 1..15.

    `samples` are float32; `first` is the sample position at the left edge, `per_px` the samples a
    pixel; `centre_uv` lies at row `middle`. Ink beyond the image's border is clipped. Time outside
    the samples gets none, nor does a segment of which one end is not finite; a sample without a
    finite neighbour is no line. Where two lanes overlap, the denser ink is seen: an entry's last
    four bits are how dense it is. The line is as wide as said where it is flat; its width aside is
    rounded to an even number of sub-columns.
    """
    rows, columns = image.shape
    reach = max(1, round(line_px / 2 * SUB))
    # Point m is the polyline above the centre of sub-column m - reach; cell m follows it.
    points = columns * SUB + 2 * reach
    start = max(0, int(np.floor(first - reach * per_px)) - 1)
    stop = min(len(samples), int(np.ceil(first + (columns + reach) * per_px)) + 2)
    if stop - start < 2:
        return
    y = _rows_of(samples[start:stop], centre_uv, px_per_uv, middle)
    sub_samples = per_px / SUB
    on_line = _points(y, first - start + (0.5 - reach) * sub_samples, sub_samples, points)
    top, bottom = _peaks(y, first - start + (0.5 - reach) * sub_samples, sub_samples, points)
    upper, lower = _widened(on_line, top, bottom, line_px / 2, reach, rows)
    _fill(upper, lower, base, image)


@njit(cache=True, error_model="numpy")
def _rows_of(samples, centre_uv, px_per_uv, middle):
    """Samples as fractional rows, counted downwards; NaN where no line begins or ends."""
    y = np.empty(len(samples), np.float32)
    scale, offset = np.float32(px_per_uv), np.float32(middle + centre_uv * px_per_uv)
    odd = np.float32(0)
    for i in range(len(y)):
        y[i] = offset - samples[i] * scale
        odd += (y[i] - y[i]) + np.float32(abs(y[i]) > FAR)
    if odd == 0:
        return y
    for i in range(len(y)):
        if not np.isfinite(samples[i]):
            y[i] = np.nan
        else:
            y[i] = min(max(y[i], -FAR), FAR)
    alone = np.isnan(y)
    for i in range(len(y)):
        if (i == 0 or alone[i - 1]) and (i == len(y) - 1 or alone[i + 1]):
            y[i] = np.nan
    return y


@njit(cache=True, error_model="numpy")
def _points(y, first, step, points):
    """The polyline's row at evenly spaced sample positions; NaN where there is none."""
    last = len(y) - 1
    on_line = np.full(points, np.nan, np.float32)
    for m in range(points):
        at = first + m * step
        if 0.0 <= at <= last:
            i = min(int(at), last - 1)
            on_line[m] = y[i] + np.float32(at - i) * (y[i + 1] - y[i])
    return on_line


@njit(cache=True, error_model="numpy")
def _peaks(y, first, step, cells):
    """The least and greatest row of the samples in every cell; infinities where there is none."""
    top = np.full(cells, np.inf, np.float32)
    bottom = np.full(cells, -np.inf, np.float32)
    per_sample = 1 / step
    for k in range(max(0, int(np.ceil(first))), len(y)):
        m = int((k - first) * per_sample)
        if m >= cells:
            break
        # Without branches: which of two samples is the greater, no processor can guess.
        top[m] = y[k] if y[k] < top[m] else top[m]
        bottom[m] = y[k] if y[k] > bottom[m] else bottom[m]
    return top, bottom


@njit(cache=True, error_model="numpy")
def _widened(on_line, top, bottom, radius, reach, rows):
    """Where the stroke that a round pen draws begins and ends above each sub-column's centre.

    In 1/ONE of a row, within the picture.
    """
    subs = len(on_line) - 2 * reach
    up = np.full(subs, np.inf, np.float32)
    down = np.full(subs, -np.inf, np.float32)
    for m in range(2 * reach + 1):
        pen = _half_chord(radius, (m - reach) / SUB)
        line = on_line[m : m + subs]
        for j in range(subs):
            up[j] = line[j] - pen if line[j] - pen < up[j] else up[j]
            down[j] = line[j] + pen if line[j] + pen > down[j] else down[j]
    for m in range(2 * reach):
        # Somewhere in its cell: taken as in the middle.
        pen = _half_chord(radius, (m - reach + 0.5) / SUB)
        high, low = top[m : m + subs], bottom[m : m + subs]
        for j in range(subs):
            up[j] = min(up[j], high[j] - pen)
            down[j] = max(down[j], low[j] + pen)
    upper = np.empty(subs, np.int32)
    lower = np.empty(subs, np.int32)
    border, one, half = np.float32(rows), np.float32(ONE), np.float32(0.5)
    for j in range(subs):
        upper[j] = np.int32(min(max(up[j], np.float32(0)), border) * one + half)
        lower[j] = np.int32(max(min(down[j], border), np.float32(0)) * one + half)
    return upper, lower


@njit(cache=True, error_model="numpy")
def _half_chord(radius, aside):
    """How far a disc reaches up and down, so far aside of its centre."""
    return np.float32(np.sqrt(max(0.0, radius * radius - aside * aside)))


@njit(cache=True, error_model="numpy")
def _fill(upper, lower, base, image):
    """Add the sub-columns' strokes up to covered area, and put it into the image."""
    rows, columns = image.shape
    change = np.zeros(rows + 2, np.int32)  # of the covered area from one row to the next
    for column in range(columns):
        above, below = rows * ONE, 0
        for j in range(column * SUB, column * SUB + SUB):
            begin, end = upper[j], max(upper[j], lower[j])
            change[begin >> BITS] += ONE - (begin & (ONE - 1))
            change[(begin >> BITS) + 1] += begin & (ONE - 1)
            change[end >> BITS] -= ONE - (end & (ONE - 1))
            change[(end >> BITS) + 1] -= end & (ONE - 1)
            above, below = min(above, begin), max(below, end)
        area = 0
        for r in range(above >> BITS, min((below >> BITS) + 1, rows)):
            area += change[r]
            change[r] = 0
            level = (15 * area + ONE * SUB // 2) >> (BITS + SUB_BITS)
            there = image[r, column]
            image[r, column] = base + level if level > (there & 15) else there
        r = below >> BITS
        change[r] = change[r + 1] = 0
