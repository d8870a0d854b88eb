"""What readers of several layouts share: names of recordings, files below a folder, labels."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from psgvlm.builders.readers.found_night import FoundNight

from psgvlm.errors import InputError
from psgvlm.files import list_files, printable_name, read_text
from psgvlm.recordings.edf import EdfFile
from psgvlm.recordings.recording import SUFFIXES

RECORDINGS = SUFFIXES


def name_below(raw: Path, signal: Path) -> str:
    """Return the name of a recording: its path below a folder, without suffix."""
    return printable_name(signal.relative_to(raw).with_suffix("").as_posix())


def found_night(
    cohort: str,
    raw: Path,
    signal: Path,
    subject: str,
    scores: Iterable[Path] = (),
    notes: Iterable[str] = (),
) -> FoundNight:
    """Return a night that is named by its path below the raw folder."""
    return FoundNight(
        cohort=cohort,
        subject=printable_name(subject),
        recording=name_below(raw, signal),
        signal=signal,
        scores=tuple(scores),
        notes=tuple(notes),
    )


def with_unique_names(nights: list[FoundNight]) -> list[FoundNight]:
    """Return the nights, with the suffix in the names of `x.edf` and `x.bdf`."""
    count = Counter(night.recording for night in nights)
    return [
        replace(night, recording=night.recording + printable_name(night.signal.suffix))
        if count[night.recording] > 1
        else night
        for night in nights
    ]


class NamedFiles:
    """The files below a folder, found by their names; each belongs to the recording nearest to it.

    Parameters
    ----------
    raw : Path
        The folder.
    suffixes : iterable of str
        How the names of the files end, in lower case.
    signals : iterable of Path
        The recordings.
    """

    def __init__(self, raw: Path, suffixes: Iterable[str], signals: Iterable[Path]):
        self._files: dict[str, list[Path]] = defaultdict(list)
        for path in list_files(raw, suffixes):
            self._files[path.name.lower()].append(path)
        self._rivals: dict[str, list[Path]] = defaultdict(list)
        for signal in signals:
            self._rivals[signal.stem.lower()].append(signal)

    def of(self, signal: Path, names: Iterable[str]) -> list[Path]:
        """Return for each name, in lower case, the file that belongs to a recording, if any."""
        rivals = self._rivals[signal.stem.lower()]
        return [
            path
            for name in names
            for path in nearest(self._files.get(name, ()), signal, rivals)[:1]
        ]


def nearest(paths: Iterable[Path], signal: Path, rivals: Iterable[Path]) -> list[Path]:
    """Return the paths that share most folders with a recording, unless a rival is nearer."""

    def shared(path: Path, other: Path) -> int:
        return len(set(other.parent.parts) & set(path.parent.parts))

    counts = {path: shared(path, signal) for path in paths}
    most = max(counts.values(), default=0)
    rivals = list(rivals)
    return [
        path
        for path, count in counts.items()
        if count == most and all(shared(path, rival) <= most for rival in rivals)
    ]


def labels_of(path: Path) -> tuple[str, ...] | None:
    """Return the labels in the header of an EDF file; None if it cannot be read."""
    try:
        return tuple(signal.label for signal in EdfFile(path).signals)
    except InputError:
        return None


def has_label(path: Path, accepts: Callable[[str], bool]) -> bool:
    """Return whether a header has such a label, or cannot be read, so that nobody knows."""
    labels = labels_of(path)
    return labels is None or any(accepts(label.casefold()) for label in labels)


def head_of(path: Path, characters: int = 20_000) -> str:
    """Return the beginning of a text file; "" if it cannot be read."""
    try:
        return read_text(path)[:characters]
    except InputError:
        return ""


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table with a header in lower case; [] if it cannot be read."""
    try:
        text = read_text(path)
    except InputError:
        return []
    lines = text.splitlines()
    if not lines:
        return []
    delimiter = max("\t,;", key=lines[0].count)
    try:
        header, *rows = csv.reader(lines, delimiter=delimiter)
    except (csv.Error, ValueError):
        return []
    names = [name.strip().lower() for name in header]
    return [dict(zip(names, map(str.strip, row), strict=False)) for row in rows if row]
