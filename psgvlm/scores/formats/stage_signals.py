"""EDF files with a signal whose samples are stages.

Those are `.hyp` of the Sleep-EDF edition of 2002, and the excerpts of DREAMS, which hold a person's
and a program's stages beside the recorded signals.
"""

import re
from pathlib import Path

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.edf import EdfFile
from psgvlm.recordings.edf_header import ANNOTATIONS
from psgvlm.scores.sheet import OWN, RECORD, Mark, Sheet

SUFFIXES = (".hyp",)
_FORMAT = "EDF signal of stages"
_LABEL = re.compile(r"hypno|sleep[ _-]?stag|^stag(e|es|ing)\b|schlafprofil|stade", re.IGNORECASE)
_PROGRAM = re.compile(r"aut(o|omatic)?\b|caisr|machine|predict", re.IGNORECASE)
_DREAMS_UNIT = "stade"
MOST_CODES = 16  # a signal with more values than this is none of stages


def read(path: Path) -> Sheet | None:
    """Return the stages in a `.hyp` of Sleep-EDF; None if the file is no EDF.

    Its numbers are those of Rechtschaffen and Kales, one for each 30 s.
    """
    if not _is_edf(path):
        return None
    sheet = sheet_of_file(EdfFile(path))
    if sheet is None:
        raise InputError(f"{path}: holds no signal of stages; expected one, of whole numbers")
    return sheet


def sheet_of_signals(path: Path) -> Sheet | None:
    """Return the stages in the signals of a recording, None if it has no such signal."""
    return sheet_of_file(EdfFile(path), own_start=False) if _is_edf(path) else None


def _is_edf(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as content:
        return content.read(8) == b"0       "


def sheet_of_file(file: EdfFile, own_start: bool = True) -> Sheet | None:
    """Return the stages in the signals of an EDF file that are labelled so, None without them.

    Parameters
    ----------
    file : EdfFile
        A recording with signals of stages, or a file of nothing else.
    own_start : bool, optional
        Whether onsets count from the start in the file's own header. Default: True. False for the
        recording that was scored.
    """
    signals = [i for i, signal in enumerate(file.signals) if signal.label != ANNOTATIONS]
    if file.path.suffix.lower() in SUFFIXES:
        indexes = signals[:1]
    else:
        indexes = [i for i in signals if _LABEL.search(file.signals[i].label)]
    marks = {
        file.signals[index].label: found
        for index in indexes
        if (found := _marks(file, index)) is not None
    }
    if not marks:
        return None
    units = {file.signals[index].unit.casefold() for index in indexes}
    codes = "dreams" if units == {_DREAMS_UNIT} else None
    if file.path.suffix.lower() in SUFFIXES:
        codes = "rk"
    return Sheet(
        file.path,
        _FORMAT,
        marks,
        OWN if own_start else RECORD,
        start_clock_s=file.clock_s if own_start else None,
        codes=codes,
        algorithms=frozenset(label for label in marks if _PROGRAM.search(label)),
    )


def _marks(file: EdfFile, index: int) -> tuple[Mark, ...] | None:
    """Return a mark for each run of equal samples; None if the samples are no codes."""
    signal = file.signals[index]
    if signal.fault or not signal.samples or not file.record_s:
        return None
    _, samples = file.read({index: 1.0}, 0.0, file.n_records * file.record_s)[index]
    codes = np.round(samples).astype(np.int64)
    if np.abs(samples - codes).max(initial=0) > 0.1 or not 1 < len(np.unique(codes)) <= MOST_CODES:
        return None
    step_s = file.record_s / signal.samples
    starts = np.flatnonzero(np.diff(codes, prepend=codes[0] - 1))
    stops = np.append(starts[1:], len(codes))
    return tuple(
        Mark(str(codes[start]), round(start * step_s, 6), round((stop - start) * step_s, 6))
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
    )
