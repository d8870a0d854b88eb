"""Recordings on a disk: channels in µV, and which of them fills each lane.

`edf`, `wfdb_file`, `h5_file` and `mne_file` open files, `recording` reads them in µV, and `lanes`
finds the lanes of a montage.
"""

from psgvlm.recordings.channel import Annotation, Channel
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
from psgvlm.recordings.recording import SUFFIXES, Recording

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
    "find_lanes",
    "normalise",
    "parse_map",
    "require_eeg",
]
