"""XML of NSRR: an event of the type `Stages|Stages` for each run of epochs."""

from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.scores.formats.events import held, read_seconds, stages_among
from psgvlm.scores.sheet import Mark, Sheet
from psgvlm.scores.words import LIGHTS, is_stage_text, key_of, meaning_of

ROOTS = ("PSGAnnotation",)
_FORMAT = "NSRR XML"


def read(path: Path, root) -> Sheet:
    """Return the stages; onsets count from the first sample of the recording.

    Without events of the type `Stages|Stages`, events whose concept is a stage are taken.
    """
    marks, others = [], []
    for event in root.iter("ScoredEvent"):
        concept = (event.findtext("EventConcept") or "").strip()
        kind = key_of(event.findtext("EventType") or "").partition("|")[0]
        if kind == "stages":
            if not _is_stage(concept):
                continue
            marks.append(_mark(path, event, concept))
        elif is_stage_text(concept) and not kind.startswith(("arousals", "respiratory", "limb")):
            others.append((event, concept))
    if not marks:
        marks = list(stages_among(_mark(path, event, concept) for event, concept in others))
    if not marks:
        raise InputError(
            f"{path}: no ScoredEvent of type Stages|Stages; expected one for each stage"
        )
    return Sheet(path, _FORMAT, {"": held(marks)}, codes="rk")


def _is_stage(concept: str) -> bool:
    """Return whether a concept is about a stage, which the ends of the analysis period are not."""
    return "period" not in concept.casefold() and meaning_of(concept) != LIGHTS


def _mark(path: Path, event, concept: str) -> Mark:
    onset_s = read_seconds(path, "Start", event.findtext("Start"))
    duration = event.findtext("Duration")
    duration_s = read_seconds(path, "Duration", duration) if duration is not None else None
    return Mark(concept, onset_s, duration_s)
