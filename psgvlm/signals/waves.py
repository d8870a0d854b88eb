"""Detectors of the waves that a scorer looks for.

Each detector takes the signal of a whole lane as it is drawn (float32 of shape (n_samples,), in µV,
finite) and its rate in Hz. It returns *spans*: float64 of shape (n_waves, 2), where each wave
starts and stops in seconds from the first sample. "AASM" is the AASM Manual for the Scoring of
Sleep and Associated Events, version 3; its terms are kept.
"""

from collections.abc import Iterator

import numpy as np

from psgvlm.errors import InputError
from psgvlm.signals.filters import band_pass

SLOW_WAVE_UV = 75.0  # peak to peak
# A K-complex stands out: within so many seconds, no other wave has this share of its height.
ALONE_S, ALONE = 3.0, 0.5
FAST_EYES_UV, SLOW_EYES_UV = 40.0, 25.0
FAST_EYES_S = 0.5  # AASM: the initial deflection takes less (rapid) or more (slow) than 500 ms
# A high-pass filter makes a rapid movement decay over seconds. No slow movement is counted from so
# long before to so long after a fast deflection of this height.
AFTER_FAST_S, AFTER_FAST_UV = (0.5, 2.5), 20.0
PIECE_S, MARGIN_S = 3600.0, 30.0


def spindles(eeg_uv: np.ndarray, rate_hz: float) -> np.ndarray:
    """Detect sleep spindles with `yasa.spindles_detect`.

    They are trains of distinct waves of 12-15 Hz that last 0.5 to 6 s. AASM: 11-16 Hz, most often
    12-14 Hz, for 0.5 s or longer. Trains less than 0.5 s apart are joined, so a span may last
    longer than a spindle does.

    Parameters
    ----------
    eeg_uv : ndarray of float32, shape (n_samples,)
    rate_hz : float

    Returns
    -------
    ndarray, shape (n_spindles, 2)
    """
    yasa = load_yasa()
    pieces = [_spans([])]
    for start_s, piece_uv, kept_s in _pieces(eeg_uv, rate_hz):
        result = yasa.spindles_detect(piece_uv, rate_hz, duration=(0.5, 6.0), verbose="critical")
        if result:
            spans = _spans(result.summary()[["Start", "End"]]) + start_s
            pieces.append(spans[_centred_within(spans, kept_s)])
    return np.concatenate(pieces)


