"""The signals of lanes: how they are derived from a recording's channels, and their amplitude.

A trace keeps the true rate of its channel. Epochs are cut and pixels are placed by time. Nothing is
resampled, so nothing can alias, and a rate of 256.016 Hz does not drift against the scores.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.lanes import Derivation
from psgvlm.recordings.recording import Recording

SECONDS = 100  # how many seconds, spread over a record, its amplitude is measured in


@dataclass(frozen=True)
class Quality:
    """How long the raw signal of a lane is useless.

    Attributes
    ----------
    flat_s : float
        Seconds for which it stands still.
    clipped_s : float
        Seconds for which it lies at a limit of what the file can store.
    """

    flat_s: float
    clipped_s: float


@dataclass(frozen=True)
class Trace:
    """The signal of a lane, or a piece of it.

    Attributes
    ----------
    samples_uv : ndarray of float32, shape (n,)
        The samples in µV.
    rate_hz : float
        Samples a second.
    first : int
        The number of the first sample in the record; 0 if the trace is the whole record.
    half_uv : float or None
        Half the height of the lane in µV if the whole record decides it (`scale="robust"`), else
        None.
    """

    samples_uv: np.ndarray
    rate_hz: float
    first: int = 0
    half_uv: float | None = None


def derive(
    recording: Recording, sources: Sequence[Derivation], start_s: float, stop_s: float
) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Read the raw signals of several derivations between two times.

    Parameters
    ----------
    recording : Recording
    sources : sequence of Derivation
        The derivations, each one channel or the difference of two.
    start_s, stop_s : float
        Seconds of the stored samples; times beyond them have no samples.

    Returns
    -------
    list of (int, ndarray, ndarray)
        For each derivation the number of its first sample, its samples in µV (float32, shape (n,)),
        and which of them lie at a limit of what the file can store (bool, shape (n,), or shape ()
        if none does).

    Raises
    ------
    InputError
        If the two channels of a derivation have different rates.
    """
    _check_rates(recording, sources)
    channels = recording.read_span_uv(_labels(sources), start_s, stop_s)
    uses = Counter(source.plus for source in sources)
    derived = []
    for source in sources:
        first, samples = channels[source.plus]
        limited = _at_limits(recording, source.plus, samples)
        if source.minus is not None:
            _, minus = channels[source.minus]
            limited = limited | _at_limits(recording, source.minus, minus)
            samples = samples - minus
        elif uses[source.plus] > 1:
            samples = samples.copy()  # lanes that show the same channel are filtered in place
        derived.append((first, samples, limited))
    return derived


def _labels(sources: Iterable[Derivation]) -> list[str]:
    """Return the labels of the channels that derivations are made of, each once."""
    labels = [label for source in sources for label in (source.plus, source.minus) if label]
    return list(dict.fromkeys(labels))


def _check_rates(recording: Recording, sources: Iterable[Derivation]) -> None:
    for source in sources:
        rates = [recording.channel(label).rate_hz for label in _labels([source])]
        if rates[0] != rates[-1]:
            raise InputError(
                f"{recording.path}: the channels of {source} have rates of {rates[0]:g} and "
                f"{rates[1]:g} Hz; expected the same rate for both channels of a derivation"
            )


def _at_limits(recording: Recording, label: str, samples: np.ndarray) -> np.ndarray:
    """Return which samples lie at a limit of the file, bool of shape (n,), or () if none does."""
    low, high = recording.limits_uv(label)
    # The limits are written in decimals and the samples are float32, so the two may differ by
    # rounding: samples within a ten-thousandth of a limit count.
    margin = 1e-4 * (high - low) if math.isfinite(high - low) else 0.0
    low, high = low + margin, high - margin
    if not len(samples) or low < samples.min() <= samples.max() < high:
        return np.zeros((), bool)
    return (samples <= low) | (samples >= high)


def amplitudes_uv(recording: Recording, sources: Sequence[Derivation]) -> dict[Derivation, float]:
    """Return the typical amplitude of raw signals in µV, which drifts and artefacts do not change.

    The amplitude of a second is the distance from its 5th to its 95th percentile. The result is the
    median over `SECONDS` seconds of the record: 20 to 60 for an EEG, 0 if most of it is flat.
    """
    pieces: dict[Derivation, list[np.ndarray]] = {source: [] for source in sources}
    for start_s in np.linspace(0, max(0.0, recording.stored_duration_s - 1), SECONDS):
        derived = derive(recording, sources, start_s, start_s + 1)
        for source, (_, samples, _) in zip(sources, derived, strict=True):
            pieces[source].append(samples)
    amplitudes = {}
    for source, seconds in pieces.items():
        length = min(map(len, seconds))  # some have one more by rounding
        low, high = np.percentile([samples[:length] for samples in seconds], (5, 95), axis=1)
        amplitudes[source] = float(np.median(high - low))
    return amplitudes


def useless_share(recording: Recording, source: Derivation) -> float:
    """Return in which share of some seconds of the record a raw signal is flat or clipped."""
    useless = 0
    for start_s in np.linspace(0, max(0.0, recording.stored_duration_s - 1), SECONDS):
        ((_, samples, limited),) = derive(recording, [source], start_s, start_s + 1)
        useless += not len(samples) or np.ptp(samples) == 0 or bool(limited.any())
    return useless / SECONDS
