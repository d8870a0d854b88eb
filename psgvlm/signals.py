"""From a recording to the traces that are drawn: derived, in µV, filtered as one continuous record.

A trace keeps its channel's true rate: epochs are cut, and pixels placed, by time. Nothing is
resampled, so nothing can alias and a rate of 256.016 Hz does not drift against the scores.
"""

from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.montage import Derivation, LaneMap
from psgvlm.recording import Recording


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
        traces.append(Trace(band_pass(samples, rate_hz, band_hz), rate_hz))
    return traces


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
    if len(samples) < 2:
        return np.zeros_like(samples)
    sections = butter(4, (low, high), "bandpass", fs=rate_hz, output="sos")
    # Ten seconds of padding let a 0.3-Hz filter settle; a short record has less to mirror.
    padding = min(int(10 * rate_hz), len(samples) - 1)
    return sosfiltfilt(sections, samples, padlen=padding).astype(np.float32)
