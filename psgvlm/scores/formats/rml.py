"""Philips Sleepware G3 (`.rml`): stages at their changes, by a person and by the program."""

from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.scores.clock import read_clock
from psgvlm.scores.formats.events import read_seconds
from psgvlm.scores.sheet import OWN, Mark, Sheet

ROOTS = ("PatientStudy",)
_FORMAT = "Sleepware RML"
_PERSON, _PROGRAM = "UserStaging", "MachineStaging"


def read(path: Path, root) -> Sheet:
    """Return the stages of the person and of the program; onsets count from the session's start."""
    session = root.find("./Acquisition/Sessions/Session")
    start = read_clock(session.findtext("RecordingStart") or "") if session is not None else None
    end_s = None
    if session is not None and (duration := session.findtext("Duration")):
        end_s = read_seconds(path, "Duration", duration)
    marks = {}
    for scorer in (_PERSON, _PROGRAM):
        stages = [
            (read_seconds(path, "Start", stage.get("Start")), stage.get("Type", "").strip())
            for stage in _stages(root, scorer)
        ]
        if stages:
            marks[scorer] = _changes(stages, end_s)
    if not marks:
        raise InputError(f"{path}: no Stage in {_PERSON} or {_PROGRAM}; expected the scored stages")
    return Sheet(
        path,
        _FORMAT,
        marks,
        OWN,
        start_clock_s=start[1] if start else None,
        algorithms=frozenset({_PROGRAM}),
    )


def _stages(root, scorer: str) -> list:
    """Return the elements of one set of rules, the AASM's if a night was staged by two."""
    sets = [rules for staging in root.iter(scorer) for rules in staging if len(rules)]
    sets.sort(key=lambda rules: "AASM" not in rules.tag)
    return sets[0].findall("Stage") if sets else []


def _changes(stages: list[tuple[float, str]], end_s: float | None) -> tuple[Mark, ...]:
    """Return marks that hold until the next; the last one until the session's end, if known."""
    stages = sorted(stages, key=lambda stage: stage[0])
    ends_s = [onset_s for onset_s, _ in stages[1:]] + [end_s]
    return tuple(
        Mark(text, onset_s, None if stop_s is None else max(0.0, stop_s - onset_s))
        for (onset_s, text), stop_s in zip(stages, ends_s, strict=True)
    )
