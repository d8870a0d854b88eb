"""Findings: what an epoch shows, measured lane by lane from the signals that are drawn.

Waves are detected in the whole record (`psgvlm.signals.waves`) and belong to the epoch that holds
their middle. Rhythm and tone are measured second by second. A second is lost if its signal is not
finite or does not move. There are no findings for a lane that the recording lacks, or that is lost
for half of the epoch. Waves that touch a lost second are left out.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from psgvlm.image_spec import ImageSpec
from psgvlm.montages import MODALITY
from psgvlm.signals import waves
from psgvlm.signals.traces import Trace
from psgvlm.stages import EPOCH_S

Span = tuple[float, float]  # start and stop, in seconds from the start of the epoch

BANDS_HZ = {
    "delta": (0.5, 4.0),
    "theta": (4.0, 8.0),
    "alpha": (8.0, 12.0),
    "sigma": (12.0, 16.0),
    "beta": (16.0, 30.0),
}
SECONDS = int(EPOCH_S)
MOST_LOST_S = SECONDS // 2
STILL_UV = {"EEG": 1.0, "EOG": 1.0, "EMG": 0.1}  # a second with a smaller range is lost
# A second is alpha rhythm if 8-13 Hz (AASM) hold more than half of the power of 1-30 Hz.
ALPHA_HZ, ALPHA_SHARE = (8.0, 13.0), 0.5
JOINED_S = 1.0  # slow waves, or eye movements, with a smaller gap are joined into one span
LOW_PERCENTILE = 5.0
LOW_TIMES, HIGH_TIMES = 1.5, 4.0


@dataclass(frozen=True)
class Eeg:
    """The findings of one EEG lane.

    Attributes
    ----------
    lane : str
        The name of the lane.
    lost_s : int
        How many seconds are lost.
    shares : tuple of float
        The share of each of `BANDS_HZ` in the power of 0.5-30 Hz, averaged over windows of 4 s. A
        single spectrum of the epoch would be dominated by one second of movement.
    alpha_s : int
        How many seconds are alpha rhythm.
    spindles, k_complexes, slow_waves : tuple of Span
        Where these waves are.
    slow_wave_s : float
        How long slow waves last in total, in seconds.
    """

    lane: str
    lost_s: int
    shares: tuple[float, ...]
    alpha_s: int
    spindles: tuple[Span, ...]
    k_complexes: tuple[Span, ...]
    slow_waves: tuple[Span, ...]
    slow_wave_s: float

    @property
    def leading(self) -> str:
        """The name of the band with the largest share."""
        return list(BANDS_HZ)[int(np.argmax(self.shares))]


@dataclass(frozen=True)
class Eyes:
    """The findings of both EOG lanes; one alone does not tell eye movements from brain waves."""

    lanes: tuple[str, str]
    lost_s: int
    fast: tuple[Span, ...]
    slow: tuple[Span, ...]


@dataclass(frozen=True)
class Muscle:
    """The findings of the EMG lane.

    `times_low` is the median RMS of the epoch's seconds, divided by the record's own low level,
    which is the 5th percentile of all seconds.
    """

    lane: str
    lost_s: int
    times_low: float

    @property
    def tone(self) -> str:
        """`low` below 1.5 times the low level, `high` from 4 times on, else `intermediate`."""
        times = self.times_low
        return "low" if times < LOW_TIMES else "high" if times >= HIGH_TIMES else "intermediate"


@dataclass(frozen=True)
class EpochFindings:
    """The findings of one epoch."""

    eeg: tuple[Eeg, ...] = ()
    eyes: Eyes | None = None
    muscle: Muscle | None = None

    def to_dict(self) -> dict:
        """Return the findings as a dictionary that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "EpochFindings":
        """Make findings from the result of `to_dict`, also after it went through JSON."""
        eyes, muscle = values["eyes"], values["muscle"]
        return cls(
            tuple(Eeg(**_with_tuples(lane)) for lane in values["eeg"]),
            eyes and Eyes(**_with_tuples(eyes)),
            muscle and Muscle(**muscle),
        )


def _with_tuples(value):
    """Return the value with tuples in place of JSON's lists."""
    if isinstance(value, dict):
        return {key: _with_tuples(item) for key, item in value.items()}
    return tuple(map(_with_tuples, value)) if isinstance(value, list | tuple) else value


