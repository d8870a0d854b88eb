"""The rasteriser's inner loop, which numba compiles once and caches on disk.

A trace is a function of time, so its stroke covers one interval of rows at each x. We compute that
interval at the centres of `SUB` sub-columns per pixel, from the polyline and the peaks between the
centres, and widen it by the round pen. The ink of a pixel is the share of it that the intervals
cover. Colours are not blended, and a spike of a single sample is never lost.

The code is written for vector instructions: short loops over adjacent memory, no branches, and no
type wider than 32 bits. Arrays of shape (SUB, columns) hold the first sub-column of every pixel,
then the second of every pixel, and so on.
"""

import numpy as np
from numba import njit

SUB = 4  # sub-columns per pixel; 8 would halve the error and cost 1.6 times as much
BLOCK = 32  # columns that are filled together, over the rows that any of them reaches
FAR = np.float32(1e6)  # rows; outside any image, and float32 still resolves a tenth of a row
DENSEST = np.uint8(15)  # the last four bits of a palette entry say how dense its ink is

INFINITY, ZERO, HALF, ONE = (np.float32(x) for x in (np.inf, 0, 0.5, 1))


@njit(cache=True, error_model="numpy")
def stroke(samples, offset, first, per_px, centre_uv, px_per_uv, middle, line_px, base, image):
    """Draw a polyline into an image, in place.

    There is no ink at times outside the samples, nor on a segment if one of its ends is not finite.
    So a sample without a finite neighbour draws nothing. Ink outside the image is cut off. Where
    ink is there already, the denser of the two stays.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
        The trace in µV.
    offset : int
        The number of the first of these samples in the record.
    first : float
        The position of the image's left edge among the samples of the record.
    per_px : float
        Samples per pixel.
    centre_uv : float
        The value in µV that lies at row `middle`.
    px_per_uv : float
        Rows per µV.
    middle : float
        A row, counted downwards.
    line_px : float
        The width of the line in pixels. It is exact where the line is level; sideways it is
        rounded to an even number of sub-columns.
    base : int
        Ink is written as the palette entries `base` + 1 to `base` + 15.
    image : ndarray of uint8, shape (rows, columns)
        Palette entries.
    """
    columns = image.shape[1]
    reach = max(1, round(line_px / 2 * SUB))
    # Point m is the polyline above the centre of sub-column m - reach; cell m follows it.
    width = columns + (2 * reach + SUB - 1) // SUB
    begin = first + (0.5 - reach) * per_px / SUB
    start, stop = int(np.floor(begin)) - 1, int(np.floor(begin + width * per_px)) + 3
    # Positions are rounded as positions in the record, so that an image does not depend on which
    # piece of the record its samples were cut from.
    before = begin - start
    start, stop = start - offset, stop - offset
    if start >= len(samples) or stop <= 0:
        return
    y = _rows_of(samples, start, stop, centre_uv, px_per_uv, middle)
    on_line, top, bottom = _extents(y, before, per_px / SUB, width)
    upper = np.full((SUB, columns), np.inf, np.float32)
    lower = np.full((SUB, columns), -np.inf, np.float32)
    for s in range(SUB):
        for m in range(2 * reach + 1):
            aside, part = (s + m) // SUB, (s + m) % SUB
            near = slice(aside, aside + columns)
            line = on_line[part, near]
            _widen(upper[s], lower[s], line, line, line_px / 2, (m - reach) / SUB)
            if m < 2 * reach:  # a peak lies anywhere in its cell; we take the middle
                high, low = top[part, near], bottom[part, near]
                _widen(upper[s], lower[s], high, low, line_px / 2, (m - reach + 0.5) / SUB)
    _fill(upper, lower, np.uint8(base), image)


@njit(cache=True, error_model="numpy")
def _rows_of(samples, start, stop, centre_uv, px_per_uv, middle):
    """Return the samples `start` to `stop` - 1 as fractional rows, counted downwards.

    Samples outside the record are NaN, and so are those without a finite neighbour.
    """
    y = np.full(stop - start, np.nan, np.float32)
    first, last = max(start, 0), min(stop, len(samples))
    uv, inside = samples[first:last], y[first - start : last - start]
    scale, offset = np.float32(px_per_uv), np.float32(middle + centre_uv * px_per_uv)
    odd = len(y) - len(uv)
    for i in range(len(uv)):
        inside[i] = offset - uv[i] * scale
        odd += not abs(inside[i]) <= FAR
    if odd:
        finite = np.zeros(len(y) + 2, np.bool_)
        for i in range(len(uv)):
            finite[first - start + 1 + i] = np.isfinite(uv[i])
        for i in range(len(y)):
            joined = finite[i + 1] and (finite[i] or finite[i + 2])
            y[i] = min(max(y[i], -FAR), FAR) if joined else np.nan
    return y


