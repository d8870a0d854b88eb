"""BOAS (OpenNeuro ds005555): a polysomnography and a headband of each night, in folders of BIDS.

`sub-N` is a night: the person is `pid` in `participants.tsv`. People scored the polysomnography
alone (`stage_hum`); the headband has the stages of a program.
"""

import re
from pathlib import Path

from psgvlm.builders.readers import bids, scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import found_night, head_of

from psgvlm.files import list_files
from psgvlm.scores import Scores
from psgvlm.scores.beside import ScoreFiles

NAME = "Bitbrain Open Access Sleep (BOAS)"
EXPECTED = "sub-N/eeg/sub-N_task-Sleep_acq-psg_eeg.edf with ..._events.tsv and participants.tsv"
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS = scoring.OPTIONS

_NAME = re.compile(r"sub-\d+_task-sleep_acq-(psg|headband)_eeg", re.IGNORECASE)


def find(raw: Path) -> list[FoundNight]:
    """List the recordings of the polysomnography and of the headband."""
    signals = [path for path in bids.signals_below(raw) if _NAME.fullmatch(path.stem)]
    shared = ScoreFiles(signals, list_files(raw, ("_events.tsv",)))
    people = bids.People(raw, signals)
    return [found_night("boas", raw, path, people.of(path), shared.of(path)) for path in signals]


def is_certain(night: FoundNight) -> bool:
    """Return whether the events have the columns of this data set."""
    return any("stage_ai" in head_of(path, 500) for path in night.scores)


def read_scores(night: FoundNight, **options) -> Scores | None:
    """Read the consensus of the people who scored the night."""
    return scoring.read(night, **options, default_codes="aasm")
