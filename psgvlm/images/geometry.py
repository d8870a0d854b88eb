"""Where lanes and seconds lie in an image, sums over them, and traces moved in time."""

from functools import lru_cache

import numpy as np

from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.montages import MODALITY


@lru_cache(8)
def pixel_lanes(spec: ImageSpec) -> np.ndarray:
    """Return the index of the lane that each pixel belongs to, int of shape (height, width).

    A pixel that belongs to no lane has -1. A spectrogram belongs to the lane that it is computed
    from, the first EEG lane.
    """
    rows = np.arange(spec.height)
    lanes = rows // spec.lane_px() % len(spec.lanes)
    lanes[rows >= spec.lane_px() * len(spec.lanes) * spec.fold] = -1  # unused rows at the bottom
    if spec.spectrogram:
        first_eeg = [MODALITY[name] for name in spec.lanes].index("EEG")
        lanes[spec.lane_px() * len(spec.lanes) :] = first_eeg
    return np.repeat(lanes[:, None], spec.width, axis=1)


@lru_cache(8)
def pixel_times_s(spec: ImageSpec) -> np.ndarray:
    """Return the time at each pixel's centre, float of shape (height, width).

    Times are seconds from the start of the epoch.
    """
    row_s = spec.shown_s / spec.fold
    row = np.arange(spec.height) // (spec.lane_px() * len(spec.lanes))
    left_s = row.clip(max=spec.fold - 1)[:, None] * row_s - spec.context_s
    return left_s + (np.arange(spec.width) + 0.5) * row_s / spec.width


@lru_cache(8)
def pixel_seconds(spec: ImageSpec) -> np.ndarray:
    """Return the index of the second that each pixel belongs to, int of shape (height, width).

    Second 0 is the first one in the image; it starts at `first_second(spec)`.
    """
    return np.floor(pixel_times_s(spec)).astype(int) - first_second(spec)


def pixel_patches(spec: ImageSpec, side_px: int) -> np.ndarray:
    """Return the index of the square patch of each pixel, int of shape (height, width).

    Patches are counted along rows from the upper left. Those at the right and lower edges may be
    smaller than `side_px`.
    """
    rows, columns = (np.arange(n) // side_px for n in (spec.height, spec.width))
    return rows[:, None] * (columns[-1] + 1) + columns


def first_second(spec: ImageSpec) -> int:
    """Return when the first second of the image starts, in seconds from the start of the epoch.

    It is 0, or negative if the image shows context before the epoch.
    """
    return int(np.floor(-spec.context_s))


def count_seconds(spec: ImageSpec) -> int:
    """Return how many seconds the image shows, including those that it shows in part."""
    return int(pixel_seconds(spec).max()) + 1


def sum_by_lane(heat: np.ndarray, spec: ImageSpec) -> np.ndarray:
    """Return the sum of a heat map over each lane, shape (lanes,).

    `heat` has a value for each pixel, shape (height, width).
    """
    lanes = pixel_lanes(spec)
    return np.bincount(lanes[lanes >= 0], heat[lanes >= 0], len(spec.lanes))


def sum_by_second(heat: np.ndarray, spec: ImageSpec) -> np.ndarray:
    """Return the sum of a heat map over each second, shape (seconds,)."""
    return np.bincount(pixel_seconds(spec).ravel(), heat.ravel(), count_seconds(spec))


def sum_by_cell(heat: np.ndarray, spec: ImageSpec) -> np.ndarray:
    """Return the sum of a heat map over each second of each lane, shape (lanes, seconds)."""
    lanes, seconds = pixel_lanes(spec), count_seconds(spec)
    in_lane = lanes >= 0
    cells = lanes[in_lane] * seconds + pixel_seconds(spec)[in_lane]
    sums = np.bincount(cells, heat[in_lane], len(spec.lanes) * seconds)
    return sums.reshape(-1, seconds)


def shift_traces(image: np.ndarray, spec: ImageSpec, columns: int) -> np.ndarray:
    """Return an RGB image with its traces moved in time; ground and grid stay.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        An image of this spec.
    spec : ImageSpec
        How the image was drawn.
    columns : int
        How many pixels the traces move, to the right if positive. Traces that leave a row of a
        folded image enter the next row. Traces that leave the image are lost, and the columns at
        the other end become blank.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    height = spec.lane_px() * len(spec.lanes) if spec.fold > 1 else spec.height
    blank = raster.blank_image(spec)
    moved = blank.copy()
    source, target = (_unfolded(x, spec, height) for x in (image, moved))
    ink = (source != _unfolded(blank, spec, height)).any(axis=-1)
    row, column = np.nonzero(ink)
    kept = (column + columns >= 0) & (column + columns < ink.shape[1])
    target[row[kept], column[kept] + columns] = source[row[kept], column[kept]]
    for index in range(spec.fold):
        part = target[:, index * spec.width : (index + 1) * spec.width]
        moved[index * height : (index + 1) * height] = part
    return moved


def _unfolded(image: np.ndarray, spec: ImageSpec, height: int) -> np.ndarray:
    """Return a copy of a folded image with its rows side by side; each is `height` pixels tall."""
    rows = [image[index * height : (index + 1) * height] for index in range(spec.fold)]
    return np.concatenate(rows, axis=1)
