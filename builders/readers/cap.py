"""The CAP Sleep Database as PhysioNet distributes it: `n1.edf` with RemLogic's export `n1.txt`."""

import re
from pathlib import Path

from psgvlm.builders.readers import scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import NamedFiles, found_night, head_of

from psgvlm.files import list_files
from psgvlm.scores import Scores

NAME = "CAP Sleep Database"
EXPECTED = "n1.edf, ins1.edf, narco1.edf, nfle1.edf, plm1.edf, rbd1.edf, ... with n1.txt, ..."
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS = scoring.OPTIONS

_NAME = re.compile(r"(n|brux|ins|narco|nfle|plm|rbd|sdb)\d{1,2}\.edf", re.IGNORECASE)
_REMLOGIC = re.compile(r"SLEEP-(S\d|REM|MT|UNSCORED)", re.IGNORECASE)


def find(raw: Path) -> list[FoundNight]:
    """List the recordings by their names; every recording is another person's."""
    signals = [path for path in list_files(raw, (".edf",)) if _NAME.fullmatch(path.name)]
    texts = NamedFiles(raw, (".txt",), signals)
    stems = [(path, path.stem.lower()) for path in signals]
    return [found_night("cap", raw, p, stem, texts.of(p, [f"{stem}.txt"])) for p, stem in stems]


def is_certain(night: FoundNight) -> bool:
    """Return whether the scores are an export of RemLogic: the names alone are too common."""
    return any(_REMLOGIC.search(head_of(path, 200_000)) for path in night.scores)


def read_scores(night: FoundNight, **options) -> Scores | None:
    """Read the stages by the clock: they begin after the recording and end before it."""
    return scoring.read(night, **options)
