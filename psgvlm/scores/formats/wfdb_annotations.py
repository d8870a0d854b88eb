"""Annotations of PhysioNet's WFDB: `.arousal` of the Challenge 2018, `.st` of slpdb."""

from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import read_bytes
from psgvlm.scores.sheet import Mark, Sheet
from psgvlm.stages import EPOCH_S

SUFFIXES = (".arousal", ".st")
_FORMAT = "WFDB annotations"


def read(path: Path) -> Sheet | None:
    """Return the stages among a record's annotations; None if there are no annotations.

    In `.arousal` they stand at changes of stage, among events in brackets. In `.st` each holds for
    30 s, and events follow the stage in one text. The first may stand at sample 1, not 0.
    """
    notes, rate_hz = _annotations(path)
    per_epoch = path.suffix.lower() == ".st"
    marks = []
    for sample, note in notes:
        words = note.replace("\0", " ").split()
        if not words or "(" in note or ")" in note:
            continue
        text = words[0] if per_epoch else " ".join(words)
        onset_s = 0.0 if sample == 1 else sample / rate_hz
        marks.append(Mark(text, onset_s, EPOCH_S if per_epoch else None))
    if not marks:
        return None
    return Sheet(path, _FORMAT, {"": tuple(marks)}, codes="rk" if per_epoch else None)


def _annotations(path: Path) -> tuple[list[tuple[int, str]], float]:
    from wfdb import rdann

    read_bytes(path)  # refuses a file that cannot be read or is too large
    try:
        found = rdann(str(path.absolute().with_suffix("")), path.suffix[1:])
        notes = list(zip(map(int, found.sample), found.aux_note, strict=True))
        rate_hz = float(found.fs or 0)
    # wfdb raises many kinds of errors for a damaged file.
    except Exception as error:
        raise InputError(
            f"{path}: cannot be read as WFDB annotations ({type(error).__name__}); expected those "
            "of a record"
        ) from error
    if notes and not rate_hz > 0:
        raise InputError(
            f"{path}: nothing says at what rate it counts samples; expected the record's header "
            f"{path.stem}.hea beside it"
        )
    return notes, rate_hz
