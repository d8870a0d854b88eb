"""Waves that a scorer looks for, found in a whole lane: where each starts and stops.

Every function takes a lane as it is drawn (float32 of shape (n_samples,), µV, finite) and its rate,
and returns float64 of shape (waves, 2): start and stop in seconds from the first sample. "AASM" is
the AASM Manual for the Scoring of Sleep and Associated Events, version 3, whose words are kept.
"""

import numpy as np

from psgvlm.errors import InputError
from psgvlm.signals.filters import band_pass

SLOW_WAVE_UV = 75.0  # peak to peak
# A K-complex stands out: no other wave is half as tall for so many seconds on either side.
ALONE_S, ALONE = 3.0, 0.5
FAST_EYES_UV, SLOW_EYES_UV = 40.0, 25.0
FAST_EYES_S = 0.5  # AASM: initial deflection under (rapid), over (slow) 500 ms
# A rapid movement decays through the amplifier for seconds, which is no slow movement.
AFTER_FAST_S, AFTER_FAST_UV = (0.5, 2.5), 20.0
PIECE_S, MARGIN_S = 3600.0, 30.0


def spindles(eeg_uv: np.ndarray, rate_hz: float) -> np.ndarray:
    """Trains of distinct waves of 12-15 Hz lasting 0.5 to 6 s, by `yasa.spindles_detect`.

    AASM: 11-16 Hz, most often 12-14, for 0.5 s or longer. Trains within 0.5 s are told as one,
    which may so last longer than a spindle does.
    """
    yasa = load_yasa()
    found = [_spans([])]
    for start_s, piece_uv, kept_s in _pieces(eeg_uv, rate_hz):
        result = yasa.spindles_detect(piece_uv, rate_hz, duration=(0.5, 6.0), verbose="critical")
        if result:
            spans = _spans(result.summary()[["Start", "End"]]) + start_s
            found.append(spans[_held(spans, kept_s)])
    return np.concatenate(found)


