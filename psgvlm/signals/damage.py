"""Damage put on the raw signal, before anything is derived or filtered: the same for every model.

    night = Night(DamagedRecording(recording, "white", seed=7), spec)

**Share.** The rate of damage, of every kind: the share of the record's 30-s epochs, counted from
its first sample, that are touched in each channel; 0 is the record as it is. They are drawn for
each channel by itself, and a higher share touches the same epochs and more. Two kinds touch them in
one piece: `lost` anywhere in the night, `lost_from` its end (from 1 - share of the night on).

**Level.** How strong it is where it touches, in the unit that `DAMAGES` names. The same noise is
used for all levels. An SNR is against the median of the variances of a channel's epochs, over its
whole band. What a channel's rate cannot carry (hum above half of it, muscle) is not put on it.

**Channel.** Channels are damaged, not lanes: a lane that is the difference of two gets the damage
of both, and with one of the two lost it shows the other.

**Seed.** What happens to a channel follows from the seed, the kind and its label alone (and where
channels are swapped, from which), whatever else is read. Two recordings with one seed have the same
epochs touched: give each a seed of its own.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.recording import Channel, Recording, microvolts
from psgvlm.stages import EPOCH_S

SHARES = (0.0, 0.1, 0.3, 0.5, 0.7, 1.0)
POP_S = 0.3  # in which a pop falls to 1/e
DRIFT_HZ = (0.05, 0.5)
EMG_HZ = (20.0, 100.0)


@dataclass(frozen=True)
class Damage:
    """A kind of damage: what it is, the unit of its level, and levels from none at all to severe.

    `change` takes samples (float64, about 0), rate in Hz, level and a random generator, and returns
    the samples as they are where touched. `least` is the lowest level that makes sense; `common`:
    at the same time in every channel. A kind without levels has but one strength.
    """

    text: str
    change: Callable | None
    unit: str = ""
    levels: tuple[float, ...] = ()
    least: float = 0.0
    common: bool = False

    @property
    def usual(self) -> float | None:
        """The level that is used where none is given: the middle one."""
        return self.levels[len(self.levels) // 2] if self.levels else None

    def allows(self, level: float) -> bool:
        """Whether there is such a level."""
        usual = bool(self.levels) and self.least <= level < np.inf
        return level in self.levels or usual

    @property
    def grid(self) -> tuple[tuple[float, float | None], ...]:
        """Shares and levels of a curve: levels over the whole night, or shares without a level."""
        if self.levels:
            return tuple((1.0, level) for level in self.levels)
        return tuple((share, None) for share in SHARES)


def _inverted(x, rate_hz, level, rng):
    return -x


def _gain(x, rate_hz, level, rng):
    return level * x


def _mains(hz, x, rate_hz, level, rng):
    if hz >= rate_hz / 2:
        return x
    cycles = hz / rate_hz * np.arange(len(x)) + rng.random()
    return x + level * np.sin(2 * np.pi * cycles)


def _white(x, rate_hz, level, rng):
    return x + _noise_uv(x, rate_hz, level) * rng.standard_normal(len(x))


def _emg(x, rate_hz, level, rng):
    return x + _noise_uv(x, rate_hz, level) * _band(rng, len(x), rate_hz, EMG_HZ)


def _drift(x, rate_hz, level, rng):
    return x + level * _band(rng, len(x), rate_hz, DRIFT_HZ)


def _pops(x, rate_hz, level, rng):
    """One in every epoch, up or down, at any time that lets it end there."""
    pop = level * np.exp(-np.arange(round(10 * POP_S * rate_hz)) / (POP_S * rate_hz))
    x = x.copy()
    for first, _ in _epochs(len(x), rate_hz):
        start = first + int(rng.uniform(0, EPOCH_S * rate_hz - len(pop)))
        part = x[start : start + len(pop)]
        part += rng.choice((-1.0, 1.0)) * pop[: len(part)]
    return x


def _clipped(x, rate_hz, level, rng):
    return x.clip(-level, level)


def _slower(x, rate_hz, level, rng):
    """What a recorder at a lower rate keeps, at the channel's own rate: no tone above half of it.

    That is the same as sampling with a sharp anti-alias filter and drawing the curve through the
    samples. Zero phase, 80 dB down from half the rate on.
    """
    from scipy.signal import cheby2, sosfiltfilt

    if level >= rate_hz:
        return x
    sections = cheby2(10, 40, level / 2, fs=rate_hz, output="sos")
    return sosfiltfilt(sections, x, padlen=min(len(x) - 1, round(rate_hz)))


def _jittered(x, rate_hz, level, rng):
    """Every epoch's clock is off by a normal deviate; samples beyond the ends repeat the last."""
    at = np.arange(len(x))
    for first, stop in _epochs(len(x), rate_hz):
        at[first:stop] += round(level * rng.standard_normal() * rate_hz)
    return x[at.clip(0, len(x) - 1)]


