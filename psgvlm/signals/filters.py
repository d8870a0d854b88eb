"""Zero-phase filters over a continuous record, and the mains hum that one of them takes out.

A Butterworth filter run forwards and backwards (`scipy.signal.sosfiltfilt`) multiplies a spectrum
by |H|². That is what is done here, in blocks: less than half the time, float32 throughout, no
coefficients that could lose precision, and a notch more costs nothing.
"""

import math
from functools import lru_cache

import numpy as np

from psgvlm.errors import InputError

MAX_RATE_HZ = 20_000  # of any polygraph
FLAT_S = 5.0  # longer than half a wave of 0.3 Hz: no signal that passes stands still for so long
PADDING_S = 10.0
MAINS_HZ = (50, 60)
NOTCH_Q = 30.0  # 1.7 Hz wide at 50 Hz
ORDER = 4  # each way
BATCH = 4  # blocks transformed together


def band_pass(
    samples: np.ndarray,
    rate_hz: float,
    band_hz: tuple[float, float],
    mains_hz: int = 0,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Zero-phase band-pass (gain 1/2 at both edges) of one stretch, float32 of the same shape.

    `mains_hz` (50, 60 or 0) is taken out by a notch where the band lets through more than 1 % of
    it. The upper edge is lowered to 0.45 of the rate where the band reaches beyond it. `out` may be
    `samples` itself, which saves the memory of another night.

    Values that are not finite, and stretches that stand still for `FLAT_S`, divide the signal as
    gaps do: what lies on either side is filtered alone. The former become NaN, the latter 0.
    Raises `InputError` where the rate cannot show the band, or is none that a polygraph has.
    """
    response = _response(rate_hz, tuple(band_hz), mains_hz)
    out = np.empty(len(samples), np.float32) if out is None else out
    if out is not samples:
        out[:] = samples
    start = 0
    for first, stop, value in (*_divisions(out, rate_hz), (len(out), len(out), 0.0)):
        response.apply(out[start:first])
        out[first:stop] = value
        start = stop
    return out


def _divisions(samples: np.ndarray, rate_hz: float) -> list[tuple[int, int, float]]:
    """Stretches not to be filtered, in order: first sample, the one after, the value to put."""
    # numba takes most of a second to import, and `--help` needs none of it.
    from psgvlm.signals.flat_runs import standing_still

    finite = np.isfinite(samples)
    divisions = []
    if not finite.all():
        samples = np.where(finite, samples, np.nan)
        edges = np.flatnonzero(np.diff(finite, prepend=True, append=True))
        divisions = [(int(a), int(b), np.nan) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    flat = standing_still(samples, FLAT_S * rate_hz)
    return sorted(divisions + [(int(a), int(b), 0.0) for a, b in flat])


def reach_s(rate_hz: float, band_hz: tuple[float, float]) -> float:
    """For how long `band_pass` remembers; raises where it would."""
    return _response(rate_hz, tuple(band_hz), 0).reach / rate_hz


@lru_cache(16)
def _response(rate_hz: float, band_hz: tuple[float, float], mains_hz: int) -> "_Response":
    return _Response(rate_hz, band_hz, mains_hz)


class _Response:
    """A filter's gain at the frequencies of a block, and how far its memory reaches, in samples."""

    def __init__(self, rate_hz: float, band_hz: tuple[float, float], mains_hz: int):
        # scipy takes a while to import, and `--help` needs none of it.
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
        # What is left after this time is a millionth; a narrow band remembers longer, and 3 s are
        # enough for a notch, and for a band that ends near half the rate.
        reach_s = max(6 / low, 6 / (high - low), 3.0)
        self.padding = int(PADDING_S * rate_hz)
        self.reach = math.ceil(reach_s * rate_hz)
        self.block = next_fast_len(max(10 * self.reach, 1 << 14), real=True)
        hz = np.arange(self.block // 2 + 1) * (rate_hz / self.block)
        gain = _pass(hz, rate_hz, low, high) * (_notch(hz, rate_hz, mains_hz) if mains_hz else 1.0)
        self.gain = gain.astype(np.float32)

    def apply(self, samples: np.ndarray) -> None:
        """Filter a stretch in place, mirrored oddly at both ends, as scipy does."""
        from scipy.fft import irfft, rfft

        length, reach, block = len(samples), self.reach, self.block
        if length < 2:
            samples[:] = 0.0
            return
        step = block - 2 * reach
        before, beyond = self._mirrored(samples), self._mirrored(samples[::-1])[::-1]
        for start in range(0, length, BATCH * step):
            stop = min(start + BATCH * step, length)
            after = np.concatenate((samples[stop : stop + reach], beyond))[:reach]
            count = -(-(stop - start) // step)
            rest = np.full(count * step - (stop - start), after[-1])
            piece = np.concatenate((before, samples[start:stop], after, rest))
            before = piece[stop - start : stop - start + reach]
            spectrum = rfft(np.lib.stride_tricks.sliding_window_view(piece, block)[::step])
            spectrum *= self.gain
            done = irfft(spectrum, block, overwrite_x=True)[:, reach:-reach]
            samples[start:stop] = done.ravel()[: stop - start]

    def _mirrored(self, samples: np.ndarray) -> np.ndarray:
        """What goes before a stretch: itself, turned about its first sample, for `PADDING_S`."""
        count = min(self.padding, self.reach, len(samples) - 1)
        mirror = 2 * samples[0] - samples[count:0:-1]
        return np.concatenate((np.full(self.reach - count, mirror[0]), mirror))


def _pass(hz, rate_hz: float, low_hz: float, high_hz: float):
    """|H|² of a digital Butterworth band-pass (bilinear transform, edges prewarped)."""
    low, high, at = (_warp(x, rate_hz) for x in (low_hz, high_hz, hz))
    with np.errstate(divide="ignore"):
        return 1 / (1 + np.abs((at * at - low * high) / (at * (high - low))) ** (2 * ORDER))


def _notch(hz, rate_hz: float, notch_hz: float):
    """|H|² of a digital notch of quality `NOTCH_Q` (`scipy.signal.iirnotch`)."""
    at, notch = _warp(hz, rate_hz), _warp(notch_hz, rate_hz)
    width = math.tan(math.pi * notch_hz / NOTCH_Q / rate_hz) * (1 + notch * notch)
    stopped = (notch * notch - at * at) ** 2
    return stopped / (stopped + (width * at) ** 2)


def _warp(hz, rate_hz: float):
    return np.tan(np.pi * np.asarray(hz, float) / rate_hz)


def find_mains(samples: np.ndarray, rate_hz: float) -> int:
    """Which mains hum a raw signal carries: 50, 60, or 0 where its spectrum shows neither.

    Up to 100 windows of 4 s over the record: hum is a line five times as high as the spectrum
    beside it, in a quarter of the windows or more (an electrode may be loose for part of a night).
    """
    starts, length = mains_windows(len(samples), rate_hz)
    if not starts:
        return 0
    return mains_in(np.lib.stride_tricks.sliding_window_view(samples, length)[starts], rate_hz)


def mains_windows(n_samples: int, rate_hz: float) -> tuple[list[int], int]:
    """Where `find_mains` looks: the first sample of each window, and how many samples it has."""
    length = round(4 * rate_hz)
    if rate_hz < 2 * MAINS_HZ[0] or rate_hz > MAX_RATE_HZ or n_samples < length:
        return [], length
    return np.unique(np.linspace(0, n_samples - length, 100).astype(int)).tolist(), length


def mains_in(windows: np.ndarray, rate_hz: float) -> int:
    """What `find_mains` finds in its windows, of shape (n_windows, samples)."""
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
            # A window that stands still has neither, and a pure tone nothing beside it.
            ratio = line / np.maximum(beside, 1e-12 * line + 1e-30)
            ratios[mains_hz] = float(np.quantile(ratio, 0.75))
    found = max(ratios, key=ratios.get, default=0)
    return found if found and ratios[found] >= 5 else 0