@njit(cache=True, error_model="numpy")
def _extents(y, begin, step, width):
    """Return the polyline's row at each point, and the least and greatest sample in each cell.

    The first point lies at sample `begin`, and points are `step` samples apart. The three arrays
    have the shape (SUB, width). They are NaN where there is no line, and infinite where a cell has
    no samples.
    """
    # The extremes of the `window` samples from each sample on. `window` is a power of two, and two
    # windows cover a whole cell.
    least, greatest, window = y, y, 1
    while 2 * window <= step:
        least, greatest = _doubled(least, greatest, window)
        window *= 2
    on_line = np.empty((SUB, width), np.float32)
    top, bottom = np.empty_like(on_line), np.empty_like(on_line)
    # The sample before each point, how far after it the point lies, the sample before the next one.
    first, past = np.empty(width, np.uint32), np.empty(width, np.float32)
    last = np.empty_like(first)
    one, back = np.uint32(1), np.uint32(window - 1)
    for s in range(SUB):
        for c in range(width):
            at = begin + (c * SUB + s) * step
            first[c] = np.int32(at)
            last[c] = np.int32(at + step)
            past[c] = np.float32(at - np.int32(at))
        line, high, low = on_line[s], top[s], bottom[s]
        for c in range(width):
            line[c] = y[first[c]] + past[c] * (y[first[c] + one] - y[first[c]])
        for c in range(width):
            row = _lesser(least[first[c] + one], least[last[c] - back])
            high[c] = row if last[c] > first[c] else INFINITY
        for c in range(width):
            row = -_lesser(-greatest[first[c] + one], -greatest[last[c] - back])
            low[c] = row if last[c] > first[c] else -INFINITY
    return on_line, top, bottom


@njit(cache=True, error_model="numpy")
def _doubled(least, greatest, window):
    """Return the extremes of windows twice as long, from each sample on."""
    a, b = least[:-window], least[window:]
    c, d = greatest[:-window], greatest[window:]
    lesser, greater = np.empty_like(a), np.empty_like(c)
    for i in range(len(a)):
        lesser[i] = _lesser(a[i], b[i])
        greater[i] = -_lesser(-c[i], -d[i])
    return lesser, greater


@njit(cache=True, error_model="numpy")
def _lesser(a, b):
    """Return the lesser of two numbers, or the other one if one of them is NaN."""
    return b if not a < b and b == b else a


@njit(cache=True, error_model="numpy")
def _widen(upper, lower, top, bottom, radius, aside):
    """Widen a stroke by the rows that a disc of `radius` covers at `aside` from its centre."""
    pen = np.float32(np.sqrt(max(0.0, radius * radius - aside * aside)))
    for c in range(len(upper)):
        high, low = top[c] - pen, bottom[c] + pen
        upper[c] = high if high < upper[c] else upper[c]
        lower[c] = low if low > lower[c] else lower[c]


# The ends of a stroke are never NaN. The flags say so, and let the compiler search in parallel.
@njit(cache=True, error_model="numpy", fastmath={"nnan", "nsz"})
def _fill(upper, lower, base, image):
    """Write the share of each pixel that the strokes cover into the image, as ink."""
    rows, columns = image.shape
    density = np.float32(DENSEST) / np.float32(SUB)
    ink = np.empty(BLOCK, np.uint8)
    for start in range(0, columns, BLOCK):
        stop = min(start + BLOCK, columns)
        highest, lowest = np.float32(rows), ZERO
        for s in range(SUB):
            begin, end = upper[s, start:stop], lower[s, start:stop]
            for c in range(len(begin)):
                highest = begin[c] if begin[c] < highest else highest
                lowest = end[c] if end[c] > lowest else lowest
        near = slice(start, stop)
        u0, u1, u2, u3 = upper[0, near], upper[1, near], upper[2, near], upper[3, near]
        l0, l1, l2, l3 = lower[0, near], lower[1, near], lower[2, near], lower[3, near]
        for r in range(int(max(highest, ZERO)), int(min(lowest, np.float32(rows - 1))) + 1):
            at = np.float32(r)
            for c in range(stop - start):
                area = _covered(u0[c], l0[c], at) + _covered(u1[c], l1[c], at)
                area += _covered(u2[c], l2[c], at) + _covered(u3[c], l3[c], at)
                ink[c] = np.uint8(np.int32(area * density + HALF))
            row = image[r, start:stop]
            for c in range(stop - start):
                denser = ink[c] > np.uint8(row[c] & DENSEST)
                row[c] = np.uint8(base + ink[c]) if denser else row[c]


@njit(cache=True, error_model="numpy", fastmath={"nnan", "nsz"}, inline="always")
def _covered(begin, end, row):
    """Return which share of a row a stroke covers."""
    begin = begin if begin > row else row
    end = end if end < row + ONE else row + ONE
    return end - begin if end > begin else ZERO
