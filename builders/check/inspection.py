"""Looking at recordings before a build: labels, lanes, scores, and what would be skipped."""

import textwrap
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from psgvlm.builders.build.examine import Choices, ExaminedNight, examine
from psgvlm.builders.readers import FoundNight, find_nights

from psgvlm.errors import InputError
from psgvlm.files import printable_name
from psgvlm.image_spec import ImageSpec
from psgvlm.recordings import lanes as montages
from psgvlm.recordings.recording import Channel, Recording
from psgvlm.stages import STAGES

NO_BREAK = "\xa0"
HEADER = ("recording", "family", "hours", "epochs", *STAGES, "unscored", "first s", "last s")
HEADER += ("kappa", "status")


@dataclass
class Inspection:
    """What `inspect` returns.

    Parameters
    ----------
    lines : list of str
        A report for a person.
    skipped : int
        How many recordings a build would skip.
    """

    lines: list[str] = field(default_factory=list)
    skipped: int = 0


def inspect(
    readers: dict[str, ModuleType], path: Path, spec: ImageSpec, labels: str = ""
) -> Inspection:
    """Look at a recording, or at every recording below a folder, without drawing anything.

    Recordings with the same labels, sampling rates and units are one family, described once.

    Parameters
    ----------
    readers : dict of str to module
        The readers to try. Those that find nothing are left out; the last is used if all others
        find nothing.
    path : Path
        A file or a folder.
    spec : ImageSpec
        How a build would draw.
    labels : str
        Channels with unusual labels, such as "chin=EMG1-EMG2".

    Returns
    -------
    Inspection
        The report.

    Raises
    ------
    InputError
        If there is no such file or folder, or no recording in it.
    """
    inspection = Inspection()
    found = _find(readers, path)
    for name, (root, nights) in found.items():
        place = printable_name(str(root))
        inspection.lines += ["", f"{name}: {_recordings(len(nights))} below {place}"]
        _add_cohort(inspection, readers[name], root, nights, Choices(root, map=labels), spec)
    drawn = sum(len(nights) for _, nights in found.values()) - inspection.skipped
    skipped = inspection.skipped
    inspection.lines += ["", f"{_recordings(drawn)} can be drawn, {skipped} would be skipped"]
    return inspection


def _recordings(count: int) -> str:
    return f"{count} recording{'' if count == 1 else 's'}"


def _find(readers: dict[str, ModuleType], path: Path) -> dict[str, tuple[Path, list[FoundNight]]]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected recordings")
    *cohorts, last = readers
    found = {}
    for name in cohorts:
        root, nights = _nights(readers[name], path)
        if nights:
            found[name] = root, nights
    if not found:
        root = path if path.is_dir() else path.parent
        nights = find_nights(readers[last], root)
        found[last] = root, [night for night in nights if path in (root, night.signal)]
    return found


def _nights(reader: ModuleType, path: Path) -> tuple[Path, list[FoundNight]]:
    """Return a folder and the nights that a reader finds below it.

    For a file, return the night of this file. Its scores may be in another folder of the same tree,
    so that the folders above the file are searched, too.
    """
    if path.is_dir():
        return path, reader.find(path)
    root, nights = path.parent, []
    for folder in list(path.absolute().parents)[:3]:
        nights = [night for night in reader.find(folder) if night.signal == path.absolute()]
        root = folder
        if not nights or nights[0].scores:
            break
    return root, nights


def _add_cohort(
    inspection: Inspection,
    reader: ModuleType,
    root: Path,
    nights: list[FoundNight],
    choices: Choices,
    spec: ImageSpec,
) -> None:
    families: dict[tuple, tuple[str, tuple[Channel, ...]]] = {}
    rows, notes = [], []
    for night in nights:
        family, cells = "", [""] * (len(HEADER) - 3)
        try:
            channels = Recording(night.signal, gaps=True).channels
            # Sorted, because MASS has the same signals in another order in every file.
            key = tuple(sorted((c.label, c.rate_hz, c.unit, c.fault or "") for c in channels))
            family, _ = families.setdefault(key, (str(len(families) + 1), channels))
            seen = examine(reader, night, spec, choices)
            cells = _counts(seen)
            verdict = "ok"
            notes += [f"  {night.recording}: {note}" for note in seen.notes]
        except InputError as error:
            verdict = "SKIP"
            inspection.skipped += 1
            reason = printable_name(str(error)).replace(f"{root}/", "")
            notes.append(f"  {night.recording}: SKIPPED, {reason}")
        rows.append([night.recording, family, *cells, verdict])
    for family, channels in families.values():
        inspection.lines += ["", f"family {family}: {len(channels)} signals", *_signals(channels)]
        labels = [channel.label for channel in channels]
        inspection.lines += _lanes(reader, labels, spec.montage, choices.map)
    inspection.lines += ["", *_columns([HEADER, *rows])]
    if notes:
        inspection.lines += ["", "notes", *notes]


def _counts(seen: ExaminedNight) -> list[str]:
    stages, onsets_s = Counter(seen.stages), seen.night.onsets_s
    kappa = seen.scores.kappa
    return [
        f"{seen.night.recording.duration_s / 3600:.2f}",
        str(len(onsets_s)),
        *(str(stages[stage]) for stage in STAGES),
        str(seen.scores.stages.count(None)),
        f"{onsets_s[0]:.1f}",
        f"{onsets_s[-1]:.1f}",
        "" if kappa is None else f"{kappa:.3f}",
    ]


def _signals(channels: list[Channel]) -> list[str]:
    """Return lines with the labels of each rate and unit, never broken within a label."""
    groups: dict[str, list[str]] = {}
    for channel in channels:
        fault = f", {channel.fault}" if channel.fault else ""
        kind = f"{channel.rate_hz:.7g} Hz, {channel.unit or 'no unit'}{fault}"
        groups.setdefault(kind, []).append((channel.label or "(no label)").replace(" ", NO_BREAK))
    lines = [f"{kind}: {', '.join(labels)}" for kind, labels in groups.items()]
    return [
        piece.replace(NO_BREAK, " ")
        for line in lines
        for piece in textwrap.wrap(line, 100, initial_indent="  ", subsequent_indent="    ")
    ]


def _lanes(reader: ModuleType, labels: list[str], montage: str, named: str) -> list[str]:
    try:
        aliases = {**reader.ALIASES, **montages.parse_map(named, labels)}
    except InputError as error:
        return [f"  {error}"]
    lanes = montages.find_lanes(labels, montage, aliases)
    pairs = zip(lanes.lanes, lanes.sources, strict=True)
    return _columns([(f"  {lane.name}", f"<- {source or 'MISSING'}") for lane, source in pairs])


def _columns(rows: list) -> list[str]:
    """Return rows as aligned lines, with numbers to the right."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = (
            cell.rjust(width) if cell.replace(".", "").isdigit() else cell.ljust(width)
            for cell, width in zip(map(str, row), widths, strict=True)
        )
        lines.append("  ".join(cells).rstrip())
    return lines
