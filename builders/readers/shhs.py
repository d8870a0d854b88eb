"""SHHS as NSRR distributes it: EDF files, and stages as Profusion or NSRR XML in other folders."""

import re
from pathlib import Path

from psgvlm.builders.readers.found_night import FoundNight

from psgvlm.errors import InputError
from psgvlm.files import list_files, quote_short
from psgvlm.scores import Mark, xml
from psgvlm.scores.formats import nsrr_xml, profusion_xml
from psgvlm.scores.scores import ScoredEvent, Scores, Stages, scores_from_events
from psgvlm.stages import EPOCH_S, NSRR

NAME = "SHHS"
EXPECTED = "polysomnography/edfs/shhs1/shhs1-NNNNNN.edf with annotations-events-profusion or -nsrr"
# By the documentation of NSRR, EEG is C4-A1 and EEG(sec) is C3-A2. The montage has other spellings
# of the latter (EEG2, EEG sec, EEG_SEC) among its alternatives.
ALIASES = {"C4-M1": ("EEG",), "C3-M2": ("EEG(sec)",), "chin": ("EMG",)}
OPTIONS: dict[str, dict] = {}

_NAME = re.compile(r"shhs[12]-(\d{6})\.edf", re.IGNORECASE)


def find(raw: Path) -> list[FoundNight]:
    """List every `shhs{1,2}-NNNNNN.edf` below a folder; both visits of a person are one subject."""
    xmls = {path.name.lower(): path for path in reversed(list_files(raw, (".xml",)))}
    nights = []
    for signal in list_files(raw, (".edf",)):
        name = _NAME.fullmatch(signal.name)
        if not name:
            continue
        stem = signal.stem.lower()
        wanted = (f"{stem}-profusion.xml", f"{stem}-nsrr.xml")
        scores = tuple(xmls[file] for file in wanted if file in xmls)
        nights.append(FoundNight("shhs", name[1], stem, signal, scores))
    return nights


def is_certain(night: FoundNight) -> bool:
    """Return whether the scores have the name that only SHHS has."""
    return bool(night.scores)


def read_scores(night: FoundNight) -> Scores:
    """Read the stages of the Profusion XML, else of the NSRR XML; compare them if both exist."""
    if not night.scores:
        raise InputError(
            f"{night.signal}: found neither {night.recording}-profusion.xml nor -nsrr.xml; "
            "expected one of the two in the same tree"
        )
    stages, *other = (_read(path) for path in night.scores)
    notes = []
    if other and other[0] != stages:
        pairs = zip(stages, other[0], strict=False)
        differ = sum(one != another for one, another in pairs)
        lengths = f"{len(stages)} and {len(other[0])} epochs"
        notes.append(f"Profusion and NSRR XML ({lengths}) differ in {differ}: Profusion is used")
    return Scores(0.0, stages, notes=tuple(notes))


def _read(path: Path) -> Stages:
    root = xml.parse_xml(path)
    if path.name.lower().endswith("-profusion.xml"):
        sheet = profusion_xml.read(path, root)
        if sheet.epoch_s != EPOCH_S:
            raise InputError(f"{path}: epochs of {sheet.epoch_s:g} s; expected {EPOCH_S:g} s")
        return tuple(_stage(path, mark) for mark in sheet.marks[""])
    events = []
    for mark in nsrr_xml.read(path, root).marks[""]:
        if mark.duration_s is None:
            raise InputError(
                f"{path}: the stage at {mark.onset_s:g} s has no duration, or one of a day or "
                "more; expected seconds, less than a day"
            )
        events.append(ScoredEvent(mark.onset_s, mark.duration_s, _stage(path, mark)))
    scores = scores_from_events(path, events)
    # The times of NSRR count from the start of the recording; the first stage may start later.
    lead = round(scores.onset_s / EPOCH_S)
    if lead < 0:
        raise InputError(f"{path}: a stage at {scores.onset_s:g} s; expected none before 0 s")
    return (None,) * lead + scores.stages


def _stage(path: Path, mark: Mark) -> str | None:
    """Return the stage of a code such as `2`, or of a word with one, as in `Stage 2 sleep|2`."""
    code = mark.text.rpartition("|")[2].strip()
    if not code.isascii() or not code.isdigit() or int(code) not in NSRR:
        known = " ".join(map(str, NSRR))
        raise InputError(f"{path}: stage {quote_short(code)}; expected one of {known}")
    return NSRR[int(code)]
