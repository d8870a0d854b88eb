"""Luna's files: `.eannot`, a label for each epoch, and `.annot`, a table of annotations."""

import re
from pathlib import Path

from psgvlm.scores.formats.cells import code_of
from psgvlm.scores.formats.table_sheet import sheet_of_table
from psgvlm.scores.formats.text_table import TextTable
from psgvlm.scores.sheet import Mark, Sheet
from psgvlm.scores.words import is_stage_text, key_of

COLUMNS = ("class", "instance", "channel", "start", "stop", "meta")
_STAGE_CLASSES = {"sleepstage", "stage", "stages", "staging", "sleepstages", "hypnogram"}
_EPOCH = re.compile(r"e:(?:\d+:\d+:)?(\d{1,6})", re.ASCII)
_LONG_DATE = re.compile(r"(\d{1,4}[-/]\d{1,2}[-/]\d{1,4})-(\d{1,2}:\d\d:\d\d.*)", re.ASCII)
_EPOCH_S = 30.0


def read(path: Path, text: str) -> Sheet | None:
    """Return what one of Luna's files says; None for a file of another suffix."""
    if "\0" in text:
        return None
    suffix = path.suffix.lower()
    if suffix == ".eannot":
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        marks = tuple(Mark(line if code_of(line) is None else str(code_of(line))) for line in lines)
        return Sheet(path, "Luna .eannot", {"": marks}, codes="rk") if marks else None
    return _read_annot(path, text) if suffix == ".annot" else None


def _read_annot(path: Path, text: str) -> Sheet | None:
    """Return the stages of an `.annot` file: those classes, or instances, that are stage words."""
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in (line.split("\t") if "\t" in line else line.split())]
        if line.startswith("#") or len(cells) < 3 or cells[0].casefold() == "class":
            continue
        name, *rest = cells
        instance = rest[0] if len(cells) > 3 else "."
        start, stop = rest[-2:] if len(cells) < 6 else cells[3:5]
        # Only a class of stages says that its instance is one: a channel of an event may be `R`.
        word = instance if key_of(name) in _STAGE_CLASSES else name
        if is_stage_text(word) or word in ("L", "U", "M"):
            rows.append((word, *_interval(start, stop)))
    if not rows:
        return None
    table = TextTable(("stage", "start", "stop", "duration"), tuple(rows))
    return sheet_of_table(path, table, format="Luna .annot", codes="rk")


def _interval(start: str, stop: str) -> tuple[str, str, str]:
    """Return a start, an end and a duration as a table has them; what is not given is empty.

    `...` holds until the next annotation, `+30` is a duration, `e:1` the first epoch of 30 s.
    """
    duration = stop[1:] if stop.startswith("+") else ""
    if match := _EPOCH.fullmatch(start):
        last = _EPOCH.fullmatch(stop) or match
        count = int(last[1]) - int(match[1]) + 1
        return str(_EPOCH_S * (int(match[1]) - 1)), "", str(_EPOCH_S * count)
    stop = "" if duration or stop in ("...", ".") else stop
    return _LONG_DATE.sub(r"\1 \2", start), _LONG_DATE.sub(r"\1 \2", stop), duration
