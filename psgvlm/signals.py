"""From a recording to the traces that are drawn: derived, in µV, filtered as one continuous record.

A trace keeps its channel's true rate: epochs are cut, and pixels placed, by time. Nothing is
resampled, so nothing can alias and a rate of 256.016 Hz does not drift against the scores. Fewer
samples would not be drawn faster by as much as resampling costs.
"""

import math
from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.filters import band_pass, find_mains
from psgvlm.image_spec import ImageSpec
from psgvlm.montage import Derivation, LaneMap
from psgvlm.recording import Recording

PLAUSIBLE_UV = (1.0, 1000.0)  # an EEG lane's amplitude (see `amplitude_uv`)


@dataclass(frozen=True)
class Quality:
    """Seconds of a lane's raw signal that do not move, and that lie at the limits of the file."""

    flat_s: float
    clipped_s: float


@dataclass(frozen=True)
class Trace:
    """A lane's whole signal: float32 samples in µV, shape (n_samples,), and its rate in Hz.

    `quality` is of the raw signal that it was made from, where there was one.
    """

    samples_uv: np.ndarray
    rate_hz: float
    quality: Quality | None = None


def prepare(recording: Recording, lanes: LaneMap, spec: ImageSpec) -> list[Trace | None]:
    """Read, derive and filter every lane; `None` for a lane that the recording does not have.

    Raises `InputError` where the two signals of a derivation do not have the same rate, or where
    one has a rate that cannot show its lane's band.
    """
    traces: list[Trace | None] = []
    for lane, source in zip(lanes.lanes, lanes.sources, strict=True):
        if source is None:
            traces.append(None)
            continue
        samples, rate_hz, clipped = derive(recording, source)
        quality = Quality(_flat_s(samples, rate_hz), round(clipped / rate_hz, 3))
        band_hz = getattr(spec, f"{lane.modality.lower()}_hz")
        mains_hz = _mains(spec.mains, samples, rate_hz)
        try:
            for stretch in _stretches(recording, samples, rate_hz):
                band_pass(stretch, rate_hz, band_hz, mains_hz, out=stretch)
        except InputError as error:
            raise InputError(f"{recording.path}: lane {lane.name} ({source}): {error}") from None
        traces.append(Trace(samples, rate_hz, quality))
    return traces


def _mains(choice: str, samples: np.ndarray, rate_hz: float) -> int:
    """The frequency to take out, of an image spec's `"auto"`, `"50"`, `"60"` or `"off"`."""
    if choice == "auto":
        return find_mains(samples, rate_hz)
    return 0 if choice == "off" else int(choice)


def _stretches(recording: Recording, samples: np.ndarray, rate_hz: float) -> list[np.ndarray]:
    """The samples of each stretch without a gap: a filter must not ring across one."""
    lengths_s = [stop - start for start, stop in recording.segments]
    return np.split(samples, np.round(np.cumsum(lengths_s)[:-1] * rate_hz).astype(int))


def derive(recording: Recording, source: Derivation) -> tuple[np.ndarray, float, int]:
    """A lane's raw signal in µV, its rate in Hz, and how many samples lie at a file's limits."""
    rate_hz = recording.channel(source.plus).rate_hz
    samples = recording.read_uv(source.plus)
    clipped = _clipped(recording, source.plus, samples)
    if source.minus is not None:
        other_hz = recording.channel(source.minus).rate_hz
        if other_hz != rate_hz:
            raise InputError(
                f"{recording.path}: {source} has rates of {rate_hz:g} and {other_hz:g} Hz; "
                "expected the same rate for both signals of a derivation"
            )
        other = recording.read_uv(source.minus)
        clipped = clipped | _clipped(recording, source.minus, other)
        samples -= other
    return samples, rate_hz, int(np.count_nonzero(clipped))


def _clipped(recording: Recording, label: str, samples: np.ndarray) -> np.ndarray:
    """Which samples lie at the limits that the file can store, bool of their shape (or of ())."""
    low, high = recording.limits_uv(label)
    # A hair within the limits: they are written in decimals, the samples are float32.
    hair = 1e-4 * (high - low) if math.isfinite(high - low) else 0.0
    low, high = low + hair, high - hair
    if not len(samples) or low < samples.min() <= samples.max() < high:
        return np.zeros((), bool)
    return (samples <= low) | (samples >= high)


def _flat_s(samples: np.ndarray, rate_hz: float) -> float:
    """For how long a signal stands still for a second or more."""
    # numba takes most of a second to import, and `--help` needs none of it.
    from psgvlm.runs import standing_still

    runs = standing_still(samples, rate_hz)
    return round(float((runs[:, 1] - runs[:, 0]).sum()) / rate_hz, 3)


def amplitude_uv(recording: Recording, source: Derivation) -> float:
    """What a lane's raw signal typically spans in µV, whatever its drifts and artefacts.

    The 5th to 95th percentile of a second, its median over the record: 20 to 60 in an EEG. 0 where
    most of it is flat.
    """
    samples, rate_hz, _ = derive(recording, source)
    length = min(max(2, round(rate_hz)), len(samples))
    starts = np.unique(np.linspace(0, len(samples) - length, 1000).astype(int))
    seconds = np.lib.stride_tricks.sliding_window_view(samples, length)[starts]
    low, high = np.percentile(seconds, (5, 95), axis=1)
    return float(np.median(high - low))


def implausible(recording: Recording, lanes: LaneMap) -> str | None:
    """Which EEG lane is not of a height that an EEG can have, as text; `None` where all are.

    A likely error of unit or gain, which would be drawn as a flat line or as a black block. A lane
    that is flat for most of the night is none, as long as another EEG lane moves.
    """
    heights = {
        lane.name: (amplitude_uv(recording, source), source)
        for lane, source in zip(lanes.lanes, lanes.sources, strict=True)
        if source and lane.modality == "EEG"
    }
    if heights and not any(height for height, _ in heights.values()):
        return f"{', '.join(heights)}: flat for most of the record"
    low, high = PLAUSIBLE_UV
    for name, (height, source) in heights.items():
        if height and not low <= height <= high:
            unit = recording.channel(source.plus).unit or "no unit"
            return (
                f"{name} ({source}, {unit}) spans {height:.3g} µV; a likely error of unit or gain: "
                f"expected an EEG of {low:g} to {high:g} µV"
            )
    return None
