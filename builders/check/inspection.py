"""Looking at recordings before a build: labels, lanes, scores, and what would be skipped."""

import textwrap
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from psgvlm.builders.build.examine import Choices, ExaminedNight, examine
from psgvlm.builders.check import score_inspection
from psgvlm.builders.readers import (
    READERS,
    FoundNight,
    describe,
    find_nights,
    recognise,
    recognise_file,
)

from psgvlm.errors import InputError, with_option
from psgvlm.files import printable_name
from psgvlm.image_spec import ImageSpec
from psgvlm.nights import choose_lanes
from psgvlm.recordings import LaneMap, family_id, find_lanes, unmatched_sections
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
    """Recordings with the same signals; `lanes` are those of the first that can be drawn.

    If `shown` is False, none can be drawn so far, and they are those of the first recording.
    """

    number: str
    id: str
    channels: tuple[Channel, ...]
    lanes: LaneMap
    shown: bool = False


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
    paths = [night.signal for *_, nights in found for night in nights]
    for header in unmatched_sections(map, paths):
        inspection.lines += ["", f"the map's section {header} is for none of the recordings"]
    drawn = sum(len(nights) for *_, nights in found) - inspection.skipped
    skipped = inspection.skipped
    inspection.lines += ["", f"{_recordings(drawn)} can be drawn, {skipped} would be skipped"]
    return inspection


def _recordings(count: int) -> str:
    return f"{count} recording{'' if count == 1 else 's'}"


def _find(readers: dict[str, ModuleType], path: Path) -> list[Found]:
    if not path.exists():
        raise InputError(f"{path}: no such file or folder; expected recordings")
    only = next(iter(readers.values())) if len(readers) == 1 else None
    if path.is_file():
        return [_find_file(only, path)]
    if only is None:
        return [(cohort, reader, path, nights) for cohort, reader, nights in recognise(path)]
    nights = find_nights(only, path)
    cohorts = dict.fromkeys(night.cohort for night in nights)
    return [(c, only, path, [night for night in nights if night.cohort == c]) for c in cohorts]


def _find_file(only: ModuleType | None, path: Path) -> Found:
    """Return the night of one file, by one reader or by the reader of its data set."""
    if only is None:
        if found := recognise_file(path):
            cohort, reader, root, night = found
            return cohort, reader, root, [night]
        raise InputError(f"{path}: not a recording; expected {READERS['folder'].EXPECTED}")
    for night in only.find(path.parent):
        if night.signal.absolute() == path.absolute():
            return night.cohort, only, path.parent, [night]
    raise InputError(f"{path}: not a recording of this layout; expected {only.EXPECTED}")


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
            if key not in families:
                lanes = find_lanes(recording.labels, spec.montage, reader.ALIASES)
                number = str(len(families) + 1)
                families[key] = _Family(number, key, recording.channels, lanes)
                families[key].lanes, _ = choose_lanes(
                    recording, spec, choices.map, aliases=reader.ALIASES
                )
            of_family = families[key]
            family = of_family.number
            seen = examine(reader, night, spec, choices)
            if not of_family.shown:
                of_family.lanes, of_family.shown = seen.night.lanes, True
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
        lanes = of_family.lanes
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
