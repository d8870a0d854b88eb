"""Scores: reading what a scorer wrote, in any format, and placing it on a recording's epochs."""

from psgvlm.scores.codes import CODES
from psgvlm.scores.sheet import CLOCK, OWN, RECORD, Mark, Sheet
from psgvlm.scores.words import is_stage_text, meaning_of

__all__ = [
    "CLOCK",
    "CODES",
    "OWN",
    "RECORD",
    "Mark",
    "Sheet",
    "is_stage_text",
    "meaning_of",
]
