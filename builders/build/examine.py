"""One night looked at before it is drawn: lanes, stages, which epochs can be shown, what is odd."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from psgvlm.builders.readers.found_night import FoundNight

from psgvlm.errors import InputError
from psgvlm.recordings.lanes import LaneMap, find_lanes, parse_map, require_eeg
from psgvlm.recordings.recording import Recording
from psgvlm.recordings.scores import Scores, trim_wake
from psgvlm.signals import traces
from psgvlm.stages import EPOCH_S


@dataclass(frozen=True)
class Choices:
    """What a user decides beside the image: the reader's own options, labels, what is left out.

    `raw` is the folder that paths are told relative to; `reader` are options of `read_scores`;
    `map` names unusual labels; `trim_wake_min` keeps so many minutes of wake around the sleep;
    `tasks`, of `chat.TASKS` and in their order, are those that rows are written for.
    """

    raw: Path | None = None
    reader: Mapping[str, str] = field(default_factory=dict)
    map: str = ""
    trim_wake_min: float | None = None
    tasks: tuple[str, ...] = ("staging",)

    @property
    def measured(self) -> bool:
        """Whether a task needs what is measured in the signals."""
        return any(task != "staging" for task in self.tasks)


@dataclass(frozen=True)
class Epoch:
    """An epoch that can be drawn: its number, its start by the clock and within the samples."""

    number: int
    onset_s: float
    stored_s: float


@dataclass(frozen=True)
class Examined:
    """A night that can be drawn. `scored` is false where nobody staged it: then it is all drawn."""

    recording: Recording
    lanes: LaneMap
    scores: Scores
    scored: bool
    epochs: tuple[Epoch, ...]
    notes: tuple[str, ...]


def examine(reader: ModuleType, night: FoundNight, montage: str, choices: Choices) -> Examined:
    """Read a night's header, scores and some of its EEG.

    Raises `InputError` where it cannot be used: damaged, without EEG or stages, or where an EEG
    lane's amplitude shows an error of unit or gain.
    """
    scores = reader.read_scores(night, **choices.reader)
    recording = Recording(night.signal, gaps=True)
    named = parse_map(choices.map, recording.labels)
    lanes = find_lanes(recording.labels, montage, {**reader.ALIASES, **named})
    require_eeg(lanes, recording)
    notes = list(recording.notes)
    scored = scores is not None
    if scores is None:
        scores = Scores(0.0, (None,) * int((recording.duration_s + 1e-3) // EPOCH_S))
        notes.append("unscored")
    notes += scores.notes
    if scored and choices.trim_wake_min is not None:
        scores = trim_wake(scores, choices.trim_wake_min)
    epochs, left_out = _usable(recording, scores, scored)
    if not epochs:
        raise InputError(
            f"{night.signal}: no epoch to draw within its {recording.duration_s:g} s "
            f"({len(scores.stages)} epochs in the scores; {'; '.join(left_out) or 'none scored'})"
        )
    if fault := traces.implausible(recording, lanes):
        raise InputError(f"{night.signal}: {fault}")
    notes += left_out + _without_unit(recording, lanes)
    if lanes.missing:
        notes.append(f"no {', '.join(lanes.missing)}")
    return Examined(recording, lanes, scores, scored, tuple(epochs), tuple(notes))


def _usable(recording: Recording, scores: Scores, scored: bool) -> tuple[list[Epoch], list[str]]:
    """The epochs that were scored and recorded as a whole, and what is said of the others."""
    epochs = []
    beyond = in_gaps = 0
    for number, stage in enumerate(scores.stages):
        if scored and stage is None:
            continue
        onset_s = scores.start_s(number)
        stored_s = recording.stored_s(onset_s, EPOCH_S)
        if stored_s is not None:
            epochs.append(Epoch(number, onset_s, stored_s))
        elif onset_s >= 0 and onset_s + EPOCH_S <= recording.duration_s:
            in_gaps += 1
        else:
            beyond += 1
    said = []
    if beyond:
        said.append(f"{beyond} scored epochs beyond the end of the signal left out")
    if in_gaps:
        said.append(f"{in_gaps} epochs within or across gaps of the recording left out")
    after_s = recording.duration_s - scores.start_s(len(scores.stages))
    if scored and scores.onset_s == 0 and after_s >= EPOCH_S:
        said.append(f"signal goes on for {after_s:g} s after the last scored epoch")
    return epochs, said


def _without_unit(recording: Recording, lanes: LaneMap) -> list[str]:
    sources = [label for s in lanes.sources if s for label in (s.plus, s.minus) if label]
    bare = [label for label in dict.fromkeys(sources) if not recording.channel(label).unit]
    return [f"no unit for {', '.join(bare)}: taken as uV"] if bare else []
