"""Noise whose spectrum and amplitude change slowly."""

import numpy as np
from scipy.fft import irfft, next_fast_len


def coloured_noise(rng, samples, rate_hz, weights, psd, window_s=8.0):
    """Make noise whose spectrum changes with time.

    Blocks under sine windows are added with overlap. The squares of the windows add to one, so that
    the power is preserved and states cross-fade.

    Parameters
    ----------
    rng : Generator
        The source of random numbers.
    samples : int
        The total length.
    rate_hz : float
        The sampling rate.
    weights : ndarray
        The power of each state in each second, shape (seconds, states).
    psd : callable
        A function of frequencies in Hz (bins,) that gives the one-sided density of each state in
        µV²/Hz, shape (states, bins).
    window_s : float
        The length of a block.

    Yields
    ------
    ndarray
        Consecutive pieces, float32, with `samples` samples in total.
    """
    length = next_fast_len(2 * round(window_s * rate_hz / 2), real=True)
    length += length % 2
    hop = length // 2
    density = psd(np.fft.rfftfreq(length, 1 / rate_hz)) * (length * rate_hz / 4)
    window = np.sin(np.pi * (np.arange(length) + 0.5) / length).astype(np.float32)
    blocks = -(-samples // hop) + 1  # block b is centred between segments b - 1 and b
    centre_s = np.arange(blocks) * hop / rate_hz - 0.5
    second = np.arange(len(weights))
    weight = np.stack([np.interp(centre_s, second, column) for column in weights.T], axis=1)
    before = None
    for first in range(0, blocks, 256):
        # einsum instead of @: the sums must not depend on the number of threads of BLAS.
        amplitude = np.einsum("bs,sf->bf", weight[first : first + 256], density)
        amplitude = np.sqrt(amplitude).astype(np.float32)
        spectrum = rng.standard_normal((*amplitude.shape, 2), dtype=np.float32)
        spectrum = spectrum.view(np.complex64)[..., 0] * amplitude
        block = irfft(spectrum, length, axis=1, overwrite_x=True) * window
        segments = block[:, :hop]
        segments[1:] += block[:-1, hop:]
        if before is None:
            segments = segments[1:]  # the first block only fades out
        else:
            segments[0] += before
        before = block[-1, hop:].copy()
        piece = segments.reshape(-1)[:samples]
        samples -= len(piece)
        yield piece


def smooth(x, width):
    """Return `x` averaged over `width` samples with the weights of a Hann window."""
    kernel = np.hanning(width)
    return np.convolve(x, kernel / kernel.sum(), "same")


def drift(rng, seconds, correlation_s, sd):
    """Return a slow log-normal variation around 1, one value for each second."""
    knots = int(2 * seconds / correlation_s) + 4
    return np.exp(np.interp(np.arange(seconds), np.linspace(0, seconds, knots),
                            rng.normal(0, sd, knots)))  # fmt: skip
