"""Snooz's table of events (`.tsv`): those of the group `stage` are named by numbers."""

from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.scores.formats.events import held, read_seconds
from psgvlm.scores.sheet import Mark, Sheet

_FORMAT = "Snooz events"
_COLUMNS = ["group", "name", "start_sec", "duration"]


def read(path: Path, text: str) -> Sheet | None:
    """Return the events of the group `stage`; onsets count from the first sample."""
    rows = [[cell.strip() for cell in line.split("\t")] for line in text.splitlines() if line]
    if not rows or rows[0][:4] != _COLUMNS:
        return None
    marks = [
        Mark(
            row[1], read_seconds(path, "start_sec", row[2]), read_seconds(path, "duration", row[3])
        )
        for row in rows[1:]
        if len(row) > 3 and row[0].casefold() == "stage"
    ]
    if not marks:
        raise InputError(f"{path}: no event of the group stage; expected one for each epoch")
    return Sheet(path, _FORMAT, {"": held(marks)}, codes="rk")
