"""Noise whose spectrum and size change slowly."""

import numpy as np
from scipy.fft import irfft, next_fast_len


def coloured_noise(rng, samples, rate_hz, weights, psd, window_s=8.0):
    """Noise whose spectrum changes with time, chunk by chunk.

    Overlap-add of blocks under sine windows, whose squares add to one: what one block fades out
    the next fades in, so power is preserved and states cross-fade.

    weights: (seconds, states) power of each state; psd: f in Hz (bins,) -> (states, bins) one-sided
    density in µV²/Hz. Yields float32 pieces that together have `samples` samples.
    """
    length = next_fast_len(2 * round(window_s * rate_hz / 2), real=True)
    length += length % 2
    hop = length // 2
    density = psd(np.fft.rfftfreq(length, 1 / rate_hz)) * (length * rate_hz / 4)
    window = np.sin(np.pi * (np.arange(length) + 0.5) / length).astype(np.float32)
    blocks = -(-samples // hop) + 1  # block b is centred on the border of segments b - 1 and b
    centre_s = np.arange(blocks) * hop / rate_hz - 0.5
    second = np.arange(len(weights))
    weight = np.stack([np.interp(centre_s, second, column) for column in weights.T], axis=1)
    before = None
    for first in range(0, blocks, 256):
        # einsum, not @: the sums must not depend on how many threads BLAS has
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
    """`x` averaged over `width` samples under a bell."""
    kernel = np.hanning(width)
    return np.convolve(x, kernel / kernel.sum(), "same")


def drift(rng, seconds, correlation_s, sd):
    """Slow log-normal waxing and waning around 1, one value per second."""
    knots = int(2 * seconds / correlation_s) + 4
    return np.exp(np.interp(np.arange(seconds), np.linspace(0, seconds, knots),
                            rng.normal(0, sd, knots)))  # fmt: skip
