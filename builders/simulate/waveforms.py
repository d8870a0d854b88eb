"""The waveforms that the AASM manual names: their shape, their rate, and the lanes that show them.

A shape is a function of (rng, seconds since the onset, duration in s) that gives samples of
amplitude 1, in the sense of `PlantedWave.amplitude_uv`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


def hann(x):
    return 0.5 - 0.5 * np.cos(2 * np.pi * x)


def spindle(rng, t, duration, centre_hz):
    # Spindles slow down by about 0.5 Hz over their length.
    cycles = (centre_hz + 0.25) * t - 0.25 * t**2 / duration
    return np.sin(np.pi * t / duration) * np.sin(2 * np.pi * (cycles + rng.random()))


def _biphasic(t, duration, negative_share, positive_size, sharpness):
    x = t / duration
    down = np.sin(np.pi * np.minimum(x / negative_share, 1)) ** sharpness
    up = np.sin(np.pi * np.clip((x - negative_share) / (1 - negative_share), 0, 1)) ** sharpness
    return positive_size * up - down


def _k_complex(rng, t, duration):
    return _biphasic(t, duration, rng.uniform(0.35, 0.45), rng.uniform(0.4, 0.7), 1.5)


def _slow_wave(rng, t, duration):
    positive = rng.uniform(0.6, 0.95)
    return _biphasic(t, duration, rng.uniform(0.42, 0.5), positive, 1.15) / (1 + positive)


def _vertex_wave(rng, t, duration):
    return -hann(t / duration)


def _sawtooth(rng, t, duration):
    return hann(t / duration) * (2 * ((rng.uniform(2, 4.5) * t) % 1) - 1)


def _saccade(rng, t, duration):
    # A step decays, because the amplifier has a high-pass filter at 0.2 Hz.
    rise = np.minimum(t / duration, 1)
    return rng.choice((-1, 1)) * (3 - 2 * rise) * rise**2 * np.exp(-t * 2 * np.pi * 0.2)


def _slow_eye_movement(rng, t, duration):
    x = np.pi * t / duration
    return rng.choice((-1.3, 1.3)) * np.sin(x) * np.sin(2 * x)


def _blink(rng, t, duration):
    return -hann(t / duration)


def _oscillations(rng, t, low_hz, high_hz):
    """Return a band of noise with unit RMS, made of eight sines."""
    hz, phase = rng.uniform(low_hz, high_hz, 8)[:, None], rng.random(8)[:, None]
    return np.sin(2 * np.pi * (hz * t + phase)).sum(0) / 2


def _movement(rng, t, duration):
    return hann(t / duration) * _oscillations(rng, t, 0.5, 4) / 2


def _arousal(rng, t, duration):
    fast = 0.6 * _oscillations(rng, t, 8, 12) + 0.5 * _oscillations(rng, t, 16, 30)
    return hann(t / duration) * fast / 2


@dataclass(frozen=True)
class Kind:
    """A kind of waveform.

    Parameters
    ----------
    per_minute : tuple of float
        How many come in a minute of each of `STATES`.
    duration_s, amplitude_uv : tuple of float
        The smallest and the largest value.
    spread : tuple of float
        The gain at F, C, O, E1 and E2 on the side where it is largest; eye movements have no side.
    shape : callable or None
        How it looks.
    gain : str
        The entry of `subject` that scales it.
    muscle_uv : tuple of float
        The RMS that it adds to the chin EMG at its height, smallest and largest.
    tail_s : float
        How long the amplifier responds after its end.
    """

    per_minute: tuple[float, ...]
    duration_s: tuple[float, float]
    amplitude_uv: tuple[float, float]
    spread: tuple[float, float, float, float, float]
    shape: Callable | None
    gain: str = "eeg"
    muscle_uv: tuple[float, float] = (0.0, 0.0)
    tail_s: float = 0.0


KINDS = {
    "slow_wave": Kind(
        (0, 0, 0, 0, 44, 0), (0.7, 1.5), (85, 160), (1, 0.85, 0.5, 0.6, 0.6), _slow_wave, "slow"
    ),
    "spindle": Kind(
        (0, 0, 0, 4.0, 1.5, 0), (0.6, 1.8), (13, 30), (0.6, 1, 0.3, 0.2, 0.2), spindle
    ),
    "k_complex": Kind(
        (0, 0, 0, 1.2, 0, 0), (0.8, 1.3), (70, 140), (0.95, 1, 0.4, 0.6, 0.6), _k_complex
    ),
    "vertex_wave": Kind(
        (0, 0, 2.5, 0.8, 0, 0), (0.15, 0.3), (35, 80), (0.5, 1, 0.3, 0.2, 0.2), _vertex_wave
    ),
    "sawtooth": Kind(
        (0, 0, 0, 0, 0, 1.0), (2, 6), (12, 24), (0.7, 1, 0.3, 0.3, 0.3), _sawtooth
    ),
    "saccade": Kind(
        (2, 30, 0, 0, 0, 3), (0.05, 0.12), (20, 110), (0.06, 0.03, 0, 1, -0.95), _saccade, "eye",
        tail_s=4.0,
    ),
    "slow_eye_movement": Kind(
        (3, 0, 9, 0.3, 0, 0.4), (2, 6), (25, 75), (0.05, 0.03, 0, 1, -0.95),
        _slow_eye_movement, "eye",
    ),
    "blink": Kind(
        (1.5, 14, 0, 0, 0, 0), (0.2, 0.4), (40, 110), (-0.45, -0.2, 0, 1, -0.85), _blink, "eye"
    ),
    "movement": Kind(
        (0.5, 0.8, 0.12, 0.03, 0, 0.05), (2, 9), (60, 250), (0.8, 0.7, 0.8, 1, 1), _movement,
        muscle_uv=(15, 120),
    ),
    "arousal": Kind(
        (0, 0, 0.3, 0.12, 0.03, 0.15), (3, 10), (20, 45), (0.8, 1, 1, 0.5, 0.5), _arousal,
        muscle_uv=(4, 20),
    ),
    "twitch": Kind(
        (0, 0, 0, 0, 0, 2.0), (0.1, 0.8), (2, 11), (0, 0, 0, 0, 0), None, "muscle"
    ),
}  # fmt: skip
