"""A night of a corpus as every baseline sees it: its rows, and its signal where RAW is at hand."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.recordings.lanes import LaneMap
from psgvlm.recordings.recording import Recording
from psgvlm.signals import traces as signals
from psgvlm.signals.traces import Trace
from psgvlm.stages import EPOCH_S, STAGES


@dataclass(frozen=True)
class CorpusNight:
    """One recording's scored rows of a split, in the corpus' order.

    `rows` is a dataset of them and `index`, shape (n_epochs,), says which rows of the split they
    are. `recording` and `lanes` are `None` where only the corpus is at hand.
    """

    rows: object
    index: np.ndarray
    spec: ImageSpec
    recording: Recording | None = None
    lanes: LaneMap | None = None

    @property
    def name(self) -> str:
        """Cohort and recording, as the corpus calls them."""
        return f"{self.rows['cohort'][0]}/{self.rows['recording'][0]}"

    @property
    def stages(self) -> np.ndarray:
        """The scorer's stages as places in `STAGES`, int64 of shape (n_epochs,)."""
        return np.array(self.rows["stage"])

    @property
    def epochs(self) -> np.ndarray:
        """Each row's number on the record's own grid of epochs, int64 of shape (n_epochs,)."""
        return np.array(self.rows["epoch"])

    def stored_s(self) -> np.ndarray:
        """Where each epoch begins in the stored samples, in seconds: gaps are not stored."""
        recording = self._recording()
        stored = [recording.stored_s(onset_s, EPOCH_S) for onset_s in self.rows["onset"]]
        if None in stored:
            raise InputError(
                f"{recording.path}: {stored.count(None)} epochs of the corpus' {self.name} are not "
                f"within its {recording.duration_s:g} s; expected the recording it was drawn from"
            )
        return np.array(stored)

    def traces(self) -> list[Trace | None]:
        """The lanes filtered as they are drawn; `None` for one that the recording lacks."""
        return signals.prepare(self._recording(), self.lanes, self.spec)

    def unfiltered(self) -> list[Trace | None]:
        """The lanes as they were recorded, derived and in µV; `None` for a missing one."""
        recording, sources = self._recording(), self.lanes.sources
        derived = iter(signals.derive(recording, [source for source in sources if source]))
        return [
            Trace(next(derived)[0], recording.channel(source.plus).rate_hz) if source else None
            for source in sources
        ]

    def pictures(self) -> Iterator:
        """Each epoch's picture, RGB: drawn anew where the recording is open, else the corpus'."""
        if self.recording is None:
            yield from (row["images"][0] for row in self.rows)
            return
        from PIL import Image

        from psgvlm.images import raster

        for image in raster.draw(self.traces(), self.spec, self.stored_s()):
            yield Image.fromarray(raster.to_rgb(image, self.spec))

    def _recording(self) -> Recording:
        if self.recording is None:
            raise InputError(
                f"{self.name}: only its pictures are at hand; expected the raw folder that the "
                "corpus was built from: this baseline reads the signal"
            )
        return self.recording


def of_split(split, spec: ImageSpec) -> list[CorpusNight]:
    """The nights of a split (of `psgvlm.corpus.loading.Corpus.split`), in the order of their first
    rows."""
    members: dict[tuple[str, str], list[int]] = {}
    names = zip(split["cohort"], split["recording"], strict=True)
    for row, name in enumerate(names):
        members.setdefault(name, []).append(row)
    return [CorpusNight(split.select(rows), np.array(rows), spec) for rows in members.values()]


def stage_counts(nights: list[CorpusNight]) -> np.ndarray:
    """How many epochs of each stage there are, int64 of shape (5,)."""
    stages = [night.stages for night in nights]
    if not stages:
        raise InputError("no nights to learn from; expected a train split with scored epochs")
    return np.bincount(np.concatenate(stages), minlength=len(STAGES))


def at_rate(trace: Trace, rate_hz: float) -> np.ndarray:
    """A whole trace at another rate, float32: by its spectrum, cut off at half the lower rate.

    What is not finite becomes 0. Time stays true to a fraction of a sample over the whole record.
    """
    from scipy.signal import resample

    samples = np.nan_to_num(trace.samples_uv, nan=0.0, posinf=0.0, neginf=0.0)
    if trace.rate_hz == rate_hz or not len(samples):
        return samples
    ratio = rate_hz / trace.rate_hz
    length = _length(len(samples), ratio)
    # Padded with its mirror image, the end stays smooth.
    padded = np.pad(samples, (0, length - len(samples)), "reflect")
    resampled = resample(padded, round(length * ratio)).astype(np.float32)
    return resampled[: round(len(samples) * ratio)]


def _length(count: int, ratio: float) -> int:
    """A length from `count` on that Fourier transforms are fast for, and whose `ratio` is whole.

    Of the next 50 without large prime factors, the one of which it is nearest to that: a rate of
    256.016 Hz must not drift.
    """
    from scipy.fft import next_fast_len

    lengths = [next_fast_len(count)]
    for _ in range(49):
        lengths.append(next_fast_len(lengths[-1] + 1))
    return min(lengths, key=lambda length: abs(length * ratio - round(length * ratio)) / length)
