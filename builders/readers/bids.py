"""Recordings in the folders of BIDS: `sub-01/[ses-1/]eeg/sub-01_..._eeg.edf` with `_events.tsv`.

A subject is `sub-01`, or the person in the column `pid` of `participants.tsv` where one person has
several. Recordings below `derivatives` are copies, and are read only if there are no others.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from psgvlm.builders.readers import scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import RECORDINGS, found_night, read_table

from psgvlm.files import list_files
from psgvlm.scores import Scores
from psgvlm.scores.beside import SCORE_SUFFIXES, ScoreFiles

NAME = "BIDS"
NAMES = {"bids": "BIDS folders", "hsp": "Human Sleep Project (HSP)"}
EXPECTED = "sub-<label>/[ses-<label>/]eeg/sub-<label>_..._eeg.edf with ..._events.tsv"
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS = scoring.OPTIONS

_SUBJECT = re.compile(r"sub-[A-Za-z0-9]+")
_SIGNAL = re.compile(r"(sub-[A-Za-z0-9]+)(_[^/]*)?_(i?eeg|meg|psg)", re.IGNORECASE)
_HSP = re.compile(r"sub-[SI]\d{4}\d+")
_SCORES = re.compile(r"_(events|annotations|hypnogram|stages|scoring)$", re.IGNORECASE)
_STAGES = re.compile(r"scor|stag|hypno", re.IGNORECASE)
_FREE = ("acq", "desc", "recording")  # entities that may say that a file holds stages
_COPIES = ("derivatives", "sourcedata")


def find(raw: Path) -> list[FoundNight]:
    """List the recordings whose names and folders follow BIDS."""
    signals = signals_below(raw)
    files = list_files(raw, SCORE_SUFFIXES)
    shared, inherited = ScoreFiles(signals, files), _Inherited(files)
    people = People(raw, signals)
    nights = []
    for path in signals:
        scores = shared.of(path) or inherited.of(path)
        nights.append(found_night(_cohort(path), raw, path, people.of(path), scores))
    return nights


def _cohort(path: Path) -> str:
    return "hsp" if _HSP.match(path.name) else "bids"


def signals_below(raw: Path) -> list[Path]:
    """Return the recordings below a folder, without copies of others."""
    signals = [
        path
        for path in list_files(raw, RECORDINGS)
        if _SIGNAL.fullmatch(path.stem) and (subject_folder(path, raw) or _is_flat(path))
    ]
    originals = [path for path in signals if not set(_COPIES) & set(path.relative_to(raw).parts)]
    return originals or signals


def subject_folder(path: Path, raw: Path) -> str | None:
    """Return the folder `sub-...` that a recording lies in; None if it lies in none."""
    parts = [*raw.absolute().parts, *path.relative_to(raw).parent.parts]
    return next((part for part in reversed(parts) if _SUBJECT.fullmatch(part)), None)


def _is_flat(path: Path) -> bool:
    """Return whether somebody put all recordings beside `participants.tsv`, in one folder."""
    return (path.parent / "participants.tsv").is_file()


class _Inherited:
    """Files of scores that several recordings of one session share.

    Such a file has fewer entities in its name than the recording, or `acq-scoring` for its `acq`.
    """

    def __init__(self, files: Iterable[Path]):
        self._files: dict[Path, list[tuple[dict[str, str], Path]]] = defaultdict(list)
        for path in files:
            entities = _entities(path)
            if _SCORES.search(path.stem) and "sub" in entities:
                for free in _FREE:
                    if _STAGES.search(entities.get(free, "")):
                        del entities[free]
                self._files[path.parent].append((entities, path))

    def of(self, signal: Path) -> list[Path]:
        """Return the files in the folder of a recording whose entities it has all."""
        own = _entities(signal).items()
        return [path for theirs, path in self._files[signal.parent] if theirs.items() <= own]


def _entities(path: Path) -> dict[str, str]:
    """Return the entities in a file's name, such as `sub` and `task`."""
    return dict(re.findall(r"(?:^|_)([a-z]+)-([A-Za-z0-9]+)", path.stem))


class People:
    """Who was recorded, by the folders and by `participants.tsv`.

    Where there are several data sets below one folder, their subjects are told apart by the folder
    that each lies in.
    """

    def __init__(self, raw: Path, signals: Iterable[Path]):
        self._raw = raw
        roots = {self._root(path) for path in signals}
        self._named = len(roots) > 1
        self._person: dict[Path, dict[str, str]] = defaultdict(dict)
        for root in roots:
            for row in read_table(root / "participants.tsv"):
                if person := row.get("pid"):
                    self._person[root][row.get("participant_id", "")] = f"pid-{person}"

    def of(self, path: Path) -> str:
        """Return the subject of a recording."""
        root = self._root(path)
        label = _SUBJECT.match(path.name)[0]
        person = self._person[root].get(label, label)
        return f"{root.relative_to(self._raw)}/{person}" if self._named else person

    def _root(self, path: Path) -> Path:
        """Return the folder of the data set: that above `sub-...`."""
        if _is_flat(path):
            return path.parent
        for folder in path.parents:
            if _SUBJECT.fullmatch(folder.name) and folder != self._raw.parent:
                return folder.parent if folder != self._raw else folder
            if folder == self._raw:
                break
        return self._raw


def read_scores(night: FoundNight, **options) -> Scores | None:
    """Read the events, or another file that carries the recording's name."""
    return scoring.read(night, **options)
