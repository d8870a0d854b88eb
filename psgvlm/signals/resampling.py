"""Traces at another sampling rate, for models that were trained at a fixed rate."""

import numpy as np

from psgvlm.signals.traces import Trace


def at_rate(trace: Trace, rate_hz: float) -> np.ndarray:
    """Return a whole trace at another rate.

    The trace is resampled by its spectrum, which is cut off at half of the lower rate. Times stay
    right to a fraction of a sample over the whole record.

    Parameters
    ----------
    trace : Trace
        Samples that are not finite count as 0.
    rate_hz : float
        The new rate in Hz.

    Returns
    -------
    ndarray of float32, shape (n,)
        The samples in µV.
    """
    from scipy.signal import resample

    samples = np.nan_to_num(trace.samples_uv, nan=0.0, posinf=0.0, neginf=0.0)
    if trace.rate_hz == rate_hz or not len(samples):
        return samples
    ratio = rate_hz / trace.rate_hz
    length = _padded_length(len(samples), ratio)
    # Padding with the mirror image keeps the end of the signal smooth.
    padded = np.pad(samples, (0, length - len(samples)), "reflect")
    resampled = resample(padded, round(length * ratio)).astype(np.float32)
    return resampled[: round(len(samples) * ratio)]


def _padded_length(count: int, ratio: float) -> int:
    """Return a length of at least `count` for which resampling is fast and exact.

    Of the next 50 lengths without large prime factors, it is the one whose product with `ratio` is
    nearest to a whole number, relative to the length. Otherwise a rate of 256.016 Hz would drift.
    """
    from scipy.fft import next_fast_len

    lengths = [next_fast_len(count)]
    for _ in range(49):
        lengths.append(next_fast_len(lengths[-1] + 1))
    return min(lengths, key=lambda length: abs(length * ratio - round(length * ratio)) / length)
