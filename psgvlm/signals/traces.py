"""From a recording to the traces that are drawn: derived, in µV, filtered as one continuous record.

A trace keeps its channel's true rate: epochs are cut, and pixels placed, by time. Nothing is
resampled, so nothing can alias and a rate of 256.016 Hz does not drift against the scores. Fewer
samples would not be drawn faster by as much as resampling costs.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.recordings.lanes import Derivation, LaneMap
from psgvlm.recordings.recording import Recording
from psgvlm.signals.filters import band_pass, find_mains

PLAUSIBLE_UV = (1.0, 1000.0)  # an EEG lane's amplitude (see `amplitudes_uv`)
SECONDS = 100  # of a record, spread over it, that its amplitude is judged by


@dataclass(frozen=True)
class Quality:
    """Seconds of a lane's raw signal that do not move, and that lie at the limits of the file."""

    flat_s: float
    clipped_s: float


@dataclass(frozen=True)
class Trace:
    """A lane's signal: float32 samples in µV, shape (n_samples,), and its rate in Hz.

    `quality` is of the raw signal that it was made from, where there was one. Of a stretch of a
    record, `first` is the number of its first sample in the record, and `half_uv` what half a lane
    is where the whole record decides (`scale="robust"`).
    """

    samples_uv: np.ndarray
    rate_hz: float
    quality: Quality | None = None
    first: int = 0
    half_uv: float | None = None


def prepare(recording: Recording, lanes: LaneMap, spec: ImageSpec) -> list[Trace | None]:
    """Read, derive and filter every lane; `None` for a lane that the recording does not have.

    Raises `InputError` where the two signals of a derivation do not have the same rate, or where
    one has a rate that cannot show its lane's band.
    """
    derived = iter(derive(recording, lanes.filled))
    traces: list[Trace | None] = []
    for lane, source in zip(lanes.lanes, lanes.sources, strict=True):
        if source is None:
            traces.append(None)
            continue
        samples, clipped = next(derived)
        rate_hz = recording.channel(source.plus).rate_hz
        quality = Quality(_flat_s(samples, rate_hz), round(clipped / rate_hz, 3))
        band_hz = spec.band_hz(lane.modality)
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


def derive(recording: Recording, sources: Sequence[Derivation]) -> list[tuple[np.ndarray, int]]:
    """Raw signals in µV, and how many of their samples lie at a file's limits.

    All are read in one pass over the file, and derived some minutes at a time.
    """
    _check_rates(recording, sources)
    whole = [np.empty(recording.channel(s.plus).n_samples, np.float32) for s in sources]
    done, clipped = [0] * len(sources), [0] * len(sources)
    for parts in recording.windows_uv(_labels(sources)):
        at_limits = {label: _clipped(recording, label, part) for label, part in parts.items()}
        for i, source in enumerate(sources):
            part, limited = parts[source.plus], at_limits[source.plus]
            into = whole[i][done[i] : done[i] + len(part)]
            if source.minus is None:
                into[:] = part
            else:
                np.subtract(part, parts[source.minus], out=into)
                limited = limited | at_limits[source.minus]
            done[i] += len(part)
            clipped[i] += int(np.count_nonzero(limited))
    return list(zip(whole, clipped, strict=True))


def derive_part(
    recording: Recording, sources: Sequence[Derivation], start_s: float, stop_s: float
) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """Raw signals from `start_s` to `stop_s` of the stored samples.

    For each source: the number of its first sample, its samples in µV, and which of them lie at a
    file's limits (bool, of their shape or of ()).
    """
    _check_rates(recording, sources)
    parts = recording.part_uv(_labels(sources), start_s, stop_s)
    found = []
    for source in sources:
        first, samples = parts[source.plus]
        limited = _clipped(recording, source.plus, samples)
        if source.minus is not None:
            _, minus = parts[source.minus]
            limited = limited | _clipped(recording, source.minus, minus)
            samples = samples - minus
        found.append((first, samples, limited))
    return found


def _labels(sources: Iterable[Derivation]) -> list[str]:
    """The signals that derivations are made of, each once."""
    labels = [label for source in sources for label in (source.plus, source.minus) if label]
    return list(dict.fromkeys(labels))


def _check_rates(recording: Recording, sources: Iterable[Derivation]) -> None:
    for source in sources:
        rates = [recording.channel(label).rate_hz for label in _labels([source])]
        if rates[0] != rates[-1]:
            raise InputError(
                f"{recording.path}: {source} has rates of {rates[0]:g} and {rates[1]:g} Hz; "
                "expected the same rate for both signals of a derivation"
            )


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
    from psgvlm.signals.flat_runs import standing_still

    runs = standing_still(samples, rate_hz)
    return round(float((runs[:, 1] - runs[:, 0]).sum()) / rate_hz, 3)


def amplitudes_uv(recording: Recording, sources: Sequence[Derivation]) -> dict[Derivation, float]:
    """What raw signals typically span in µV, whatever their drifts and artefacts.

    The 5th to 95th percentile of a second, its median over `SECONDS` of the record: 20 to 60 in an
    EEG. 0 where most of it is flat.
    """
    _check_rates(recording, sources)
    windows = list(recording.windows_uv(_labels(sources), SECONDS))
    each = math.ceil(SECONDS / len(windows))  # several of each, where data records are long and few
    found = {}
    for source in sources:
        seconds = []
        for parts in windows:
            samples = parts[source.plus]
            if source.minus is not None:
                samples = samples - parts[source.minus]
            length = min(max(2, round(recording.channel(source.plus).rate_hz)), len(samples))
            starts = np.unique(np.linspace(0, len(samples) - length, each).astype(int))
            seconds += [samples[start : start + length] for start in starts]
        low, high = np.percentile(seconds, (5, 95), axis=1)
        found[source] = float(np.median(high - low))
    return found


def implausible(recording: Recording, lanes: LaneMap) -> str | None:
    """Which EEG lane is not of a height that an EEG can have, as text; `None` where all are.

    A likely error of unit or gain, which would be drawn as a flat line or as a black block. A lane
    that is flat for most of the night is none, as long as another EEG lane moves.
    """
    eeg = {
        lane.name: source
        for lane, source in zip(lanes.lanes, lanes.sources, strict=True)
        if source and lane.modality == "EEG"
    }
    spans_uv = amplitudes_uv(recording, list(eeg.values())) if eeg else {}
    heights = {name: (spans_uv[source], source) for name, source in eeg.items()}
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
