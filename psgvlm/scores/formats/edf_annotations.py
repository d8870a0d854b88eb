"""EDF+ and BDF+ files of annotations, such as `...-Hypnogram.edf`, and a recording's own ones."""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.recordings.edf import Annotation, EdfFile
from psgvlm.scores.formats import stage_signals
from psgvlm.scores.formats.events import stages_among
from psgvlm.scores.sheet import OWN, RECORD, Mark, Sheet

SUFFIXES = (".edf", ".bdf", ".rec")
_FORMAT = "EDF+ annotations"
_SCORER = re.compile(r"\s*,\s*(manual|auto|automatic)\s*$", re.IGNORECASE)
# MNE puts the kind of a BrainVision marker before its text.
_KIND = re.compile(r"^(comment|stimulus|response|marker)/\s*", re.IGNORECASE)
_PROGRAMS = {"auto", "automatic"}


def read(path: Path) -> Sheet:
    """Return the stages among a file's annotations, or in a signal of stages that it holds.

    Onsets count from the start in the file's own header.
    """
    file = EdfFile(path)
    annotations = file.annotations(from_header=True)
    if marks := _marks(annotations):
        programs = _PROGRAMS & marks.keys()
        return Sheet(path, _FORMAT, marks, OWN, file.clock_s, algorithms=frozenset(programs))
    if sheet := stage_signals.sheet_of_file(file):
        return sheet
    raise InputError(
        f"{path}: {len(annotations)} annotations, and none of them is a sleep stage; expected "
        "annotations such as Sleep stage N2"
    )


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
    programs = _PROGRAMS & marks.keys()
    return Sheet(path, _FORMAT, marks, RECORD, algorithms=frozenset(programs)) if marks else None


def _marks(annotations: Iterable[Annotation]) -> dict[str, tuple[Mark, ...]]:
    """Return the stages of each scorer; Noxturnal says behind a stage who scored it."""
    events: dict[str, list[Mark]] = defaultdict(list)
    for onset_s, duration_s, text in annotations:
        text = _KIND.sub("", text)
        match = _SCORER.search(text)
        scorer = match[1].casefold() if match else ""
        events[scorer].append(Mark(text[: match.start()] if match else text, onset_s, duration_s))
    found = {scorer: stages_among(events[scorer]) for scorer in sorted(events)}
    return {scorer: marks for scorer, marks in found.items() if marks}
