"""Readers of the files that hold scores: EDF+ annotations, XML of NSRR and Profusion, BIDS, lists.

Each function returns the stages as the file has them, or raises `InputError`. Files that give
onsets become events, which `psgvlm.scores.scores_from_events` places on a grid of epochs.
"""

import csv
import math
from collections.abc import Iterable
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import quote_short, read_text
from psgvlm.recordings.channel import Annotation
from psgvlm.scores.scores import ScoredEvent, Stages
from psgvlm.stages import EDF_PLUS, EPOCH_S, NSRR, WORDS


def annotated_events(path: Path, annotations: Iterable[Annotation]) -> list[ScoredEvent]:
    """Return the stages among EDF+ annotations.

    A stage is an annotation `Sleep stage X`; `Movement time` is unscored; all others are skipped.
    """
    events = []
    for onset_s, duration_s, text in annotations:
        lower = text.lower()
        if lower.startswith("movement time"):
            events.append(ScoredEvent(onset_s, duration_s, None))
        elif lower.startswith("sleep stage"):
            words = lower.removeprefix("sleep stage").split()
            code = words[0].upper() if words else ""
            if code not in EDF_PLUS:
                raise InputError(
                    f"{path}: Sleep stage {quote_short(code)}; expected Sleep stage W, 1, 2, 3, "
                    "4, R or ?"
                )
            events.append(ScoredEvent(onset_s, duration_s, EDF_PLUS[code]))
    return events


def profusion_stages(path: Path, root) -> Stages:
    """Return the stages in a Profusion file, whose root is `CMPStudyConfig`.

    It has a `SleepStage` for every 30 s, from the first sample of the record.
    """
    elements = root.findall("./SleepStages/SleepStage")
    if not elements:
        raise InputError(f"{path}: no SleepStages/SleepStage; expected one for each epoch")
    length = (root.findtext("EpochLength") or "30").strip()
    if length not in ("30", "30.0"):
        raise InputError(f"{path}: epochs of {quote_short(length)} s; expected 30")
    return tuple(_nsrr_stage(path, (element.text or "").strip()) for element in elements)


def nsrr_events(path: Path, root) -> list[ScoredEvent]:
    """Return the stages in an NSRR file, whose root is `PSGAnnotation`.

    They are its events of the type `Stages|Stages`, each of one or more epochs.
    """
    events = []
    for event in root.findall("./ScoredEvents/ScoredEvent"):
        if (event.findtext("EventType") or "").strip() != "Stages|Stages":
            continue
        stage = _nsrr_stage(path, (event.findtext("EventConcept") or "").rpartition("|")[2].strip())
        onset_s = _seconds(path, "Start", event.findtext("Start"))
        duration_s = _seconds(path, "Duration", event.findtext("Duration"))
        events.append(ScoredEvent(onset_s, duration_s, stage))
    if not events:
        raise InputError(
            f"{path}: no ScoredEvent of type Stages|Stages; expected one for each stage"
        )
    return events


def _nsrr_stage(path: Path, code: str) -> str | None:
    if not code.isascii() or not code.isdigit() or int(code) not in NSRR:
        known = " ".join(map(str, NSRR))
        raise InputError(f"{path}: stage {quote_short(code)}; expected one of {known}")
    return NSRR[int(code)]


def bids_events(path: Path) -> list[ScoredEvent]:
    """Return the stages in a BIDS `events.tsv`.

    It has the columns `onset`, `duration`, and either `stage` or `trial_type`. A column `stage`
    must hold nothing but stages; in `trial_type`, rows of other events are skipped.
    """
    rows = _table(path, "\t")
    columns = set(rows[0]) if rows else set()
    column = next((name for name in ("stage", "trial_type") if name in columns), None)
    if column is None or not {"onset", "duration"} <= columns:
        raise InputError(
            f"{path}: columns {', '.join(sorted(columns))[:200] or 'none'}; expected onset, "
            "duration, and stage or trial_type"
        )
    events = []
    for row in rows:
        word = row[column].strip()
        if column == "trial_type" and _key(word) not in WORDS:
            continue
        onset_s = _seconds(path, "onset", row["onset"])
        duration_s = _seconds(path, "duration", row["duration"])
        events.append(ScoredEvent(onset_s, duration_s, _stage_of_word(path, word)))
    return events


def listed_stages(path: Path) -> Stages:
    """Return the stages in a text or CSV file.

    The file has one stage on each line, for every 30 s from the first sample, or a header with a
    column `stage`. If there is a column `onset_s` too, it must go up by 30 s from 0.
    """
    text = read_text(path)
    if "stage" in (text.splitlines() or [""])[0].lower().replace(";", ",").split(","):
        delimiter = ";" if ";" in text.splitlines()[0] else ","
        rows = _table(path, delimiter)
        words = [row["stage"] for row in rows]
        for epoch, row in enumerate(rows if rows and "onset_s" in rows[0] else ()):
            if abs(_seconds(path, "onset_s", row["onset_s"]) - EPOCH_S * epoch) > 0.5:
                raise InputError(
                    f"{path}: epoch {epoch} starts at {float(row['onset_s']):g} s; expected an "
                    "epoch every 30 s, the first at 0 s"
                )
    else:
        words = [line.strip() for line in text.splitlines() if line.strip()]
    if not words:
        raise InputError(f"{path}: holds no sleep stages; expected one on each line")
    if "4" in words and "5" not in words and all(word.lstrip("-").isdigit() for word in words):
        raise InputError(
            f"{path}: holds the stage 4 but not 5, so that 4 may mean stage 4 or REM; expected "
            "W N1 N2 N3 R"
        )
    return tuple(_stage_of_word(path, word) for word in words)


def _table(path: Path, delimiter: str) -> list[dict[str, str]]:
    """Return the rows of a table under its header; missing cells at the end of a row are empty."""
    lines = read_text(path).splitlines()
    reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    try:
        header, *rows = ([cell.strip().strip('"') for cell in row] for row in reader if row)
    except (ValueError, csv.Error) as error:
        raise InputError(f"{path}: not a table; expected a header and rows") from error
    names = [name.lower() for name in header]
    return [dict(zip(names, row + [""] * len(names), strict=False)) for row in rows]


def _stage_of_word(path: Path, word: str) -> str | None:
    key = _key(word)
    if key not in WORDS:
        raise InputError(
            f"{path}: stage {quote_short(word)}; expected W N1 N2 N3 R, 0 1 2 3 4 5 or ?"
        )
    return WORDS[key]


def _key(word: str) -> str:
    """Return a word in the form in which `WORDS` has it."""
    return word.strip().strip('"').lower().removeprefix("sleep stage ").removeprefix("stage ")


def _seconds(path: Path, name: str, text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{path}: {name} {quote_short(text or '')}; expected seconds")
    return value
