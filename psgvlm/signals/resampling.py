"""A whole trace at another sampling rate, for what was trained at a rate of its own."""

import numpy as np

from psgvlm.signals.traces import Trace


def at_rate(trace: Trace, rate_hz: float) -> np.ndarray:
    """A whole trace at another rate, float32: by its spectrum, cut off at half the lower rate.

    What is not finite becomes 0. Time stays true to a fraction of a sample over the whole record.
    """
    from scipy.signal import resample

    samples = np.nan_to_num(trace.samples_uv, nan=0.0, posinf=0.0, neginf=0.0)
    if trace.rate_hz == rate_hz or not len(samples):
        return samples
    ratio = rate_hz / trace.rate_hz
    length = _length(len(samples), ratio)
    # Padded with its mirror image, the end stays smooth.
    padded = np.pad(samples, (0, length - len(samples)), "reflect")
    resampled = resample(padded, round(length * ratio)).astype(np.float32)
    return resampled[: round(len(samples) * ratio)]


def _length(count: int, ratio: float) -> int:
    """A length from `count` on that Fourier transforms are fast for, and whose `ratio` is whole.

    Of the next 50 without large prime factors, the one of which it is nearest to that: a rate of
    256.016 Hz must not drift.
    """
    from scipy.fft import next_fast_len

    lengths = [next_fast_len(count)]
    for _ in range(49):
        lengths.append(next_fast_len(lengths[-1] + 1))
    return min(lengths, key=lambda length: abs(length * ratio - round(length * ratio)) / length)
