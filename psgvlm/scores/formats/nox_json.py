"""JSON of Nox scorings: under each scoring, markers with a label, a start and a stop."""

import json
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import quote_short
from psgvlm.scores.clock import clock_onsets, read_clock
from psgvlm.scores.formats.events import stages_among
from psgvlm.scores.sheet import CLOCK, Mark, Sheet
from psgvlm.scores.words import is_stage_text

_FORMAT = "Nox scorings"
_KEY = "scorings"


def read(path: Path, text: str) -> Sheet | None:
    """Return the stages of each scoring; onsets are dates with times. None for another file."""
    if not text.lstrip().startswith("{") or f'"{_KEY}"' not in text:
        return None
    try:
        scorings = json.loads(text)[_KEY]
    except (ValueError, KeyError, RecursionError):
        return None
    if not isinstance(scorings, list) or not all(isinstance(one, dict) for one in scorings):
        return None
    marks, programs = {}, set()
    for number, scoring in enumerate(scorings, 1):
        markers = [one for one in scoring.get("markers") or () if isinstance(one, dict)]
        markers = [one for one in markers if is_stage_text(str(one.get("label") or ""))]
        if found := stages_among(_marks(path, markers)):
            scorer = str(scoring.get("scoring_name") or f"scoring {number}")
            marks[scorer] = found
            kinds = {str(one.get("scoring_type") or "").casefold() for one in markers}
            programs |= {scorer} if kinds == {"automatic"} else set()
    if not marks:
        raise InputError(f"{path}: no scoring has markers of stages; expected sleep-n2 and others")
    return Sheet(path, _FORMAT, marks, CLOCK, algorithms=frozenset(programs))


def _marks(path: Path, markers: list[dict]) -> list[Mark]:
    starts = [_clock(path, one.get("start_time")) for one in markers]
    stops = [_clock(path, one.get("stop_time")) for one in markers]
    times = clock_onsets([*starts, *stops])
    return [
        Mark(str(one["label"]), onset_s, (stop_s - onset_s) % 86400)
        for one, onset_s, stop_s in zip(
            markers, times[: len(markers)], times[len(markers) :], strict=True
        )
    ]


def _clock(path: Path, value: object) -> tuple[str, float]:
    if (clock := read_clock(str(value))) is None:
        raise InputError(f"{path}: a marker at {quote_short(str(value))}; expected a date and time")
    return clock
