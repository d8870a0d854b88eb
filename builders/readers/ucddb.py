"""UCDDB as PhysioNet distributes it: `ucddbNNN.rec`, which is an EDF file, and `_stage.txt`.

`ucddbNNN_lifecard.edf` is a Holter recording of the ECG, and no night.
"""

import re
from pathlib import Path

from psgvlm.builders.readers import scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import NamedFiles, found_night

from psgvlm.files import list_files
from psgvlm.scores import Scores

NAME = "UCDDB"
EXPECTED = "ucddbNNN.rec with ucddbNNN_stage.txt"
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS = scoring.OPTIONS

_NAME = re.compile(r"(ucddb\d{3})\.(rec|edf)", re.IGNORECASE)


def find(raw: Path) -> list[FoundNight]:
    """List the recordings; each is another person's."""
    signals = [p for p in list_files(raw, (".rec", ".edf")) if _NAME.fullmatch(p.name)]
    texts = NamedFiles(raw, ("_stage.txt",), signals)
    return [
        found_night("ucddb", raw, path, stem, texts.of(path, [f"{stem}_stage.txt"]))
        for path in signals
        for stem in [path.stem.lower()]
    ]


def read_scores(night: FoundNight, **options) -> Scores | None:
    """Read the codes, one for 30 s: 0 is wake, 1 is REM, 2 to 5 are stages 1 to 4."""
    return scoring.read(night, **options, default_codes="ucddb")
