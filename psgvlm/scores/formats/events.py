"""What formats share that give stages as events among other events."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import quote_short
from psgvlm.scores.clock import DAY_S
from psgvlm.scores.sheet import Mark
from psgvlm.scores.words import is_stage_text, key_of, meaning_of
from psgvlm.stages import STAGES

MOST_MARKS = 1_000_000  # a stage for each second of a night is 30000
SHORTEST_S = 1.0  # no stage is this short: such durations are those of marks at changes


def read_seconds(path: Path, name: str, text: str | None) -> float:
    """Return a finite number of seconds; raise InputError if the text is none."""
    try:
        value = float((text or "").strip().replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{path}: {name} {quote_short(text or '')}; expected seconds")
    return value


def listed(path: Path, texts: Sequence[str]) -> dict[str, tuple[Mark, ...]]:
    """Return the marks of one scorer from a list without times."""
    if len(texts) > MOST_MARKS:
        raise InputError(
            f"{path}: a list of {len(texts)} values; expected one for each epoch, and no more than "
            f"{MOST_MARKS}"
        )
    return {"": tuple(map(Mark, texts))}


def stages_among(events: Iterable[Mark]) -> tuple[Mark, ...]:
    """Return those events that are stages, with durations only if the file has them.

    Texts with one prefix (`Sleep stage`, `SLEEP-`) are the stages where most stages have it: a note
    `REM` beside them is then no stage. Among plain words, an event that means no stage (`?`, `M`)
    counts only outside the stages, because technicians write such notes, too. If no
    event means a stage, those with the prefix `Sleep stage` are marks all the same: they are words
    that nobody knows, or epochs that nobody scored.
    """
    marks = [event for event in events if is_stage_text(event.text)]
    staged = sum(_is_stage(mark) for mark in marks)
    for prefixes in (("sleepstage", "movementtime"), ("sleep-",)):
        chosen = [mark for mark in marks if key_of(mark.text).startswith(prefixes)]
        if staged and 2 * sum(map(_is_stage, chosen)) >= staged:
            return held(chosen)
    if not staged:
        return held([mark for mark in marks if key_of(mark.text).startswith("sleepstage")])
    return held(_without_notes(marks))


def held(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """Return marks without durations if none of them has one: they stand at changes of stage.

    A duration of a day or more is none either: STAGES has one of 2592000 s.
    """
    marks = [
        mark if (mark.duration_s or 0.0) < DAY_S else replace(mark, duration_s=None)
        for mark in marks
    ]
    durations_s = [mark.duration_s or 0.0 for mark in marks]
    onsets_s = sorted({mark.onset_s for mark in marks if mark.onset_s is not None})
    step_s = min((b - a for a, b in pairwise(onsets_s)), default=math.inf)
    longest_s = max(durations_s, default=0.0)
    if longest_s <= 0 or (longest_s <= SHORTEST_S and step_s > 1.5 * longest_s):
        return tuple(replace(mark, duration_s=None) for mark in marks)
    return tuple(marks)


def _is_stage(mark: Mark) -> bool:
    return meaning_of(mark.text) in STAGES


def _without_notes(marks: Sequence[Mark]) -> list[Mark]:
    spans = sorted(
        (mark.onset_s, mark.onset_s + mark.duration_s)
        for mark in marks
        if _is_stage(mark) and mark.onset_s is not None and mark.duration_s
    )
    kept, index = [], 0
    for mark in sorted(marks, key=lambda mark: mark.onset_s or 0.0):
        onset_s = mark.onset_s or 0.0
        while index < len(spans) and spans[index][1] <= onset_s:
            index += 1
        end_s = onset_s + max(mark.duration_s or 0.0, 1e-3)
        is_note = index < len(spans) and spans[index][0] < end_s
        if _is_stage(mark) or not is_note:
            kept.append(mark)
    return kept
