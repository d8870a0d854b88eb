"""Sleep-EDF as PhysioNet distributes it: the expanded edition, and that of 2002.

The expanded edition has `sleep-cassette/SC4ssNE0-PSG.edf` and `sleep-telemetry/ST7ssNJ0-PSG.edf`
with `...-Hypnogram.edf` beside them; the edition of 2013 has them in one folder. That of 2002 has
`sc4002e0.rec` with `sc4002e0.hyp`. A subject is a person: `SC4ss` or `ST7ss` in all editions.
"""

import re
from collections import defaultdict
from pathlib import Path

from psgvlm.builders.readers import scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import found_night, has_label, nearest

from psgvlm.files import list_files
from psgvlm.scores import Scores

NAME = "Sleep-EDF"
EXPECTED = "SC4ssNE0-PSG.edf or ST7ssNJ0-PSG.edf with ...-Hypnogram.edf, or sc4ssNe0.rec with .hyp"
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS = scoring.OPTIONS

_PSG = re.compile(r"((SC4|ST7)\d\d\d[A-Z])\d-PSG\.edf", re.IGNORECASE)
_HYPNOGRAM = re.compile(r"((?:SC4|ST7)\d\d\d[A-Z])[A-Z\d]-Hypnogram\.edf", re.IGNORECASE)
_OLD = re.compile(r"(((?:SC4|ST7)\d\d\d[A-Z])\d)\.rec", re.IGNORECASE)
_PARTS = {"SC4": "cassette", "ST7": "telemetry"}


def find(raw: Path) -> list[FoundNight]:
    """List the recordings of all editions; both nights of a person are one subject."""
    files = list_files(raw, (".edf", ".rec", ".hyp"))
    hypnograms: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        if match := _HYPNOGRAM.fullmatch(path.name):
            hypnograms[match[1].upper()].append(path)
        elif path.suffix.lower() == ".hyp":
            hypnograms[path.stem.upper()].append(path)
    signals: dict[str, list[Path]] = defaultdict(list)
    for path in files:
        if match := _PSG.fullmatch(path.name) or _OLD.fullmatch(path.name):
            signals[match[1].upper()].append(path)
    nights = []
    for path in files:
        old = _OLD.fullmatch(path.name)
        if match := _PSG.fullmatch(path.name) or old:
            key = match[1].upper()
            scores = nearest(hypnograms.get(key, ()), path, signals[key])
            notes = []
            if old and old[2].upper() in signals:
                notes = [f"this night is in the expanded edition too, as {old[2].upper()}0-PSG"]
            nights.append(found_night("sleep-edf", raw, path, key[:5], scores, notes))
    return nights


def is_certain(night: FoundNight) -> bool:
    """Return whether the recording has the derivation that only this data set has."""
    return has_label(night.signal, lambda label: "fpz" in label and "cz" in label)


def title(nights: list[FoundNight]) -> str:
    """Return the name of the data set with its parts."""
    parts = [_PARTS[key] for key in _PARTS if any(n.subject.startswith(key) for n in nights)]
    old = all(night.signal.suffix.lower() == ".rec" for night in nights)
    return f"{NAME} {'of 2002' if old else ' and '.join(parts)}"


def read_scores(night: FoundNight, **options) -> Scores | None:
    """Read the stages by their onsets: the first is not always at 0, and there are holes."""
    return scoring.read(night, **options)
