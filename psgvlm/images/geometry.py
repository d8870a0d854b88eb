"""Where lanes and seconds lie in a picture, and what it looks like without a part of it."""

from functools import lru_cache

import numpy as np

from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.montages import MODALITY


@lru_cache(8)
def lanes_at(spec: ImageSpec) -> np.ndarray:
    """Which lane every pixel belongs to, int of shape (height, width); -1 for none.

    A spectrogram belongs to the lane that it is of.
    """
    rows = np.arange(spec.height)
    lanes = rows // spec.lane_px() % len(spec.lanes)
    lanes[rows >= spec.lane_px() * len(spec.lanes) * spec.fold] = -1  # left over at the bottom
    if spec.spectrogram:
        first_eeg = [MODALITY[name] for name in spec.lanes].index("EEG")
        lanes[spec.lane_px() * len(spec.lanes) :] = first_eeg
    return np.repeat(lanes[:, None], spec.width, axis=1)


@lru_cache(8)
def times_at(spec: ImageSpec) -> np.ndarray:
    """The time at every pixel's middle in seconds of the epoch, float of shape (height, width)."""
    row_s = spec.shown_s / spec.fold
    row = np.arange(spec.height) // (spec.lane_px() * len(spec.lanes))
    left_s = row.clip(max=spec.fold - 1)[:, None] * row_s - spec.context_s
    return left_s + (np.arange(spec.width) + 0.5) * row_s / spec.width


@lru_cache(8)
def seconds_at(spec: ImageSpec) -> np.ndarray:
    """Which of the seconds shown every pixel belongs to, int of shape (height, width).

    Counted from the first one shown, which is that of `first_s`.
    """
    return np.floor(times_at(spec)).astype(int) - first_s(spec)


def patches_at(spec: ImageSpec, side_px: int) -> np.ndarray:
    """Which square patch every pixel belongs to, int of shape (height, width).

    In rows from the upper left; those at the right and lower edge may be smaller.
    """
    rows, columns = (np.arange(n) // side_px for n in (spec.height, spec.width))
    return rows[:, None] * (columns[-1] + 1) + columns


def first_s(spec: ImageSpec) -> int:
    """The first second shown, in seconds of the epoch: 0, or before it where context is shown."""
    return int(np.floor(-spec.context_s))


def seconds(spec: ImageSpec) -> int:
    """How many seconds are shown, counting those of which a part is."""
    return int(seconds_at(spec).max()) + 1


def by_lane(heat: np.ndarray, spec: ImageSpec) -> np.ndarray:
    """The sum of a picture's heat over each lane, shape (lanes,)."""
    at = lanes_at(spec)
    return np.bincount(at[at >= 0], heat[at >= 0], len(spec.lanes))


def by_second(heat: np.ndarray, spec: ImageSpec) -> np.ndarray:
    """The sum of a picture's heat over each second, shape (seconds,)."""
    return np.bincount(seconds_at(spec).ravel(), heat.ravel(), seconds(spec))


def by_cell(heat: np.ndarray, spec: ImageSpec) -> np.ndarray:
    """The sum of a picture's heat over each second of each lane, shape (lanes, seconds)."""
    lanes, count = lanes_at(spec), seconds(spec)
    of = lanes >= 0
    cells = lanes[of] * count + seconds_at(spec)[of]
    return np.bincount(cells, heat[of], len(spec.lanes) * count).reshape(-1, count)


@lru_cache(8)
def blank(spec: ImageSpec) -> np.ndarray:
    """The picture without traces, uint8 RGB of shape (height, width, 3)."""
    picture = raster.to_rgb(raster.ground(spec), spec)
    picture.flags.writeable = False
    return picture


def shifted(picture: np.ndarray, spec: ImageSpec, columns: int) -> np.ndarray:
    """The picture with its traces moved in time by some columns, to the right where positive.

    Ground and grid stay. What leaves a row of a folded picture enters the next; what leaves the
    picture is lost, and where nothing enters it is blank.
    """
    height = spec.lane_px() * len(spec.lanes) if spec.fold > 1 else spec.height
    moved = blank(spec).copy()
    source, target = (_strip(x, spec, height) for x in (picture, moved))
    ink = (source != _strip(blank(spec), spec, height)).any(axis=-1)
    row, column = np.nonzero(ink)
    kept = (column + columns >= 0) & (column + columns < ink.shape[1])
    target[row[kept], column[kept] + columns] = source[row[kept], column[kept]]
    for index in range(spec.fold):
        part = target[:, index * spec.width : (index + 1) * spec.width]
        moved[index * height : (index + 1) * height] = part
    return moved


def _strip(picture: np.ndarray, spec: ImageSpec, height: int) -> np.ndarray:
    """A folded picture's rows side by side, a copy."""
    rows = [picture[index * height : (index + 1) * height] for index in range(spec.fold)]
    return np.concatenate(rows, axis=1)
