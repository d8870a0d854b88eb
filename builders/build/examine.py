"""Examining a night before it is drawn: its scores, the epochs that can be drawn, what is odd."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from psgvlm.builders.readers.found_night import FoundNight

from psgvlm.image_spec import ImageSpec
from psgvlm.nights.night import Night
from psgvlm.scores.scores import Scores, trim_wake
from psgvlm.stages import EPOCH_S


@dataclass(frozen=True)
class Choices:
    """What a user decides about a build, beside how to draw.

    Parameters
    ----------
    raw : Path, optional
        The raw folder; paths in the manifest are relative to it.
    reader : mapping of str to str
        Keyword arguments of the reader's `read_scores`.
    map : str
        Channels with unusual labels, such as "chin=EMG1-EMG2", or the content of a file with rules.
    strict : bool
        Whether to skip recordings in which a substitute would fill a lane.
    trim_wake_min : float, optional
        How many minutes of wake to keep before and after the sleep; all by default.
    tasks : tuple of str
        The tasks of `chat.TASKS` to write rows for, in that order.
    """

    raw: Path | None = None
    reader: Mapping[str, str] = field(default_factory=dict)
    map: str = ""
    strict: bool = False
    trim_wake_min: float | None = None
    tasks: tuple[str, ...] = ("staging",)

    @property
    def measured(self) -> bool:
        """Whether a task needs measurements in the signals."""
        return any(task != "staging" for task in self.tasks)


@dataclass(frozen=True)
class ExaminedNight:
    """A night that can be drawn, its scores, and what is odd about both.

    `scored` is False if no epoch has a stage; then all epochs of the night are drawn.
    """

    night: Night
    scores: Scores
    scored: bool
    notes: tuple[str, ...]

    @property
    def stages(self) -> list[str | None]:
        """The stage of each epoch that can be drawn."""
        return [self.scores.stages[number] for number in self.night.epochs.tolist()]


def examine(
    reader: ModuleType, found: FoundNight, spec: ImageSpec, choices: Choices
) -> ExaminedNight:
    """Read a night's header, its scores and some of its EEG.

    A night without scores, or with scores that hold no stage, is drawn unscored.

    Raises InputError if the night cannot be used: it is damaged, has no EEG, or has an EEG lane
    whose amplitude shows an error of unit or gain.
    """
    scores = reader.read_scores(found, **choices.reader)
    if scores and choices.trim_wake_min is not None:
        scores = trim_wake(scores, choices.trim_wake_min)
    stages = scores.stages if scores else ()
    numbers = [number for number, stage in enumerate(stages) if stage is not None]
    if not scores or not numbers:
        return _unscored(reader, found, spec, choices, scores)
    onsets_s = [scores.start_s(number) for number in numbers]
    night = Night(
        found.signal,
        spec,
        choices.map,
        aliases=reader.ALIASES,
        numbers=numbers,
        onsets_s=onsets_s,
        strict=choices.strict,
    )
    notes = [*night.notes, *scores.notes]
    after_s = night.recording.duration_s - scores.start_s(len(scores.stages))
    if scores.onset_s == 0 and after_s >= EPOCH_S:
        notes.append(f"the signal goes on for {after_s:g} s after the last scored epoch")
    return ExaminedNight(night, scores, True, tuple(notes))


def _unscored(
    reader: ModuleType,
    found: FoundNight,
    spec: ImageSpec,
    choices: Choices,
    scores: Scores | None,
) -> ExaminedNight:
    """Return a night whose epochs are drawn from its start, without stages.

    `scores` are those that hold no stage, if there are any: what they say is kept.
    """
    night = Night(found.signal, spec, choices.map, aliases=reader.ALIASES, strict=choices.strict)
    warnings: tuple[str, ...] = ()
    if scores:
        count = len(scores.stages)
        none = f"none of the {count} epochs in its scores has a stage: it was drawn unscored"
        warnings = (*scores.warnings, none)
    stages = (None,) * (int(night.epochs[-1]) + 1)
    unscored = Scores(0.0, stages, warnings=warnings)
    notes = (*night.notes, *(scores.notes if scores else found.notes), "unscored")
    return ExaminedNight(night, unscored, False, notes)
