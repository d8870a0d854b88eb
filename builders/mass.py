"""MASS as it is downloaded: `01-0S-NNNN PSG.edf`, and `01-0S-NNNN Base.edf` with the stages."""

import re
from pathlib import Path

from builders.night import Night, Scores
from psgvlm.errors import InputError
from psgvlm.image_spec import EPOCH_S
from psgvlm.stages import EDF_PLUS

EXPECTED = "'01-0S-NNNN PSG.edf' with '01-0S-NNNN Base.edf'"
ALIASES = {}
_NAME = re.compile(r"(\d\d-\d\d-\d{4}) PSG\.edf", re.IGNORECASE)
_TWENTY_SECONDS = ("02", "04", "05")  # subsets scored in 20-s epochs by the R&K rules


def find(raw: Path) -> list[Night]:
    """Every `... PSG.edf` below `raw`; the numbers have gaps, so none is counted up."""
    nights = []
    for signal in sorted(raw.rglob("*.[eE][dD][fF]")):
        name = _NAME.fullmatch(signal.name)
        if not name:
            continue
        beside = (signal.with_name(f"{name[1]} {kind}.edf") for kind in ("Base", "Annotations"))
        scores = tuple(path for path in beside if path.is_file())[:1]
        nights.append(Night("mass", name[1], name[1], signal, scores))
    return nights


def read_scores(night: Night) -> Scores:
    """Stages by each annotation's own onset: the first is not at 0, and durations are inexact."""
    if not night.scores:
        raise InputError(f"{night.signal}: no '{night.recording} Base.edf' beside it; expected one")
    if night.subject[3:5] in _TWENTY_SECONDS:
        raise InputError(
            f"{night.signal}: subset SS{int(night.subject[3:5])} is scored in 20-s epochs; "
            "expected SS1 or SS3, whose epochs are 30 s long"
        )
    from edfio import read_edf

    path = night.scores[0]
    try:
        annotations = read_edf(path, header_encoding="latin-1").annotations
    except (ValueError, OSError) as error:
        raise InputError(f"{path}: cannot be read as EDF+ annotations ({error})") from error
    scored = []
    for annotation in annotations:
        text = annotation.text.strip()
        if text.lower().startswith("sleep stage "):
            code = text.split()[2].upper() if len(text.split()) > 2 else ""
            if code not in EDF_PLUS:
                raise InputError(f"{path}: {text!r}; expected Sleep stage W, 1, 2, 3, 4, R or ?")
            scored.append((annotation.onset, EDF_PLUS[code]))
    if not scored:
        raise InputError(f"{path}: no 'Sleep stage' annotations; expected one an epoch")
    onset_s = min(onset for onset, _ in scored)
    epochs = [(round((onset - onset_s) / EPOCH_S), stage) for onset, stage in scored]
    stages: list[str | None] = [None] * (max(epoch for epoch, _ in epochs) + 1)
    for epoch, stage in epochs:
        stages[epoch] = stage
    return Scores(onset_s, tuple(stages))