def slow_waves(eeg_uv: np.ndarray, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Detect slow waves and K-complexes with `yasa.sw_detect`.

    Slow waves (AASM, slow wave activity): 0.5 to 2 Hz, 75 µV or more from trough to peak.
    K-complexes (AASM): a well-delineated negative sharp wave, immediately followed by a positive
    one, of 0.5 s or longer, that stands out from the background. yasa does not detect K-complexes.
    Here a K-complex is a slow wave whose trough is deeper than a third of its height, and that is
    twice as tall as any other wave within 3 s.

    Parameters
    ----------
    eeg_uv : ndarray of float32, shape (n_samples,)
    rate_hz : float

    Returns
    -------
    slow_waves : ndarray, shape (n_slow_waves, 2)
        K-complexes are among them.
    k_complexes : ndarray, shape (n_k_complexes, 2)
    """
    yasa = load_yasa()
    pieces = [np.empty((0, 4))]
    for start_s, piece_uv, kept_s in _pieces(eeg_uv, rate_hz):
        with np.errstate(divide="ignore"):  # in slopes, which are not used here
            result = yasa.sw_detect(
                piece_uv, rate_hz, freq_sw=(0.3, 2.0), dur_neg=(0.15, 1.5), dur_pos=(0.1, 1.5),
                amp_neg=(None, None), amp_pos=(None, None),
                amp_ptp=(ALONE * SLOW_WAVE_UV, np.inf), verbose="critical",
            )  # fmt: skip
        if result:
            piece = result.summary()[["Start", "End", "PTP", "ValNegPeak"]].to_numpy(copy=True)
            piece[:, :2] += start_s
            pieces.append(piece[_centred_within(piece[:, :2], kept_s)])
    waves = np.concatenate(pieces)
    waves = waves[np.argsort(waves[:, :2].sum(axis=1), kind="stable")]
    start_s, stop_s, height_uv, trough_uv = waves.T
    spans = np.stack([start_s, stop_s], axis=1)
    lasting = (stop_s - start_s >= 0.5) & (stop_s - start_s <= 2.0)
    tall = lasting & (height_uv >= SLOW_WAVE_UV)
    alone = _stand_out(spans.mean(axis=1), np.where(lasting, height_uv, 0.0))
    return spans[tall], spans[tall & alone & (-trough_uv > height_uv / 3)]


def _pieces(
    samples_uv: np.ndarray, rate_hz: float
) -> Iterator[tuple[float, np.ndarray, tuple[float, float]]]:
    """Yield one hour of the record after the other, with margins.

    The detectors need 250 MB of memory for an hour. Each piece has its start in seconds, its
    samples (margins included), and the start and stop of the hour, in which waves are kept.
    """
    length_s = len(samples_uv) / rate_hz
    for start_s in np.arange(0.0, length_s, PIECE_S):
        first = max(0, round((start_s - MARGIN_S) * rate_hz))
        stop = round((start_s + PIECE_S + MARGIN_S) * rate_hz)
        yield first / rate_hz, samples_uv[first:stop], (start_s, start_s + PIECE_S)


def _centred_within(spans: np.ndarray, within_s: tuple[float, float]) -> np.ndarray:
    """Return which spans have their middle between two times, bool of shape (n,)."""
    middle_s = spans.mean(axis=1)
    return (middle_s >= within_s[0]) & (middle_s < within_s[1])


def _stand_out(middle_s: np.ndarray, height_uv: np.ndarray) -> np.ndarray:
    """Return which waves are twice as tall as all others within `ALONE_S`, bool of shape (n,)."""
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
    """Detect fast and slow eye movements.

    A movement is a deflection, from one turning point to the next, of opposite sign in the two
    lanes. Fast movements (AASM, rapid eye movements: conjugate, initial deflection under 500 ms)
    have 40 µV or more; blinks are among them. Slow movements (AASM: conjugate, sinusoidal, initial
    deflection over 500 ms) have 25 µV or more, and are not next to a fast one. `yasa.rem_detect` is
    not used because it does not tell fast from slow movements.

    Parameters
    ----------
    left_uv, right_uv : ndarray of float32, shape (n_samples,)
        The lanes E1 and E2.
    rate_hz : float
        The rate of both lanes.

    Returns
    -------
    fast, slow : ndarray, shape (n_movements, 2)
    """
    spans, height_uv, opposed = _deflections(left_uv, right_uv, rate_hz, 6.0, AFTER_FAST_UV)
    brief = spans[:, 1] - spans[:, 0] < FAST_EYES_S
    near_fast = spans[brief & (height_uv >= AFTER_FAST_UV)]
    near_fast = near_fast + np.array([-1, 1]) * np.array(AFTER_FAST_S)
    spans, height_uv, opposed = _deflections(left_uv, right_uv, rate_hz, 6.0, FAST_EYES_UV)
    brief = spans[:, 1] - spans[:, 0] < FAST_EYES_S
    fast = spans[brief & opposed & (height_uv >= FAST_EYES_UV)]
    spans, height_uv, opposed = _deflections(left_uv, right_uv, rate_hz, 2.0, SLOW_EYES_UV)
    lasting = spans[:, 1] - spans[:, 0]
    slow = opposed & (height_uv >= SLOW_EYES_UV) & (lasting > FAST_EYES_S) & (lasting < 3.0)
    return fast, spans[slow & ~overlap(spans, near_fast)]


def _deflections(left_uv, right_uv, rate_hz: float, highest_hz: float, least_uv: float):
    """Find the deflections of half the difference of two lanes.

    Returns their spans, their heights, and whether the two lanes have opposite signs.
    """
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
    """Return which spans overlap one of the others, bool of shape (n,).

    The others are sorted by their starts.
    """
    if not len(others):
        return np.zeros(len(spans), bool)
    before = np.searchsorted(others[:, 0], spans[:, 1])  # how many start before it ends
    latest = np.maximum.accumulate(others[:, 1])
    return (before > 0) & (latest[before - 1] > spans[:, 0])


def _spans(pairs) -> np.ndarray:
    return np.asarray(pairs, float).reshape(-1, 2)


def load_yasa():
    """Import yasa and return it; raise InputError if it is not installed."""
    try:
        import yasa
    except ImportError as error:
        raise InputError(
            "yasa is not installed; the tasks perception and rationale measure waves with it: "
            "install it (pip install yasa), or build the task staging alone"
        ) from error
    return yasa
