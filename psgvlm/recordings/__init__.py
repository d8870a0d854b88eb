"""Recordings on a disk: channels in µV, which of them fills each lane, and the scores beside them.

`edf` and `mne_file` open files, `recording` reads them in µV, `lanes` finds the lanes of a montage,
`scores` and `score_files` read what a scorer wrote.
"""

from psgvlm.recordings.edf import ANNOTATIONS, EdfFile
from psgvlm.recordings.lanes import (
    LANES,
    Derivation,
    Lane,
    LaneMap,
    find_lanes,
    normalise,
    parse_map,
    require_eeg,
)
from psgvlm.recordings.mne_file import SUFFIXES
from psgvlm.recordings.recording import Annotation, Channel, Recording
from psgvlm.recordings.scores import (
    ScoredEvent,
    Scores,
    Stages,
    scores_from_events,
    trim_wake,
)

__all__ = [
    "ANNOTATIONS",
    "LANES",
    "SUFFIXES",
    "Annotation",
    "Channel",
    "Derivation",
    "EdfFile",
    "Lane",
    "LaneMap",
    "Recording",
    "ScoredEvent",
    "Scores",
    "Stages",
    "find_lanes",
    "normalise",
    "parse_map",
    "require_eeg",
    "scores_from_events",
    "trim_wake",
]
