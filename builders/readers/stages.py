"""STAGES as NSRR distributes it: `original/STAGES PSGs/SITE/ID.edf` with `ID.csv`.

`_1` behind a person's number is a nap of the same person.
"""

import re
from pathlib import Path

from psgvlm.builders.readers import scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import NamedFiles, found_night, head_of

from psgvlm.files import list_files
from psgvlm.scores import Scores

NAME = "STAGES"
EXPECTED = "STAGES PSGs/SITE/SITEnnnnn.edf with SITEnnnnn.csv beside it"
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS = scoring.OPTIONS

_NAME = re.compile(r"([A-Z]{4}\d{5})(_\d+)?\.edf", re.IGNORECASE)


def find(raw: Path) -> list[FoundNight]:
    """List the recordings; a nap belongs to the person of the night."""
    matches = [(path, _NAME.fullmatch(path.name)) for path in list_files(raw, (".edf",))]
    found = [(path, match[1].upper()) for path, match in matches if match]
    tables = NamedFiles(raw, (".csv",), [path for path, _ in found])
    return [
        found_night("stages", raw, path, subject, tables.of(path, [f"{path.stem.lower()}.csv"]))
        for path, subject in found
    ]


def is_certain(night: FoundNight) -> bool:
    """Return whether the table has the columns of this data set, or the folder its name."""
    head = "".join(head_of(path, 200) for path in night.scores).lower()
    in_tree = any(part.lower().startswith("stages psgs") for part in night.signal.parts)
    return in_tree or ("start time" in head and "duration" in head and "event" in head)


def read_scores(night: FoundNight, **options) -> Scores | None:
    """Read the stages among a technician's notes, by the clock."""
    return scoring.read(night, **options)
