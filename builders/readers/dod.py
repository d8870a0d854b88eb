"""DOD-H and DOD-O, the open data sets of Dreem: one HDF5 file for each night.

The file holds a hypnogram, which is the consensus of five scorers. Their own stages are lists in
`scorer_1/<id>.json` to `scorer_5/<id>.json`, from the repository dreem-learning-evaluation; they
may lie anywhere below the raw folder.
"""

import json
import re
from dataclasses import replace
from pathlib import Path

from psgvlm.builders.readers import scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import found_night

from psgvlm.errors import InputError
from psgvlm.files import list_files, natural_key, read_json
from psgvlm.recordings.h5_file import names_in, read_row
from psgvlm.recordings.recording import Recording
from psgvlm.scores import CONSENSUS, Mark, Scores, Sheet, place
from psgvlm.stages import EPOCH_S

NAME = "Dreem Open Datasets (DOD-H, DOD-O)"
EXPECTED = "dodh/<id>.h5 and dodo/<id>.h5"
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS = scoring.OPTIONS

HYPNOGRAM = "hypnogram"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SCORER = re.compile(r"scorer[ _-]?\d+", re.IGNORECASE)


def find(raw: Path) -> list[FoundNight]:
    """List the HDF5 files, with the stages of each scorer where they lie below the folder."""
    opinions: dict[str, list[Path]] = {}
    for path in list_files(raw, (".json",)):
        if _SCORER.fullmatch(path.parent.name):
            opinions.setdefault(path.stem.lower(), []).append(path)
    nights = []
    for path in list_files(raw, (".h5",)):
        if path.name.lower() == "psg.h5":  # DCSM's
            continue
        scores = sorted(
            opinions.get(path.stem.lower(), ()), key=lambda p: natural_key(p.parent.name.lower())
        )
        nights.append(found_night("dod", raw, path, path.stem.lower(), scores))
    return nights


def is_certain(night: FoundNight) -> bool:
    """Return whether the file has the groups of this data set."""
    try:
        names = names_in(night.signal)
        return "signals" in names and (HYPNOGRAM in names or "signals/eeg" in names)
    except InputError:
        return bool(_UUID.fullmatch(night.signal.stem))


def read_scores(
    night: FoundNight,
    codes: str | None = None,
    epoch_length: float | None = None,
    scorer: str | None = None,
) -> Scores | None:
    """Read the consensus in the file, or that of the scorers where their own stages are found.

    A scorer is named `scorer_1` to `scorer_5`.
    """
    recording = Recording(night.signal, gaps=True)
    options = {"codes": codes, "epoch_s": epoch_length}
    if not night.scores:
        return _read_consensus(night, recording, options, scorer)
    lists = {path.parent.name.lower(): _read_list(path) for path in night.scores}
    shortest, longest = (f(map(len, lists.values())) for f in (min, max))
    sheet = _sheet(night.scores[0], lists)
    scores = place(sheet, recording, **options, scorer=scorer or CONSENSUS)
    notes = [*scores.notes, *night.notes]
    if scorer is None:
        notes.append(f"the stages are the consensus of {len(lists)} scorers")
    if shortest != longest:
        notes.append(f"scorers scored between {shortest} and {longest} epochs")
    return replace(scores, notes=tuple(notes))


def _read_consensus(
    night: FoundNight, recording: Recording, options: dict, scorer: str | None
) -> Scores:
    if scorer not in (None, CONSENSUS):
        raise InputError(
            f"{night.signal}: holds the consensus of its scorers alone; expected {scorer}/"
            f"{night.signal.stem}.json below the same folder",
            parameter="scorer",
        )
    codes = _read_hypnogram(night)
    scores = place(_sheet(night.signal, {"": codes}), recording, **options)
    notes = ["the stages are the consensus of five scorers, as the file has it"]
    short_s = recording.duration_s - EPOCH_S * len(codes)
    if short_s >= EPOCH_S:
        notes.append(
            f"the hypnogram is {short_s:g} s shorter than the signals, and was placed at their "
            "start; the authors' own code places it in the middle"
        )
    return replace(scores, notes=(*scores.notes, *notes, *night.notes))


def _sheet(path: Path, lists: dict[str, list[int]]) -> Sheet:
    marks = {name: tuple(Mark(str(code)) for code in codes) for name, codes in lists.items()}
    return Sheet(path, "Dreem list of stages", marks, epoch_s=EPOCH_S, codes="aasm")


def _read_hypnogram(night: FoundNight) -> list[int]:
    codes = read_row(night.signal, HYPNOGRAM)
    if codes is None or not (abs(codes) < 100).all() or not (codes == codes.round()).all():
        raise InputError(
            f"{night.signal}: no {HYPNOGRAM!r} with a number for each epoch; expected the file as "
            "it was downloaded, or the lists of its scorers"
        )
    return [int(code) for code in codes]


def _read_list(path: Path) -> list[int]:
    try:
        values = read_json(path)
        if isinstance(values, list) and values and all(isinstance(v, int) for v in values):
            return values
        found = f"it holds {type(values).__name__}"
    except (OSError, ValueError, json.JSONDecodeError) as error:
        found = f"it is not JSON ({type(error).__name__})"
    raise InputError(f"{path}: {found}; expected a list with a number for each epoch")
