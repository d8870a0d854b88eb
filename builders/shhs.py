"""SHHS as NSRR gives it: EDFs, and stages as Profusion or NSRR XML in folders of their own."""

import re
from pathlib import Path

from builders.night import Night, Scores
from psgvlm.errors import InputError
from psgvlm.image_spec import EPOCH_S
from psgvlm.stages import NSRR

EXPECTED = "polysomnography/edfs/shhs1/shhs1-NNNNNN.edf with annotations-events-profusion or -nsrr"
# NSRR's documentation: EEG is C4-A1 and EEG(sec) C3-A2, not the other way round.
ALIASES = {"C4-M1": ("EEG",), "C3-M2": ("EEG(sec)",), "chin": ("EMG",)}
_NAME = re.compile(r"shhs[12]-(\d{6})\.edf", re.IGNORECASE)


def find(raw: Path) -> list[Night]:
    """Every `shhs{1,2}-NNNNNN.edf` below `raw`; both visits of a person are one subject."""
    xmls = {path.name.lower(): path for path in sorted(raw.rglob("*.[xX][mM][lL]"))}
    nights = []
    for signal in sorted(raw.rglob("*.[eE][dD][fF]")):
        name = _NAME.fullmatch(signal.name)
        if not name:
            continue
        stem = signal.stem.lower()
        wanted = (f"{stem}-profusion.xml", f"{stem}-nsrr.xml")
        scores = tuple(xmls[file] for file in wanted if file in xmls)
        nights.append(Night("shhs", name[1], stem, signal, scores))
    return nights


def read_scores(night: Night) -> Scores:
    """The Profusion XML's stages, else the NSRR XML's."""
    if not night.scores:
        raise InputError(
            f"{night.signal}: found neither {night.recording}-profusion.xml nor -nsrr.xml; "
            "expected one of the two in the same tree"
        )
    path = night.scores[0]
    read = _profusion if path.name.lower().endswith("-profusion.xml") else _nsrr
    return Scores(0.0, read(path, _parse(path)))


def _parse(path: Path):
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import parse

    try:
        return parse(path).getroot()
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise InputError(f"{path}: cannot be read as XML ({error})") from error


def _profusion(path: Path, root) -> tuple[str | None, ...]:
    """One `SleepStage` a 30-s epoch."""
    found = root.findall("./SleepStages/SleepStage")
    if not found:
        raise InputError(f"{path}: no SleepStages/SleepStage; expected one an epoch")
    return tuple(_stage(path, (element.text or "").strip()) for element in found)


def _nsrr(path: Path, root) -> tuple[str | None, ...]:
    """`ScoredEvent`s of type `Stages|Stages`, each over one or more epochs."""
    stages: dict[int, str | None] = {}
    for event in root.findall("./ScoredEvents/ScoredEvent"):
        if (event.findtext("EventType") or "") != "Stages|Stages":
            continue
        stage = _stage(path, (event.findtext("EventConcept") or "").rpartition("|")[2])
        try:
            start_s = float(event.findtext("Start") or "")
            duration_s = float(event.findtext("Duration") or "")
        except ValueError as error:
            raise InputError(f"{path}: a stage without numbers as Start and Duration") from error
        first = round(start_s / EPOCH_S)
        for epoch in range(first, first + round(duration_s / EPOCH_S)):
            stages[epoch] = stage
    if not stages:
        raise InputError(f"{path}: no ScoredEvent of type Stages|Stages; expected the stages there")
    return tuple(stages.get(epoch) for epoch in range(max(stages) + 1))


def _stage(path: Path, code: str) -> str | None:
    if not code.isdigit() or int(code) not in NSRR:
        known = " ".join(map(str, NSRR))
        raise InputError(f"{path}: stage {code!r}; expected one of {known}")
    return NSRR[int(code)]
