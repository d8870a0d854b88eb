"""What was found to decide an epoch's stage: numbers, the parts that stand out, a sentence."""

from dataclasses import dataclass

import numpy as np

from psgvlm.image_spec import ImageSpec
from psgvlm.images import geometry
from psgvlm.stages import STAGES

MOST_PARTS = 3
# How the sentence says it: where it is not the model's stage any more without the parts, and else.
VERBS = {
    "patches": ("decided by", "leaning on"),
    "ablation": ("decided by", "leaning on"),
    "gradient": ("most sensitive to", "most sensitive to"),
    "attention": ("looking at", "looking at"),
}


@dataclass(frozen=True)
class ImagePart:
    """A lane (all of them where `lane` is `None`), throughout or in spans of whole seconds.

    Spans are start and stop in seconds of the epoch.
    """

    lane: str | None
    spans: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        name = self.lane or "all lanes together"
        if not self.spans:
            return name
        return f"{name} at {_list([f'{start}–{stop}' for start, stop in self.spans])} s"

    def mask(self, spec: ImageSpec) -> np.ndarray:
        """Which pixels of the picture it is, bool of shape (height, width)."""
        mask = np.ones((spec.height, spec.width), bool)
        if self.lane:
            mask &= geometry.pixel_lanes(spec) == spec.lanes.index(self.lane)
        if self.spans:
            second = geometry.pixel_seconds(spec) + geometry.first_second(spec)
            mask &= np.any([(second >= a) & (second < b) for a, b in self.spans], axis=0)
        return mask


@dataclass(frozen=True)
class Explanation:
    """Why the model gave an epoch a stage.

    `probabilities` and `left` have shape (5,): of the epoch, and with `parts` blank. `heat` has the
    picture's shape (height, width), `lanes` one number a lane and `seconds` one a second shown,
    from `places.first_s` on. They are nats of the stage's log-probability (ablation, gradient), or
    attention; positive speaks for the stage. A lane or second stands out above `threshold`.
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
    left: np.ndarray

    @property
    def unit(self) -> str:
        """Of heat, lanes and seconds."""
        return "attention" if self.method == "attention" else f"nats of log p({self.stage})"

    @property
    def sentence(self) -> str:
        """What was measured, in words."""
        index = STAGES.index(self.stage)
        told = f"{self.stage} (p {self.probabilities[index]:.2f})"
        if not self.parts:
            most = max(self.lanes.max(), self.seconds.max())
            return (
                f"{told}: nothing stands out: no lane or second weighs more than "
                f"{max(most, 0):.2g} {self.unit}, and moving the traces by a few pixels changes it "
                f"by up to {self.threshold:.2g}."
            )
        before, after = self.probabilities.argmax(), self.left.argmax()
        verb = VERBS[self.method][0 if before == index != after else 1]
        first, *others = map(str, self.parts)
        told += f", {verb} {_list([first, *(f'{verb.split()[-1]} {part}' for part in others)])}"
        then = "the stage is the same" if before == after else f"the stage {STAGES[after]}"
        return f"{told}; with that blank p is {self.left[index]:.2f} and {then}."


def stand_out(
    spec: ImageSpec, lanes: np.ndarray, seconds: np.ndarray, cells: np.ndarray, threshold: float
) -> tuple[ImagePart, ...]:
    """The lanes above the threshold, heaviest first, each with its seconds above it.

    `cells`, shape (lanes, seconds), are the seconds of each lane. A lane of which no second is
    above the threshold, or more than half are, counts throughout. Where no lane is above it, the
    seconds of all lanes are.
    """
    first = geometry.first_second(spec)
    heaviest = [i for i in np.argsort(-lanes, kind="stable") if lanes[i] > threshold]
    parts = []
    for lane in heaviest[:MOST_PARTS]:
        above = cells[lane] > threshold
        spans = _spans(above, first) if above.mean() <= 0.5 else ()
        parts.append(ImagePart(spec.lanes[lane], spans))
    if not parts and (above := seconds > threshold).any():
        parts.append(ImagePart(None, _spans(above, first) if above.mean() <= 0.5 else ()))
    return tuple(parts)


def _spans(above: np.ndarray, first: int) -> tuple[tuple[int, int], ...]:
    """Runs of seconds, as start and stop."""
    edges = np.flatnonzero(np.diff(np.r_[False, above, False].astype(int)))
    return tuple((int(a) + first, int(b) + first) for a, b in edges.reshape(-1, 2))


def _list(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
