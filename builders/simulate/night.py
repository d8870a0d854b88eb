"""One simulated night of polysomnography, with the truth that a scorer would look for.

A lane has two layers. The first is coloured noise whose spectrum follows the stage: its band
amplitudes are those of sleep EEG, and it cross-fades where the stage changes. The second is the
waveforms that the AASM manual names (spindles, K-complexes, slow waves, eye movements, ...), each
planted at a known time and returned as a `PlantedWave`. Gains, muscle tone, alpha, spindle rate and
noise vary more between people than between stages.
"""

from dataclasses import dataclass

import numpy as np
from psgvlm.builders.simulate.background import LANES, MUSCLE_UV, background_and_muscle
from psgvlm.builders.simulate.events import PlantedWave, plan_events, plant
from psgvlm.builders.simulate.hypnogram import (
    EPOCH_S,
    N2,
    N3,
    STATES,
    hypnogram,
    second_by_second,
    stages_of,
)
from psgvlm.builders.simulate.noise import drift, smooth


@dataclass
class SimulatedNight:
    """A simulated night. Sample i of every signal is at i / rate_hz seconds.

    Parameters
    ----------
    stages : tuple of str
        W, N1, N2, N3 or R for each epoch of 30 s.
    states : ndarray
        The state of each second as an index into `STATES`, int of shape (seconds,).
    rate_hz : float
        The sampling rate.
    signals : dict of str to ndarray
        The lanes, float32 of shape (samples,) in µV. M1 and M2 are the mastoids against the
        reference of the recording, so that C4 = C4-M1 + M1.
    events : list of PlantedWave
        The planted waveforms.
    subject : dict of str to float
        What is particular to this person: gains, frequencies, noise.
    """

    stages: tuple[str, ...]
    states: np.ndarray
    rate_hz: float
    signals: dict[str, np.ndarray]
    events: list[PlantedWave]
    subject: dict[str, float]


def draw_subject(rng, mains_hz=50.0):
    """Draw a person: gains are factors with median 1, `*_uv` are RMS."""
    spread = {"eeg": 0.13, "muscle": 0.6, "alpha": 0.4, "spindles": 0.25, "eye": 0.2, "slow": 0.15}
    subject = {
        name: float(np.exp(sd * np.clip(rng.normal(), -2, 2))) for name, sd in spread.items()
    }
    return subject | {
        "alpha_hz": rng.normal(9.8, 0.6),
        "spindle_hz": float(np.clip(rng.normal(13.2, 0.5), 12, 15)),
        "heart_bpm": rng.uniform(50, 75),
        "ecg_uv": rng.uniform(600, 1400),
        "ecg_leak": rng.lognormal(np.log(0.002), 0.6),
        "noise_uv": rng.lognormal(np.log(0.7), 0.3),
        "mains_hz": mains_hz,
        "mains_uv": rng.lognormal(np.log(1.0), 0.7),
    }


def _electrocardiogram(rng, samples, rate_hz, subject):
    beats = int(samples / rate_hz * subject["heart_bpm"] / 60 * 1.3) + 2
    breath = 0.03 * np.sin(2 * np.pi * 0.25 * np.arange(beats) * 60 / subject["heart_bpm"])
    interval = 60 / subject["heart_bpm"] * (1 + breath + rng.normal(0, 0.015, beats))
    position = np.cumsum(interval) * rate_hz
    waves = [(-0.17, 0.022, 0.12), (-0.03, 0.008, -0.12), (0, 0.01, 1.0), (0.03, 0.01, -0.22),
             (0.27, 0.045, 0.28)]  # P Q R S T: seconds from R, width in s, size  # fmt: skip
    before, after = int(0.25 * rate_hz), int(0.45 * rate_hz)
    shifts = 32  # a beat starts at any of so many places between two samples
    t = (np.arange(-before, after) - np.arange(shifts)[:, None] / shifts) / rate_hz
    beat = sum(size * np.exp(-(((t - at) / width) ** 2) / 2) for at, width, size in waves)
    beat = (subject["ecg_uv"] * beat).astype(np.float32)
    ecg = np.zeros(samples, np.float32)
    for place in position[(position > before) & (position < samples - after)]:
        start = int(place)
        ecg[start - before : start + after] += beat[int((place - start) * shifts)]
    return ecg


