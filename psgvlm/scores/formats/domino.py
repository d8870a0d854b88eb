"""Domino of SOMNOmedics: a sleep profile as text, a time of day and a stage on each line.

In a workbook these are two cells of a row.

The head's words and the order of its date depend on the language, so that only the rows are read.
"""

import re
from pathlib import Path

from psgvlm.scores.clock import clock_onsets, read_clock
from psgvlm.scores.formats.events import held
from psgvlm.scores.sheet import CLOCK, Mark, Sheet
from psgvlm.scores.words import is_stage_text

_FORMAT = "Domino sleep profile"
_PROFILE = re.compile(r"schlafprofil|sleep ?profile|profil de sommeil", re.IGNORECASE)
_RATE = re.compile(r"^[^:;\t\d]{2,20}[:\t]\s*(\d+(?:[.,]\d+)?)\s*s(?:ec)?\s*$", re.IGNORECASE)
_FIELD = re.compile(r"[^:;\d]{2,30}:\s")
HEAD_LINES, LEAST_STAGES = 40, 0.5


def read(path: Path, text: str) -> Sheet | None:
    """Return the rows of a sleep profile; onsets are times of day. None for another file."""
    clocks, texts, epoch_s, has_table_head = [], [], None, False
    is_profile = bool(_PROFILE.search(path.stem))
    for number, line in enumerate(text.splitlines()):
        time, separator, word = line.partition(";" if ";" in line else "\t")
        if separator and (clock := read_clock(time)):
            clocks.append(clock)
            texts.append(word.strip().strip(";").strip())
        elif number < HEAD_LINES:
            is_profile |= bool(_PROFILE.search(line))
            # Domino's head has lines such as `Signal ID: ...`, a table has the names of columns.
            has_table_head |= bool(line.strip()) and not _FIELD.match(line)
            if match := _RATE.match(line.strip()):
                epoch_s = float(match[1].replace(",", "."))
    staged = sum(map(is_stage_text, texts))
    is_profile |= not has_table_head and staged >= LEAST_STAGES * len(texts)
    if not staged or not is_profile:
        return None
    marks = tuple(
        Mark(word, onset_s, epoch_s)
        for word, onset_s in zip(texts, clock_onsets(clocks), strict=True)
    )
    return Sheet(path, _FORMAT, {"": held(marks)}, CLOCK, epoch_s=epoch_s)