def measure(
    traces: Sequence[Trace | None], spec: ImageSpec, onsets_s: Sequence[float]
) -> list[EpochFindings]:
    """Measure the findings of some epochs.

    Parameters
    ----------
    traces : sequence of Trace or None
        The filtered signal of each lane of the spec; None for a lane that the recording lacks.
    spec : ImageSpec
        How the lanes are filtered and drawn.
    onsets_s : sequence of float
        Where the epochs start, in seconds of the stored samples.

    Returns
    -------
    list of EpochFindings
        One for each onset.

    Raises
    ------
    InputError
        If yasa is not installed.
    """
    lanes = dict(zip(spec.lanes, traces, strict=True))
    onsets_s = np.asarray(onsets_s, float)
    by_kind = {
        kind: {name: t for name, t in lanes.items() if t and MODALITY[name] == kind}
        for kind in STILL_UV
    }
    eeg = [_eeg(name, _thinned(t, spec.eeg_hz[1]), onsets_s) for name, t in by_kind["EEG"].items()]
    eyes = _eyes(
        {name: _thinned(t, spec.eog_hz[1]) for name, t in by_kind["EOG"].items()}, onsets_s
    )
    muscle = [_muscle(name, trace, onsets_s) for name, trace in by_kind["EMG"].items()]
    nothing = [None] * len(onsets_s)
    return [
        EpochFindings(tuple(lane for lane in brain if lane), gaze, tone)
        for gaze, tone, *brain in zip(eyes or nothing, *muscle or [nothing], *eeg, strict=True)
    ]


def _thinned(trace: Trace, highest_hz: float) -> Trace:
    """Keep every k-th sample: a lane that is filtered to 35 Hz loses nothing at 100 Hz."""
    step = max(1, int(trace.rate_hz / max(100.0, 2.8 * highest_hz)))
    return Trace(trace.samples_uv[::step], trace.rate_hz / step)


def _windows(trace: Trace, starts_s: np.ndarray, length_s: float) -> np.ndarray:
    """Return the samples of windows, shape (windows, samples).

    Windows that reach beyond the record are moved into it.
    """
    length = min(int(length_s * trace.rate_hz), len(trace.samples_uv))
    starts = np.round(starts_s.ravel() * trace.rate_hz).astype(int)
    starts = np.clip(starts, 0, len(trace.samples_uv) - length)
    return np.lib.stride_tricks.sliding_window_view(trace.samples_uv, length)[starts]


def _lost(trace: Trace, starts_s: np.ndarray, still_uv: float) -> np.ndarray:
    """Return which seconds are lost: bool, of the shape of `starts_s`, where they start."""
    seconds = _windows(trace, starts_s, 1.0)
    with np.errstate(invalid="ignore"):  # infinity less infinity
        span_uv = seconds.max(axis=1) - seconds.min(axis=1)
    return ~(np.isfinite(span_uv) & (span_uv >= still_uv)).reshape(starts_s.shape)


def _seconds(onsets_s: np.ndarray) -> np.ndarray:
    """Return where each second of each epoch starts, shape (epochs, 30)."""
    return onsets_s[:, None] + np.arange(SECONDS)


def _within(spans: np.ndarray, onsets_s: np.ndarray, lost: np.ndarray) -> list[tuple[Span, ...]]:
    """Return the spans of each epoch: those whose middle it holds, cut at its ends.

    Spans that touch a second that is `lost`, of shape (epochs, 30), are left out.
    """
    inside = []
    middle_s = spans.mean(axis=1)
    order = np.argsort(middle_s, kind="stable")
    spans, middle_s = spans[order], middle_s[order]
    for onset_s, gone in zip(onsets_s, lost, strict=True):
        first, stop = np.searchsorted(middle_s, (onset_s, onset_s + EPOCH_S))
        mine = np.clip(spans[first:stop] - onset_s, 0.0, EPOCH_S).round(2)
        kept = [
            (a, b) for a, b in mine.tolist() if not gone[int(a) : int(np.ceil(b))].any() and b > a
        ]
        inside.append(tuple(kept))
    return inside


