"""An explanation: numbers for each pixel, lane and second, the parts that stand out, a sentence."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.images import geometry
from psgvlm.stages import STAGES
from psgvlm.staging.hypnogram import bouts

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PARTS = 3
# How the sentence puts it if the model gives another stage without the parts, and if it does not.
VERBS = {
    "patches": ("decided by", "leaning on"),
    "ablation": ("decided by", "leaning on"),
    "gradient": ("most sensitive to", "most sensitive to"),
    "attention": ("looking at", "looking at"),
}


@dataclass(frozen=True)
class ImagePart:
    """A part of an epoch's image: a lane, some seconds, or some seconds of a lane.

    Attributes
    ----------
    lane : str or None
        The lane, or None for all lanes.
    spans : tuple of (int, int)
        Start and stop of each span in seconds of the epoch. Without spans, the part is the lane
        from its start to its end.
    """

    lane: str | None
    spans: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        name = self.lane or "all lanes together"
        if not self.spans:
            return name
        return f"{name} at {_join([f'{start}–{stop}' for start, stop in self.spans])} s"

    def mask(self, spec: ImageSpec) -> np.ndarray:
        """Return which pixels of the image belong to the part, bool of shape (height, width)."""
        mask = np.ones((spec.height, spec.width), bool)
        if self.lane:
            mask &= geometry.pixel_lanes(spec) == spec.lanes.index(self.lane)
        if self.spans:
            second = geometry.pixel_seconds(spec) + geometry.first_second(spec)
            mask &= np.any([(second >= a) & (second < b) for a, b in self.spans], axis=0)
        return mask


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """Why the model gave an epoch its stage.

    Positive numbers speak for the stage, negative ones against it. Their unit is `unit`.

    Attributes
    ----------
    spec : ImageSpec
        How the epoch was drawn.
    method : str
        How it was measured: `"ablation"`, `"patches"`, `"gradient"` or `"attention"`.
    stage : str
        The stage that is explained.
    probabilities : ndarray, shape (5,)
        The model's probabilities of W, N1, N2, N3 and R.
    heat : ndarray, shape (height, width)
        One number for each pixel of the epoch's image.
    lanes : ndarray, shape (n_lanes,)
        One number for each lane of `spec.lanes`.
    seconds : ndarray, shape (n_seconds,)
        One number for each second shown. The first one is second 0 of the epoch, or an earlier one
        if the image shows context before the epoch.
    threshold : float
        How much a meaningless change, moving the traces by a few pixels, changes such a number. A
        lane or second stands out if its number is larger.
    parts : tuple of ImagePart
        What stands out, the largest first.
    probabilities_without_parts : ndarray, shape (5,)
        The model's probabilities if all of `parts` are blank.
    image : PIL image or None
        The epoch's own image. A notebook shows it with the heat map.
    """

    spec: ImageSpec
    method: str
    stage: str
    probabilities: np.ndarray
    heat: np.ndarray
    lanes: np.ndarray
    seconds: np.ndarray
    threshold: float
    parts: tuple[ImagePart, ...]
    probabilities_without_parts: np.ndarray
    image: "Image | None" = None

    @property
    def unit(self) -> str:
        """The unit of `heat`, `lanes`, `seconds` and `threshold`."""
        return "attention" if self.method == "attention" else f"nats of log p({self.stage})"

    @property
    def sentence(self) -> str:
        """The explanation in words."""
        index = STAGES.index(self.stage)
        stage = f"{self.stage} (p {self.probabilities[index]:.2f})"
        if not self.parts:
            largest = max(self.lanes.max(), self.seconds.max(), 0)
            return (
                f"{stage}: nothing stands out. No lane or second weighs more than {largest:.2g} "
                f"{self.unit}, and moving the traces by a few pixels changes that by up to "
                f"{self.threshold:.2g}."
            )
        before, after = self.probabilities.argmax(), self.probabilities_without_parts.argmax()
        verb = VERBS[self.method][0 if before == index != after else 1]
        first, *others = map(str, self.parts)
        parts = _join([first, *(f"{verb.split()[-1]} {part}" for part in others)])
        return (
            f"{stage}, {verb} {parts}. With {'this part' if not others else 'these parts'} blank, "
            f"the model {'still gives' if before == after else 'gives'} {STAGES[after]}, and "
            f"p({self.stage}) is {self.probabilities_without_parts[index]:.2f}."
        )

    def save(self, path: str | Path | io.BytesIO) -> None:
        """Draw the image with its heat map, and bars for lanes and seconds, as a PNG.

        Parameters
        ----------
        path : path or file
            Where to write the PNG.

        Raises
        ------
        InputError
            If the explanation has no image.
        """
        from psgvlm.explanations.picture import draw

        if self.image is None:
            raise InputError("the explanation has no image; expected one that explain() returned")
        draw(self, self.image, path)

    def __repr__(self) -> str:
        return f"<Explanation by {self.method}: {self.sentence}>"

    def _repr_png_(self) -> bytes | None:
        """Return what a notebook shows."""
        if self.image is None:
            return None
        png = io.BytesIO()
        self.save(png)
        return png.getvalue()


def find_parts(
    spec: ImageSpec, lanes: np.ndarray, seconds: np.ndarray, cells: np.ndarray, threshold: float
) -> tuple[ImagePart, ...]:
    """Return the lanes above the threshold, largest first, each with its seconds above it.

    `cells` has shape (n_lanes, n_seconds) and holds the numbers of each lane's seconds. If none or
    more than half of a lane's seconds are above the threshold, the part is the whole lane. If no
    lane is above it, the part is the seconds of all lanes together that are.
    """
    first = geometry.first_second(spec)
    largest = [i for i in np.argsort(-lanes, kind="stable") if lanes[i] > threshold]
    parts = []
    for lane in largest[:MAX_PARTS]:
        above = cells[lane] > threshold
        spans = _spans(above, first) if above.mean() <= 0.5 else ()
        parts.append(ImagePart(spec.lanes[lane], spans))
    if not parts and (above := seconds > threshold).any():
        parts.append(ImagePart(None, _spans(above, first) if above.mean() <= 0.5 else ()))
    return tuple(parts)


def _spans(above: np.ndarray, first: int) -> tuple[tuple[int, int], ...]:
    """Return runs of true seconds as start and stop, counted from second `first`."""
    runs = bouts(above.tolist())
    return tuple((start + first, stop + first) for start, stop, is_above in runs if is_above)


def _join(words: list[str]) -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
