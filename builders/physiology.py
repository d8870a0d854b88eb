"""One simulated night of polysomnography, with the truth a scorer would look for.

Two layers make a lane. Underneath lies coloured noise whose spectrum follows the stage: its band
amplitudes are those of sleep EEG, and it cross-fades where stages change. On top stand the
waveforms that the AASM manual names (spindles, K-complexes, slow waves, eye movements, ...), each
planted at a known place and returned as an `Event`. Everything between people varies more than it
does between stages: gains, muscle tone, alpha, spindle rate, noise.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len

from psgvlm.stages import STAGES

EPOCH_S = 30
EEG_EOG = ("F3-M2", "C3-M2", "O1-M2", "E1-M2", "F4-M1", "C4-M1", "O2-M1", "E2-M1")
LANES = (*EEG_EOG, "chin", "ECG", "M1", "M2")

# What the brain and the eyes do, second by second; wake is two states, eyes closed and eyes open.
STATES = ("closed", "open", "N1", "N2", "N3", "R")
CLOSED, OPEN, N1, N2, N3, R = range(6)

# Background EEG at C4-M1 without the planted waveforms, RMS in µV by state (rows) and band.
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
ALPHA_UV = np.array([20.0, 5.0, 4.5, 1.5, 1.0, 2.2])  # RMS at the occiput, by state
MUSCLE_UV = np.array([9.0, 18.0, 6.0, 4.5, 4.0, 1.8])  # chin EMG RMS within 10-45 Hz, by state

# Sources of background EEG, uncorrelated with one another. A lane is their sum with these gains,
# so that neighbours resemble each other and the two sides differ.
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
SOURCE_SLOWNESS = (1.0, 1.25, 0.7, 1.0)  # the first four's activity below 4 Hz, as a factor


@dataclass(frozen=True)
class Event:
    """A planted waveform.

    `channel` is where it is largest and `amplitude_uv` its size there without the background:
    the highest excursion from zero (the depth of the negative peak for K-complexes and vertex
    waves), peak to peak for slow waves, RMS for alpha and for a twitch of the chin muscle.
    """

    kind: str
    channel: str
    onset_s: float
    duration_s: float
    amplitude_uv: float


@dataclass
class Night:
    """A simulated recording; sample i of every lane lies at i / rate_hz seconds.

    stages: W N1 N2 N3 R, one per 30-s epoch. signals: lane -> (samples,) float32 in µV; M1 and M2
    are the mastoids against the recording reference, so that C4 = C4-M1 + M1. subject: what sets
    this person apart (gains, frequencies, noise).
    """

    stages: tuple[str, ...]
    rate_hz: float
    signals: dict[str, np.ndarray]
    events: list[Event]
    subject: dict[str, float]


# --- waveforms: (rng, seconds since onset, duration in s) -> samples of size 1 (see Event) --------


def _hann(x):
    return 0.5 - 0.5 * np.cos(2 * np.pi * x)


def _spindle(rng, t, duration, centre_hz):
    # spindles slow down by about half a hertz over their length
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
    return -_hann(t / duration)


def _sawtooth(rng, t, duration):
    return _hann(t / duration) * (2 * ((rng.uniform(2, 4.5) * t) % 1) - 1)


def _saccade(rng, t, duration):
    # a step through the amplifier's 0.2-Hz high-pass filter, which lets it decay
    rise = np.minimum(t / duration, 1)
    return rng.choice((-1, 1)) * (3 - 2 * rise) * rise**2 * np.exp(-t * 2 * np.pi * 0.2)


def _slow_eye_movement(rng, t, duration):
    x = np.pi * t / duration
    return rng.choice((-1.3, 1.3)) * np.sin(x) * np.sin(2 * x)


def _blink(rng, t, duration):
    return -_hann(t / duration)


def _oscillations(rng, t, low_hz, high_hz):
    """Unit-RMS band of noise, as a few sines."""
    hz, phase = rng.uniform(low_hz, high_hz, 8)[:, None], rng.random(8)[:, None]
    return np.sin(2 * np.pi * (hz * t + phase)).sum(0) / 2


def _movement(rng, t, duration):
    return _hann(t / duration) * _oscillations(rng, t, 0.5, 4) / 2


def _arousal(rng, t, duration):
    fast = 0.6 * _oscillations(rng, t, 8, 12) + 0.5 * _oscillations(rng, t, 16, 30)
    return _hann(t / duration) * fast / 2


@dataclass(frozen=True)
class Kind:
    """How often a waveform comes, how it looks, and where it is seen.

    per_minute is by state (STATES); spread is the gain at F, C, O, E1, E2 of the side where it is
    largest (eye movements have no side); gain names the entry of `subject` that scales it;
    muscle_uv is the RMS it adds to the chin EMG at its height; tail_s is how long the amplifier
    goes on after the end.
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
        (0, 0, 0, 4.0, 1.5, 0), (0.6, 1.8), (13, 30), (0.6, 1, 0.3, 0.2, 0.2), _spindle
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