def _amplifier(rng, lanes, muscle, rate_hz, subject):
    """Add mains hum, noise, and the muscle activity that scalp and eye electrodes pick up."""
    samples = len(muscle)
    cycles = subject["mains_hz"] * (np.arange(samples) / rate_hz)
    hum = np.sin(2 * np.pi * (cycles % 1)).astype(np.float32)
    hum *= subject["mains_hz"] < rate_hz / 2  # above that, the anti-alias filter removes it
    hiss = rng.standard_normal(samples + 101 * len(lanes), dtype=np.float32)
    for index, lane in enumerate(lanes):
        lane += subject["noise_uv"] * hiss[101 * index : 101 * index + samples]
        lane += subject["mains_uv"] * rng.lognormal(-0.5, 0.5) * hum
        if index < 8:  # every electrode is over other muscle fibres
            lane += rng.uniform(0.04, 0.09) * np.roll(muscle, 337 * (index + 1))


def simulate_night(seed, hours=8.0, rate_hz=200.0, mains_hz=50.0, background="physiological"):
    """Simulate the night of one person; the same arguments give the same night, bit by bit.

    Parameters
    ----------
    seed : int
        The seed of all random numbers.
    hours : float
        The length, at least 0.25; nights under five hours are compressed (see `hypnogram`).
    rate_hz : float
        The sampling rate.
    mains_hz : float
        The frequency of the mains hum.
    background : str
        `"physiological"`, or `"white"` as a control: white noise with the same RMS in every stage
        replaces the EEG and its waveforms, while eyes, muscle and heart stay.

    Returns
    -------
    SimulatedNight
        The night with the lanes `LANES`.

    Raises
    ------
    ValueError
        If the night is too short or the background unknown.
    """
    if background not in ("physiological", "white"):
        raise ValueError(f"background is 'physiological' or 'white', not {background!r}")
    if hours < 0.25:
        raise ValueError(f"{hours} hours are too few for a night; expected 0.25 or more")
    streams = np.random.default_rng(seed).spawn(11)
    night_rng, person_rng, plan_rng, wave_rng, heart_rng, *noise_rngs = streams
    subject = draw_subject(person_rng, mains_hz)
    states = second_by_second(night_rng, hypnogram(night_rng, round(hours * 3600 / EPOCH_S)))
    seconds = len(states)
    samples = int(np.ceil(seconds * rate_hz))

    depth = smooth(states == N3, 360)  # how near N3 is; N2 deepens towards it
    events = plan_events(plan_rng, states, depth, subject)
    if background == "white":
        events = [event for event in events if event.channel in ("E1-M2", "chin")]
    power = np.stack([smooth(states == state, 9) for state in range(len(STATES))], axis=1)
    deeper = power[:, N2] * np.clip(0.35 * depth, 0, 0.3)
    power[:, N2] -= deeper
    power[:, N3] += deeper

    lanes, muscle = background_and_muscle(
        (person_rng, *noise_rngs), samples, rate_hz, power, subject, background == "white"
    )
    own_tone = MUSCLE_UV * person_rng.lognormal(0, 0.2, len(STATES)) * subject["muscle"]
    tone_uv = np.sqrt((power * own_tone**2).sum(1)) * drift(person_rng, seconds, 40, 0.25)
    tone_uv = np.interp(np.arange(samples) / rate_hz - 0.5, np.arange(seconds), tone_uv)
    plant(wave_rng, lanes, tone_uv, events, rate_hz, subject)
    muscle *= tone_uv.astype(np.float32)
    chin, heart = LANES.index("chin"), LANES.index("ECG")
    lanes[heart] = _electrocardiogram(heart_rng, samples, rate_hz, subject)
    lanes[chin] = muscle + subject["ecg_leak"] * lanes[heart]
    _amplifier(wave_rng, lanes, muscle, rate_hz, subject)
    signals = dict(zip(LANES, lanes, strict=True))
    return SimulatedNight(stages_of(states), states, rate_hz, signals, events, subject)
