"""Annotations of PhysioNet's WFDB: `.arousal` of the Challenge 2018, `.st` of slpdb."""

import re
from pathlib import Path

import numpy as np

from psgvlm.errors import InputError
from psgvlm.files import read_bytes
from psgvlm.scores.sheet import Mark, Sheet
from psgvlm.stages import EPOCH_S

SUFFIXES = (".arousal", ".st")
_FORMAT = "WFDB annotations"
_RESOLUTION = re.compile(r"## time resolution: (\d{1,9}(?:\.\d{1,9})?)")


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
    """Return the sample and the text of each annotation, and the samples a second."""
    from wfdb.io.annotation import proc_ann_bytes

    content = read_bytes(path)
    pairs = np.frombuffer(content[: len(content) // 2 * 2], np.uint8).reshape(-1, 2)
    try:
        # `wfdb.rdann` leaves out every text at sample 0, where a stage may stand.
        samples, _, _, _, _, texts = proc_ann_bytes(pairs, None)
        notes = [
            (int(sample), str(text or "")) for sample, text in zip(samples, texts, strict=True)
        ]
    # wfdb raises many kinds of errors for a damaged file.
    except Exception as error:
        raise InputError(
            f"{path}: cannot be read as WFDB annotations ({type(error).__name__}); expected those "
            "of a record"
        ) from error
    stated = [match[1] for _, text in notes if (match := _RESOLUTION.match(text))]
    rate_hz = float(stated[0]) if stated else _header_rate_hz(path)
    if notes and not 0 < rate_hz < 1e6:
        raise InputError(
            f"{path}: nothing says at what rate it counts samples; expected the record's header "
            f"{path.stem}.hea beside it"
        )
    return [(sample, text) for sample, text in notes if not text.startswith("##")], rate_hz


def _header_rate_hz(path: Path) -> float:
    """Return the rate in the header of the record, 0 if there is none that can be read."""
    from wfdb import rdheader

    header = path.absolute().with_suffix(".hea")
    try:
        return float(rdheader(str(header.with_suffix(""))).fs) if header.is_file() else 0.0
    # wfdb raises many kinds of errors for a damaged header.
    except Exception:
        return 0.0
