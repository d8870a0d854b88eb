"""From the rows of a table to marks: by their times, by the numbers of epochs, or in order."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from pathlib import Path
from statistics import median

from psgvlm.errors import InputError
from psgvlm.recordings.edf_header import MAX_DURATION_S
from psgvlm.scores.clock import DAY_S
from psgvlm.scores.formats.cells import MOST_KNOWN, code_of, speaks
from psgvlm.scores.formats.row_times import RowTimes
from psgvlm.scores.sheet import Mark
from psgvlm.scores.words import LIGHTS, key_of, meaning_of

_SHORT_WORD = 8
MOST_HOLES = 20  # so many times more epoch numbers than rows are no numbers of epochs

LEAST_EVENTS = 3  # fewer rows may be a night with holes
LEAST_COVERED = 0.5  # stages cover at least this share of the time from the first to the last
EPOCH_LENGTHS_S = {5.0, 10.0, 15.0, 20.0, 30.0, 60.0}


@dataclass(frozen=True)
class TableRow:
    """A row of a table that says something about a stage."""

    text: str
    index: int
    scorer: str = ""


def marks_of(
    path: Path, rows: Sequence[TableRow], times: RowTimes, certain: bool
) -> tuple[list[Mark], list[str]]:
    """Return the marks of one scorer, in the order of the file."""
    if times.onsets_s is not None:
        return _timed(rows, times, certain)
    if times.numbers is not None:
        return _numbered(path, rows, times, certain)
    spoken = [row for row in rows if speaks(row.text)]
    kept = rows if certain or _mostly_stages(rows) else spoken
    if len(kept) < len(rows) and any(times.durations_s[row.index] is None for row in kept):
        raise InputError(
            f"{path}: stages stand among other events without times; expected a column of onsets"
        )
    durations = times.durations_s
    if any(durations[row.index] is None for row in kept):
        return [Mark(row.text) for row in kept], []
    ends = [0.0]
    for row in kept:
        ends.append(ends[-1] + durations[row.index])
    return [Mark(row.text, ends[i], durations[row.index]) for i, row in enumerate(kept)], []


def _numbered(
    path: Path, rows: Sequence[TableRow], times: RowTimes, certain: bool
) -> tuple[list[Mark], list[str]]:
    """Return the marks of a table that numbers its epochs; a missing number has an empty mark."""
    numbers, notes = times.numbers, []
    text_of: dict[int, str] = {}
    twice = set()
    for row in sorted(rows, key=lambda row: not speaks(row.text)):
        number = numbers[row.index]
        if number is None or not (certain or speaks(row.text) or number not in text_of):
            continue
        if number in text_of and speaks(row.text) and text_of[number] != row.text:
            twice.add(number)
        text_of.setdefault(number, row.text)
    text_of |= dict.fromkeys(twice, "")
    if twice:
        notes.append(f"{len(twice)} epochs have two stages and are left unscored")
    if not text_of:
        return [], []
    base = min(1, *[number for number in numbers if number is not None])
    first, last = min(text_of), max(text_of)
    if base < 0 or last > 1000 + MOST_HOLES * len(text_of):
        raise InputError(
            f"{path}: epochs are numbered from {first} to {last} in {len(text_of)} rows; expected "
            "numbers that count from 0 or 1"
        )
    missing = last - base + 1 - len(text_of)
    once = len(set(text_of.values())) == len(text_of) > 1
    if once and last - first + 1 > 2 * len(text_of):
        raise InputError(
            f"{path}: names {len(text_of)} stages once each, with the numbers {first} to {last}: a "
            "summary of how many epochs each has; expected a stage for each epoch"
        )
    if missing:
        notes.append(
            f"epochs are numbered from {first} to {last}: {missing} of those from {base} on are "
            "not in the file and stay unscored"
        )
    return [Mark(text_of.get(number, "")) for number in range(base, last + 1)], notes


def _timed(
    rows: Sequence[TableRow], times: RowTimes, certain: bool
) -> tuple[list[Mark], list[str]]:
    """Return the marks of rows with onsets."""
    onsets, durations = times.onsets_s, times.durations_s
    notes = []
    spoken = [row for row in rows if speaks(row.text)]
    lost = [row for row in spoken if onsets[row.index] is None]
    rows = [row for row in rows if onsets[row.index] is not None]
    if lost:
        notes.append(f"{len(lost)} rows with a stage and without a time are left out")
    spoken = [row for row in rows if speaks(row.text)]
    given = [durations[row.index] for row in spoken]
    positive = [duration for duration in given if duration is not None and duration > 0]
    # Where most durations are 0, a 0 stands for: until the next stage.
    has_durations = 2 * len(positive) > len(given)
    marks = []
    zeros = 0
    for row in rows:
        duration = durations[row.index]
        if has_durations and duration == 0 and speaks(row.text):
            zeros += 1
            continue
        if duration is not None and not 0 < duration <= DAY_S:
            duration = None  # a program that writes a month means: until the next stage
        marks.append(Mark(row.text, onsets[row.index], duration))
    if zeros:
        notes.append(f"{zeros} stages of 0 s are left out")
    step_s = None if positive else _epoch_step([mark for mark in marks if speaks(mark.text)])
    if step_s is not None:
        marks = [replace(mark, duration_s=step_s) for mark in marks]
    if has_durations and _are_other_events([mark for mark in marks if speaks(mark.text)]):
        return [], notes
    if certain:
        return marks, notes
    mostly = _mostly_stages(rows)
    meanings = {meaning_of(row.text) for row in spoken if code_of(row.text) is None}
    if not mostly and not positive and meanings <= {"W", "R"}:
        return [], notes  # notes such as `REM` are no scored night: that has N1, N2 or N3, too
    in_place = _in_place(marks)
    kept = [
        mark
        for index, mark in enumerate(marks)
        if speaks(mark.text) or index in in_place or _may_be_stage(mark, mostly)
    ]
    if len(kept) < len(marks) and not has_durations and step_s is None:
        notes.append(f"{len(marks) - len(kept)} rows of other events are left out")
    return kept, notes


def _are_other_events(marks: Sequence[Mark]) -> bool:
    """Return whether stages with durations are those during other events, such as apnoeas.

    These have a length of their own, and time without any event lies between them.
    """
    lengths_s = [mark.duration_s for mark in marks if mark.duration_s is not None]
    if len(lengths_s) < LEAST_EVENTS or set(lengths_s) <= EPOCH_LENGTHS_S:
        return False
    ends_s = [mark.onset_s + (mark.duration_s or 0.0) for mark in marks]
    span_s = max(ends_s) - min(mark.onset_s for mark in marks)
    return span_s < DAY_S and sum(lengths_s) < LEAST_COVERED * span_s


def _mostly_stages(rows: Sequence[TableRow]) -> bool:
    return sum(map(speaks, (row.text for row in rows))) >= MOST_KNOWN * len(rows)


def _may_be_stage(mark: Mark, mostly: bool) -> bool:
    """Return whether an unknown text at a change may be a stage: left out, the last one went on."""
    if mark.duration_s is not None or meaning_of(mark.text) == LIGHTS:
        return False
    named = key_of(mark.text).startswith(("stage", "sleep", "nrem", "stadium"))
    short = len(mark.text) <= _SHORT_WORD and len(mark.text.split()) == 1
    return (named and len(mark.text) <= 3 * _SHORT_WORD) or (mostly and short)


def _epoch_step(marks: Sequence[Mark]) -> float | None:
    """Return the length of an epoch if onsets alone are a row of epochs, with holes at most.

    Stages at changes never repeat the stage before; epochs do, at equal steps.
    """
    onsets = [mark.onset_s for mark in marks]
    steps = [(b - a) % DAY_S for a, b in pairwise(onsets)]
    if len(steps) < 2 or min(steps) <= 0:
        return None
    step = float(median(steps))
    even = [abs(each / step - round(each / step)) < 0.05 for each in steps]
    usual = [abs(each - step) < 0.05 * step for each in steps]
    repeats = any(
        a.text == b.text and same for a, b, same in zip(marks, marks[1:], usual, strict=False)
    )
    if step > 300 or not (all(usual) or (repeats and all(even) and 2 * sum(usual) > len(usual))):
        return None
    return float(round(step)) if abs(step - round(step)) < 0.05 else step


def _in_place(marks: Sequence[Mark]) -> set[int]:
    """Return the indices of the unknown texts that stand where a stage must stand.

    Such a text is as long as an epoch, and no stage covers its time.
    """
    spoken = sorted((mark for mark in marks if speaks(mark.text)), key=lambda mark: mark.onset_s)
    lengths = {mark.duration_s for mark in spoken} - {None}
    if not lengths:
        return set()
    epoch_s = min(lengths)
    onsets = [mark.onset_s for mark in spoken]
    ends = [mark.onset_s + (mark.duration_s or MAX_DURATION_S) for mark in spoken]
    latest_ends = list(accumulate(ends, max))  # of all stages up to each
    found = set()
    for index, mark in enumerate(marks):
        if not mark.text or mark.duration_s is None or abs(mark.duration_s - epoch_s) > 0.01:
            continue
        middle = mark.onset_s + mark.duration_s / 2
        before = bisect_right(onsets, middle)
        if not before or latest_ends[before - 1] <= middle:
            found.add(index)
    return found
