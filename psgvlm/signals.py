"""From a recording to the traces that are drawn: derived, in µV, filtered as one continuous record.

A trace keeps its channel's true rate: epochs are cut, and pixels placed, by time. Nothing is
resampled, so nothing can alias and a rate of 256.016 Hz does not drift against the scores.
"""

import math
from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.montage import Derivation, LaneMap
from psgvlm.recording import Recording

MAX_RATE_HZ = 20_000  # of any polygraph, and of what the filters can be trusted with
PLAUSIBLE_UV = (1.0, 1000.0)  # an EEG lane's amplitude (see `amplitude_uv`)


@dataclass(frozen=True)
class Trace:
    """A lane's whole signal: float32 samples in µV, shape (n_samples,), and its rate in Hz."""

    samples_uv: np.ndarray
    rate_hz: float


def prepare(recording: Recording, lanes: LaneMap, spec: ImageSpec) -> list[Trace | None]:
    """Read, derive and filter every lane; `None` for a lane that the recording does not have.

    Raises `InputError` where the two signals of a derivation do not have the same rate.
    """
    traces: list[Trace | None] = []
    for lane, source in zip(lanes.lanes, lanes.sources, strict=True):
        if source is None:
            traces.append(None)
            continue
        samples, rate_hz = _derive(recording, source)
        band_hz = getattr(spec, f"{lane.modality.lower()}_hz")
        pieces = [
            band_pass(piece, rate_hz, band_hz) for piece in _stretches(recording, samples, rate_hz)
        ]
        traces.append(Trace(np.concatenate(pieces), rate_hz))
    return traces


def _stretches(recording: Recording, samples: np.ndarray, rate_hz: float) -> list[np.ndarray]:
    """The samples of each stretch without a gap: a filter must not ring across one."""
    lengths_s = [stop - start for start, stop in recording.segments]
    return np.split(samples, np.round(np.cumsum(lengths_s)[:-1] * rate_hz).astype(int))


def _derive(recording: Recording, source: Derivation) -> tuple[np.ndarray, float]:
    rate_hz = recording.channel(source.plus).rate_hz
    samples = recording.read_uv(source.plus)
    if source.minus is not None:
        other_hz = recording.channel(source.minus).rate_hz
        if other_hz != rate_hz:
            raise InputError(
                f"{recording.path}: {source} has rates of {rate_hz:g} and {other_hz:g} Hz; "
                "expected the same rate for both signals of a derivation"
            )
        samples = samples - recording.read_uv(source.minus)
    return samples, rate_hz


def band_pass(samples: np.ndarray, rate_hz: float, band_hz: tuple[float, float]) -> np.ndarray:
    """Zero-phase Butterworth band-pass (order 4 each way), float32 of the same shape.

    Second-order sections: in b,a form the same filter is off by 20 µV at 1000 Hz. The upper edge is
    lowered to 0.45 of the rate where the band reaches beyond it.
    """
    # scipy.signal takes a second to import, and `--help` needs none of it.
    from scipy.signal import butter, sosfiltfilt

    low, high = band_hz[0], min(band_hz[1], 0.45 * rate_hz)
    if low >= high:
        raise InputError(
            f"a signal at {rate_hz:g} Hz cannot show {band_hz[0]:g}-{band_hz[1]:g} Hz; "
            f"expected a rate above {band_hz[0] / 0.45:.0f} Hz"
        )
    if not math.isfinite(rate_hz) or rate_hz > MAX_RATE_HZ:
        raise InputError(f"a signal at {rate_hz:g} Hz; expected no more than {MAX_RATE_HZ} Hz")
    if len(samples) < 2:
        return np.zeros_like(samples)
    sections = butter(4, (low, high), "bandpass", fs=rate_hz, output="sos")
    # Ten seconds of padding let a 0.3-Hz filter settle; a short record has less to mirror.
    padding = min(int(10 * rate_hz), len(samples) - 1)
    return sosfiltfilt(sections, samples, padlen=padding).astype(np.float32)


@dataclass(frozen=True)
class Quality:
    """Seconds of a lane's raw signal that do not move, and that lie at the limits of the file."""

    flat_s: float
    clipped_s: float


def quality(recording: Recording, source: Derivation) -> Quality:
    """How much of a lane's raw signal is flat for a second or longer, and how much is clipped."""
    samples, rate_hz = _derive(recording, source)
    moves = np.flatnonzero(np.diff(samples))
    runs = np.diff(np.concatenate(([-1], moves, [len(samples) - 1])))
    flat = runs[runs >= max(2, rate_hz)].sum()
    clipped = np.zeros(len(samples), bool)
    for label in filter(None, (source.plus, source.minus)):
        low, high = recording.limits_uv(label)
        # A hair within the limits: they are written in decimals, the samples are float32.
        hair = 1e-4 * (high - low) if math.isfinite(high - low) else 0.0
        values = samples if source.minus is None else recording.read_uv(label)
        clipped |= (values <= low + hair) | (values >= high - hair)
    return Quality(round(flat / rate_hz, 3), round(float(clipped.sum()) / rate_hz, 3))


def amplitude_uv(recording: Recording, source: Derivation) -> float:
    """What a lane's raw signal typically spans in µV, whatever its drifts and artefacts.

    The 5th to 95th percentile of a second, its median over the record: 20 to 60 in an EEG. 0 where
    most of it is flat.
    """
    samples, rate_hz = _derive(recording, source)
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