# Lost and swapped channels are not changed by a function of their own samples:
# `DamagedRecording` does it.
DAMAGES = {
    "lost": Damage("a flat line for one stretch", None),
    "lost_from": Damage("a flat line from some time on", None),
    "swapped": Damage("the signal of another channel of the same rate", None, common=True),
    "inverted": Damage("upside down", _inverted),
    "weak": Damage("lower gain", _gain, "times", (1.0, 0.7, 0.5, 0.25, 0.1)),
    "strong": Damage("higher gain", _gain, "times", (1.0, 1.5, 2.0, 4.0, 10.0)),
    "mains_50": Damage("50-Hz hum", partial(_mains, 50.0), "µV", (0.0, 5.0, 20.0, 50.0, 200.0)),
    "mains_60": Damage("60-Hz hum", partial(_mains, 60.0), "µV", (0.0, 5.0, 20.0, 50.0, 200.0)),
    "white": Damage("white noise", _white, "dB SNR", (np.inf, 20.0, 10.0, 0.0, -10.0), -100.0),
    "emg": Damage("muscle, 20-100 Hz", _emg, "dB SNR", (np.inf, 20.0, 10.0, 0.0, -10.0), -100.0),
    "drift": Damage("baseline, 0.05-0.5 Hz", _drift, "µV RMS", (0.0, 20.0, 50.0, 100.0, 300.0)),
    "pops": Damage("a pop an epoch", _pops, "µV", (0.0, 50.0, 100.0, 300.0, 1000.0)),
    "clipped": Damage("cut off", _clipped, "µV", (np.inf, 100.0, 50.0, 25.0, 10.0)),
    "slower": Damage("lower sampling rate", _slower, "Hz", (np.inf, 100.0, 64.0, 32.0, 16.0), 1.0),
    "jitter": Damage("clock", _jittered, "s SD", (0.0, 0.1, 0.5, 2.0, 10.0), common=True),
}


