"""XML that EDFbrowser exports: an annotation with an onset, a duration and a description each."""

from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.scores.clock import clock_onsets, read_clock
from psgvlm.scores.formats.events import read_seconds, stages_among
from psgvlm.scores.sheet import CLOCK, RECORD, Mark, Sheet
from psgvlm.scores.words import is_stage_text

ROOTS = ("annotationlist",)
_FORMAT = "EDFbrowser XML"


def read(path: Path, root) -> Sheet:
    """Return the annotations that are stages; onsets are dates with times, or seconds."""
    texts, onsets, durations_s = [], [], []
    for annotation in root.iter("annotation"):
        text = (annotation.findtext("description") or "").strip()
        if is_stage_text(text):
            texts.append(text)
            onsets.append((annotation.findtext("onset") or "").strip())
            durations_s.append(
                read_seconds(path, "duration", annotation.findtext("duration") or "0")
            )
    clocks = [clock for onset in onsets if (clock := read_clock(onset))]
    by_clock = bool(texts) and len(clocks) == len(texts)
    if by_clock:
        onsets_s = clock_onsets(clocks)
    else:
        onsets_s = [read_seconds(path, "onset", onset) for onset in onsets]
    marks = stages_among(map(Mark, texts, onsets_s, durations_s))
    if not marks:
        raise InputError(f"{path}: no annotation is a sleep stage; expected one for each stage")
    return Sheet(path, _FORMAT, {"": marks}, CLOCK if by_clock else RECORD)