# --- what happens when ----------------------------------------------------------------------------


def hypnogram(rng, epochs):
    """Stages of a night, (epochs,) of str: cycles of about 90 min, N3 early, R late, arousals.

    A night shorter than five hours gets the plan of five hours with every length scaled down, so
    that it still holds all five stages (at least 2 % of the epochs and 2 epochs each).
    """
    scale = min(1.0, epochs * EPOCH_S / (5 * 3600))
    for _ in range(200):
        night = _hypnogram_once(rng, epochs, scale)
        if all(np.sum(night == stage) >= max(2, 0.02 * epochs) for stage in STAGES):
            return night
    raise ValueError(f"{epochs} epochs are too few for a night with all five stages")


def _hypnogram_once(rng, epochs, scale):
    def length(low, high, factor=1.0):
        return max(1, round(scale * factor * rng.uniform(low, high)))

    deep, dreaming = rng.lognormal(0, 0.25), rng.lognormal(0, 0.15)
    n3_plan = [(45, 75), (30, 60), (10, 35), (0, 15), (0, 4), (0, 1)]
    rem_plan = [(6, 20), (22, 42), (30, 52), (38, 65), (40, 65), (40, 50)]
    night = ["W"] * length(12, 35) + ["N1"] * length(3, 9)
    cycle = 0
    while len(night) < epochs:
        n3 = length(*n3_plan[min(cycle, 5)], deep) if cycle < 5 else 0
        rem = length(*rem_plan[min(cycle, 5)], dreaming)
        descent, ascent = length(15, 35), length(12, 30)
        ascent = max(ascent, round(scale * rng.normal(155, 15)) - descent - n3 - rem)
        for stage, count in (("N2", descent), ("N3", n3), ("N2", ascent), ("R", rem)):
            night += _bouts(rng, stage, count)
        if rng.random() < 0.7:
            night += ["W"] * rng.integers(1, 4) + ["N1"] * rng.integers(1, 5)
        cycle += 1
    night = night[:epochs]
    if rng.random() < 0.7:
        last = length(2, 14)
        night[-last:] = ["W"] * last
    return np.array(night)


def _bouts(rng, stage, count):
    """`count` epochs of one stage, broken now and then by an awakening or by lighter sleep."""
    bouts = []
    while len(bouts) < count:
        bouts += [stage] * int(1 + rng.exponential({"N2": 15, "N3": 22, "R": 18}[stage]))
        if len(bouts) >= count:
            break
        chance = rng.random()
        if stage == "N3":
            bouts += ["N2"] * rng.integers(1, 4)
        elif chance < 0.3:
            bouts += ["W"] * rng.integers(1, 3) + ["N1"] * rng.integers(1, 4)
        elif chance < 0.45:
            bouts += ["W"] * rng.integers(5, 20) + ["N1"] * rng.integers(2, 7)
        elif stage == "N2" or chance < 0.8:
            bouts += ["N1"] * rng.integers(1, 4)
        else:
            bouts += ["N1"] * rng.integers(1, 3) + ["N2"] * rng.integers(1, 4)
    return bouts[:count]


