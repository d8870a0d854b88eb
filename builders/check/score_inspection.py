"""Looking at a file of scores without its recording: what it says, scorer by scorer."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import printable_name
from psgvlm.recordings.recording import SUFFIXES, Recording
from psgvlm.scores import OWN, RECORD, Mark, Sheet, read_sheet
from psgvlm.scores.beside import holds_only_annotations
from psgvlm.scores.meanings import quoted, read_marks
from psgvlm.stages import STAGES

UNSCORED, UNKNOWN = "unscored", "unknown"
NEXT = "Look at its recording with psgvlm inspect to see where the stages lie in it."


def is_no_recording(path: Path) -> bool:
    """Return whether a file can only be scores: by its suffix, or as EDF+ without signals."""
    return path.suffix.lower() not in SUFFIXES or holds_only_annotations(path)


def describe(path: Path) -> list[str]:
    """Return lines that say what a file of scores holds.

    Raises
    ------
    InputError
        If it is no file of scores, or a damaged one.
    """
    try:
        sheet = read_sheet(path)
    except InputError as error:
        raise _no_scores(path, error) from error
    lines = ["", f"{printable_name(path.name)}: scores ({sheet.format}), and no recording"]
    lines.append(f"onsets count from {_origin(sheet)}")
    for scorer, marks in sheet.marks.items():
        kind = "program" if scorer in sheet.algorithms else "scorer"
        name = f"{kind} {printable_name(scorer)}: " if scorer else ""
        lines += ["", f"{name}{len(marks)} entries", *_table(sheet, marks)]
    lines += [f"note: {note}" for note in sheet.notes]
    return [*lines, "", NEXT]


def _no_scores(path: Path, error: InputError) -> InputError:
    try:
        Recording(path, gaps=True)
    except InputError:
        return InputError(f"{error}; or a recording ({', '.join(SUFFIXES)})")
    return InputError(
        f"{path}: a recording by its content, although its name does not say so; expected one of "
        f"{', '.join(SUFFIXES)} at the end of its name: rename it"
    )


def _origin(sheet: Sheet) -> str:
    if any(mark.onset_s is None for marks in sheet.marks.values() for mark in marks):
        return "the start of the recording: the file gives no times"
    if sheet.origin == RECORD:
        return "the start of the recording"
    if sheet.origin != OWN:
        return "midnight: they are times of day"
    if sheet.start_clock_s is None:
        return "the start of the file, whose time of day it does not say"
    minutes, second = divmod(round(sheet.start_clock_s), 60)
    return f"the start of the file, {minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"


def _table(sheet: Sheet, marks: Sequence[Mark]) -> list[str]:
    """Return the entries and hours of every stage, or of every number that nobody explains."""
    try:
        reading = read_marks(sheet, marks, None)
        words = [stage or UNSCORED for stage in reading.stages]
        for index in reading.unknown_marks:
            words[index] = f"{UNKNOWN}: {quoted(marks[index].text)}"
        order, told = [*STAGES, UNSCORED], []
    except InputError:  # numbers without a table
        words, order = [quoted(mark.text) for mark in marks], []
        told = ["the file does not say what its numbers mean; a build needs --codes, or the reader "
                "of the data set"]  # fmt: skip
    count, seconds = defaultdict(int), defaultdict(float)
    for word, length_s in zip(words, _lengths_s(sheet, marks), strict=True):
        count[word] += 1
        seconds[word] += length_s
    shown = [word for word in order if count[word]]
    shown += sorted(word for word in count if word not in order and count[word])
    return told + [
        f"  {word:10} {count[word]:6d}" + (f" {seconds[word] / 3600:8.2f} h" * (seconds[word] > 0))
        for word in shown
    ]


def _lengths_s(sheet: Sheet, marks: Sequence[Mark]) -> list[float]:
    """Return how long each entry holds, 0 if only the recording can tell."""
    following = [*(mark.onset_s for mark in marks[1:]), None]
    lengths_s = []
    for mark, next_s in zip(marks, following, strict=True):
        length_s = mark.duration_s or sheet.epoch_s
        if length_s is None and mark.onset_s is not None and next_s is not None:
            length_s = next_s - mark.onset_s
        lengths_s.append(max(0.0, length_s or 0.0))
    return lengths_s
