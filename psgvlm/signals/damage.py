"""Kinds of damage to a raw signal, to measure how robust a model is.

`DamagedRecording` applies them. Its severity has two parts:

- The *share* is how much of the night is damaged: a share of its 30-s epochs.
- The *level* is how strong the damage is, in the unit of `Damage.unit`.

A signal-to-noise ratio (SNR) compares the noise with the median variance of a channel's epochs,
over the whole band of the channel.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from psgvlm.stages import EPOCH_S

SHARES = (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)
POP_S = 0.3  # the time in which a pop falls to 1/e of its height
DRIFT_HZ = (0.05, 0.5)
EMG_HZ = (20.0, 100.0)


@dataclass(frozen=True)
class Damage:
    """A kind of damage.

    Attributes
    ----------
    description : str
        What is done to the signal.
    change : callable or None
        A function of the samples (float64, about 0), their rate in Hz, the level, and a random
        generator. It returns all samples damaged. None for channels that are lost or swapped, which
        `DamagedRecording` handles, since that is no function of the channel's own samples.
    unit : str
        The unit of the level; empty if the damage has no levels.
    levels : tuple of float
        Levels from no damage to severe damage; empty if the damage has only one strength.
    lowest_level : float
        The lowest level that is allowed.
    simultaneous : bool
        Whether all channels are damaged in the same epochs and by the same random numbers.
    """

    description: str
    change: Callable | None
    unit: str = ""
    levels: tuple[float, ...] = ()
    lowest_level: float = 0.0
    simultaneous: bool = False

    @property
    def default_level(self) -> float | None:
        """The middle one of the levels; None if there are none."""
        return self.levels[len(self.levels) // 2] if self.levels else None

    def allows(self, level: float) -> bool:
        """Return whether the damage has this level."""
        in_range = bool(self.levels) and self.lowest_level <= level < np.inf
        return level in self.levels or in_range

    @property
    def grid(self) -> tuple[tuple[float, float | None], ...]:
        """The points of a curve of severity, as pairs of share and level.

        They are all levels over the whole night, or all shares for a damage without levels.
        """
        if self.levels:
            return tuple((1.0, level) for level in self.levels)
        return tuple((share, None) for share in SHARES)


def epoch_bounds(n_samples: int, rate_hz: float) -> np.ndarray:
    """Return the first sample of each 30-s epoch and the one after its last, int (n_epochs, 2)."""
    count = int(np.ceil(n_samples / (EPOCH_S * rate_hz) - 1e-6))
    edges = np.round(EPOCH_S * rate_hz * np.arange(count + 1)).astype(int).clip(0, n_samples)
    return np.column_stack((edges[:-1], edges[1:]))


def _invert(x, rate_hz, level, rng):
    return -x


def _amplify(x, rate_hz, level, rng):
    return level * x


def _add_hum(hz, x, rate_hz, level, rng):
    if hz >= rate_hz / 2:
        return x  # the channel's rate cannot carry it
    cycles = hz / rate_hz * np.arange(len(x)) + rng.random()
    return x + level * np.sin(2 * np.pi * cycles)


def _add_white_noise(x, rate_hz, level, rng):
    return x + _noise_uv(x, rate_hz, level) * rng.standard_normal(len(x))


def _add_muscle(x, rate_hz, level, rng):
    return x + _noise_uv(x, rate_hz, level) * _band_noise(rng, len(x), rate_hz, EMG_HZ)


def _add_drift(x, rate_hz, level, rng):
    return x + level * _band_noise(rng, len(x), rate_hz, DRIFT_HZ)


def _add_pops(x, rate_hz, level, rng):
    """Add a pop to each epoch, upwards or downwards, at a random time that lets it end there."""
    pop = level * np.exp(-np.arange(round(10 * POP_S * rate_hz)) / (POP_S * rate_hz))
    x = x.copy()
    for first, _ in epoch_bounds(len(x), rate_hz):
        start = first + int(rng.uniform(0, EPOCH_S * rate_hz - len(pop)))
        target = x[start : start + len(pop)]
        target += rng.choice((-1.0, 1.0)) * pop[: len(target)]
    return x


def _clip(x, rate_hz, level, rng):
    return x.clip(-level, level)


def _lower_rate(x, rate_hz, level, rng):
    """Return what a recorder at a lower rate keeps, still at the channel's own rate.

    No tone above half of the lower rate remains. This is the same as sampling at the lower rate
    with a sharp anti-alias filter, and drawing the curve through the samples. The filter has zero
    phase, and its gain is down by 80 dB from half of the lower rate on.
    """
    from scipy.signal import cheby2, sosfiltfilt

    if level >= rate_hz:
        return x
    sections = cheby2(10, 40, level / 2, fs=rate_hz, output="sos")
    return sosfiltfilt(sections, x, padlen=min(len(x) - 1, round(rate_hz)))


def _shift_epochs(x, rate_hz, level, rng):
    """Shift each epoch by a random time; beyond the ends, the first or last sample is repeated."""
    indexes = np.arange(len(x))
    for first, stop in epoch_bounds(len(x), rate_hz):
        indexes[first:stop] += round(level * rng.standard_normal() * rate_hz)
    return x[indexes.clip(0, len(x) - 1)]


def _noise_uv(x: np.ndarray, rate_hz: float, snr_db: float) -> float:
    """Return the standard deviation of a noise of a given SNR."""
    power = np.median([x[first:stop].var() for first, stop in epoch_bounds(len(x), rate_hz)])
    return float(np.sqrt(power / 10 ** (snr_db / 10)))


def _band_noise(rng, n_samples: int, rate_hz: float, band_hz: tuple[float, float]) -> np.ndarray:
    """Return noise of a band with standard deviation 1; zeros if the rate cannot carry the band."""
    from scipy.signal import butter, sosfilt

    white = rng.standard_normal(n_samples)
    low, high = band_hz[0], min(band_hz[1], 0.45 * rate_hz)
    if high <= 1.05 * low:
        return np.zeros(n_samples)
    noise = sosfilt(butter(4, (low, high), "bandpass", fs=rate_hz, output="sos"), white)
    return noise / noise.std()


_HUM_UV = (0.0, 5.0, 20.0, 50.0, 200.0)
_SNR_DB = (np.inf, 20.0, 10.0, 0.0, -10.0)
_HIGHEST_UV = (np.inf, 100.0, 50.0, 25.0, 10.0)
_RATES_HZ = (np.inf, 100.0, 64.0, 32.0, 16.0)

DAMAGES = {
    "lost": Damage("a flat line for one run of epochs", None),
    "lost_from": Damage("a flat line from some time to the end", None),
    "swapped": Damage("the signal of another channel of the same rate", None, simultaneous=True),
    "inverted": Damage("upside down", _invert),
    "weak": Damage("lower gain", _amplify, "times", (1.0, 0.7, 0.5, 0.25, 0.1)),
    "strong": Damage("higher gain", _amplify, "times", (1.0, 1.5, 2.0, 4.0, 10.0)),
    "mains_50": Damage("50-Hz hum", partial(_add_hum, 50.0), "µV", _HUM_UV),
    "mains_60": Damage("60-Hz hum", partial(_add_hum, 60.0), "µV", _HUM_UV),
    "white": Damage("white noise", _add_white_noise, "dB SNR", _SNR_DB, -100.0),
    "emg": Damage("muscle, 20-100 Hz", _add_muscle, "dB SNR", _SNR_DB, -100.0),
    "drift": Damage(
        "baseline drift, 0.05-0.5 Hz", _add_drift, "µV RMS", (0.0, 20.0, 50.0, 100.0, 300.0)
    ),
    "pops": Damage(
        "an electrode pop in each epoch", _add_pops, "µV", (0.0, 50.0, 100.0, 300.0, 1000.0)
    ),
    "clipped": Damage("cut off at a height", _clip, "µV", _HIGHEST_UV),
    "slower": Damage("lower sampling rate", _lower_rate, "Hz", _RATES_HZ, 1.0),
    "jitter": Damage(
        "epochs shifted in time",
        _shift_epochs,
        "s SD",
        (0.0, 0.1, 0.5, 2.0, 10.0),
        simultaneous=True,
    ),
}