def slow_waves(eeg_uv: np.ndarray, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Slow waves and, by themselves, K-complexes, both by `yasa.sw_detect`.

    Slow waves (AASM, slow wave activity): 0.5 to 2 Hz, 75 µV or more from trough to peak.
    K-complexes (AASM): a well-delineated negative sharp wave, immediately followed by a positive
    one, of 0.5 s or longer, that stands out from the background. There is no detector in yasa, so
    here: such a wave of 75 µV or more, below zero by more than a third of that height, and twice as
    tall as any other wave within 3 s. A K-complex is a slow wave too.
    """
    yasa = load_yasa()
    found = [np.empty((0, 4))]
    for start_s, piece_uv, kept_s in _pieces(eeg_uv, rate_hz):
        with np.errstate(divide="ignore"):  # slopes, which are not used
            result = yasa.sw_detect(
                piece_uv, rate_hz, freq_sw=(0.3, 2.0), dur_neg=(0.15, 1.5), dur_pos=(0.1, 1.5),
                amp_neg=(None, None), amp_pos=(None, None),
                amp_ptp=(ALONE * SLOW_WAVE_UV, np.inf), verbose="critical",
            )  # fmt: skip
        if result:
            piece = result.summary()[["Start", "End", "PTP", "ValNegPeak"]].to_numpy(copy=True)
            piece[:, :2] += start_s
            found.append(piece[_held(piece[:, :2], kept_s)])
    waves = np.concatenate(found)
    waves = waves[np.argsort(waves[:, :2].sum(axis=1), kind="stable")]
    start_s, stop_s, height_uv, trough_uv = waves.T
    spans = np.stack([start_s, stop_s], axis=1)
    lasting = (stop_s - start_s >= 0.5) & (stop_s - start_s <= 2.0)
    tall = lasting & (height_uv >= SLOW_WAVE_UV)
    alone = _alone(spans.mean(axis=1), np.where(lasting, height_uv, 0.0))
    return spans[tall], spans[tall & alone & (-trough_uv > height_uv / 3)]


def _pieces(samples_uv: np.ndarray, rate_hz: float):
    """An hour of the record after another, with a margin: the detectors need 250 MB for each.

    Yields where a piece starts, its samples, and of which seconds of the record it is to tell.
    """
    length_s = len(samples_uv) / rate_hz
    for start_s in np.arange(0.0, length_s, PIECE_S):
        first = max(0, round((start_s - MARGIN_S) * rate_hz))
        stop = round((start_s + PIECE_S + MARGIN_S) * rate_hz)
        yield first / rate_hz, samples_uv[first:stop], (start_s, start_s + PIECE_S)


def _held(spans: np.ndarray, within_s: tuple[float, float]) -> np.ndarray:
    """Which spans have their middle there, bool of shape (n,)."""
    middle_s = spans.mean(axis=1)
    return (middle_s >= within_s[0]) & (middle_s < within_s[1])


def _alone(middle_s: np.ndarray, height_uv: np.ndarray) -> np.ndarray:
    """Which waves are the tallest by far among those near them, bool of their shape."""
    first = np.searchsorted(middle_s, middle_s - ALONE_S)
    stop = np.searchsorted(middle_s, middle_s + ALONE_S)
    rivals = [
        np.delete(height_uv[a:b], i - a).max(initial=0.0)
        for i, (a, b) in enumerate(zip(first, stop, strict=True))
    ]
    return np.array(rivals) < ALONE * height_uv


def eye_movements(
    left_uv: np.ndarray, right_uv: np.ndarray, rate_hz: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fast and slow movements of both eyes, from E1 and E2 of the same rate.

    A movement is a deflection, from one turning point to the next, that is of opposite sign in the
    two lanes. Fast (AASM, rapid eye movements: conjugate, initial deflection under 500 ms): 40 µV
    or more; blinks are among them. Slow (AASM: conjugate, sinusoidal, initial deflection over
    500 ms): 25 µV or more, and not beside a fast one. `yasa.rem_detect` takes both for one kind.
    """
    spans, height_uv, opposed = _deflections(left_uv, right_uv, rate_hz, 6.0, AFTER_FAST_UV)
    brief = spans[:, 1] - spans[:, 0] < FAST_EYES_S
    around = spans[brief & (height_uv >= AFTER_FAST_UV)] + np.array([-1, 1]) * np.array(
        AFTER_FAST_S
    )
    spans, height_uv, opposed = _deflections(left_uv, right_uv, rate_hz, 6.0, FAST_EYES_UV)
    brief = spans[:, 1] - spans[:, 0] < FAST_EYES_S
    fast = spans[brief & opposed & (height_uv >= FAST_EYES_UV)]
    spans, height_uv, opposed = _deflections(left_uv, right_uv, rate_hz, 2.0, SLOW_EYES_UV)
    lasting = spans[:, 1] - spans[:, 0]
    slow = opposed & (height_uv >= SLOW_EYES_UV) & (lasting > FAST_EYES_S) & (lasting < 3.0)
    return fast, spans[slow & ~overlap(spans, around)]


def _deflections(left_uv, right_uv, rate_hz: float, highest_hz: float, least_uv: float):
    """Deflections of half the difference of two lanes: spans, heights, whether lanes oppose."""
    # scipy takes a while to import, and `--help` needs none of it.
    from scipy.signal import find_peaks

    left, right = (band_pass(x, rate_hz, (0.3, highest_hz)) for x in (left_uv, right_uv))
    both = (left - right) / 2
    turns = [find_peaks(sign * both, prominence=least_uv / 2)[0] for sign in (1, -1)]
    turns = np.sort(np.concatenate(turns))
    one, other, height = (np.diff(x[turns]) for x in (left, right, both))
    weaker, stronger = np.sort(np.abs([one, other]), axis=0)
    opposed = (one * other < 0) & (weaker > 0.4 * stronger)
    return _spans(np.stack([turns[:-1], turns[1:]], 1) / rate_hz), np.abs(height), opposed


def overlap(spans: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which spans, shape (n, 2), meet one of the others, sorted by their starts; bool (n,)."""
    if not len(others):
        return np.zeros(len(spans), bool)
    before = np.searchsorted(others[:, 0], spans[:, 1])  # those that start before a span's end
    latest = np.maximum.accumulate(others[:, 1])
    return (before > 0) & (latest[before - 1] > spans[:, 0])


def _spans(pairs) -> np.ndarray:
    return np.asarray(pairs, float).reshape(-1, 2)


def load_yasa():
    """Return the module yasa; raise InputError if it is not installed."""
    try:
        import yasa
    except ImportError as error:
        raise InputError(
            "yasa is not installed; the tasks perception and rationale measure waves with it: "
            "install it (pip install yasa), or build the task staging alone"
        ) from error
    return yasa
