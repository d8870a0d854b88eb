"""Waveforms planted in a night: which, when and in which channel, and what they add to it."""

from dataclasses import dataclass

import numpy as np
from psgvlm.builders.simulate.background import ALPHA_UV, EEG_EOG
from psgvlm.builders.simulate.hypnogram import CLOSED, N2, R
from psgvlm.builders.simulate.noise import drift
from psgvlm.builders.simulate.waveforms import KINDS, hann, spindle


@dataclass(frozen=True)
class PlantedWave:
    """A waveform planted in a night.

    Parameters
    ----------
    kind : str
        A key of `KINDS`, or `"alpha"`.
    channel : str
        The channel where it is largest.
    onset_s, duration_s : float
        When it begins, in seconds of the night, and how long it lasts.
    amplitude_uv : float
        Its size in that channel without the background: the highest excursion from zero (the depth
        of the negative peak for K-complexes and vertex waves), peak to peak for slow waves, RMS for
        alpha and for a twitch of the chin muscle.
    """

    kind: str
    channel: str
    onset_s: float
    duration_s: float
    amplitude_uv: float


def plan_events(rng, states, depth, subject):
    """Return all waveforms of a night as a list of PlantedWave, in the order of their onsets."""
    seconds = len(states)
    events = []
    for name, kind in KINDS.items():
        rate = np.array(kind.per_minute)[states] / 60
        if name == "spindle":
            rate = rate * subject["spindles"]
        elif name == "slow_wave":  # N3 waxes and wanes, and N2 deepens towards it
            rate = rate * drift(rng, seconds, 120, 0.15) + (states == N2) * 0.1 * depth
        onsets = np.flatnonzero(rng.random(seconds) < rate).astype(float)
        onsets += rng.random(len(onsets))
        if name == "saccade":
            onsets = np.sort(np.concatenate([onsets, _rem_bursts(rng, states)]))
        free = 0.0
        for onset in onsets:
            duration = rng.uniform(*kind.duration_s)
            amplitude = rng.uniform(*kind.amplitude_uv) * subject[kind.gain]
            right = rng.random() < 0.5
            if onset + duration > seconds or (name == "slow_wave" and onset < free):
                continue
            free = onset + duration
            events.append(PlantedWave(name, _channel(name, right), onset, duration, amplitude))
    edges = np.flatnonzero(np.diff(np.r_[False, states == CLOSED, False].astype(int)))
    rms = ALPHA_UV[CLOSED] * subject["alpha"] * subject["eeg"]
    events += [
        PlantedWave("alpha", "O2-M1", float(start), float(stop - start), rms)
        for start, stop in zip(edges[::2], edges[1::2], strict=True)
    ]
    return sorted(events, key=lambda event: (event.onset_s, event.kind))


def _rem_bursts(rng, states):
    """Return the onsets of saccades that come in volleys, within the phasic periods of R."""
    phasic = np.repeat(rng.random(len(states) // 20 + 1) < 0.5, 20)[: len(states)]
    starts = np.flatnonzero((states == R) & phasic & (rng.random(len(states)) < 0.12))
    volleys = [s + np.cumsum(rng.uniform(0.2, 0.9, rng.integers(1, 6))) for s in starts]
    return np.concatenate([np.empty(0), *volleys])


def _channel(kind, right):
    if kind in ("saccade", "slow_eye_movement", "blink"):
        return "E1-M2"
    if kind == "twitch":
        return "chin"
    region = np.argmax(KINDS[kind].spread[:3])
    return EEG_EOG[region + 4 * right]


def plant(rng, lanes, tone_uv, events, rate_hz, subject):
    """Add waveforms to the EEG and EOG lanes, and their muscle activity to `tone_uv` (samples,)."""
    for event in events:
        if event.kind == "alpha":  # the background contains it already
            continue
        kind = KINDS[event.kind]
        first = int(np.ceil(event.onset_s * rate_hz))
        end_s = event.onset_s + event.duration_s + kind.tail_s
        last = min(len(tone_uv), int(end_s * rate_hz) + 1)
        t = np.arange(first, last) / rate_hz - event.onset_s
        if event.kind == "twitch":
            tone_uv[first:last] += event.amplitude_uv * hann(t / event.duration_s)
            continue
        if event.kind == "spindle":
            centre_hz = np.clip(rng.normal(subject["spindle_hz"], 0.5), 11.5, 15.5)
            wave = spindle(rng, t, event.duration_s, centre_hz)
        else:
            wave = kind.shape(rng, t, event.duration_s)
        front, centre, back, eye_1, eye_2 = kind.spread
        gains = np.array([front, centre, back, eye_1, front, centre, back, eye_2])
        weaker = rng.uniform(0.75, 1)
        if event.channel in EEG_EOG[4:]:
            gains[:4] *= weaker
        elif kind.gain != "eye":
            gains[4:] *= weaker
        wave = (event.amplitude_uv * wave).astype(np.float32)
        lanes[:8, first:last] += gains.astype(np.float32)[:, None] * wave
        if kind.muscle_uv[1]:
            burst = rng.uniform(*kind.muscle_uv) * subject["muscle"]
            tone_uv[first:last] += burst * hann(t / event.duration_s)
