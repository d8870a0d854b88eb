"""What readers of several layouts share: names of recordings, files below a folder, labels."""

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
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
    from dataclasses import replace

    count = Counter(night.recording for night in nights)
    return [
        replace(night, recording=night.recording + printable_name(night.signal.suffix))
        if count[night.recording] > 1
        else night
        for night in nights
    ]


def by_name(raw: Path, suffixes: Iterable[str]) -> dict[str, list[Path]]:
    """Return all files below a folder that end with one of the suffixes, by lower-case name."""
    paths: dict[str, list[Path]] = defaultdict(list)
    for path in list_files(raw, suffixes):
        paths[path.name.lower()].append(path)
    return paths


def nearest(paths: Iterable[Path], signal: Path) -> Path | None:
    """Return the path that shares most folders with a recording; None if there is no path."""
    ours = set(signal.parts)
    return max(paths, key=lambda path: len(ours & set(path.parts)), default=None)


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