def draw_subject(rng, mains_hz=50.0):
    """Gains are factors with median 1; *_uv are RMS, *_hz and *_bpm what their names say."""
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


def _states(rng, plan):
    """State of every second, and the stage of every epoch: the one that fills most of it.

    A brain does not keep to the scorer's grid: borders of the planned stages fall anywhere in the
    epochs beside, and every third epoch holds some seconds of a neighbouring state.
    """
    index = {"W": CLOSED, "N1": N1, "N2": N2, "N3": N3, "R": R}
    lapses = {CLOSED: [N1], N1: [CLOSED, N2], N2: [N1, N1, N3], N3: [N2], R: [N1]}
    planned = np.array([index[stage] for stage in plan])
    seconds = np.repeat(planned, EPOCH_S)
    for border in np.flatnonzero(planned[1:] != planned[:-1]) + 1:
        shift = int(rng.uniform(-13, 13))
        start, stop = sorted((border * EPOCH_S, border * EPOCH_S + shift))
        seconds[start:stop] = planned[border - (shift > 0)]
    for epoch, state in enumerate(planned):
        if rng.random() < 0.35:
            start = epoch * EPOCH_S + rng.integers(0, 18)
            seconds[start : start + rng.integers(4, 13)] = rng.choice(lapses[state])
    filled = [(seconds.reshape(-1, EPOCH_S) == index[stage]).sum(1) for stage in STAGES]
    stages = tuple(STAGES[i] for i in np.argmax(filled, axis=0))
    eyes_open = np.zeros(len(seconds), bool)
    start = 0
    while start < len(seconds):
        spell = int(rng.exponential(60)) + 10
        eyes_open[start : start + spell] = rng.random() < 0.5
        start += spell
    seconds[(seconds == CLOSED) & eyes_open] = OPEN
    return seconds, stages


def _smooth(x, width):
    kernel = np.hanning(width)
    return np.convolve(x, kernel / kernel.sum(), "same")


def _drift(rng, seconds, correlation_s, sd):
    """Slow log-normal waxing and waning around 1, one value per second."""
    knots = int(2 * seconds / correlation_s) + 4
    return np.exp(np.interp(np.arange(seconds), np.linspace(0, seconds, knots),
                            rng.normal(0, sd, knots)))  # fmt: skip


def _plan(rng, states, depth, subject):
    """Every event of the night as a list of Event, in order of onset."""
    seconds = len(states)
    events = []
    for name, kind in KINDS.items():
        rate = np.array(kind.per_minute)[states] / 60
        if name == "spindle":
            rate = rate * subject["spindles"]
        elif name == "slow_wave":  # N3 waxes and wanes, and N2 builds up towards it
            rate = rate * _drift(rng, seconds, 120, 0.15) + (states == N2) * 0.1 * depth
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
            events.append(Event(name, _channel(name, right), onset, duration, amplitude))
    edges = np.flatnonzero(np.diff(np.r_[False, states == CLOSED, False].astype(int)))
    rms = ALPHA_UV[CLOSED] * subject["alpha"] * subject["eeg"]
    events += [
        Event("alpha", "O2-M1", float(start), float(stop - start), rms)
        for start, stop in zip(edges[::2], edges[1::2], strict=True)
    ]
    return sorted(events, key=lambda event: (event.onset_s, event.kind))


def _rem_bursts(rng, states):
    """Onsets of the saccades that come in volleys, in the phasic stretches of R."""
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


# --- signals --------------------------------------------------------------------------------------


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


def _background_psd(rms_uv):
    """(states, bands) RMS -> density function; straight lines between band centres in log-log."""
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
        return np.exp(y) / (1 + (0.35 / np.maximum(f, 0.01)) ** 6)  # the amplifier's high-pass

    return psd


