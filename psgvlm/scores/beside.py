"""Which files may hold the scores of a recording, by their names and the folders they lie in."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.recordings.edf import EdfFile
from psgvlm.recordings.recording import SUFFIXES

# Suffixes of files that may hold scores. A recording's own file is never among them.
SCORE_SUFFIXES = (
    *(".edf", ".xml", ".rml", ".tsv", ".annot", ".eannot", ".csv", ".txt", ".ids", ".sta", ".hyp"),
    *(".st", ".arousal", ".json", ".npy", ".xlsx", ".rtf"),
)
# What a recording's name has that the name of its scores may lack.
# In BIDS, `acq-psg` tells the recording from others.
_RECORDING_WORD = re.compile(
    r"((?<!acq)[ _-]+(psg|eeg|ieeg|nsrr|fixed|signals?|raw)|[ _-]*\(?fixed\)?)$"
)
# Words beside the recording's name that say that a file holds stages, the best file first.
_WORDS = (
    re.compile(r"aasm"),
    re.compile(r"hypno|sleep ?_?scoring|scoring|scorer|stag(e|ing|es)\b|stg|allscore|schlafprofil"
               r"|sleep ?_?profile|sleep ?_?stag|^scores?$|[ _-]scores?$|^base$|[ _-]base$"),
    re.compile(r"profusion"),
    re.compile(r"nsrr"),
)  # fmt: skip
_EVENTS = re.compile(r"^[ _-]*(events|annotations?)$")
# Files of a program's stages: nobody reads them without being asked to.
_PROGRAM = re.compile(r"\b(pred|auto(score|matic)?|usleep|yasa|ai|machine|model)\b")
# Files that carry the recording's name and hold something else.
_OTHER = re.compile(
    r"lifecard|respevt|channels|electrodes|coordsystem|spindle|kcomplex|k-complex|montage|impedance"
    r"|(^|[ ._-])(log|rr|readme|report|sidecar)$"
)
_SCORES_FOLDER = re.compile(r"annot|scor|hypno|stag|label|event|analysedaten", re.IGNORECASE)
_SIGNALS_FOLDER = re.compile(
    r"(original_?)?(edfs?|psgs?|recordings?|signals?|polysomnography)", re.IGNORECASE
)
_DATA_FOLDER = re.compile(r"eeg|raw|data", re.IGNORECASE)  # too common to be searched from afar
_SLEEP_EDF = re.compile(r"(.*\d[a-z])[a-z]-hypnogram")
_SLOWEST_HZ = 10.0  # a recording has a signal at this rate or faster
_DEEPEST = 4  # folders above a recording that are searched for a folder of scores


class ScoreFiles:
    """The files that may hold scores, shared out among recordings.

    A file belongs to the recording whose name it carries: in the same folder if there is one, else
    in the folder most alike; of `P1` and `P1_2`, `P1_2.txt` belongs to the second. In a folder with
    one recording, files that carry no recording's name belong to it.

    Parameters
    ----------
    signals : iterable of Path
        The recordings.
    files : iterable of Path
        All files to share out; those with other suffixes are passed over.
    """

    def __init__(self, signals: Iterable[Path], files: Iterable[Path]):
        self._signals = list(signals)
        own = set(self._signals)
        self._by_form: dict[str, list[Path]] = defaultdict(list)
        self._by_place: dict[tuple[Path, str], list[Path]] = defaultdict(list)
        for signal in self._signals:
            for form in _forms(signal):
                self._by_form[form].append(signal)
                self._by_place[signal.parent, form].append(signal)
        self._of: dict[Path, list[tuple[tuple, Path]]] = defaultdict(list)
        nameless: dict[Path, list[Path]] = defaultdict(list)
        for path in files:
            if path.suffix.lower() not in SCORE_SUFFIXES or path in own:
                continue
            if _OTHER.search(path.stem.lower()):
                continue
            owners = self._owners(path)
            for signal, rest in owners:
                self._of[signal].append((_rank(rest, path), path))
            if not owners and not path.name.startswith("sub-"):
                nameless[path.parent].append(path)
        self._add_nameless(nameless)

    def of(self, signal: Path) -> list[Path]:
        """Return the files that may hold the scores of a recording, best first."""
        return [path for _, path in sorted(self._of.get(signal, ()))]

    def has_owner(self, path: Path) -> bool:
        """Return whether a file carries the name of one of the recordings."""
        return bool(self._owners(path))

    def _owners(self, path: Path) -> list[tuple[Path, str]]:
        """Return the recordings that a file belongs to, and what its name has besides theirs."""
        splits = list(_split(path))
        found: list[tuple[tuple[int, int], Path, str]] = [
            ((0, len(form)), signal, rest)
            for form, rest in splits
            for signal in self._by_place.get((path.parent, form), ())
        ]
        if not found:
            found = [
                ((nearness, len(form)), signal, rest)
                for form, rest in splits
                for signal in self._by_form.get(form, ())
                if (nearness := _nearness(signal, path)) is not None
            ]
        best = max((score for score, _, _ in found), default=None)
        return [(signal, rest) for score, signal, rest in found if score == best]

    def _add_nameless(self, nameless: dict[Path, list[Path]]) -> None:
        """Give files without a recording's name to the only recording of their folder."""
        recordings: dict[Path, list[Path]] = defaultdict(list)
        for signal in self._signals:
            recordings[signal.parent].append(signal)
        for folder, paths in nameless.items():
            home = next((f for f in (folder, *list(folder.parents)[:2]) if f in recordings), None)
            if home is None or len(recordings[home]) > 1:
                continue
            if home != folder and not _SCORES_FOLDER.search(folder.name):
                continue
            (signal,) = recordings[home]
            chosen = [path for path in paths if _says_stages(path.stem)]
            if not chosen and folder == home and len(paths) == 1 and not self._of.get(signal):
                chosen = paths
            self._of[signal] += [(_rank(path.stem.lower(), path), path) for path in chosen]


