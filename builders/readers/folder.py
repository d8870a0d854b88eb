"""Any folder of recordings, with or without sleep stages.

A file of scores is found by its name: `X-Hypnogram.edf`, `X_sleepscoring.txt`, `X.xml`,
`X_events.tsv`, `X.csv` ... beside the recording `X.edf`, in a folder of scores of the same tree, or
any one file in a folder with one recording. If there is none, the annotations of the recording are
read. A recording without any stages is drawn unscored.

The subject is that of BIDS (`sub-01`) or of Sleep-EDF (`SC400` for the nights SC4001 and SC4002).
Otherwise it is the folder and the name of the file without `night1`, `ses-2` and the like at the
end; a name that many folders share, such as `psg.edf`, is left out.
"""

import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from psgvlm.builders.readers import scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import RECORDINGS, found_night, head_of, with_unique_names

from psgvlm.files import list_files
from psgvlm.scores import Scores
from psgvlm.scores.beside import (
    SCORE_SUFFIXES,
    ScoreFiles,
    files_around,
    holds_only_annotations,
    may_be_scores,
)

NAME = "other recordings"
EXPECTED = (
    "EDF or BDF recordings (.edf, .rec, .bdf), or WFDB, HDF5, BrainVision, EEGLAB, FIF, GDF, CNT"
)
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS = scoring.OPTIONS

# Short words count only after a separator: Jan1 and Jan2 are two people, P01_n1 and P01_n2 one.
_SESSION = re.compile(
    r"(?:(?:^|[ _-])(?:ses|visit|run|n)|[ _-]?(?:night|session))[ _-]?\d+$", re.IGNORECASE
)
_VISIT = re.compile(r"baseline|follow[ _-]?up|(visit|session|night|month|week)[ _-]?\d+", re.I)
_SLEEP_EDF = re.compile(r"(SC4\d\d|ST7\d\d)\d[A-Z]\d-PSG", re.IGNORECASE)


def find(raw: Path, claimed: Collection[Path] = ()) -> list[FoundNight]:
    """List every recording below a folder. EDF+ files with only annotations are scores.

    `claimed` are files that other readers have recognised as theirs.
    """
    listed = list_files(raw, RECORDINGS)
    pieces = _segments([path for path in listed if path.suffix.lower() == ".hea"])
    signals = [
        path
        for path in listed
        if path not in pieces and path not in claimed and not holds_only_annotations(path)
    ]
    signals = _without_scores(signals)
    shared = _scores_of(raw, signals, [path for path in listed if path in claimed], claimed)
    names = Counter(path.name.lower() for path in signals)
    folders = Counter(path.parent for path in signals)
    nights = []
    for path in signals:
        inside = path.relative_to(raw)
        # Every folder has a file of this name, such as `psg.edf`: the folder is the person.
        repeated = names[path.name.lower()] > 1 and _who(inside.parent.name)
        if repeated and (folders[path.parent] == 1 or not re.search(r"\d", _who(path.stem))):
            inside = inside.parent
        nights.append(found_night("folder", raw, path, _subject(inside), shared.of(path)))
    return with_unique_names(nights)


def _without_scores(signals: list[Path]) -> list[Path]:
    """Leave out files of scores of another recording that hold slow signals or are damaged."""
    doubtful = {path for path in signals if may_be_scores(path)}
    owners = ScoreFiles([path for path in signals if path not in doubtful], ())
    return [path for path in signals if path not in doubtful or not owners.has_owner(path)]


def _scores_of(
    raw: Path, signals: list[Path], others: list[Path], claimed: Collection[Path]
) -> ScoreFiles:
    """Share out the files below the raw folder, and those in folders of scores beside it."""
    files = [path for path in list_files(raw, SCORE_SUFFIXES) if path not in claimed]
    if not signals:
        return ScoreFiles((), ())
    below = raw.absolute()
    outside = {
        path: None
        for folder in {path.parent for path in signals}
        for path in files_around(folder)
        if below not in path.absolute().parents
    }
    return ScoreFiles([*signals, *others], [*files, *outside])


def read_scores(night: FoundNight, **options) -> Scores | None:
    """Read the stages from the likeliest file that holds some, else from the annotations.

    Return `None` if there are no stages: the recording is unscored.
    """
    return scoring.read(night, **options)


def _subject(path: Path) -> str:
    for part in reversed(path.parts):
        if match := re.match(r"sub-[A-Za-z0-9]+", part):
            return match[0]
    if match := _SLEEP_EDF.fullmatch(path.stem):
        return match[1].upper()
    name = path.stem if path.suffix.lower() in RECORDINGS else path.name
    parts = [_who(part) for part in (*path.parent.parts, name)]
    return "/".join(filter(None, parts)) or name


def _who(part: str) -> str:
    """Return what a part of a path says about the person, without the night or the visit."""
    return "" if _VISIT.fullmatch(part) else _SESSION.sub("", part)


def _segments(headers: list[Path]) -> set[Path]:
    """Return the headers of WFDB that are pieces of others, and no recordings of their own."""
    pieces = set()
    for path in headers:
        lines = [line.split() for line in head_of(path).splitlines() if line.split()]
        if lines and "/" in lines[0][0]:  # its name, and the number of its segments
            pieces |= {path.with_name(f"{line[0]}.hea") for line in lines[1:]}
    return pieces
