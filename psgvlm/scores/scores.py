"""The scores of a recording: the stages that a scorer gave, on a grid of epochs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.recordings.edf_header import MAX_DURATION_S
from psgvlm.stages import EPOCH_S

Stages = tuple[str | None, ...]
Votes = tuple[tuple[float, ...] | None, ...]


@dataclass(frozen=True)
class Scores:
    """The stages of a recording, one an epoch.

    Epoch i is the 30 s that begin `onset_s` + `step_s` x i seconds after the first sample.

    Attributes
    ----------
    onset_s : float
        Where the first epoch begins, in seconds of the record.
    stages : tuple of str or None
        The stage of each epoch; None for an unscored epoch.
    second : tuple of str or None, optional
        The stages of a second scorer, of the same length; None if there is no second scorer.
    step_s : float
        Seconds from one epoch's beginning to the next. It is less than 30 if epochs were scored
        every 20 s and extended to 30 s.
    kappa : float, optional
        Cohen's kappa of the two scorers; None without a second scorer, or if it is undefined.
    notes : tuple of str
        What is odd about the scores, for a person.
    warnings : tuple of str
        What is so odd that the scores should not be used before a person has looked.
    votes : tuple of (tuple of float, or None), optional
        For each epoch the share of the scorers for W, N1, N2, N3 and R; None for an epoch that no
        scorer staged. None if there is one scorer.
    scorers : tuple of str
        The names of the scorers, as the files have them, the one of `stages` first.
    """

    onset_s: float
    stages: Stages
    second: Stages | None = None
    step_s: float = EPOCH_S
    kappa: float | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    votes: Votes | None = None
    scorers: tuple[str, ...] = ()

    def start_s(self, epoch: int) -> float:
        """Return where an epoch begins, in seconds of the record."""
        return round(self.onset_s + self.step_s * epoch, 6)


@dataclass(frozen=True)
class ScoredEvent:
    """A stage with its onset and its duration in seconds of the record; one or more epochs."""

    onset_s: float
    duration_s: float
    stage: str | None


def scores_from_events(
    path: Path, events: Sequence[ScoredEvent], epoch_s: float = EPOCH_S
) -> Scores:
    """Place scored events on a grid of epochs that begins with the first event.

    Onsets and durations are inexact in real files, so both are rounded to whole epochs. An epoch
    to which two events give different stages is unscored.

    Parameters
    ----------
    path : Path
        The file of the scores, which errors name.
    events : sequence of ScoredEvent
        In any order; an event may cover several epochs.
    epoch_s : float, optional
        The length of a scored epoch in seconds. Default: 30.

    Returns
    -------
    Scores

    Raises
    ------
    InputError
        If there are no events, or if they cover more than 31 days.

    Examples
    --------
    >>> events = [ScoredEvent(12.0, 60.0, "W"), ScoredEvent(72.0, 29.9, "N1")]
    >>> scores_from_events(Path("scores.edf"), events).stages
    ('W', 'W', 'N1')
    """
    if not events:
        raise InputError(f"{path}: holds no sleep stages; expected a stage for each epoch")
    last_s = max(event.onset_s + event.duration_s for event in events)
    onset_s = min(event.onset_s for event in events)
    total_s = sum(max(0.0, event.duration_s) for event in events)
    if onset_s < -MAX_DURATION_S or max(last_s, total_s) > MAX_DURATION_S:
        raise InputError(
            f"{path}: stages from {onset_s:g} s to {last_s:g} s; expected less than "
            f"{MAX_DURATION_S / 86400:.0f} days"
        )
    stage_by_epoch: dict[int, str | None] = {}
    contested = set()
    for event in sorted(events, key=lambda event: event.onset_s):
        first = round((event.onset_s - onset_s) / epoch_s)
        for epoch in range(first, first + max(1, round(event.duration_s / epoch_s))):
            if stage_by_epoch.setdefault(epoch, event.stage) != event.stage:
                contested.add(epoch)
    stages = tuple(
        None if epoch in contested else stage_by_epoch.get(epoch)
        for epoch in range(max(stage_by_epoch) + 1)
    )
    notes = (f"{len(contested)} epochs with two stages left unscored",) if contested else ()
    return Scores(onset_s, stages, notes=notes)


def trim_wake(scores: Scores, minutes: float) -> Scores:
    """Leave the epochs long before and after sleep unscored.

    Parameters
    ----------
    scores : Scores
    minutes : float
        How many minutes before the first and after the last epoch of sleep stay scored.

    Returns
    -------
    Scores
        The same grid of epochs. A night without sleep is returned as it is.
    """
    asleep = [epoch for epoch, stage in enumerate(scores.stages) if stage not in (None, "W")]
    if not asleep:
        return scores
    margin = round(minutes * 60 / scores.step_s)
    kept = range(asleep[0] - margin, asleep[-1] + margin + 1)
    stages = tuple(stage if epoch in kept else None for epoch, stage in enumerate(scores.stages))
    return replace(scores, stages=stages)