def files_beside(signal: Path) -> list[Path]:
    """Return the files that may hold the scores of a recording, by their names, best first.

    The files lie in the recording's folder, in a folder of scores inside it, or in one beside a
    folder above it, as NSRR's `annotations-events-nsrr` lies beside `edfs`. Whether they hold
    stages shows when they are read.

    Parameters
    ----------
    signal : Path
        The file of the recording.

    Returns
    -------
    list of Path
    """
    signal = Path(signal)
    near = _list(signal.parent)
    others = [
        path
        for path in near
        if path.suffix.lower() in SUFFIXES
        and path != signal
        and not (_says_stages(path.stem) or holds_only_annotations(path))
    ]
    return ScoreFiles([signal, *others], [*near, *files_around(signal.parent)]).of(signal)


def files_around(folder: Path) -> Iterator[Path]:
    """Yield the files in folders of scores inside a folder of recordings, or beside it.

    Beside it means beside `edfs`, `psg` and the like, or a folder in it, such as `edfs/visit1`.
    """
    yield from _list_scores_folders(folder)
    own = folder.absolute()
    for above in [own, *own.parents][:_DEEPEST]:
        if _SIGNALS_FOLDER.fullmatch(above.name) or (
            above == own and _DATA_FOLDER.fullmatch(above.name)
        ):
            yield from _list_scores_folders(above.parent)


def holds_only_annotations(path: Path) -> bool:
    """Return whether an EDF+ file has annotations and no signal, so that it is no recording.

    A damaged file counts as a recording, so that the reason why it cannot be read is said.
    """
    if path.suffix.lower() not in (".edf", ".bdf"):
        return False
    try:
        return not EdfFile(path).has_signals
    except InputError:
        return False


def may_be_scores(path: Path) -> bool:
    """Return whether an EDF file has the name of a file of scores, and no signal of a recording.

    Its signals are as slow as stages are, or it is damaged.
    """
    if path.suffix.lower() not in (".edf", ".bdf") or not _says_stages(path.stem):
        return False
    try:
        file = EdfFile(path)
    except InputError:
        return True
    fastest = max((s.samples for s in file.signals if not s.holds_annotations), default=0)
    return fastest < _SLOWEST_HZ * (file.record_s or 1.0)


def is_likely(signal: Path, path: Path) -> bool:
    """Return whether a file's name says that it holds the scores of a recording.

    It does if it is the recording's name, or has a word for stages besides.
    """
    rests = [rest for form, rest in _split(path) if form in _forms(signal)]
    return _says_stages(path.stem) or any(not rest or _EVENTS.match(rest) for rest in rests)


def is_program(signal: Path, path: Path) -> bool:
    """Return whether a file's name says that a program scored the night.

    What it says besides the recording's name counts: `P1_yasa.csv` is yasa's, if `P1.edf` is the
    recording, and a person's, if `P1_yasa.edf` is.
    """
    rests = [rest for form, rest in _split(path) if form in _forms(signal)]
    return _is_programs(min(rests, key=len, default=path.stem.lower()))


def _is_programs(rest: str) -> bool:
    return bool(_PROGRAM.search(re.sub(r"[_.-]", " ", rest)))


def _says_stages(stem: str) -> bool:
    return any(word.search(stem.lower()) for word in _WORDS)


def _forms(signal: Path) -> list[str]:
    """Return the name of a recording as the names of other files may carry it."""
    stem = signal.stem.lower()
    forms = [stem]
    while (shorter := _RECORDING_WORD.sub("", forms[-1])) not in ("", forms[-1]):
        forms.append(shorter)
    return forms


def _split(path: Path) -> Iterator[tuple[str, str]]:
    """Yield every way to take a file's name apart into a recording's name and the rest."""
    stem = path.stem.lower()
    yield stem, ""
    if match := _SLEEP_EDF.fullmatch(stem):  # the scorer's letter stands for the 0 of the recording
        yield f"{match[1]}0-psg", "-hypnogram"
    for i, letter in enumerate(stem):
        if not letter.isalnum():
            if i:
                yield stem[:i], stem[i:]
            if i + 1 < len(stem):
                yield stem[i + 1 :], stem[: i + 1]


def _rank(rest: str, path: Path) -> tuple:
    """Return a key that sorts the files of a recording, the likeliest first."""
    rest = rest.strip()
    if _is_programs(rest):
        place = len(_WORDS) + 2
    elif rest and not _EVENTS.match(rest):
        place = next((i for i, word in enumerate(_WORDS) if word.search(rest)), len(_WORDS) + 1)
    else:
        place = len(_WORDS)
    return place, SCORE_SUFFIXES.index(path.suffix.lower()), path.name


def _nearness(signal: Path, path: Path) -> int | None:
    """Return how near a file in another folder lies to a recording; None if it is not of it."""
    theirs, ours = path.parent.parts, signal.parent.parts
    if not any(_SCORES_FOLDER.search(part) for part in theirs if part not in ours):
        return None
    return len(set(theirs) & set(ours))


def _list_scores_folders(folder: Path) -> Iterator[Path]:
    for inner in sorted(p for p in _entries(folder) if p.is_dir()):
        if _SCORES_FOLDER.search(inner.name):
            for place, _, names in os.walk(inner):
                yield from (Path(place, name) for name in sorted(names))


def _list(folder: Path) -> list[Path]:
    return sorted(path for path in _entries(folder) if path.is_file())


def _entries(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith("._")]
    except OSError:
        return []
