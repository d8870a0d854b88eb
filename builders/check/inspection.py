"""Looking at recordings before a build: labels, lanes, scores, and what would be skipped."""

import textwrap
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from psgvlm.builders.build.examine import Choices, ExaminedNight, examine
from psgvlm.builders.check import score_inspection
from psgvlm.builders.readers import FoundNight, describe, find_nights, recognise

from psgvlm.errors import InputError, with_option
from psgvlm.files import printable_name
from psgvlm.image_spec import ImageSpec
from psgvlm.recordings import LaneMap, family_id, find_lanes
from psgvlm.recordings.recording import Channel, Recording
from psgvlm.stages import STAGES

NO_BREAK = "\xa0"
HEADER = ("recording", "family", "hours", "epochs", *STAGES, "unscored", "first s", "last s")
HEADER += ("kappa", "status")
# The cohort, its reader, the folder that its recordings lie below, and the recordings.
Found = tuple[str, ModuleType, Path, list[FoundNight]]


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


@dataclass
class _Family:
    """Recordings with the same signals; `lanes` are those of the first that can be drawn."""

    number: str
    id: str
    channels: tuple[Channel, ...]
    lanes: LaneMap | None = None


def inspect(
    readers: dict[str, ModuleType],
    path: Path,
    spec: ImageSpec,
    map: str = "",
    strict: bool = False,
) -> Inspection:
    """Look at a recording, or at every recording below a folder, without drawing anything.

    Recordings with the same labels, sampling rates and units are one family, described once.

    Parameters
    ----------
    readers : dict of str to module
        The readers to use. If there are several, each recording gets the one whose data set it is
        of, or the last.
    path : Path
        A recording, a file of scores, or a folder.
    spec : ImageSpec
        How a build would draw.
    map : str
        Channels with unusual labels, such as "chin=EMG1-EMG2", or the content of a file with rules.
    strict : bool
        Whether a build would skip recordings in which a substitute fills a lane.

    Returns
    -------
    Inspection
        The report.

    Raises
    ------
    InputError
        If there is no such file or folder, or no recording in it.
    """
    if path.is_file() and score_inspection.is_no_recording(path):
        return Inspection(score_inspection.describe(path))
    inspection = Inspection()
    found = _find(readers, path)
    for cohort, reader, root, nights in found:
        place = printable_name(str(root))
        inspection.lines += ["", f"{cohort}: {describe(reader, nights)}, below {place}"]
        choices = Choices(root, map=map, strict=strict)
        _add_cohort(inspection, reader, root, nights, choices, spec)
    drawn = sum(len(nights) for *_, nights in found) - inspection.skipped
    skipped = inspection.skipped
    inspection.lines += ["", f"{_recordings(drawn)} can be drawn, {skipped} would be skipped"]
    return inspection


def _recordings(count: int) -> str:
    return f"{count} recording{'' if count == 1 else 's'}"


def _find(readers: dict[str, ModuleType], path: Path) -> list[Found]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected recordings")
    root = path if path.is_dir() else path.parent
    if len(readers) == 1:
        (reader,) = readers.values()
        found = _by_cohort(root, reader, find_nights(reader, root))
    else:
        found = [(cohort, reader, root, nights) for cohort, reader, nights in recognise(root)]
    if path.is_dir():
        return found
    return _only(found, path) if len(readers) == 1 else _recognise_file(readers, path, found)


def _by_cohort(root: Path, reader: ModuleType, nights: list[FoundNight]) -> list[Found]:
    cohorts = dict.fromkeys(night.cohort for night in nights)
    return [(c, reader, root, [night for night in nights if night.cohort == c]) for c in cohorts]


def _only(found: list[Found], path: Path) -> list[Found]:
    """Return the night of one file."""
    for cohort, reader, root, nights in found:
        if mine := [night for night in nights if night.signal.absolute() == path.absolute()]:
            return [(cohort, reader, root, mine)]
    raise InputError(f"{path}: not a recording of this layout; expected {found[0][1].EXPECTED}")


def _recognise_file(readers: dict[str, ModuleType], path: Path, found: list[Found]) -> list[Found]:
    """Return the night of one file, with scores that lie in another folder of the same tree.

    The folders above it are searched only for the files of a data set that the name is one of.
    """
    mine = _only(found, path)
    if mine[0][3][0].scores:
        return mine
    *named, _ = readers.values()
    parent = path.absolute().parent
    if any(night.signal == path.absolute() for reader in named for night in reader.find(parent)):
        for root in list(parent.parents)[:2]:
            above = [(cohort, reader, root, nights) for cohort, reader, nights in recognise(root)]
            mine_above = _only(above, path)
            if mine_above[0][3][0].scores:
                return mine_above
    return mine


def _add_cohort(
    inspection: Inspection,
    reader: ModuleType,
    root: Path,
    nights: list[FoundNight],
    choices: Choices,
    spec: ImageSpec,
) -> None:
    families: dict[str, _Family] = {}
    rows, notes = [], []
    for night in nights:
        family, cells = "", [""] * (len(HEADER) - 3)
        try:
            recording = Recording(night.signal, gaps=True)
            # The id ignores the order: MASS has the same signals in another order in every file.
            key = family_id(recording.channels)
            of_family = families.setdefault(
                key, _Family(str(len(families) + 1), key, recording.channels)
            )
            family = of_family.number
            seen = examine(reader, night, spec, choices)
            of_family.lanes = of_family.lanes or seen.night.lanes
            cells = _counts(seen)
            verdict = "ok"
            warnings = [f"warning: {text}" for text in seen.scores.warnings]
            notes += [f"  {night.recording}: {note}" for note in (*seen.notes, *warnings)]
        except InputError as error:
            verdict = "SKIP"
            inspection.skipped += 1
            reason = printable_name(with_option(error)).replace(f"{root}/", "")
            notes.append(f"  {night.recording}: SKIPPED, {reason}")
        rows.append([night.recording, family, *cells, verdict])
    for of_family in families.values():
        channels = of_family.channels
        title = f"family {of_family.number}: {len(channels)} signals, id {of_family.id}"
        lanes = of_family.lanes or find_lanes(
            [channel.label for channel in channels], spec.montage, reader.ALIASES
        )
        inspection.lines += ["", title, *_signals(channels), *_lanes(lanes)]
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


def _lanes(lanes: LaneMap) -> list[str]:
    """Return a line for each lane: what fills it, or why it is empty."""
    rows = zip(lanes.lanes, lanes.sources, lanes.notes, strict=True)
    lines = []
    for lane, source, note in rows:
        comma = f", {note}" if note else ""
        lines.append((f"  {lane.name}", f"<- {source or 'MISSING'}{comma}"))
    return _columns(lines)


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
