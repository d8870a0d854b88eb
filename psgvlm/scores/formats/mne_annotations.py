"""Annotations that MNE saves: as text under a head of its own, or as a table with dates.

In a table of a recording whose date MNE does not know, onsets count from 1970-01-01 00:00:00.
"""

import csv
import re
from datetime import datetime
from pathlib import Path

from psgvlm.scores.clock import read_clock
from psgvlm.scores.formats.events import read_seconds, stages_among
from psgvlm.scores.sheet import OWN, RECORD, Mark, Sheet

_FORMAT = "MNE annotations"
_HEAD = "# mne-annotations"
_ORIGIN = re.compile(r"#\s*orig_time\s*:\s*(\S.*)", re.IGNORECASE)
_COLUMNS = ["onset", "duration", "description"]
_NO_DATE = datetime(1970, 1, 1)


def read(path: Path, text: str) -> Sheet | None:
    """Return the annotations that are stages; None for another file, or for one with real dates."""
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and lines[0].strip().casefold() == _HEAD:
        return _text_sheet(path, lines)
    head = [cell.strip(' "').casefold() for cell in lines[0][:200].split(",")] if lines else []
    if head[:3] == _COLUMNS:
        return _table_sheet(path, lines[1:])
    return None


def _text_sheet(path: Path, lines: list[str]) -> Sheet | None:
    """Read lines of onset, duration and text under `# orig_time`, from which onsets count."""
    origins = [match[1] for line in lines if (match := _ORIGIN.match(line))]
    start = read_clock(origins[0]) if origins else None
    events = [
        Mark(fields[2].strip(), read_seconds(path, "onset", fields[0]), _length(path, fields[1]))
        for line in lines
        if not line.startswith("#") and len(fields := line.split(",", 2)) == 3
    ]
    marks = stages_among(events)
    if not marks:
        return None
    origin = OWN if start else RECORD
    return Sheet(path, _FORMAT, {"": marks}, origin, start_clock_s=start[1] if start else None)


def _table_sheet(path: Path, lines: list[str]) -> Sheet | None:
    """Read rows whose onsets all lie in the first days of 1970."""
    events = []
    for line in lines:
        if not line.lstrip(' "').startswith("1970-01-0"):
            return None
        try:
            fields = next(csv.reader([line]), [])
            since = datetime.fromisoformat(fields[0].strip()).replace(tzinfo=None) - _NO_DATE
            text = fields[2].strip()
        except (ValueError, IndexError, csv.Error):
            return None
        events.append(Mark(text, since.total_seconds(), _length(path, fields[1])))
    marks = stages_among(events)
    return Sheet(path, _FORMAT, {"": marks}) if marks else None


def _length(path: Path, text: str) -> float | None:
    return read_seconds(path, "duration", text) if text.strip() else None
