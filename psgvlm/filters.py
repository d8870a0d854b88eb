"""Zero-phase filters over a continuous record, and the mains hum that one of them takes out.

The filters are Butterworth second-order sections, as `scipy.signal.sosfiltfilt` would run them
forwards and backwards. That multiplies a spectrum by |H|², which is done in blocks: half the time,
float32 throughout, and a notch more costs nothing.
"""

import math
from functools import lru_cache

import numpy as np

from psgvlm.errors import InputError

MAX_RATE_HZ = 20_000  # of any polygraph, and of what the filters can be trusted with
FLAT_S = 5.0  # longer than half a wave of 0.3 Hz: no signal that passes stands still for so long
PADDING_S = 10.0
MAINS_HZ = (50, 60)
NOTCH_Q = 30.0  # 1.7 Hz wide at 50 Hz
ORDER = 4  # each way


def band_pass(
    samples: np.ndarray, rate_hz: float, band_hz: tuple[float, float], mains_hz: int = 0
) -> np.ndarray:
    """Zero-phase band-pass (gain 1/2 at both edges) of one stretch, float32 of the same shape.

    `mains_hz` (50, 60 or 0) is taken out by a notch where the band lets through more than 1 % of
    it. The upper edge is lowered to 0.45 of the rate where the band reaches beyond it.

    Values that are not finite, and stretches that stand still for `FLAT_S`, divide the signal as
    gaps do: what lies on either side is filtered alone. The former stay NaN, the latter become 0.
    Raises `InputError` where the rate cannot show the band, or is none that a polygraph has.
    """
    from psgvlm.runs import standing_still

    response = _Response.design(rate_hz, band_hz, mains_hz)
    samples = np.asarray(samples, np.float32)
    filtered = np.zeros_like(samples)
    start = 0
    for first, stop in (*standing_still(samples, FLAT_S * rate_hz), (len(samples),) * 2):
        if first - start > 1:
            response.apply(samples[start:first], filtered[start:first])
        if first < stop and not math.isfinite(samples[first]):
            filtered[first:stop] = np.nan
        start = stop
    return filtered


class _Response:
    """A filter's gain at the frequencies of a block, and how far its memory reaches, in samples."""

    @staticmethod
    @lru_cache(16)
    def design(rate_hz: float, band_hz: tuple[float, float], mains_hz: int) -> "_Response":
        return _Response(rate_hz, band_hz, mains_hz)

    def __init__(self, rate_hz: float, band_hz: tuple[float, float], mains_hz: int):
        # scipy takes a second to import, and `--help` needs none of it.
        from scipy.fft import next_fast_len
        from scipy.signal import butter, iirnotch, sosfreqz, tf2sos

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
        # Second-order sections: in b,a form the same filter is off by 20 µV at 1000 Hz.
        sections = butter(ORDER, (low, high), "bandpass", fs=rate_hz, output="sos")
        # What is left after this time is a millionth; a narrow band or a notch remembers longer.
        reach_s = max(6 / low, 3.0, 6 / (high - low))
        if 0 < mains_hz < 0.49 * rate_hz:
            passed = abs(sosfreqz(sections, [mains_hz], fs=rate_hz)[1][0]) ** 2
            if passed > 0.01:
                notch = iirnotch(mains_hz, NOTCH_Q, fs=rate_hz)
                sections = np.vstack([sections, tf2sos(*notch)])
        self.padding = int(PADDING_S * rate_hz)
        self.reach = math.ceil(reach_s * rate_hz)
        self.block = next_fast_len(10 * self.reach, real=True)
        frequencies = np.arange(self.block // 2 + 1) * (rate_hz / self.block)
        response = sosfreqz(sections, frequencies, fs=rate_hz)[1]
        self.gain = (np.abs(response) ** 2).astype(np.float32)

    def apply(self, samples: np.ndarray, out: np.ndarray) -> None:
        """Filter two samples or more into `out`, mirrored oddly at both ends (as scipy does)."""
        from scipy.fft import irfft, rfft

        length, reach = len(samples), self.reach
        step = self.block - 2 * reach
        blocks = -(-length // step)
        padded = np.empty((blocks * step + 2 * reach), np.float32)
        padded[reach : reach + length] = samples
        mirrored = min(self.padding, reach, length - 1)
        left, right = padded[:reach], padded[reach + length :]
        left[reach - mirrored :] = 2 * samples[0] - samples[mirrored:0:-1]
        left[: reach - mirrored] = left[reach - mirrored]
        right[:mirrored] = 2 * samples[-1] - samples[-2 : -mirrored - 2 : -1]
        right[mirrored:] = right[mirrored - 1]
        pieces = np.lib.stride_tricks.sliding_window_view(padded, self.block)[::step]
        # A few blocks at a time stay in the cache.
        for first in range(0, blocks, 4):
            spectrum = rfft(pieces[first : first + 4])
            spectrum *= self.gain
            done = irfft(spectrum, self.block, overwrite_x=True)[:, reach:-reach]
            part = out[first * step : (first + 4) * step]
            part[:] = done.ravel()[: len(part)]


def find_mains(samples: np.ndarray, rate_hz: float) -> int:
    """Which mains hum a raw signal carries: 50, 60, or 0 where its spectrum shows neither.

    Up to 100 windows of 4 s over the record: hum is a line five times as high as the spectrum
    beside it, in a quarter of the windows or more (an electrode may be loose for part of a night).
    """
    length = round(4 * rate_hz)
    if rate_hz < 2 * MAINS_HZ[0] or rate_hz > MAX_RATE_HZ or len(samples) < length:
        return 0
    starts = np.unique(np.linspace(0, len(samples) - length, 100).astype(int))
    windows = np.lib.stride_tricks.sliding_window_view(samples, length)[starts]
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
            # A window that stands still has nothing beside it, nor hum.
            ratio = np.where(line > 0, line / np.maximum(beside, 1e-12 * line), 0.0)
            ratios[mains_hz] = float(np.quantile(ratio, 0.75))
    found = max(ratios, key=ratios.get, default=0)
    return found if found and ratios[found] >= 5 else 0