def _eeg(name: str, trace: Trace, onsets_s: np.ndarray) -> list[Eeg | None]:
    starts_s = _seconds(onsets_s)
    lost = _lost(trace, starts_s, STILL_UV["EEG"])
    if lost.all():
        return [None] * len(onsets_s)
    samples = np.nan_to_num(trace.samples_uv, nan=0.0, posinf=0.0, neginf=0.0)
    trace = Trace(samples, trace.rate_hz)
    power, hz = _spectra(trace, starts_s - 0.5, 2.0)
    alpha = _band(power, hz, ALPHA_HZ) > ALPHA_SHARE * _band(power, hz, (1.0, 30.0))
    # Windows of 4 s that overlap by half. With windows of 2 s, a wave of 3.5 Hz would be theta.
    power, hz = _spectra(trace, starts_s[:, : SECONDS - 3 : 2], 4.0)
    bands = np.stack([_band(power, hz, edges) for edges in BANDS_HZ.values()], -1)
    bands /= np.maximum(bands.sum(axis=-1, keepdims=True), 1e-12)
    bands[np.lib.stride_tricks.sliding_window_view(lost, 4, axis=1)[:, ::2].any(axis=-1)] = 0.0
    shares = bands.sum(axis=1)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
    spindles = waves.spindles(samples, trace.rate_hz)
    slow, k_complexes = waves.slow_waves(samples, trace.rate_hz)
    columns = zip(
        lost.sum(axis=1).tolist(),
        shares.astype(float).round(2).tolist(),
        (alpha & ~lost).sum(axis=1).tolist(),
        *(_within(spans, onsets_s, lost) for spans in (spindles, k_complexes, slow)),
        strict=True,
    )
    return [
        None
        if gone >= MOST_LOST_S
        else Eeg(
            name, gone, tuple(share), alpha_s, spindle, complexes, _joined(tall),
            round(sum(stop - start for start, stop in tall), 1),
        )
        for gone, share, alpha_s, spindle, complexes, tall in columns
    ]  # fmt: skip


def _spectra(trace: Trace, starts_s: np.ndarray, length_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the power of windows, shape (*starts_s.shape, frequencies), and the frequencies."""
    from scipy.fft import rfft, rfftfreq  # unlike numpy's, it keeps float32

    windows = _windows(trace, starts_s, length_s)
    power = np.abs(rfft(windows * np.hanning(windows.shape[1]).astype(np.float32), axis=1)) ** 2
    return power.reshape(*starts_s.shape, -1), rfftfreq(windows.shape[1], 1 / trace.rate_hz)


def _band(power: np.ndarray, hz: np.ndarray, edges_hz: tuple[float, float]) -> np.ndarray:
    low, high = edges_hz
    return power[..., (hz >= low) & (hz < high)].sum(axis=-1)


def _joined(spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Join spans whose gap is at most `JOINED_S`."""
    joined: list[Span] = []
    for start, stop in sorted(spans):
        if joined and start - joined[-1][1] <= JOINED_S:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return tuple(joined)


def _eyes(lanes: dict[str, Trace], onsets_s: np.ndarray) -> list[Eyes | None] | None:
    if len(lanes) != 2 or len({trace.rate_hz for trace in lanes.values()}) != 1:
        return None
    starts_s = _seconds(onsets_s)
    lost = np.any([_lost(trace, starts_s, STILL_UV["EOG"]) for trace in lanes.values()], axis=0)
    if lost.all():
        return None
    samples = [np.nan_to_num(t.samples_uv, nan=0.0, posinf=0.0, neginf=0.0) for t in lanes.values()]
    rate_hz = next(iter(lanes.values())).rate_hz
    both = [_within(s, onsets_s, lost) for s in waves.eye_movements(*samples, rate_hz)]
    return [
        None if gone >= MOST_LOST_S else Eyes(tuple(lanes), gone, _joined(fast), _joined(slow))
        for gone, fast, slow in zip(lost.sum(axis=1).tolist(), *both, strict=True)
    ]


def _muscle(name: str, trace: Trace, onsets_s: np.ndarray) -> list[Muscle | None]:
    def rms(starts_s):
        seconds = _windows(trace, starts_s, 1.0).astype(float)
        level = np.sqrt((seconds**2).mean(axis=1)).reshape(starts_s.shape)
        return np.where(_lost(trace, starts_s, STILL_UV["EMG"]), np.nan, level)

    record = rms(np.arange(int(len(trace.samples_uv) / trace.rate_hz), dtype=float))
    epochs = rms(_seconds(onsets_s))
    lost_s = np.isnan(epochs).sum(axis=1).tolist()
    if np.isnan(record).all():
        return [None] * len(onsets_s)
    low = np.nanpercentile(record, LOW_PERCENTILE)
    return [
        None
        if gone >= MOST_LOST_S
        else Muscle(name, gone, round(float(np.nanmedian(seconds) / low), 1))
        for gone, seconds in zip(lost_s, epochs, strict=True)
    ]
