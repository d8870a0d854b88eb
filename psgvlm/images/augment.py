"""Image augmentation for training: gain, lost lanes, shifts in time, noise and colour.

Everything is off by default, and random numbers follow from a seed. Only the ink changes, that is
the difference from the blank image: lanes keep their places, and grid and ground stay the same.
"""

from dataclasses import dataclass, fields

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.montages import MODALITY

RANGES = {
    **{"gain": (1, 10), "lane_dropout": (0, 1), "shift_s": (0, 15)},
    **{"noise": (0, 128), "colour": (0, 1)},
}


@dataclass(frozen=True)
class Augmentation:
    """The largest random changes of an image. Every image gets random values within them.

    Parameters
    ----------
    gain : float
        The largest factor by which a lane becomes taller or flatter, 1 to 10. Each lane has a
        factor of its own, whose logarithm is uniform.
    lane_dropout : float
        The probability that a lane is emptied, 0 to 1. At least one lane always stays.
    shift_s : float
        How many seconds the traces move at most to either side, 0 to 15. No ink enters at the
        other end.
    noise : float
        The standard deviation of Gaussian noise in grey levels, 0 to 128.
    colour : float
        By how much the contrast of each of the colours red, green and blue changes at most, 0 to 1.

    Raises
    ------
    InputError
        If a value is outside its range.
    """

    gain: float = 1.0
    lane_dropout: float = 0.0
    shift_s: float = 0.0
    noise: float = 0.0
    colour: float = 0.0

    def __post_init__(self):
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise InputError(
                    f"augmentation {name}={getattr(self, name):g}; expected {low} to {high}"
                )

    def __bool__(self):
        return self != Augmentation()

    @classmethod
    def parse(cls, text: str) -> "Augmentation":
        """Return the augmentation that a text such as `gain=1.5,lane_dropout=0.1` describes.

        An empty text changes nothing. Raise InputError for an unknown name or a value outside its
        range.
        """
        known = [field.name for field in fields(cls)]
        values = {}
        for part in filter(None, map(str.strip, text.split(","))):
            name, _, number = part.partition("=")
            try:
                values[known[known.index(name.strip())]] = float(number)
            except ValueError:
                raise InputError(
                    f"augmentation {part!r}; expected NAME=NUMBER with one of {', '.join(known)}"
                ) from None
        return cls(**values)


class AugmentedRows:
    """A dataset's rows with augmented images, for torch's DataLoader.

    An index is a pair of a row and the number of the draw, as the samplers of
    `psgvlm.training.sampling` give them. The random values follow from the seed and the number of
    the draw. So they do not depend on the number of processes and loader workers, nor on whether a
    run was resumed, and a row that is drawn twice is augmented in two ways. All images of a row
    are augmented alike.
    """

    def __init__(self, rows, spec: ImageSpec, augmentation: Augmentation, seed: int):
        self.rows, self.spec = rows, spec
        self.augmentation, self.seed = augmentation, seed

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: tuple[int, int]) -> dict:
        from PIL import Image

        place, draw = index
        row = self.rows[place]
        if not self.augmentation:
            return row
        images = [
            augment(
                np.asarray(image),
                self.spec,
                self.augmentation,
                # Equal generators, so that an epoch and its neighbours are augmented alike.
                np.random.default_rng([self.seed, draw]),
            )
            for image in row["images"]
        ]
        return {**row, "images": [Image.fromarray(image) for image in images]}


def augment(
    image: np.ndarray, spec: ImageSpec, augmentation: Augmentation, rng: np.random.Generator
) -> np.ndarray:
    """Augment one image.

    The random numbers do not depend on the image: with equal generators, two images are augmented
    alike.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        An RGB image of the spec.
    spec : ImageSpec
        How the image was drawn.
    augmentation : Augmentation
        The largest changes.
    rng : numpy.random.Generator
        The source of the random values.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    lanes = len(spec.lanes)
    lost = rng.random(lanes) < augmentation.lane_dropout
    if lost.all():
        lost[rng.integers(lanes)] = False
    gains = augmentation.gain ** rng.uniform(-1, 1, lanes)
    px_per_s = spec.width * spec.fold / spec.shown_s
    shift_px = round(rng.uniform(-1, 1) * augmentation.shift_s * px_per_s)
    contrast = 1 + augmentation.colour * rng.uniform(-1, 1, 3)

    blank = raster.blank_image(spec).astype(np.float32)
    ink = image - blank
    traces = ink[: spec.fold * lanes * spec.lane_px()]  # without a spectrogram at the bottom
    if shift_px:
        _shift(traces, spec, shift_px)
    for index, name in enumerate(spec.lanes):
        for rows in raster.lane_rows(spec, name):
            lane = traces[rows]
            if lost[index]:
                lane[:] = 0
            elif augmentation.gain > 1:
                lane[:] = _stretch(lane, gains[index])
        if lost[index] and spec.spectrogram and name == _first_eeg(spec):
            ink[len(traces) :] = 0
    ink *= contrast
    if augmentation.noise:
        ink += rng.normal(0, augmentation.noise, ink.shape)
    return (blank + ink).round().clip(0, 255).astype(np.uint8)


def _first_eeg(spec: ImageSpec) -> str:
    """Return the lane that a spectrogram is computed from."""
    return next(name for name in spec.lanes if MODALITY[name] == "EEG")


def _stretch(lane: np.ndarray, gain: float) -> np.ndarray:
    """Return a lane stretched about its middle row by a factor; ink that leaves it is cut off."""
    height = len(lane)
    source = (np.arange(height) + 0.5 - height / 2) / gain + height / 2 - 0.5
    below = np.floor(source).astype(int)
    share = (source - below)[:, None, None].astype(np.float32)
    framed = np.zeros((height + 2, *lane.shape[1:]), np.float32)  # there is no ink outside the lane
    framed[1:-1] = lane
    first = framed[(below + 1).clip(0, height + 1)]
    second = framed[(below + 2).clip(0, height + 1)]
    return first * (1 - share) + second * share


def _shift(traces: np.ndarray, spec: ImageSpec, pixels: int) -> None:
    """Move the ink of all lanes to the right in place, from one folded row into the next."""
    folded = traces.reshape(spec.fold, -1, spec.width, 3)
    strip = np.concatenate(list(folded), axis=1)
    moved = np.zeros_like(strip)
    if pixels > 0:
        moved[:, pixels:] = strip[:, :-pixels]
    else:
        moved[:, :pixels] = strip[:, -pixels:]
    folded[:] = np.stack(np.split(moved, spec.fold, axis=1))
