"""Zero-phase filters of a continuous record, and the search for mains hum.

A Butterworth filter that is run forwards and backwards (`scipy.signal.sosfiltfilt`) multiplies the
spectrum by |H|². Here the spectrum of one piece of the signal after the other is multiplied by
|H|². This takes less than half the time, needs float32 alone, has no coefficients that could lose
precision, and adds a notch at no cost.

scipy and numba are imported inside functions: they take most of a second, and `psgvlm --help` does
not need them.
"""

import math
from functools import lru_cache

import numpy as np

from psgvlm.errors import InputError

MAX_RATE_HZ = 20_000  # no polygraph samples faster
# A signal that stands still for so long divides the record as a gap does. Half a wave of 0.3 Hz,
# the slowest that passes the filters, is shorter.
FLAT_S = 5.0
PADDING_S = 10.0  # how much of a signal is mirrored at its ends
MAINS_HZ = (50, 60)
NOTCH_Q = 30.0  # 1.7 Hz wide at 50 Hz
ORDER = 4  # of the Butterworth filter in each direction
BATCH = 4  # how many pieces are transformed at once


def band_pass(
    samples: np.ndarray,
    rate_hz: float,
    band_hz: tuple[float, float],
    mains_hz: int = 0,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Filter a signal without a gap with a zero-phase band-pass.

    Samples that are not finite, and runs of equal samples of `FLAT_S` seconds or more, divide the
    signal as gaps do: the signals before and after them are filtered separately. Samples that are
    not finite become NaN, runs of equal samples become 0.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
    rate_hz : float
    band_hz : tuple of (float, float)
        The lower and the upper edge, where the gain is 1/2. An upper edge above 0.45 of the rate is
        lowered to that.
    mains_hz : int, optional
        The mains frequency to remove with a notch: 50, 60, or 0 for none. The notch is left out if
        the band lets through no more than 1 % of that frequency.
    out : ndarray of float32, shape (n,), optional
        Where to write the result. It may be `samples` itself, which saves memory.

    Returns
    -------
    ndarray of float32, shape (n,)

    Raises
    ------
    InputError
        If the rate cannot show the band, or if no polygraph has such a rate.
    """
    response = _response(rate_hz, tuple(band_hz), mains_hz)
    out = np.empty(len(samples), np.float32) if out is None else out
    if out is not samples:
        out[:] = samples
    start = 0
    for first, stop, value in (*_unfiltered_runs(out, rate_hz), (len(out), len(out), 0.0)):
        response.apply(out[start:first])
        out[first:stop] = value
        start = stop
    return out


def _unfiltered_runs(samples: np.ndarray, rate_hz: float) -> list[tuple[int, int, float]]:
    """Return the runs of samples that are not filtered.

    Each has its first sample, the one after its last, and the value that its samples get.
    """
    from psgvlm.signals.flat_runs import standing_still

    finite = np.isfinite(samples)
    runs = []
    if not finite.all():
        samples = np.where(finite, samples, np.nan)
        edges = np.flatnonzero(np.diff(finite, prepend=True, append=True))
        runs = [(int(a), int(b), np.nan) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    flat = standing_still(samples, FLAT_S * rate_hz)
    return sorted(runs + [(int(a), int(b), 0.0) for a, b in flat])


def reach_s(rate_hz: float, band_hz: tuple[float, float]) -> float:
    """Return how many seconds of signal on either side of a sample `band_pass` needs for it.

    Raises
    ------
    InputError
        If the rate cannot show the band, or if no polygraph has such a rate.
    """
    return _response(rate_hz, tuple(band_hz), 0).reach / rate_hz


@lru_cache(16)
def _response(rate_hz: float, band_hz: tuple[float, float], mains_hz: int) -> "_Response":
    return _Response(rate_hz, band_hz, mains_hz)


class _Response:
    """A filter: its gain at the frequencies of a piece of signal, and its reach in samples."""

    def __init__(self, rate_hz: float, band_hz: tuple[float, float], mains_hz: int):
        from scipy.fft import next_fast_len

        if not 0 < rate_hz <= MAX_RATE_HZ:
            raise InputError(
                f"a signal at {rate_hz:g} Hz; expected more than 0 and no more than "
                f"{MAX_RATE_HZ} Hz"
            )
        low, high = band_hz[0], min(band_hz[1], 0.45 * rate_hz)
        if high < 1.2 * low:
            raise InputError(
                f"a signal at {rate_hz:g} Hz cannot show {band_hz[0]:g}-{band_hz[1]:g} Hz; "
                f"expected a rate above {1.2 * low / 0.45:.2g} Hz"
            )
        if not (mains_hz < 0.49 * rate_hz and _pass(mains_hz, rate_hz, low, high) > 0.01):
            mains_hz = 0
        # After this time the response to an impulse has fallen to a millionth. The narrower the
        # band, the longer it takes. 3 s are enough for a notch, and for a band that ends near half
        # the rate.
        reach_s = max(6 / low, 6 / (high - low), 3.0)
        self.padding = int(PADDING_S * rate_hz)
        self.reach = math.ceil(reach_s * rate_hz)
        self.length = next_fast_len(max(10 * self.reach, 1 << 14), real=True)
        hz = np.arange(self.length // 2 + 1) * (rate_hz / self.length)
        gain = _pass(hz, rate_hz, low, high) * (_notch(hz, rate_hz, mains_hz) if mains_hz else 1.0)
        self.gain = gain.astype(np.float32)

    def apply(self, samples: np.ndarray) -> None:
        """Filter a signal in place. Its ends are continued by odd mirror images, as in scipy.

        Each piece overlaps its neighbours by the filter's reach, and only its middle is kept.
        """
        from scipy.fft import irfft, rfft

        length, reach, width = len(samples), self.reach, self.length
        if length < 2:
            samples[:] = 0.0
            return
        step = width - 2 * reach
        before, beyond = self._mirrored(samples), self._mirrored(samples[::-1])[::-1]
        for start in range(0, length, BATCH * step):
            stop = min(start + BATCH * step, length)
            after = np.concatenate((samples[stop : stop + reach], beyond))[:reach]
            count = -(-(stop - start) // step)
            rest = np.full(count * step - (stop - start), after[-1])
            piece = np.concatenate((before, samples[start:stop], after, rest))
            before = piece[stop - start : stop - start + reach]
            spectrum = rfft(np.lib.stride_tricks.sliding_window_view(piece, width)[::step])
            spectrum *= self.gain
            filtered = irfft(spectrum, width, overwrite_x=True)[:, reach:-reach]
            samples[start:stop] = filtered.ravel()[: stop - start]

    def _mirrored(self, samples: np.ndarray) -> np.ndarray:
        """Return what precedes a signal: its odd mirror image, of `PADDING_S` at most."""
        count = min(self.padding, self.reach, len(samples) - 1)
        mirror = 2 * samples[0] - samples[count:0:-1]
        return np.concatenate((np.full(self.reach - count, mirror[0]), mirror))


def _pass(hz, rate_hz: float, low_hz: float, high_hz: float):
    """Return |H|² of a digital Butterworth band-pass (bilinear transform, prewarped edges)."""
    low, high, at = (_warp(x, rate_hz) for x in (low_hz, high_hz, hz))
    with np.errstate(divide="ignore"):
        return 1 / (1 + np.abs((at * at - low * high) / (at * (high - low))) ** (2 * ORDER))


def _notch(hz, rate_hz: float, notch_hz: float):
    """Return |H|² of a digital notch of quality `NOTCH_Q`, as `scipy.signal.iirnotch` has it."""
    at, notch = _warp(hz, rate_hz), _warp(notch_hz, rate_hz)
    width = math.tan(math.pi * notch_hz / NOTCH_Q / rate_hz) * (1 + notch * notch)
    stopped = (notch * notch - at * at) ** 2
    return stopped / (stopped + (width * at) ** 2)


def _warp(hz, rate_hz: float):
    return np.tan(np.pi * np.asarray(hz, float) / rate_hz)


def find_mains(samples: np.ndarray, rate_hz: float) -> int:
    """Find the mains hum in a raw signal.

    Up to 100 windows of 4 s, spread over the record, are looked at. Hum is a line in the spectrum
    that is five times as high as the spectrum beside it, in at least a quarter of the windows: an
    electrode may be loose for part of a night.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        The signal as recorded.
    rate_hz : float

    Returns
    -------
    int
        50 or 60, in Hz; 0 if there is no hum.
    """
    starts, length = mains_windows(len(samples), rate_hz)
    if not starts:
        return 0
    return mains_in(np.lib.stride_tricks.sliding_window_view(samples, length)[starts], rate_hz)


def mains_windows(n_samples: int, rate_hz: float) -> tuple[list[int], int]:
    """Return the first samples of the windows that `find_mains` looks at, and their length.

    There are none if the record is shorter than a window or the rate is too low to carry hum.
    """
    length = round(4 * rate_hz)
    if rate_hz < 2 * MAINS_HZ[0] or rate_hz > MAX_RATE_HZ or n_samples < length:
        return [], length
    return np.unique(np.linspace(0, n_samples - length, 100).astype(int)).tolist(), length


def mains_in(windows: np.ndarray, rate_hz: float) -> int:
    """Return the mains hum in the windows of `find_mains`, of shape (n_windows, n_samples)."""
    length = windows.shape[1]
    windows = windows[np.isfinite(windows).all(axis=1)]
    if not len(windows):
        return 0
    windows = windows - windows.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(windows * np.hanning(length), axis=1)) ** 2
    hz = np.arange(power.shape[1]) * (rate_hz / length)
    ratios = {}
    for mains_hz in MAINS_HZ:
        away = np.abs(hz - mains_hz)
        if mains_hz < 0.49 * rate_hz:
            line = power[:, away <= 0.3].mean(axis=1)
            beside = np.median(power[:, (away >= 1.5) & (away <= 5)], axis=1)
            # The tiny addends avoid 0 / 0 in a window that stands still, and a division by 0 for a
            # pure tone.
            ratio = line / np.maximum(beside, 1e-12 * line + 1e-30)
            ratios[mains_hz] = float(np.quantile(ratio, 0.75))
    strongest = max(ratios, key=ratios.get, default=0)
    return strongest if strongest and ratios[strongest] >= 5 else 0
