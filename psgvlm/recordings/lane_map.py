"""The user's map: which labels fill which lanes, for all recordings or by rules in a file.

    chin=EMG1 - EMG2, C4-M1=EEG C4          # one map for all recordings
    chin=none                               # this lane stays empty
    chin=EMG#2                              # the second of two signals that are labelled EMG
    chin=EMG#1                              # the first of them; EMG is the better one

A file has the same entries, one or several on a line. Those before the first section are for all
recordings. `[PATTERN]` begins a section for the recordings whose name or path matches (`*` stands
for any text), and `[family ID]` one for a family of recordings, whose id `psgvlm inspect` prints:

    [SN0*]
    chin=EMG#2
    [family 3f2a9c]
    C4-M1=EEG F4
"""

import hashlib
import os
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import read_text
from psgvlm.recordings.labels import first_copy, normalise, without_copy_number
from psgvlm.recordings.lane_rules import LANES
from psgvlm.recordings.recording import Channel, Recording

NONE = "none"  # the source of a lane that is switched off
_SECTION = re.compile(r"\[(?P<family>family\s+)?(?P<name>[^\]]+)\]")


def load_map(text: str | os.PathLike[str]) -> str:
    """Return a map's text. A path of a file gives the content of the file.

    Parameters
    ----------
    text : str or path
        A map such as `"chin=EMG1 - EMG2"`, or the path of a file with rules.

    Raises
    ------
    InputError
        If the text is neither a map nor the path of a file, or if a rule cannot be read.

    Examples
    --------
    >>> load_map("chin=EMG1-EMG2")
    'chin=EMG1-EMG2'
    """
    text = os.fspath(text)
    if not _is_file_content(text) and text.strip():
        try:
            is_file = Path(text).is_file()
        except (OSError, ValueError):
            is_file = False
        if is_file:
            text = read_text(Path(text)).replace("\r\n", "\n").strip("\n") + "\n"
        elif "=" not in text:
            raise InputError(
                f"map {text!r}: no such file; expected LANE=LABEL, or a file with such rules", "map"
            )
    for entry, _ in _rules(text) if _is_file_content(text) else ():
        _split(entry)
    return text


def parse_map(text: str, labels: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Read a map of lanes to labels.

    Parameters
    ----------
    text : str
        Such as `"chin=EMG1 - EMG2,C4-M1=EEG C4"`; may be empty. `chin=none` switches a lane off.
    labels : iterable of str
        The labels of the recording.

    Returns
    -------
    dict of str to tuple of str
        What `find_lanes` takes as `named`; an empty tuple for a lane that is switched off.

    Raises
    ------
    InputError
        If an entry is not of the form LANE=LABEL, or names a lane or a label that does not exist.

    Examples
    --------
    >>> parse_map("chin=EMG1-EMG2", ["EMG1", "EMG2", "C4"])
    {'chin': ('EMG1 - EMG2',)}
    """
    known = list(labels)
    named: dict[str, tuple[str, ...]] = {}
    for entry in _entries(text):
        lane, source = _split(entry)
        found = _known_source(source, known)
        if found is None:
            raise InputError(
                f"map {entry!r}: the recording has no label {source!r}, nor two labels of that "
                "difference; expected labels as psgvlm inspect lists them",
                "map",
            )
        named[lane] = found
    return named


def named_sources(
    text: str | os.PathLike[str], recording: Recording
) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Return what a map says about a recording, and notes on rules whose labels it lacks.

    Parameters
    ----------
    text : str or path
        A map, the content of a file with rules, or its path.
    recording : Recording

    Returns
    -------
    dict of str to tuple of str
        What `find_lanes` takes as `named`. A rule that comes later in a file counts more.
    list of str
        A note for each rule of a file whose labels the recording lacks.

    Raises
    ------
    InputError
        As `parse_map` does for a map on one line. Rules in a file are for many recordings, so there
        a label that the recording lacks is only noted.
    """
    text = load_map(text)
    if not _is_file_content(text):
        for entry in _entries(text):
            _split(entry)
        try:
            return parse_map(text, recording.labels), []
        except InputError as error:
            raise InputError(f"{recording.path}: {error}", error.parameter) from None
    named: dict[str, tuple[str, ...]] = {}
    lacking: dict[str, str] = {}
    for entry, section in _rules(text):
        lane, source = _split(entry)
        if section and not _applies(section, recording):
            continue
        if (found := _known_source(source, recording.labels)) is None:
            lacking[lane] = f"the map's rule {entry!r} is not used: the recording lacks its labels"
        else:
            named[lane] = found
            lacking.pop(lane, None)
    return named, list(lacking.values())


def family_id(channels: Iterable[Channel]) -> str:
    """Return a short id of the labels, rates and units of a recording, in any order.

    Recordings of one family have the same id, in every build and on every machine.
    """
    lines = sorted(f"{c.label}\t{c.rate_hz:.7g}\t{c.unit}\t{c.fault or ''}" for c in channels)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:6]


