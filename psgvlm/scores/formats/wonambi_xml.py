"""XML of Wonambi: epochs with a start, an end and a stage, of one rater or several."""

from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.scores.clock import read_clock
from psgvlm.scores.formats.events import read_seconds
from psgvlm.scores.sheet import OWN, RECORD, Mark, Sheet

ROOTS = ("annotations",)
_FORMAT = "Wonambi XML"
_TO_SCORE = "unknown"  # what Wonambi writes into epochs that nobody has looked at yet


def read(path: Path, root) -> Sheet:
    """Return the stages of each rater; onsets count from the start of the data set."""
    marks = {}
    for number, rater in enumerate(root.iter("rater"), 1):
        epochs = [_mark(path, epoch) for epoch in rater.findall("./stages/epoch")]
        if any(epoch.text.casefold() != _TO_SCORE for epoch in epochs):
            marks[rater.get("name") or f"rater {number}"] = tuple(epochs)
    if not marks:
        raise InputError(f"{path}: no rater has staged an epoch; expected rater/stages/epoch")
    start = read_clock(root.findtext("./dataset/start_time") or "")
    origin = OWN if start else RECORD
    return Sheet(path, _FORMAT, marks, origin, start_clock_s=start[1] if start else None)


def _mark(path: Path, epoch) -> Mark:
    start_s = read_seconds(path, "epoch_start", epoch.findtext("epoch_start"))
    end_s = read_seconds(path, "epoch_end", epoch.findtext("epoch_end"))
    return Mark((epoch.findtext("stage") or "").strip(), start_s, end_s - start_s)
