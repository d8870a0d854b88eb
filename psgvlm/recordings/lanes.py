"""Montages: which derivations become lanes, and how they are found among a recording's labels."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from psgvlm.errors import InputError
from psgvlm.montages import MODALITY, MONTAGES
from psgvlm.recordings.recording import Recording


@dataclass(frozen=True)
class Derivation:
    """One signal of a file, or the difference of two: `plus` - `minus`."""

    plus: str
    minus: str | None = None

    def __str__(self) -> str:
        return self.plus if self.minus is None else f"{self.plus} - {self.minus}"


@dataclass(frozen=True)
class Lane:
    """One row of the picture: its name and the derivations that may fill it, best first."""

    name: str
    derivations: tuple[Derivation, ...]

    @property
    def modality(self) -> str:
        return MODALITY[self.name]


@dataclass(frozen=True)
class LaneMap:
    """Which derivation of a recording fills each lane; `None` where the recording has none."""

    lanes: tuple[Lane, ...]
    sources: tuple[Derivation | None, ...]

    @property
    def filled(self) -> list[Derivation]:
        """What fills the lanes that are there, from the top."""
        return [source for source in self.sources if source]

    @property
    def found(self) -> tuple[str, ...]:
        """Names of the lanes that the recording fills."""
        pairs = zip(self.lanes, self.sources, strict=True)
        return tuple(lane.name for lane, source in pairs if source)

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of the lanes that stay empty."""
        return tuple(lane.name for lane in self.lanes if lane.name not in self.found)

    def __str__(self) -> str:
        pairs = zip(self.lanes, self.sources, strict=True)
        return ", ".join(f"{lane.name} <- {source or 'missing'}" for lane, source in pairs)


def _derivations(*texts: str) -> tuple[Derivation, ...]:
    """`"C4 - M1"` (with spaces) is a difference of two signals; anything else is one label."""
    return tuple(Derivation(*text.split(" - ")) for text in texts)


def _eeg(electrode: str, reference: str, *more: str) -> Lane:
    """An EEG lane: referenced in the file, or by subtraction, or against linked ears (MASS)."""
    ears = {"M1": ("M1", "A1"), "M2": ("M2", "A2")}[reference]
    texts = [f"{electrode}-{ear}" for ear in ears]
    texts += [f"{electrode} - {ear}" for ear in ears]
    for suffix in ("CLE", "LER"):
        texts += [f"{electrode}-{suffix} - {ear}-{suffix}" for ear in ears]
    texts += [f"{electrode}-{suffix}" for suffix in ("CLE", "LER")]
    return Lane(f"{electrode}-{reference}", _derivations(*texts, *more))


# E1 and E2 are against the opposite mastoid in the AASM's montage, both against M2 in an accepted
# alternative; NSRR's EOG(L) and EOG(R) are each against ground.
_EYES = {
    "E1": "E1-M2,LOC-A2,E1-M1,LOC-A1,E1 - M2,LOC - A2,LOC - M2,EOG Left Horiz,EOG(L),EOG L,LOC,E1",
    "E2": "E2-M1,ROC-A1,E2-M2,ROC-A2,E2 - M1,ROC - A1,ROC - M1,EOG Right Horiz,EOG(R),EOG R,ROC,E2",
}
_CHIN = (
    "chin,Chin EMG,EMG Chin,Chin1-Chin2,Chin 1-Chin 2,EMG Chin1 - EMG Chin2,EMG1-EMG2,EMG1 - EMG2,"
    "EMG submental,Submental EMG,1-2,EMG"  # 1-2 is how Nox names it
)

LANES = {
    lane.name: lane
    for lane in (
        _eeg("F3", "M2"),
        _eeg("F4", "M1"),
        _eeg("C3", "M2", "EEG(sec)", "EEG2", "EEG sec"),
        _eeg("C4", "M1", "EEG"),
        _eeg("O1", "M2"),
        _eeg("O2", "M1"),
        Lane("E1", _derivations(*_EYES["E1"].split(","))),
        Lane("E2", _derivations(*_EYES["E2"].split(","))),
        Lane("chin", _derivations(*_CHIN.split(","))),
        Lane("ECG", _derivations("ECG", "EKG", "ECG ECGI", "ECG I", "ECG1 - ECG2")),
    )
}


def normalise(label: str) -> str:
    """A label as it is compared: upper case, letters and digits only, `EEG`/`EOG` prefix dropped.

    The prefix goes only before an electrode, so that NSRR's `EEG` and `EEG2` stay themselves; a
    label without letters (Nox's chin is `1-2`) is kept as written, or it would be a number.
    """
    key = re.sub(r"[^A-Z0-9]", "", label.upper())
    if key.isdigit():
        return label.strip()
    return re.sub(r"^(EEG|EOG)(?=[A-Z]+\d)", "", key)


def find_lanes(
    labels: Iterable[str], montage: str, aliases: Mapping[str, Sequence[str]] | None = None
) -> LaneMap:
    """Find the lanes of a montage among a recording's labels.

    `aliases` are sources to try before a lane's own derivations, `{lane: ["label", ...]}`, with
    `"label - label"` for a difference. Of equal labels the one that stands first in the file wins.
    """
    known: dict[str, str] = {}
    for label in labels:
        known.setdefault(normalise(label), label)
    lanes = tuple(LANES[name] for name in MONTAGES[montage])
    sources = []
    for lane in lanes:
        candidates = _derivations(*(aliases or {}).get(lane.name, ())) + lane.derivations
        sources.append(next((found for c in candidates if (found := _match(c, known))), None))
    return LaneMap(lanes, tuple(sources))


def require_eeg(lanes: LaneMap, recording: Recording) -> None:
    """Refuse a recording without any EEG lane: sleep cannot be staged from it."""
    if not any(lane.modality == "EEG" and lane.name in lanes.found for lane in lanes.lanes):
        raise InputError(
            f"{recording.path}: no EEG lane found ({lanes}) among the labels "
            f"{', '.join(recording.labels)}; expected one, or a --map that names it"
        )


def parse_map(text: str, labels: Iterable[str]) -> dict[str, tuple[str]]:
    """`"chin=EMG1 - EMG2,C4-M1=EEG C4"` as aliases for `find_lanes`; a typing error is refused."""
    known = {normalise(label) for label in labels}
    aliases = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        lane, equals, source = (piece.strip() for piece in entry.partition("="))
        if not equals or lane not in LANES:
            raise InputError(
                f"--map {entry!r}: expected LANE=LABEL, LANE one of {', '.join(LANES)}"
            )
        aliases[lane] = (_known_source(entry, source, known),)
    return aliases


def _known_source(entry: str, source: str, known: set[str]) -> str:
    """A source as `find_lanes` takes it: `EMG1-EMG2` is a label where there is one, else two."""
    if normalise(source) in known:
        return source
    for dash in re.finditer("-", source):
        pair = source[: dash.start()].strip(), source[dash.end() :].strip()
        if all(normalise(label) in known for label in pair):
            return " - ".join(pair)
    raise InputError(
        f"--map {entry!r}: the recording has no label {source!r}, nor two to subtract; expected "
        "labels that python -m builders inspect lists"
    )


def _match(derivation: Derivation, known: Mapping[str, str]) -> Derivation | None:
    plus = known.get(normalise(derivation.plus))
    if derivation.minus is None:
        return Derivation(plus) if plus else None
    minus = known.get(normalise(derivation.minus))
    return Derivation(plus, minus) if plus and minus else None
