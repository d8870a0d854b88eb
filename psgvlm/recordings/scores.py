"""The scores of a night: stages on a grid of epochs, from whatever a scorer's file says."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.recordings.edf import MAX_DURATION_S
from psgvlm.stages import EPOCH_S

Stages = tuple[str | None, ...]


@dataclass(frozen=True)
class Scores:
    """Stages of a night: epoch i is the 30 s from `onset_s` + `step_s` x i of the record on.

    `None` is an unscored epoch. `second` is the second scorer's, of the same length, or `None`, and
    `kappa` how far the two agree. `step_s` is under 30 where scored epochs of 20 s were extended.
    `notes` say what was found odd, for a person.
    """

    onset_s: float
    stages: Stages
    second: Stages | None = None
    step_s: float = EPOCH_S
    kappa: float | None = None
    notes: tuple[str, ...] = ()

    def start_s(self, epoch: int) -> float:
        """Where an epoch starts, in seconds of the record."""
        return round(self.onset_s + self.step_s * epoch, 6)


@dataclass(frozen=True)
class ScoredEvent:
    """A scored stretch of time, in seconds of the record."""

    onset_s: float
    duration_s: float
    stage: str | None


def place(path: Path, events: Sequence[ScoredEvent], epoch_s: float = EPOCH_S) -> Scores:
    """Events over one or more epochs each as stages on the grid that starts with the first event.

    Onsets and durations are inexact in real files, so both are rounded to whole epochs. An epoch
    that two events score differently is unscored.
    """
    if not events:
        raise InputError(f"{path}: holds no sleep stages; expected one an epoch")
    last_s = max(event.onset_s + event.duration_s for event in events)
    onset_s = min(event.onset_s for event in events)
    total_s = sum(max(0.0, event.duration_s) for event in events)
    if onset_s < -MAX_DURATION_S or max(last_s, total_s) > MAX_DURATION_S:
        raise InputError(
            f"{path}: stages from {onset_s:g} s to {last_s:g} s; expected less than "
            f"{MAX_DURATION_S / 86400:.0f} days"
        )
    found: dict[int, str | None] = {}
    contested = set()
    for event in sorted(events, key=lambda event: event.onset_s):
        first = round((event.onset_s - onset_s) / epoch_s)
        for epoch in range(first, first + max(1, round(event.duration_s / epoch_s))):
            if found.setdefault(epoch, event.stage) != event.stage:
                contested.add(epoch)
    stages = tuple(
        None if epoch in contested else found.get(epoch) for epoch in range(max(found) + 1)
    )
    notes = (f"{len(contested)} epochs with two stages left unscored",) if contested else ()
    return Scores(onset_s, stages, notes=notes)


def trim_wake(scores: Scores, minutes: float) -> Scores:
    """Leave out what lies more than so many minutes before the first or after the last sleep."""
    asleep = [epoch for epoch, stage in enumerate(scores.stages) if stage not in (None, "W")]
    if not asleep:
        return scores
    margin = round(minutes * 60 / scores.step_s)
    kept = range(asleep[0] - margin, asleep[-1] + margin + 1)
    stages = tuple(stage if epoch in kept else None for epoch, stage in enumerate(scores.stages))
    return replace(scores, stages=stages)


def kappa(first: Stages, second: Stages) -> float | None:
    """Cohen's kappa of two scorers over the epochs that both scored; `None` where undefined."""
    pairs = [(a, b) for a, b in zip(first, second, strict=False) if a and b]
    if not pairs:
        return None
    agree = sum(a == b for a, b in pairs) / len(pairs)
    ours, theirs = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(ours[stage] * theirs[stage] for stage in ours) / len(pairs) ** 2
    return None if chance == 1 else (agree - chance) / (1 - chance)
