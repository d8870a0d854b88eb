"""ANPHY-Sleep: a folder `EPCTLnn` for each person, with one EDF and one text file in any name."""

import re
from pathlib import Path

from psgvlm.builders.readers import scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import found_night

from psgvlm.files import list_files
from psgvlm.scores import Scores

NAME = "ANPHY-Sleep"
EXPECTED = "EPCTLnn/EPCTLnn.edf with EPCTLnn.txt beside it"
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS = scoring.OPTIONS

_NAME = re.compile(r"EPCTL\d\d", re.IGNORECASE)


def find(raw: Path) -> list[FoundNight]:
    """List the recordings, paired with the text by their folder or by their name."""
    texts = [path for path in list_files(raw, (".txt",)) if "readme" not in path.name.lower()]
    nights = []
    for path in list_files(raw, (".edf",)):
        match = _NAME.match(path.name) or _NAME.fullmatch(path.parent.name)
        if not match:
            continue
        beside = [text for text in texts if text.parent == path.parent]
        named = [text for text in beside if text.stem.upper().startswith(match[0].upper())]
        scores = named or (beside if _NAME.fullmatch(path.parent.name) else [])
        nights.append(found_night("anphy", raw, path, match[0].upper(), scores))
    return nights


def read_scores(night: FoundNight, **options) -> Scores | None:
    """Read stage, onset and duration; `L` is a time with the lights on, and not scored."""
    return scoring.read(night, **options)