def _white_psd(rms_uv):
    """The same RMS within 0.4-30 Hz in every state, spread evenly over all frequencies."""
    density = (rms_uv**2).sum(1) / (BAND_EDGES_HZ[-1] - BAND_EDGES_HZ[0])
    return lambda f: np.repeat(density[:, None], len(f), axis=1)


def _alpha_psd(subject, width_hz=0.7):
    rms_uv = ALPHA_UV * subject["alpha"] * subject["eeg"]

    def psd(f):
        bell = np.exp(-(((f - subject["alpha_hz"]) / width_hz) ** 2)) / (width_hz * np.sqrt(np.pi))
        return rms_uv[:, None] ** 2 * bell

    return psd


def _muscle_psd(f):
    """Unit RMS within 10-45 Hz; surface EMG rises up to some 12 Hz and falls beyond 80 Hz."""
    shape = 1 / (1 + (12 / np.maximum(f, 0.1)) ** 4) / (1 + (f / 80) ** 2)
    within = (f >= 10) & (f <= 45)
    return (shape / (shape[within].mean() * 35))[None]


def _electrocardiogram(rng, samples, rate_hz, subject):
    beats = int(samples / rate_hz * subject["heart_bpm"] / 60 * 1.3) + 2
    breath = 0.03 * np.sin(2 * np.pi * 0.25 * np.arange(beats) * 60 / subject["heart_bpm"])
    interval = 60 / subject["heart_bpm"] * (1 + breath + rng.normal(0, 0.015, beats))
    position = np.cumsum(interval) * rate_hz
    waves = [(-0.17, 0.022, 0.12), (-0.03, 0.008, -0.12), (0, 0.01, 1.0), (0.03, 0.01, -0.22),
             (0.27, 0.045, 0.28)]  # P Q R S T: seconds from R, width in s, size  # fmt: skip
    before, after = int(0.25 * rate_hz), int(0.45 * rate_hz)
    shifts = 32  # a beat starts anywhere between two samples
    t = (np.arange(-before, after) - np.arange(shifts)[:, None] / shifts) / rate_hz
    beat = sum(size * np.exp(-(((t - at) / width) ** 2) / 2) for at, width, size in waves)
    beat = (subject["ecg_uv"] * beat).astype(np.float32)
    ecg = np.zeros(samples, np.float32)
    for place in position[(position > before) & (position < samples - after)]:
        start = int(place)
        ecg[start - before : start + after] += beat[int((place - start) * shifts)]
    return ecg


def _plant(rng, lanes, tone_uv, events, rate_hz, subject):
    """Add the events to the EEG and EOG lanes, and what they do to muscle tone (samples,)."""
    for event in events:
        if event.kind == "alpha":  # already part of the background
            continue
        kind = KINDS[event.kind]
        first = int(np.ceil(event.onset_s * rate_hz))
        end_s = event.onset_s + event.duration_s + kind.tail_s
        last = min(len(tone_uv), int(end_s * rate_hz) + 1)
        t = np.arange(first, last) / rate_hz - event.onset_s
        if event.kind == "twitch":
            tone_uv[first:last] += event.amplitude_uv * _hann(t / event.duration_s)
            continue
        if event.kind == "spindle":
            centre_hz = np.clip(rng.normal(subject["spindle_hz"], 0.5), 11.5, 15.5)
            wave = _spindle(rng, t, event.duration_s, centre_hz)
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
            tone_uv[first:last] += burst * _hann(t / event.duration_s)


def _background(rngs, samples, rate_hz, power, subject, white):
    """Lanes (12, samples) with EEG but no waveforms and no muscle, and muscle noise of unit RMS.

    power: (seconds, states), the share of each state in the brain's activity.
    """
    person, *noise = rngs
    # every person's spectrum differs a little, band by band and stage by stage
    own = person.lognormal(0, 0.12, BACKGROUND_UV.shape) * person.lognormal(0, 0.08, 6)
    rms_uv = BACKGROUND_UV * own * subject["eeg"]
    rms_uv[N3, :2] *= subject["slow"]
    power = power * _drift(person, len(power), 20, 0.12)[:, None] ** 2
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


