"""DCSM: one folder for each person, with `psg.edf` or `psg.h5` and `hypnogram.ids`."""

from pathlib import Path

from psgvlm.builders.readers import scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import found_night

from psgvlm.files import list_files
from psgvlm.scores import Scores

NAME = "DCSM"
EXPECTED = "tp<id>/psg.edf or tp<id>/psg.h5 with hypnogram.ids beside it"
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS = scoring.OPTIONS


def find(raw: Path) -> list[FoundNight]:
    """List the folders; where one has both files of the signals, the EDF is read."""
    signals = {}
    for path in [*list_files(raw, ("psg.edf",)), *list_files(raw, ("psg.h5",))]:
        if path.stem.lower() == "psg":  # of .edf and .h5, the .edf comes first
            signals.setdefault(path.parent, path)
    ids = {path.parent: path for path in list_files(raw, (".ids",))}
    return [
        found_night("dcsm", raw, path, folder.name, [ids[folder]] if folder in ids else [])
        for folder, path in signals.items()
    ]


def is_certain(night: FoundNight) -> bool:
    """Return whether there is a hypnogram in the format of this data set."""
    return bool(night.scores)


def claimed(night: FoundNight) -> list[Path]:
    """Return the second file of the same signals."""
    return [night.signal.with_suffix(suffix) for suffix in (".edf", ".h5")]


def read_scores(night: FoundNight, **options) -> Scores | None:
    """Read the runs of epochs: onset, duration and stage."""
    return scoring.read(night, **options)
