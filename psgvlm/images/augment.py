"""Pictures varied while training: gain, lost lanes, time, noise, colour. Seeded; all off at first.

What is varied is the ink, that is what differs from the spec's empty ground: lanes keep their
places, and the grid and the ground stay as they are.
"""

from dataclasses import dataclass, fields

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.montages import MODALITY


@dataclass(frozen=True)
class Augmentation:
    """How far pictures are varied; a picture's own values are drawn anew each time.

    `gain` is the largest factor by which a lane is made taller or flatter, drawn for each lane (its
    logarithm evenly); `lane_dropout` the share of lanes emptied, of which one always stays;
    `shift_s` the most seconds that the traces move to either side, what enters being empty;
    `noise` the standard deviation of Gaussian noise in grey levels; `colour` the most by which the
    contrast of the red, green and blue parts changes, each by itself.
    """

    gain: float = 1.0
    lane_dropout: float = 0.0
    shift_s: float = 0.0
    noise: float = 0.0
    colour: float = 0.0

    def __post_init__(self):
        checks = {
            "gain is 1 to 10": 1 <= self.gain <= 10,
            "lane_dropout is 0 to 1": 0 <= self.lane_dropout <= 1,
            "shift_s is 0 to 15": 0 <= self.shift_s <= 15,
            "noise is 0 to 128": 0 <= self.noise <= 128,
            "colour is 0 to 1": 0 <= self.colour <= 1,
        }
        wrong = [text for text, holds in checks.items() if not holds]
        if wrong:
            raise InputError(f"augmentation {self}; expected: {wrong[0]}")

    def __bool__(self):
        return self != Augmentation()

    @classmethod
    def parse(cls, text: str) -> "Augmentation":
        """Read `gain=1.5,lane_dropout=0.1`; an empty text varies nothing."""
        known = [field.name for field in fields(cls)]
        values = {}
        for part in filter(None, map(str.strip, text.split(","))):
            name, _, number = part.partition("=")
            try:
                values[known[known.index(name.strip())]] = float(number)
            except ValueError:
                raise InputError(
                    f"augment {part!r}; expected NAME=NUMBER, with a name of {', '.join(known)}"
                ) from None
        return cls(**values)


class Varied:
    """A dataset's rows with varied pictures, for torch's loader, by row and draw
    (`psgvlm.training.sampling`).

    What is varied follows from the seed and the number of the draw: so it is the same on any number
    of processes and loader workers and in a run that was stopped and resumed, and a row that is
    drawn twice is varied in two ways. All pictures of a row are varied alike.
    """

    def __init__(self, rows, spec: ImageSpec, how: Augmentation, seed: int):
        self.rows, self.spec, self.how, self.seed = rows, spec, how, seed

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, drawn: tuple[int, int]) -> dict:
        from PIL import Image

        place, number = drawn
        row = self.rows[place]
        if not self.how:
            return row
        pictures = [
            augment(
                np.asarray(image), self.spec, self.how, np.random.default_rng([self.seed, number])
            )
            for image in row["images"]
        ]
        return {**row, "images": [Image.fromarray(picture) for picture in pictures]}


def augment(
    picture: np.ndarray, spec: ImageSpec, how: Augmentation, rng: np.random.Generator
) -> np.ndarray:
    """Vary one picture: uint8 RGB of the spec's size in and out, of shape (height, width, 3).

    The numbers drawn do not depend on the picture: with equal generators an epoch and its
    neighbours are varied alike.
    """
    lanes = len(spec.lanes)
    lost = rng.random(lanes) < how.lane_dropout
    if lost.all():
        lost[rng.integers(lanes)] = False
    gains = how.gain ** rng.uniform(-1, 1, lanes)
    shift_px = round(rng.uniform(-1, 1) * how.shift_s * spec.width * spec.fold / spec.shown_s)
    contrast = 1 + how.colour * rng.uniform(-1, 1, 3)

    empty = raster.to_rgb(raster.ground(spec), spec).astype(np.float32)
    ink = picture - empty
    rows = ink[: spec.fold * lanes * spec.lane_px()]  # below are a spectrogram or nothing
    if shift_px:
        _shift(rows, spec, shift_px)
    for index, name in enumerate(spec.lanes):
        for where in raster.lane_rows(spec, name):
            lane = rows[where]
            if lost[index]:
                lane[:] = 0
            elif how.gain > 1:
                lane[:] = _taller(lane, gains[index])
        if lost[index] and spec.spectrogram and name == _first_eeg(spec):
            ink[len(rows) :] = 0
    ink *= contrast
    if how.noise:
        ink += rng.normal(0, how.noise, ink.shape)
    return (empty + ink).round().clip(0, 255).astype(np.uint8)


def _first_eeg(spec: ImageSpec) -> str:
    """The lane whose spectrogram it is."""
    return next(name for name in spec.lanes if MODALITY[name] == "EEG")


def _taller(lane: np.ndarray, gain: float) -> np.ndarray:
    """A lane stretched about its middle row by a factor; what leaves it is cut off."""
    height = len(lane)
    source = (np.arange(height) + 0.5 - height / 2) / gain + height / 2 - 0.5
    below = np.floor(source).astype(int)
    share = (source - below)[:, None, None].astype(np.float32)
    framed = np.zeros((height + 2, *lane.shape[1:]), np.float32)  # no ink outside of the lane
    framed[1:-1] = lane
    first = framed[(below + 1).clip(0, height + 1)]
    second = framed[(below + 2).clip(0, height + 1)]
    return first * (1 - share) + second * share


def _shift(rows: np.ndarray, spec: ImageSpec, pixels: int) -> None:
    """Move what all lanes show to the right, from one folded row on to the next; in place."""
    folded = rows.reshape(spec.fold, -1, spec.width, 3)
    strip = np.concatenate(list(folded), axis=1)
    moved = np.zeros_like(strip)
    if pixels > 0:
        moved[:, pixels:] = strip[:, :-pixels]
    else:
        moved[:, :pixels] = strip[:, -pixels:]
    folded[:] = np.stack(np.split(moved, spec.fold, axis=1))
