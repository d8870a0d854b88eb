"""MASS cohort 1 as it is downloaded: `01-0S-NNNN PSG.edf`, and the stages in `01-0S-NNNN Base.edf`.

Older downloads call the file with the stages `Annotations.edf`. It may be in another folder.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from psgvlm.builders.readers.found_night import FoundNight

from psgvlm.errors import InputError
from psgvlm.files import list_files, quote_short
from psgvlm.recordings.edf import EdfFile
from psgvlm.scores import meaning_of
from psgvlm.scores.scores import ScoredEvent, Scores, scores_from_events
from psgvlm.scores.words import key_of
from psgvlm.stages import EPOCH_S, STAGES

NAME = "MASS"
EXPECTED = "'01-0S-NNNN PSG.edf' with '01-0S-NNNN Base.edf'"
ALIASES: dict[str, tuple[str, ...]] = {}  # the montage has -CLE and -LER among its alternatives
OPTIONS = {
    "twenty_second": {
        "choices": ("extend", "skip"),
        "default": "extend",
        "help": "what to do with recordings scored in epochs of 20 s (SS2, SS4, SS5):\n"
        "extend, add 5 s on both sides of every epoch, without the first and the\n"
        "last of a night; or skip. Default: extend",
    }
}

_NAME = re.compile(r"(\d\d-\d\d-\d{4})[ _](PSG|Base|Annotations)\.edf", re.IGNORECASE)
_TWENTY_SECONDS = ("02", "04", "05")  # subsets scored in epochs of 20 s by the R&K rules
_TWENTY_S = 20.0


def find(raw: Path) -> list[FoundNight]:
    """List every `... PSG.edf` below a folder; the numbers of the recordings have gaps."""
    matches = [(path, _NAME.fullmatch(path.name)) for path in list_files(raw, (".edf",))]
    files = [(path, match[1], match[2].lower()) for path, match in matches if match]
    scores = {(name, kind): path for path, name, kind in files}
    return [
        FoundNight(
            cohort="mass",
            subject=name,
            recording=name,
            signal=path,
            scores=tuple(
                scores[name, other] for other in ("base", "annotations") if (name, other) in scores
            )[:1],
        )
        for path, name, kind in files
        if kind == "psg"
    ]


def is_certain(night: FoundNight) -> bool:
    """Return whether the scores have the name that only MASS has."""
    return bool(night.scores)


def read_scores(night: FoundNight, twenty_second: str = "extend") -> Scores:
    """Read the stages by their onsets: the first is not at 0, and durations are inexact."""
    if not night.scores:
        raise InputError(
            f"{night.signal}: found neither '{night.recording} Base.edf' nor '{night.recording} "
            "Annotations.edf'; expected one of the two below the same folder"
        )
    path = night.scores[0]
    twenty = night.subject[3:5] in _TWENTY_SECONDS
    if twenty and twenty_second == "skip":
        raise InputError(
            f"{night.signal}: SS{night.subject[4]} is scored in epochs of 20 s, which are to be "
            "skipped; expected epochs of 30 s, or to extend those of 20 s",
            parameter="twenty_second",
        )
    events = _events(path)
    if not events:
        raise InputError(f"{path}: no 'Sleep stage' annotations; expected one for each epoch")
    nominal_s = _TWENTY_S if twenty else EPOCH_S
    _check_spacing(path, events, nominal_s)
    scores = scores_from_events(path, events, nominal_s)
    # An epoch is a whole number of samples long, so that it is not exactly 20 or 30 s.
    last = max(events, key=lambda event: event.onset_s)
    epochs = len(scores.stages) - 1
    if epochs and last.duration_s < 1.5 * nominal_s:
        scores = replace(scores, step_s=(last.onset_s - scores.onset_s) / epochs)
    if twenty:
        margin_s = (EPOCH_S - _TWENTY_S) / 2
        stages = (None, *scores.stages[1:-1], None) if epochs else (None,)
        scores = replace(scores, onset_s=scores.onset_s - margin_s, stages=stages)
    return scores


def _events(path: Path) -> list[ScoredEvent]:
    """Return the stages among the annotations of a file; onsets count from its first sample."""
    events = []
    for onset_s, duration_s, text in EdfFile(path).annotations():
        key = key_of(text)
        if not key.startswith(("sleepstage", "movementtime")):
            continue
        meaning = meaning_of(text)
        if meaning is None or key == "sleepstage":
            word = text.strip()[len("Sleep stage") :].strip()
            raise InputError(
                f"{path}: Sleep stage {quote_short(word)}; expected Sleep stage W, 1, 2, 3, 4, R "
                "or ?"
            )
        stage = meaning if meaning in STAGES else None
        events.append(ScoredEvent(onset_s, duration_s, stage))
    return events


def _check_spacing(path: Path, events: list[ScoredEvent], nominal_s: float) -> None:
    onsets_s = np.sort([event.onset_s for event in events])
    spacing_s = np.median(np.diff(onsets_s)) if len(onsets_s) > 1 else nominal_s
    if abs(spacing_s - nominal_s) > 1:
        raise InputError(
            f"{path}: an epoch starts every {spacing_s:g} s; expected every {nominal_s:g} s in "
            f"subset SS{path.name[4]}"
        )
