"""EDF+ and BDF+ files of annotations, such as `...-Hypnogram.edf`, and a recording's own ones."""

from collections.abc import Iterable
from pathlib import Path

from psgvlm.recordings.edf import Annotation, EdfFile
from psgvlm.scores.formats import stage_signals
from psgvlm.scores.formats.events import stages_among
from psgvlm.scores.sheet import OWN, RECORD, Mark, Sheet

SUFFIXES = (".edf", ".bdf", ".rec")
_FORMAT = "EDF+ annotations"


def read(path: Path) -> Sheet | None:
    """Return the stages among a file's annotations, or in a signal of stages that it holds.

    Onsets count from the start in the file's own header. None if the file has no stages.
    """
    file = EdfFile(path)
    marks = _marks(file.annotations(from_header=True))
    if not marks:
        return stage_signals.sheet_of_file(file)
    return Sheet(path, _FORMAT, {"": marks}, OWN, start_clock_s=file.clock_s)


def sheet_of_annotations(path: Path, annotations: Iterable[Annotation]) -> Sheet | None:
    """Return the stages among a recording's own annotations, None if there are none.

    Parameters
    ----------
    path : Path
        The recording.
    annotations : iterable of Annotation
        Onsets count from the first sample.
    """
    marks = _marks(annotations)
    return Sheet(path, _FORMAT, {"": marks}, RECORD) if marks else None


def _marks(annotations: Iterable[Annotation]) -> tuple[Mark, ...]:
    return stages_among(
        Mark(text, onset_s, duration_s) for onset_s, duration_s, text in annotations
    )
