"""XML that Luna writes: an `Instance` of a class for each event."""

from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.scores.formats.events import read_seconds, stages_among
from psgvlm.scores.sheet import Mark, Sheet
from psgvlm.scores.words import is_stage_text

ROOTS = ("Annotations",)
_FORMAT = "Luna XML"


def read(path: Path, root) -> Sheet:
    """Return the instances whose class is a stage; onsets count from the first sample."""
    marks = stages_among(
        Mark(
            text,
            read_seconds(path, "Start", instance.findtext("Start")),
            read_seconds(path, "Duration", instance.findtext("Duration") or "0"),
        )
        for instance in root.iter("Instance")
        for text in [instance.get("class", "").strip()]
        if is_stage_text(text)
    )
    if not marks:
        raise InputError(f"{path}: no Instance of a stage; expected one for each epoch")
    return Sheet(path, _FORMAT, {"": marks})
