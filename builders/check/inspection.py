"""What is in a recording or a tree of them: labels, lanes, scores, and what would be skipped."""

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
    """Lines for a person, and how many recordings would be skipped."""

    lines: list[str] = field(default_factory=list)
    skipped: int = 0


def inspect(
    readers: dict[str, ModuleType], path: Path, spec: ImageSpec, labels: str = ""
) -> Inspection:
    """Look at one recording, or at every one below a folder, without drawing anything.

    Recordings with the same labels, rates and units are one family, described once. `readers` are
    tried in order; those that find nothing are left out, and the last stands in for the others.
    """
    table = Inspection()
    found = _find(readers, path)
    for name, (root, nights) in found.items():
        table.lines += ["", f"{name}: {_recordings(len(nights))} below {printable_name(str(root))}"]
        _cohort(table, readers[name], root, nights, Choices(root, map=labels), spec)
    drawn = sum(len(nights) for _, nights in found.values()) - table.skipped
    table.lines += ["", f"{_recordings(drawn)} can be drawn, {table.skipped} would be skipped"]
    return table


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
    """The reader's nights below a folder; or that of one file, with its scores, which may lie in
    another folder of the same tree."""
    if path.is_dir():
        return path, reader.find(path)
    root, nights = path.parent, []
    for folder in list(path.absolute().parents)[:3]:
        nights = [night for night in reader.find(folder) if night.signal == path.absolute()]
        root = folder
        if not nights or nights[0].scores:
            break
    return root, nights


def _cohort(
    table: Inspection,
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
            # Sorted: MASS has the same signals in another order in every file.
            key = tuple(sorted((c.label, c.rate_hz, c.unit, c.fault or "") for c in channels))
            family, _ = families.setdefault(key, (str(len(families) + 1), channels))
            seen = examine(reader, night, spec, choices)
            cells = _counts(seen)
            verdict = "ok"
            notes += [f"  {night.recording}: {note}" for note in seen.notes]
        except InputError as error:
            verdict = "SKIP"
            table.skipped += 1
            reason = printable_name(str(error)).replace(f"{root}/", "")
            notes.append(f"  {night.recording}: SKIPPED, {reason}")
        rows.append([night.recording, family, *cells, verdict])
    for family, channels in families.values():
        table.lines += ["", f"family {family}: {len(channels)} signals", *_signals(channels)]
        labels = [channel.label for channel in channels]
        table.lines += _lanes(reader, labels, spec.montage, choices.map)
    table.lines += ["", *_columns([HEADER, *rows])]
    if notes:
        table.lines += ["", "notes", *notes]


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
    """Labels of the same rate and unit together; no line breaks within a label."""
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
    """Rows as aligned text, numbers to the right."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = (
            cell.rjust(width) if cell.replace(".", "").isdigit() else cell.ljust(width)
            for cell, width in zip(map(str, row), widths, strict=True)
        )
        lines.append("  ".join(cells).rstrip())
    return lines
