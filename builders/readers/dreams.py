"""DREAMS: `subjectN.edf` and `patientN.edf` with two hypnograms, `excerptN.edf` with one.

`HypnogramAASM_subjectN.txt` is read, `HypnogramR&K_subjectN.txt` if there is no other.
"""

import re
from collections import Counter
from pathlib import Path

from psgvlm.builders.readers import scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import NamedFiles, found_night, head_of, name_below

from psgvlm.files import list_files
from psgvlm.scores import Scores

NAME = "DREAMS"
EXPECTED = "subjectN.edf, patientN.edf or excerptN.edf with HypnogramAASM_subjectN.txt"
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS = scoring.OPTIONS

_NAME = re.compile(r"(subject|patient|excerpt)\d+\.edf", re.IGNORECASE)


def find(raw: Path) -> list[FoundNight]:
    """List the recordings; excerpts of several of its databases are told apart by their folders."""
    signals = [path for path in list_files(raw, (".edf",)) if _NAME.fullmatch(path.name)]
    texts = NamedFiles(raw, (".txt",), signals)
    count = Counter(path.stem.lower() for path in signals)
    nights = []
    for path in signals:
        stem = path.stem.lower()
        names = (f"hypnogram{kind}_{stem}.txt" for kind in ("aasm", "r&k", ""))
        scores = texts.of(path, names)
        subject = name_below(raw, path) if count[stem] > 1 else stem
        nights.append(found_night("dreams", raw, path, subject, scores))
    return nights


def is_certain(night: FoundNight) -> bool:
    """Return whether the first line of a hypnogram is that of this data set."""
    return any(head_of(path, 200).lstrip().lower().startswith("[hypno") for path in night.scores)


def read_scores(night: FoundNight, **options) -> Scores | None:
    """Read the codes, one for 5 s, counted down from 5, which is wake."""
    return scoring.read(night, **options, default_codes="dreams")
