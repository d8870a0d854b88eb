"""The background under the waveforms: coloured noise with the band amplitudes of sleep EEG."""

import numpy as np
from psgvlm.builders.simulate.hypnogram import N3
from psgvlm.builders.simulate.noise import coloured_noise, drift

EEG_EOG = ("F3-M2", "C3-M2", "O1-M2", "E1-M2", "F4-M1", "C4-M1", "O2-M1", "E2-M1")
LANES = (*EEG_EOG, "chin", "ECG", "M1", "M2")

# RMS in µV of the background EEG at C4-M1, without planted waveforms, by state (rows) and band.
BAND_EDGES_HZ = np.array([0.4, 1, 4, 8, 12, 16, 30])
BACKGROUND_UV = np.array(
    [
        [3.5, 5.5, 4.0, 4.0, 2.7, 3.3],
        [5.0, 6.0, 4.0, 3.2, 2.7, 4.2],
        [3.5, 6.5, 5.0, 3.4, 2.2, 2.2],
        [5.5, 9.5, 6.0, 3.6, 2.4, 1.9],
        [11.0, 16.0, 8.5, 4.6, 2.6, 1.7],
        [3.5, 6.5, 5.0, 3.2, 2.0, 1.9],
    ]
)
ALPHA_UV = np.array([20.0, 5.0, 4.5, 1.5, 1.0, 2.2])  # RMS at the occiput by state
MUSCLE_UV = np.array([9.0, 18.0, 6.0, 4.5, 4.0, 1.8])  # RMS of chin EMG within 10-45 Hz by state

# Uncorrelated sources of background EEG. A lane is their sum with these gains, so that lanes of
# adjacent electrodes resemble each other and the two sides differ.
SOURCE_GAINS = np.array(
    [
        # shared, frontal, occipital, left minus right, alpha
        [0.75, 0.65, 0.00, 0.30, 0.30],  # F3
        [0.85, 0.25, 0.25, 0.35, 0.45],  # C3
        [0.60, 0.00, 0.60, 0.25, 1.00],  # O1
        [0.40, 0.50, 0.00, 0.20, 0.20],  # E1
        [0.75, 0.65, 0.00, -0.30, 0.30],  # F4
        [0.85, 0.25, 0.25, -0.35, 0.45],  # C4
        [0.60, 0.00, 0.60, -0.25, 1.00],  # O2
        [0.40, 0.45, 0.00, -0.20, 0.20],  # E2
        [0.20, 0.00, 0.15, 0.15, 0.10],  # M1
        [0.20, 0.00, 0.15, -0.15, 0.10],  # M2
    ],
    dtype=np.float32,
)
SOURCE_SLOWNESS = (1.0, 1.25, 0.7, 1.0)  # factor of the first four sources below 4 Hz


def _background_psd(rms_uv):
    """Return a density with these RMS (states, bands): log-log lines between band centres."""
    low, high = BAND_EDGES_HZ[:-1], BAND_EDGES_HZ[1:]
    centre = np.log(np.sqrt(low * high))
    log_density = np.log(rms_uv**2 / (high - low))
    rise = (log_density[:, 1] - log_density[:, 0]) / (centre[1] - centre[0])
    fall = np.minimum((log_density[:, -1] - log_density[:, -2]) / (centre[-1] - centre[-2]), -1.0)

    def psd(f):
        x = np.log(np.maximum(f, 0.05))
        y = np.stack([np.interp(x, centre, row) for row in log_density])
        y += np.minimum(x - centre[0], 0) * rise[:, None]
        y += np.maximum(x - centre[-1], 0) * 0.6 * fall[:, None]
        return np.exp(y) / (1 + (0.35 / np.maximum(f, 0.01)) ** 6)  # high-pass of the amplifier

    return psd


def _white_psd(rms_uv):
    """Return a flat spectral density with the same RMS within 0.4-30 Hz."""
    density = (rms_uv**2).sum(1) / (BAND_EDGES_HZ[-1] - BAND_EDGES_HZ[0])
    return lambda f: np.repeat(density[:, None], len(f), axis=1)


def _alpha_psd(subject, width_hz=0.7):
    rms_uv = ALPHA_UV * subject["alpha"] * subject["eeg"]

    def psd(f):
        bell = np.exp(-(((f - subject["alpha_hz"]) / width_hz) ** 2)) / (width_hz * np.sqrt(np.pi))
        return rms_uv[:, None] ** 2 * bell

    return psd


def _muscle_psd(f):
    """Return the density of surface EMG, which rises to 12 Hz, falls from 80 Hz, with unit RMS."""
    shape = 1 / (1 + (12 / np.maximum(f, 0.1)) ** 4) / (1 + (f / 80) ** 2)
    within = (f >= 10) & (f <= 45)
    return (shape / (shape[within].mean() * 35))[None]


def background_and_muscle(rngs, samples, rate_hz, power, subject, white):
    """Return lanes (12, samples) of background EEG alone, and muscle noise (samples,) of unit RMS.

    `power`, of shape (seconds, states), is the share of each state in the activity of the brain.
    """
    person, *noise = rngs
    # The spectra of people differ a little in every band and stage.
    own = person.lognormal(0, 0.12, BACKGROUND_UV.shape) * person.lognormal(0, 0.08, 6)
    rms_uv = BACKGROUND_UV * own * subject["eeg"]
    rms_uv[N3, :2] *= subject["slow"]
    power = power * drift(person, len(power), 20, 0.12)[:, None] ** 2
    shape = _white_psd if white else _background_psd
    psds = [
        shape(rms_uv * np.where(BAND_EDGES_HZ[:-1] < 4, slowness, 1))
        for slowness in SOURCE_SLOWNESS
    ]
    psds.append(_alpha_psd(subject))
    sources = [
        coloured_noise(rng, samples, rate_hz, power, psd)
        for rng, psd in zip(noise, psds, strict=False)
    ]
    steady = np.ones((len(power), 1))
    sources.append(coloured_noise(noise[-1], samples, rate_hz, steady, _muscle_psd))

    gains = SOURCE_GAINS * np.float32([1, 1, 1, 1, not white])
    lanes = np.zeros((len(LANES), samples), np.float32)
    muscle = np.empty(samples, np.float32)
    start = 0
    for *pieces, chin in zip(*sources, strict=True):
        stop = start + len(chin)
        mixed = np.einsum("ls,sn->ln", gains, np.stack(pieces))
        lanes[:8, start:stop], lanes[10:, start:stop] = mixed[:8], mixed[8:]
        muscle[start:stop] = chin
        start = stop
    return lanes, muscle
