"""HMC and PSG-IPA, the sleep staging databases of Haaglanden Medisch Centrum on PhysioNet.

HMC has `SNnnn.edf` with `SNnnn_sleepscoring.edf` and `.txt`, which are the same scoring. PSG-IPA
has `SNn_<part>.edf` and `SNn_<part>_manual_scorerN.edf` and `.txt` in another folder: many scorers
of one night.
"""

import re
from pathlib import Path

from psgvlm.builders.readers import scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import NamedFiles, found_night

from psgvlm.files import list_files, natural_key
from psgvlm.scores import Scores
from psgvlm.scores.beside import ScoreFiles

NAME = "HMC"
NAMES = {"hmc": NAME, "psg-ipa": "PSG-IPA"}
EXPECTED = "SNnnn.edf with SNnnn_sleepscoring.edf or SNnnn_sleepscoring.txt"
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS = scoring.OPTIONS

_HMC = re.compile(r"SN\d{3}\.edf", re.IGNORECASE)
_IPA = re.compile(r"(SN\d+)(_[a-z_ ]+)?\.edf", re.IGNORECASE)
_SCORER = re.compile(r"(SN\d+(_[a-z_ ]+?)?)(_manual|_automatic)?_scorer\d+", re.IGNORECASE)


def find(raw: Path) -> list[FoundNight]:
    """List the recordings; in PSG-IPA, all recordings of one number are one subject."""
    files = list_files(raw, (".edf", ".txt"))
    several = {m[1].lower() for path in files if (m := _SCORER.fullmatch(path.stem))}
    signals = [p for p in files if _HMC.fullmatch(p.name) and p.stem.lower() not in several]
    named = NamedFiles(raw, ("_sleepscoring.edf", "_sleepscoring.txt"), signals)
    nights = []
    for path in signals:
        names = (f"{path.stem}_sleepscoring{suffix}".lower() for suffix in (".edf", ".txt"))
        nights.append(found_night("hmc", raw, path, path.stem.upper(), named.of(path, names)))
    signals = [p for p in files if _IPA.fullmatch(p.name) and p.stem.lower() in several]
    shared = ScoreFiles(signals, [path for path in files if _SCORER.fullmatch(path.stem)])
    for path in signals:
        scores = sorted(shared.of(path), key=lambda p: (p.suffix.lower(), natural_key(p.stem)))
        subject = path.stem.partition("_")[0].upper()
        nights.append(found_night("psg-ipa", raw, path, subject, scores))
    return nights


def is_certain(night: FoundNight) -> bool:
    """Return whether the recording has scores with a name that only these data sets have."""
    return bool(night.scores)


def read_scores(night: FoundNight, **options) -> Scores | None:
    """Read the EDF+ scores, else the table; which of the two was read is among the notes."""
    return scoring.read(night, **options)