def _amplifier(rng, lanes, muscle, rate_hz, subject):
    """Add what the electrodes pick up besides: mains, noise, and muscle on scalp and eyes."""
    samples = len(muscle)
    cycles = subject["mains_hz"] * (np.arange(samples) / rate_hz)
    hum = np.sin(2 * np.pi * (cycles % 1)).astype(np.float32)
    hum *= subject["mains_hz"] < rate_hz / 2  # beyond it, the anti-alias filter stops it
    hiss = rng.standard_normal(samples + 101 * len(lanes), dtype=np.float32)
    for index, lane in enumerate(lanes):
        lane += subject["noise_uv"] * hiss[101 * index : 101 * index + samples]
        lane += subject["mains_uv"] * rng.lognormal(-0.5, 0.5) * hum
        if index < 8:  # each electrode sees fibres of its own
            lane += rng.uniform(0.04, 0.09) * np.roll(muscle, 337 * (index + 1))


def simulate_night(seed, hours=8.0, rate_hz=200.0, mains_hz=50.0, background="physiological"):
    """Simulate one person's night; the same arguments give the same night, bit for bit.

    seed: int. hours: a quarter of an hour or more; nights under five hours are compressed (see
    `hypnogram`). background="white" is a control: the EEG, its waveforms included, gives way to
    white noise of the same RMS in every stage, while eyes, muscle and heart stay. Returns a `Night`
    with the lanes `LANES`; raises ValueError for a night too short or an unknown background.
    """
    if background not in ("physiological", "white"):
        raise ValueError(f"background is 'physiological' or 'white', not {background!r}")
    if hours < 0.25:
        raise ValueError(f"{hours} hours are too few for a night; expected 0.25 or more")
    streams = np.random.default_rng(seed).spawn(11)
    night_rng, person_rng, plan_rng, wave_rng, heart_rng, *noise_rngs = streams
    subject = draw_subject(person_rng, mains_hz)
    states, stages = _states(night_rng, hypnogram(night_rng, round(hours * 3600 / EPOCH_S)))
    seconds = len(states)
    samples = int(np.ceil(seconds * rate_hz))

    depth = _smooth(states == N3, 360)  # nearness of N3; N2 builds up towards it
    events = _plan(plan_rng, states, depth, subject)
    if background == "white":
        events = [event for event in events if event.channel in ("E1-M2", "chin")]
    power = np.stack([_smooth(states == state, 9) for state in range(len(STATES))], axis=1)
    deeper = power[:, N2] * np.clip(0.35 * depth, 0, 0.3)
    power[:, N2] -= deeper
    power[:, N3] += deeper

    lanes, muscle = _background(
        (person_rng, *noise_rngs), samples, rate_hz, power, subject, background == "white"
    )
    own_tone = MUSCLE_UV * person_rng.lognormal(0, 0.2, len(STATES)) * subject["muscle"]
    tone_uv = np.sqrt((power * own_tone**2).sum(1)) * _drift(person_rng, seconds, 40, 0.25)
    tone_uv = np.interp(np.arange(samples) / rate_hz - 0.5, np.arange(seconds), tone_uv)
    _plant(wave_rng, lanes, tone_uv, events, rate_hz, subject)
    muscle *= tone_uv.astype(np.float32)
    chin, heart = LANES.index("chin"), LANES.index("ECG")
    lanes[heart] = _electrocardiogram(heart_rng, samples, rate_hz, subject)
    lanes[chin] = muscle + subject["ecg_leak"] * lanes[heart]
    _amplifier(wave_rng, lanes, muscle, rate_hz, subject)
    return Night(stages, rate_hz, dict(zip(LANES, lanes, strict=True)), events, subject)
