"""Data sets in WFDB's format: the Challenge of 2018, and the MIT-BIH Polysomnographic Database.

The Challenge has `trNN-NNNN/trNN-NNNN.hea` with `.mat` and `.arousal`; the MIT-BIH database has
`slpNN.hea` with `.dat` and `.st`, and `a` or `b` for two recordings of one person.
"""

import re
from pathlib import Path

from psgvlm.builders.readers import scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import found_night

from psgvlm.files import list_files
from psgvlm.scores import Scores

NAME = "WFDB"
NAMES = {
    "cinc2018": "PhysioNet/CinC Challenge 2018",
    "slpdb": "MIT-BIH Polysomnographic Database",
}
EXPECTED = "trNN-NNNN.hea with .mat and .arousal, or slpNN.hea with .dat and .st"
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS = scoring.OPTIONS

_SETS = {
    "cinc2018": (re.compile(r"(t[re]\d\d-\d{4})\.hea", re.IGNORECASE), ".arousal", ".mat"),
    "slpdb": (re.compile(r"(slp\d\d)[a-z]?\.hea", re.IGNORECASE), ".st", ".dat"),
}


def find(raw: Path) -> list[FoundNight]:
    """List the recordings of the two data sets, with their annotations where there are any."""
    nights = []
    for path in list_files(raw, (".hea",)):
        for cohort, (name, suffix, _) in _SETS.items():
            if match := name.fullmatch(path.name):
                scores = [path.with_suffix(suffix)] if path.with_suffix(suffix).is_file() else []
                nights.append(found_night(cohort, raw, path, match[1].lower(), scores))
    return nights


def is_certain(night: FoundNight) -> bool:
    """Return whether the files of the signals or of the stages lie beside the header."""
    _, scores, signals = _SETS[night.cohort]
    return any(night.signal.with_suffix(suffix).is_file() for suffix in (scores, signals))


def read_scores(night: FoundNight, **options) -> Scores | None:
    """Read the stages, which are annotations at their changes."""
    return scoring.read(night, **options, default_codes="rk")
