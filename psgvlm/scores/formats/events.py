"""What formats share that give stages as events among other events."""

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

from psgvlm.errors import InputError
from psgvlm.files import quote_short
from psgvlm.scores.clock import DAY_S
from psgvlm.scores.formats.cells import code_of
from psgvlm.scores.sheet import Mark
from psgvlm.scores.words import LIGHTS, is_stage_text, key_of, meaning_of
from psgvlm.stages import STAGES

MOST_MARKS = 1_000_000  # a stage for each second of a night is 30000
EPOCH_LENGTHS_S = {5.0, 10.0, 20.0, 30.0}
LEAST_NUMBERED = 10  # so many numbers in a row of epochs are stages
_STAGE_PREFIX = re.compile(r"(sleep)?(stage|stadium)[:-]?\w{1,6}")
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
    counts only outside the stages, because technicians write such notes, too. An event in the place
    of a stage counts whatever its text. If no event means a stage, those with the prefix `Sleep
    stage` are marks all the same: they are words that nobody knows, or epochs that nobody scored;
    or else numbers that follow each other in epochs of one length.
    """
    events = list(events)
    marks = [event for event in events if is_stage_text(event.text)]
    staged = sum(map(_is_stage, marks))
    if not staged:
        named = [mark for mark in marks if key_of(mark.text).startswith("sleepstage")]
        return held(named or _numbered(events))
    chosen = _with_one_prefix(marks, staged)
    if chosen is None and _are_notes(marks, events):
        return ()
    chosen = _without_notes(marks) if chosen is None else chosen
    placed = [*chosen, *_in_place(events, chosen)]
    return held(sorted(placed, key=lambda mark: mark.onset_s or 0.0))


def _are_notes(marks: Sequence[Mark], events: Sequence[Mark]) -> bool:
    """Return whether words for stages are notes: a scored night has N1, N2 or N3, too."""
    without_durations = not any(mark.duration_s for mark in marks)
    asleep = any(meaning_of(mark.text) in ("N1", "N2", "N3") for mark in marks)
    return without_durations and len(marks) < len(events) and not asleep


def _with_one_prefix(marks: Sequence[Mark], staged: int) -> list[Mark] | None:
    """Return the marks with the prefix that most stages have, None if they have none."""
    for prefixes in (("sleepstage", "movementtime"), ("sleep-",)):
        chosen = [mark for mark in marks if key_of(mark.text).startswith(prefixes)]
        if 2 * sum(map(_is_stage, chosen)) >= staged:
            return chosen
    return None


def _numbered(events: Sequence[Mark]) -> list[Mark]:
    """Return events whose texts are numbers, if they follow each other in epochs of one length."""
    marks = [event for event in events if code_of(event.text.strip()) is not None]
    lengths_s = {mark.duration_s for mark in marks}
    onsets_s = sorted(mark.onset_s or 0.0 for mark in marks)
    if len(marks) < LEAST_NUMBERED or not lengths_s <= EPOCH_LENGTHS_S or len(lengths_s) != 1:
        return []
    step_s = median(b - a for a, b in pairwise(onsets_s))
    return marks if abs(step_s - lengths_s.pop()) < SHORTEST_S / 2 else []


def _in_place(events: Sequence[Mark], chosen: Sequence[Mark]) -> list[Mark]:
    """Return the events, other than the chosen stages, that stand where a stage must stand.

    They last as long as an epoch, and no stage covers their time. Where stages hold until the next
    one, a text such as `Stage X` ends a stage, whatever it means.
    """
    taken = set(map(id, chosen))
    others = [event for event in events if id(event) not in taken and event.text.strip()]
    spans = sorted((m.onset_s or 0.0, (m.onset_s or 0.0) + (m.duration_s or 0.0)) for m in chosen)
    lengths_s = [mark.duration_s for mark in chosen if (mark.duration_s or 0.0) > SHORTEST_S]
    if not lengths_s:
        return [other for other in others if _STAGE_PREFIX.fullmatch(key_of(other.text))]
    starts_s, ends_s = [start for start, _ in spans], [0.0]
    for _, end_s in spans:
        ends_s.append(max(ends_s[-1], end_s))

    def is_free(mark: Mark) -> bool:
        start_s = (mark.onset_s or 0.0) + SHORTEST_S / 2
        end_s = start_s + (mark.duration_s or 0.0) - SHORTEST_S
        return ends_s[bisect_left(starts_s, end_s)] <= start_s

    return [
        other
        for other in others
        if other.duration_s
        and (_is_stage(other) or abs(other.duration_s - min(lengths_s)) < SHORTEST_S / 2)
        and meaning_of(other.text) != LIGHTS
        and is_free(other)
    ]


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