def _is_file_content(text: str) -> bool:
    return "\n" in text


def _rules(text: str) -> list[tuple[str, re.Match[str] | None]]:
    """Return the entries of a file, each with the header of its section."""
    rules, section = [], None
    for line in text.splitlines():
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        content = re.split(r"\s#\s", content, maxsplit=1)[0].strip()
        if match := _SECTION.fullmatch(content):
            section = match
            continue
        rules += [(entry, section) for entry in _entries(content)]
    return rules


def _entries(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _split(entry: str) -> tuple[str, str]:
    lane, equals, source = (piece.strip() for piece in entry.partition("="))
    if not equals or lane not in LANES:
        raise InputError(
            f"map {entry!r}: expected LANE=LABEL, where LANE is one of {', '.join(LANES)}",
            "map",
        )
    return lane, source


def _applies(section: re.Match[str], recording: Recording) -> bool:
    if section["family"]:
        return section["name"].strip().lower() == family_id(recording.channels)
    return _matches(section, Path(recording.path))


def _matches(section: re.Match[str], path: Path) -> bool:
    """Return whether a section is for a path, by its name or its end; case does not matter."""
    pattern = section["name"].strip().lower()
    names = {path.name, path.stem, path.as_posix(), path.with_suffix("").as_posix()}
    lower = [name.lower() for name in names]
    return any(fnmatchcase(one, pattern) or fnmatchcase(one, f"*/{pattern}") for one in lower)


def unmatched_sections(text: str, paths: Iterable[Path]) -> list[str]:
    """Return the headers of sections of a map that are for none of some recordings.

    Sections for families are left out: they are known by what is in the files.

    Examples
    --------
    >>> unmatched_sections("[SN0*]\\nchin=ECG\\n[XY*]\\nchin=EMG\\n", [Path("hmc/SN001.edf")])
    ['[XY*]']
    """
    paths = list(paths)
    rules = _rules(text) if _is_file_content(text) else []
    headers = {
        section[0]: not any(_matches(section, path) for path in paths)
        for _, section in rules
        if section and not section["family"]
    }
    return [header for header, unmatched in headers.items() if unmatched]


def _known_source(source: str, labels: Iterable[str]) -> tuple[str, ...] | None:
    """Return a source as `find_lanes` takes it, None if the recording lacks one of its labels.

    `EMG1-EMG2` is one label if the recording has that label, otherwise the difference of two.
    """
    labels = list(labels)
    exact = {label.lower(): label for label in reversed(labels)} | {
        label: label for label in labels
    }
    normalised = {normalise(without_copy_number(label, labels)) for label in labels}

    def label_of(text: str) -> str | None:
        if label := exact.get(text) or exact.get(text.lower()):
            return label
        return text if first_copy(text, labels) or normalise(text) in normalised else None

    if label := label_of(source):
        return (label,)
    for dash in re.finditer("-", source):
        pair = (label_of(source[: dash.start()].strip()), label_of(source[dash.end() :].strip()))
        if pair[0] and pair[1]:
            return (f"{pair[0]} - {pair[1]}",)
    return () if source.lower() == NONE else None
