"""MASS cohort 1 as it is downloaded: `01-0S-NNNN PSG.edf`, `01-0S-NNNN Base.edf` with the stages.

Older downloads call the latter `Annotations.edf`; either may lie in a folder of its own.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from psgvlm.builders.readers.found_night import FoundNight

from psgvlm.errors import InputError
from psgvlm.files import list_files
from psgvlm.recordings import score_files
from psgvlm.recordings.edf import EdfFile
from psgvlm.recordings.scores import ScoredEvent, Scores, scores_from_events
from psgvlm.stages import EPOCH_S

EXPECTED = "'01-0S-NNNN PSG.edf' with '01-0S-NNNN Base.edf'"
ALIASES: dict[str, tuple[str, ...]] = {}  # the montage's own alternatives know -CLE and -LER
OPTIONS = {
    "twenty_second": {
        "choices": ("extend", "skip"),
        "default": "extend",
        "help": "epochs of 20 s (SS2, SS4, SS5): extended by 5 s on both sides, without the first\n"
        "and the last of a night, or skipped",
    }
}

_NAME = re.compile(r"(\d\d-\d\d-\d{4})[ _](PSG|Base|Annotations)\.edf", re.IGNORECASE)
_TWENTY_SECONDS = ("02", "04", "05")  # subsets scored in 20-s epochs by the R&K rules
_TWENTY_S = 20.0


def find(raw: Path) -> list[FoundNight]:
    """Every `... PSG.edf` below `raw`; the numbers have gaps, so none is counted up."""
    found = [(path, _NAME.fullmatch(path.name)) for path in list_files(raw, (".edf",))]
    files = [(path, name[1], name[2].lower()) for path, name in found if name]
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


def read_scores(night: FoundNight, twenty_second: str = "extend") -> Scores:
    """Stages by each annotation's own onset: the first is not at 0, and durations are inexact."""
    if not night.scores:
        raise InputError(
            f"{night.signal}: no '{night.recording} Base.edf' or '{night.recording} "
            "Annotations.edf' below the same folder; expected one of the two"
        )
    path = night.scores[0]
    twenty = night.subject[3:5] in _TWENTY_SECONDS
    if twenty and twenty_second == "skip":
        raise InputError(
            f"{night.signal}: SS{night.subject[4]} is scored in epochs of 20 s, left out by "
            "--twenty-second skip; expected 30-s epochs, or --twenty-second extend"
        )
    events = score_files.annotated_events(path, EdfFile(path).annotations())
    if not events:
        raise InputError(f"{path}: no 'Sleep stage' annotations; expected one an epoch")
    nominal_s = _TWENTY_S if twenty else EPOCH_S
    _check_spacing(path, events, nominal_s)
    scores = scores_from_events(path, events, nominal_s)
    # The epochs' true length: cut by a whole number of samples, it is not quite 20 or 30 s.
    last = max(events, key=lambda event: event.onset_s)
    epochs = len(scores.stages) - 1
    if epochs and last.duration_s < 1.5 * nominal_s:
        scores = replace(scores, step_s=(last.onset_s - scores.onset_s) / epochs)
    if twenty:
        margin_s = (EPOCH_S - _TWENTY_S) / 2
        stages = (None, *scores.stages[1:-1], None) if epochs else (None,)
        scores = replace(scores, onset_s=scores.onset_s - margin_s, stages=stages)
    return scores


def _check_spacing(path: Path, events: list[ScoredEvent], nominal_s: float) -> None:
    onsets_s = np.sort([event.onset_s for event in events])
    spacing_s = np.median(np.diff(onsets_s)) if len(onsets_s) > 1 else nominal_s
    if abs(spacing_s - nominal_s) > 1:
        raise InputError(
            f"{path}: an epoch every {spacing_s:g} s; expected {nominal_s:g} s in subset "
            f"SS{path.name[4]}"
        )
