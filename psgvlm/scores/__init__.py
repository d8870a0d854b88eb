"""Scores: reading what a scorer wrote, in any format, and placing it on a recording's epochs.

`formats` turns a file into a `Sheet`, `meanings` its words and numbers into stages, `timing` its
times into seconds of the recording, `grid` puts them onto epochs of 30 s, and `placing` does all of
this for every scorer.
"""

from psgvlm.scores.beside import files_beside
from psgvlm.scores.codes import CODES
from psgvlm.scores.finding import annotated_scores, find_scores
from psgvlm.scores.formats import read_sheet
from psgvlm.scores.placing import CONSENSUS, consensus, kappa, place, votes
from psgvlm.scores.scores import ScoredEvent, Scores, Stages, scores_from_events, trim_wake
from psgvlm.scores.sheet import CLOCK, OWN, RECORD, Mark, Sheet
from psgvlm.scores.words import is_stage_text, meaning_of

__all__ = [
    "CLOCK",
    "CODES",
    "CONSENSUS",
    "OWN",
    "RECORD",
    "Mark",
    "ScoredEvent",
    "Scores",
    "Sheet",
    "Stages",
    "annotated_scores",
    "consensus",
    "files_beside",
    "find_scores",
    "is_stage_text",
    "kappa",
    "meaning_of",
    "place",
    "read_sheet",
    "scores_from_events",
    "trim_wake",
    "votes",
]
