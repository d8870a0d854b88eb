"""XML that Embla and RemLogic export: events with a type, a start and a stop in date and time."""

from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import quote_short
from psgvlm.scores.clock import clock_onsets, read_clock
from psgvlm.scores.formats.events import held
from psgvlm.scores.sheet import CLOCK, Mark, Sheet
from psgvlm.scores.words import key_of

ROOTS = ("EventExport",)
_FORMAT = "Embla XML event export"


def read(path: Path, root) -> Sheet:
    """Return the events `SLEEP-...`; onsets are times of day."""
    texts, starts, stops = [], [], []
    for event in root.iter("Event"):
        text = (event.findtext("Type") or "").strip()
        if not key_of(text).startswith("sleep-") or "spindle" in key_of(text):
            continue
        texts.append(text)
        starts.append(_clock(path, event, "StartTime"))
        stops.append(_clock(path, event, "StopTime"))
    if not texts:
        raise InputError(f"{path}: no Event of type SLEEP-...; expected one for each stage")
    times = clock_onsets([*starts, *stops])
    onsets_s, ends_s = times[: len(texts)], times[len(texts) :]
    marks = [
        Mark(text, onset_s, (end_s - onset_s) % 86400)
        for text, onset_s, end_s in zip(texts, onsets_s, ends_s, strict=True)
    ]
    return Sheet(path, _FORMAT, {"": held(marks)}, CLOCK)


def _clock(path: Path, event, tag: str) -> tuple[str, float]:
    text = event.findtext(tag) or ""
    if (clock := read_clock(text)) is None:
        raise InputError(f"{path}: {tag} {quote_short(text)}; expected a date and a time of day")
    return clock
