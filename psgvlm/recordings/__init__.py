"""Recordings on a disk: channels in µV, and which of them fills each lane.

`edf`, `wfdb_file`, `h5_file` and `mne_file` open files, `recording` reads them in µV. `labels`
reads labels, `lane_rules` says what may fill a lane, `lane_map` reads the user's map, and
`lane_search` finds the lanes of a montage.
"""

from psgvlm.recordings.channel import Annotation, Channel
from psgvlm.recordings.edf import ANNOTATIONS, EdfFile
from psgvlm.recordings.labels import normalise
from psgvlm.recordings.lane_map import (
    family_id,
    load_map,
    named_sources,
    parse_map,
    unmatched_sections,
)
from psgvlm.recordings.lane_rules import LANES, Lane
from psgvlm.recordings.lane_search import find_lanes
from psgvlm.recordings.lanes import Derivation, LaneMap, require_eeg
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
    "family_id",
    "find_lanes",
    "load_map",
    "named_sources",
    "normalise",
    "parse_map",
    "require_eeg",
    "unmatched_sections",
]
