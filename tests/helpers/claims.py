"""Check claims about an epoch against its signal with plain numpy, without any code of psgvlm.

`claims` splits a text of the tasks into claims, and accepts only the sentences that the tasks may
use. `Signal.allows` says whether a claim can be true of the signal. Near a limit (of length, height
or power) a detector may differ from these few lines, so both answers pass; claims that are clearly
wrong do not.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

EVENTS = ("spindles", "K-complexes", "slow waves", "fast eye movements", "slow eye movements")
TIMES = r"([\d\-, ]+) s"
SENTENCES = {
    "alpha": r"Alpha rhythm fills (?P<s>\d+) of 30 s in (?P<lane>\S+)\.",
    "slow": r"Slow waves of 75 µV or more fill (?P<s>[\d.]+) of 30 s in (?P<lane>\S+)\.",
    "at": rf"(?P<event>[\w -]+) at (?P<at>{TIMES}) in (?P<lane>\S+|\S+ and \S+)\.",
    "none": r"No (?P<event>[\w -]+) were measured in (?P<lane>.+)\.",
    "leading": r"The leading rhythm of (?P<lane>\S+) is (?P<band>\w+), with (?P<share>\d+) % of .+",
    "tone": r"The tone of (?P<lane>\w+) is (?P<tone>\w+), (?P<times>[\d.]+) times the record's .+",
    "rule": r"Of the rule for (?P<stage>W|N\d|R) (?P<met>[a-z ]+): (?P<criteria>.+)\.",
    "stage": r"Stage: (?P<stage>W|N\d|R)",
}
PARTS = {
    "leading": r"mostly (?P<band>\w+) \((?P<shares>.+) %\)",
    "alpha": r"alpha rhythm for (?P<s>\d+) s",
    "slow": rf"slow waves for (?P<s>\d+) s at (?P<at>{TIMES})",
    "at": rf"(?P<event>[\w -]+) at (?P<at>{TIMES})",
    "lost": r"no signal for (?P<s>\d+) s",
    "none": r"no (?P<event>[\w -]+)",
    "tone": r"tone (?P<tone>\w+), (?P<times>[\d.]+) times the record's low level",
}
BANDS_HZ = {
    "delta": (0.5, 4),
    "theta": (4, 8),
    "alpha": (8, 12),
    "sigma": (12, 16),
    "beta": (16, 30),
}
CRITERIA = {
    "alpha rhythm in more than half of the epoch, or blinks or rapid eye movements with chin tone "
    "that is not low": lambda s: s.awake(),
    "alpha rhythm in no more than half of the epoch": lambda s: _no(s.much_alpha()),
    "slow waves in less than a fifth of the epoch": lambda s: _no(s.much_slow()),
    "slow waves in a fifth of the epoch or more": lambda s: s.much_slow(),
    "a spindle or K-complex": lambda s: s.spindle_or_k(),
    "no spindle or K-complex": lambda s: _no(s.spindle_or_k()),
    "rapid eye movements": lambda s: s.any_fast_eyes(),
    "low chin tone": lambda s: s.low_tone(),
}  # fmt: skip
MET = {"the facts meet": "yes", "the facts do not meet": "no", "no lane decides": "none"}


@dataclass(frozen=True)
class Claim:
    """A claim: `kind` is a key of SENTENCES or PARTS, and `said` holds the groups of its match."""

    kind: str
    said: dict


def claims(text):
    """Return all claims of a text; raise ValueError for a sentence of another form."""
    result = []
    for line in text.splitlines():
        if said := _match(SENTENCES, line):
            result.append(said)
            continue
        lanes, colon, rest = line.partition(": ")
        for part in rest.split("; "):
            said = _match(PARTS, part)
            if not (colon and said):
                raise ValueError(f"not a sentence of the tasks: {line!r}")
            result.append(Claim(said.kind, said.said | {"lane": lanes}))
            if "at" in said.said and said.kind == "slow":
                result.append(Claim("at", said.said | {"lane": lanes, "event": "slow waves"}))
    return result


def _match(forms, text):
    for kind, form in forms.items():
        if match := re.fullmatch(form, text):
            return Claim(kind, match.groupdict())
    return None


def _no(answer):
    return {"yes": "no", "no": "yes"}.get(answer, answer)


def _grade(value, surely_not, surely):
    """Return `no` up to `surely_not`, `yes` from `surely` on, and `either` between."""
    return "yes" if value >= surely else "no" if value <= surely_not else "either"


def low_level_uv(x, rate):
    """Return the 5th percentile of the RMS of the seconds of a record."""
    edges = np.round(np.arange(int(len(x) / rate)) * rate).astype(int)
    seconds = np.array([np.std(x[a : a + int(rate)]) for a in edges])
    return np.quantile(seconds[np.isfinite(seconds) & (seconds > 0.03)], 0.05)


class Signal:
    """The lanes of one epoch.

    Parameters
    ----------
    lanes : dict
        For each lane, the samples of the whole record in µV and the sampling rate in Hz.
    onset_s : float
        When the epoch starts, in seconds of the record.
    low_uv : float
        The low level of the chin in this record.
    """

    def __init__(self, lanes, onset_s, low_uv):
        self.low_uv = low_uv
        self.rate = {name: rate for name, (_, rate) in lanes.items()}
        self.start, self.around = {}, {}
        for name, (x, rate) in lanes.items():
            first = max(0, round((onset_s - 10) * rate))
            self.start[name] = round(onset_s * rate) - first
            self.around[name] = x[first : round((onset_s + 40) * rate)].astype(float)
        self.eeg = [name for name in lanes if name[0] in "FCO"]
        self.eyes = [name for name in lanes if name[0] == "E"]

    def allows(self, claim):
        """Return whether a claim can be true."""
        said = claim.said
        lanes = re.split(r", | and ", said.get("lane") or "")
        if claim.kind == "alpha":
            return abs(self.alpha_s(lanes[0]) - int(said["s"])) <= 7
        if claim.kind == "slow":
            return (
                self.slow_s(lanes[0], 95) - 4 <= float(said["s"]) <= self.slow_s(lanes[0], 60) + 4
            )
        if claim.kind == "leading":
            return self._leading(lanes[0], said)
        if claim.kind == "tone":
            times = self.times_low(lanes[0])
            limits = {"low": (0, 1.6), "intermediate": (1.4, 4.2), "high": (3.8, np.inf)}
            low, high = limits[said["tone"]]
            return low <= times <= high and abs(times - float(said["times"])) <= 0.15 * times
        if claim.kind == "at":
            return all(self._is_at(said["event"].lower(), lanes, *s) for s in _spans(said["at"]))
        if claim.kind == "none":
            return not self._surely(said["event"].lower(), lanes)
        if claim.kind == "lost":
            return int(said["s"]) == max(self.lost_s(lane) for lane in lanes)
        if claim.kind == "rule":
            allowed = (MET[said["met"]], "either")
            return all(CRITERIA[c](self) in allowed for c in said["criteria"].split("; "))
        return claim.kind == "stage"

    # --- amounts ----------------------------------------------------------------------------------

    def epoch(self, lane):
        return self.around[lane][self.start[lane] :][: round(30 * self.rate[lane])]

    def band(self, lane, low_hz, high_hz):
        """Return the samples of the epoch, limited to a band of frequencies."""
        x = np.nan_to_num(self.around[lane])
        spectrum, hz = np.fft.rfft(x), np.fft.rfftfreq(len(x), 1 / self.rate[lane])
        spectrum[(hz < low_hz) | (hz > high_hz)] = 0
        return np.fft.irfft(spectrum, len(x))[self.start[lane] :][: round(30 * self.rate[lane])]

    def power(self, lane, low_hz, high_hz):
        """Return the power in a band for each second of the epoch."""
        x = self.band(lane, low_hz, high_hz) ** 2
        return np.array([piece.mean() for piece in np.array_split(x, 30)])

    def alpha_s(self, lane):
        return int(np.sum(self.power(lane, 8, 13) > 0.5 * self.power(lane, 1, 30)))

    def tall_waves(self, lane, highest_hz=3):
        """Return start, stop and height of each wave of 0.5-2 Hz between downward zero crossings.

        Waves in movement differ much between 2 and 3 Hz: what is so in one band alone is not sure.
        """
        x, rate = self.band(lane, 0.3, highest_hz), self.rate[lane]
        falls = np.flatnonzero((x[:-1] >= 0) & (x[1:] < 0))
        waves = [(a / rate, b / rate, np.ptp(x[a:b])) for a, b in pairwise(falls)]
        return [(a, b, height) for a, b, height in waves if 0.45 <= b - a <= 2.2]

    def slow_s(self, lane, least_uv):
        return sum(b - a for a, b, height in self.tall_waves(lane) if height > least_uv)

    def _leading(self, lane, said):
        power = np.array([self.power(lane, *edges) for edges in BANDS_HZ.values()])
        power = power.reshape(len(BANDS_HZ), 10, 3).sum(axis=-1)  # ten pieces of 3 s
        share = dict(zip(BANDS_HZ, 100 * (power / power.sum(axis=0)).mean(axis=1), strict=True))
        shares = {said["band"]: said["share"]} if "share" in said else {}
        shares |= dict(pair.split() for pair in said.get("shares", "").split(", ") if pair)
        leads = share[said["band"]] >= max(share.values()) - 20
        return leads and all(
            abs(share[band] - float(value)) <= 20 for band, value in shares.items()
        )

    def times_low(self, lane):
        mine = [np.std(piece) for piece in np.array_split(self.epoch(lane), 30)]
        return np.nanmedian(mine) / self.low_uv

    def lost_s(self, lane):
        still = 0.1 if lane == "chin" else 1.0
        pieces = np.array_split(self.epoch(lane), 30)
        return sum(not np.isfinite(p).all() or np.ptp(p) < still for p in pieces)

    # --- events -----------------------------------------------------------------------------------

    def sigma(self, lane):
        """Return the RMS in 11-16 Hz and in 1-30 Hz, in half a second around each tenth."""
        rate, half = self.rate[lane], int(self.rate[lane] / 4)
        waves = (self.band(lane, 11, 16) ** 2, self.band(lane, 1, 30) ** 2)
        middles = np.round(np.arange(0.3, 29.7, 0.1) * rate).astype(int)
        return [np.sqrt([x[m - half : m + half].mean() for m in middles]) for x in waves]

    def opposed(self):
        """Return half the difference of the eyes below 8 Hz, both eyes, and their sampling rate."""
        left, right = (self.band(lane, 0.3, 8) for lane in self.eyes)
        return (left - right) / 2, left, right, self.rate[self.eyes[0]]

    def _is_at(self, event, lanes, start_s, stop_s):
        """Return whether there can be such an event between two whole seconds of the epoch."""
        cut = start_s == 0 or stop_s == 30  # the ends of the epoch cut the event
        if event == "spindles":
            sigma, broad = self.sigma(lanes[0])
            first, stop = max(0, int(10 * start_s) - 3), int(10 * stop_s) - 2
            clear = (sigma > 1.6 * np.quantile(sigma, 0.25)) & (sigma > 0.45 * broad)
            return _longest(clear[first:stop]) >= (1 if cut else 3)
        if event in ("k-complexes", "slow waves"):
            waves = self.tall_waves(lanes[0]) + self.tall_waves(lanes[0], 2)
            return cut or any(
                h > 50 and a < stop_s + 0.5 and b > start_s - 0.5 for a, b, h in waves
            )
        eyes, *_, rate = self.opposed()
        first, stop = max(0, round((start_s - 0.3) * rate)), round((stop_s + 0.3) * rate)
        x = eyes[first:stop]
        if event == "fast eye movements":
            lag = round(0.4 * rate)
            return max(np.ptp(x[i : i + lag]) for i in range(0, len(x), 5)) >= (20 if cut else 33)
        assert event == "slow eye movements"
        return np.ptp(x) >= (8 if cut else 25)

    def _surely(self, event, lanes):
        """Return whether there is such an event so clear that every detector finds it."""
        if event == "spindles":
            for lane in lanes:
                sigma, broad = self.sigma(lane)
                clear = (sigma > 2.5 * np.median(sigma)) & (sigma > 5) & (sigma > 0.7 * broad)
                if _longest(clear) >= 6:
                    return True
            return False
        if event in ("k-complexes", "slow waves"):
            for lane in lanes:
                alone = event == "k-complexes"
                narrow, wide = (self._clear_waves(lane, *how, alone) for how in ((2, 85), (3, 100)))
                if any(a < d and b > c for a, b in narrow for c, d in wide):
                    return True
            return False
        eyes, left, right, rate = self.opposed()
        if event == "fast eye movements":
            lag = round(0.25 * rate)
            step, one, other = (x[lag:] - x[:-lag] for x in (eyes, left, right))
            return bool(np.any((np.abs(step) > 100) & (one * other < 0)))
        lag, long = round(0.3 * rate), round(3 * rate)
        fast = np.flatnonzero(np.abs(eyes[lag:] - eyes[:-lag]) > 50)
        for i in range(0, len(eyes) - long, round(rate / 2)):
            x = eyes[i : i + long]
            if np.any((fast > i - 2.5 * rate) & (fast < i + long)):
                continue  # the return from a fast movement does not count as a slow one
            if np.ptp(x) > 65 and np.abs(x[lag:] - x[:-lag]).max() < 0.45 * np.ptp(x):
                return True
        return False

    def _clear_waves(self, lane, highest_hz, least_uv, alone):
        """Return the waves that every detector finds; with `alone`, only those far from others."""
        waves = self.tall_waves(lane, highest_hz)
        return [
            (a, b)
            for a, b, height in waves
            if 3 < a < 26 and height > least_uv and 0.7 < b - a < 1.6
            if not (alone and any(0 < abs(c - a) < 4 and h >= 0.45 * height for c, _, h in waves))
        ]

    # --- criteria of the rules --------------------------------------------------------------------

    def _lane(self, regions):
        lanes = [lane for region in regions for lane in self.eeg if lane[0] == region]
        return lanes[0] if lanes else None

    def much_alpha(self):
        lane = self._lane("OCF")
        return _grade(self.alpha_s(lane), 9, 22) if lane else "none"

    def much_slow(self):
        lane = self._lane("FCO")
        if not lane:
            return "none"
        return (
            "yes" if self.slow_s(lane, 95) >= 8 else "no" if self.slow_s(lane, 60) < 4 else "either"
        )

    def spindle_or_k(self):
        if not self.eeg:
            return "none"
        sure = any(self._surely(event, self.eeg) for event in ("spindles", "k-complexes"))
        return "yes" if sure else "either" if self._hardly(self.eeg) else "no"

    def _hardly(self, lanes):
        """Return whether a detector might find any spindle or K-complex."""
        for lane in lanes:
            sigma, broad = self.sigma(lane)
            if np.any((sigma > 1.3 * np.median(sigma)) & (sigma > 0.3 * broad)):
                return True
            if any(height > 60 for *_, height in self.tall_waves(lane)):
                return True
        return False

    def any_fast_eyes(self):
        if len(self.eyes) < 2:
            return "none"
        if self._surely("fast eye movements", self.eyes):
            return "yes"
        eyes, *_, rate = self.opposed()
        lag = round(0.5 * rate)
        return "either" if np.abs(eyes[lag:] - eyes[:-lag]).max() > 33 else "no"

    def low_tone(self):
        return _no(_grade(self.times_low("chin"), 1.4, 1.6)) if "chin" in self.rate else "none"

    def awake(self):
        eyes, low = self.any_fast_eyes(), self.low_tone()
        opened = "no" if "no" in (eyes, _no(low)) else "yes" if (eyes, low) == ("yes", "no") else (
            "none" if "none" in (eyes, low) else "either"
        )  # fmt: skip
        answers = {self.much_alpha(), opened}
        for answer in ("yes", "either", "none"):
            if answer in answers:
                return answer
        return "no"


def _spans(text):
    return [tuple(map(int, pair)) for pair in re.findall(r"(\d+)-(\d+)", text)]


def _longest(flags):
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best