class DamagedRecording(Recording):
    """A recording whose channels read as damaged; in all else the recording that it is made from.

    `labels` are the channels to damage, all voltages if left out; a channel that is not among them
    reads as it is. `level` is `DAMAGES[kind].usual` if left out. Damaged recordings can be damaged
    again. Raises `InputError` for an unknown kind or label, and a share or level that cannot be.
    """

    def __init__(
        self,
        recording: Recording,
        kind: str,
        share: float = 1.0,
        level: float | None = None,
        seed: int = 0,
        labels: Collection[str] | None = None,
    ):
        if kind not in DAMAGES:
            raise InputError(f"damage {kind!r}; expected one of {', '.join(DAMAGES)}")
        self.__dict__.update(vars(recording))
        self._source, self.kind, self.share, self.seed = recording, kind, share, seed
        self._damage = DAMAGES[kind]
        self.level = self._damage.usual if level is None else level
        if not 0 <= share <= 1:
            raise InputError(f"damage {kind}: share {share:g}; expected 0 to 1")
        if level is not None and not self._damage.allows(level):
            usual = ", ".join(f"{x:g}" for x in self._damage.levels) or "none, but a share"
            raise InputError(f"damage {kind}: level {level:g}; expected such as {usual}")
        for label in labels or ():
            recording.channel(label)
        voltages = sorted({c.label for c in self.channels if self._readable(c)})
        self.damaged_labels = frozenset(voltages if labels is None else labels)
        self._partners = self._swapped() if kind == "swapped" else {}
        self._wholes: dict[str, np.ndarray] = {}

    def _readable(self, channel: Channel) -> bool:
        once = self.labels.count(channel.label) == 1
        return once and channel.fault is None and microvolts(channel.unit) is not None

    def _swapped(self) -> dict[str, str]:
        """Whose signal each channel gets: those of one rate hand theirs on in a random round."""
        partners = {}
        by_rate: dict[float, list[str]] = {}
        for label in self.damaged_labels:
            by_rate.setdefault(self.channel(label).rate_hz, []).append(label)
        for labels in by_rate.values():
            labels.sort(key=lambda label: (self._rng("round", label).random(), label))
            partners |= dict(zip(labels, labels[1:] + labels[:1], strict=True))
        alone = sorted(label for label, partner in partners.items() if label == partner)
        if len(alone) == len(partners):
            raise InputError(
                f"{self.path}: no two of {', '.join(alone) or 'its channels'} have the same rate; "
                "expected two channels to swap"
            )
        return partners

    def read_span_uv(
        self, labels: Iterable[str], start_s: float, stop_s: float
    ) -> dict[str, tuple[int, np.ndarray]]:
        """Read samples as `Recording.read_span_uv` does, as they are after the damage."""
        parts = self._source.read_span_uv(labels, start_s, stop_s)
        for label in self.damaged_labels & parts.keys():
            first, samples = parts[label]
            parts[label] = first, self._whole(label)[first : first + len(samples)].copy()
        return parts

    def _whole(self, label: str) -> np.ndarray:
        """Return all samples of a channel after the damage, which depends on all of them.

        They are kept: a night is read in many parts.
        """
        if label not in self._wholes:
            self._wholes[label] = self._damaged(label)
        return self._wholes[label]

    def _damaged(self, label: str) -> np.ndarray:
        samples = self._source.read_uv(label)
        if self.share == 0 or not len(samples):
            return samples
        if self._damage.levels and self.level == self._damage.levels[0]:
            return samples
        rate_hz = self.channel(label).rate_hz
        touched = self._touched(label, len(samples), rate_hz)
        return np.where(touched, self._changed(label, samples, rate_hz), samples)

    def _changed(self, label: str, samples: np.ndarray, rate_hz: float) -> np.ndarray:
        """The whole channel as it is where damaged, float32."""
        if self.kind in ("lost", "lost_from"):
            return np.zeros_like(samples)
        if self.kind == "swapped":
            return self._source.read_uv(self._partners[label])
        # An amplifier's offset is not part of what it measures.
        offset = float(np.median(samples))
        rng = self._rng("change", "" if self._damage.common else label)
        change = self._damage.change(samples.astype(float) - offset, rate_hz, self.level, rng)
        return (change + offset).astype(np.float32)

    def _touched(self, label: str, n_samples: int, rate_hz: float) -> np.ndarray:
        """Which samples are touched, bool of shape (n_samples,)."""
        bounds = _epochs(n_samples, rate_hz)
        count = round(self.share * len(bounds))
        rng = self._rng("where", "" if self._damage.common else label)
        if self.kind == "lost_from":
            chosen = np.arange(len(bounds) - count, len(bounds))
        elif self.kind == "lost":
            # One place for all shares: the stretch grows to both sides of it.
            chosen = np.arange(count) + int(rng.random() * (len(bounds) - count + 1))
        else:
            chosen = rng.permutation(len(bounds))[:count]
        touched = np.zeros(n_samples, bool)
        for first, stop in bounds[chosen]:
            touched[first:stop] = True
        return touched

    def _rng(self, purpose: str, label: str) -> np.random.Generator:
        digest = hashlib.sha256(f"{self.kind}\n{purpose}\n{label}".encode()).digest()
        return np.random.default_rng([self.seed, *np.frombuffer(digest, np.uint32).tolist()])


def _epochs(n_samples: int, rate_hz: float) -> np.ndarray:
    """First sample of each 30-s epoch and the one after its last, int of shape (epochs, 2)."""
    count = int(np.ceil(n_samples / (EPOCH_S * rate_hz) - 1e-6))
    edges = np.round(EPOCH_S * rate_hz * np.arange(count + 1)).astype(int).clip(0, n_samples)
    return np.column_stack((edges[:-1], edges[1:]))


def _noise_uv(x: np.ndarray, rate_hz: float, snr_db: float) -> float:
    """Standard deviation of a noise at an SNR, against the median variance of the epochs."""
    power = np.median([x[first:stop].var() for first, stop in _epochs(len(x), rate_hz)])
    return float(np.sqrt(power / 10 ** (snr_db / 10)))


def _band(rng, n_samples: int, rate_hz: float, band_hz: tuple[float, float]) -> np.ndarray:
    """Noise of a band and of standard deviation 1; 0 where the rate cannot carry the band."""
    from scipy.signal import butter, sosfilt

    white = rng.standard_normal(n_samples)
    low, high = band_hz[0], min(band_hz[1], 0.45 * rate_hz)
    if high <= 1.05 * low:
        return np.zeros(n_samples)
    noise = sosfilt(butter(4, (low, high), "bandpass", fs=rate_hz, output="sos"), white)
    return noise / noise.std()
