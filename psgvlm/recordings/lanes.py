"""Lanes: which derivations may fill each, and which labels of a recording do."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from psgvlm.errors import InputError
from psgvlm.montages import MODALITY, MONTAGES
from psgvlm.recordings.recording import Recording


@dataclass(frozen=True)
class Derivation:
    """One channel of a recording, or the difference of two.

    Attributes
    ----------
    plus : str
        The label of the channel.
    minus : str or None
        The label of the channel that is subtracted from it; None if none is.
    """

    plus: str
    minus: str | None = None

    def __str__(self) -> str:
        return self.plus if self.minus is None else f"{self.plus} - {self.minus}"


@dataclass(frozen=True)
class Lane:
    """One row of an image: its name, and the derivations that may fill it, best first."""

    name: str
    derivations: tuple[Derivation, ...]

    @property
    def modality(self) -> str:
        """EEG, EOG, EMG or ECG."""
        return MODALITY[self.name]


@dataclass(frozen=True)
class LaneMap:
    """Which derivation of a recording fills each lane.

    Attributes
    ----------
    lanes : tuple of Lane
        The lanes of a montage, from the top.
    sources : tuple of Derivation or None
        What fills each lane; None for a lane that stays empty.
    """

    lanes: tuple[Lane, ...]
    sources: tuple[Derivation | None, ...]

    @property
    def filled_sources(self) -> list[Derivation]:
        """The derivations that fill lanes, from the top."""
        return [source for source in self.sources if source]

    @property
    def filled_names(self) -> tuple[str, ...]:
        """The names of the lanes that the recording fills."""
        pairs = zip(self.lanes, self.sources, strict=True)
        return tuple(lane.name for lane, source in pairs if source)

    @property
    def missing_names(self) -> tuple[str, ...]:
        """The names of the lanes that stay empty."""
        pairs = zip(self.lanes, self.sources, strict=True)
        return tuple(lane.name for lane, source in pairs if not source)

    def __str__(self) -> str:
        pairs = zip(self.lanes, self.sources, strict=True)
        return ", ".join(f"{lane.name} <- {source or 'missing'}" for lane, source in pairs)


def _derivations(*texts: str) -> tuple[Derivation, ...]:
    """Read derivations: `"C4 - M1"`, with spaces, is a difference; other texts are one label."""
    return tuple(Derivation(*text.split(" - ")) for text in texts)


def _eeg(electrode: str, reference: str, *more: str) -> Lane:
    """Return an EEG lane.

    The file may hold the derivation itself, or its two electrodes, or the electrode against linked
    ears, as MASS does.
    """
    ears = {"M1": ("M1", "A1"), "M2": ("M2", "A2")}[reference]
    texts = [f"{electrode}-{ear}" for ear in ears]
    texts += [f"{electrode} - {ear}" for ear in ears]
    for suffix in ("CLE", "LER"):
        texts += [f"{electrode}-{suffix} - {ear}-{suffix}" for ear in ears]
    texts += [f"{electrode}-{suffix}" for suffix in ("CLE", "LER")]
    return Lane(f"{electrode}-{reference}", _derivations(*texts, *more))


# The AASM recommends E1 and E2 against the mastoids of the other side, and accepts both against M2.
# NSRR's EOG(L) and EOG(R) are each against ground.
_EYES = {
    "E1": "E1-M2,LOC-A2,E1-M1,LOC-A1,E1 - M2,LOC - A2,LOC - M2,EOG Left Horiz,EOG(L),EOG L,LOC,E1",
    "E2": "E2-M1,ROC-A1,E2-M2,ROC-A2,E2 - M1,ROC - A1,ROC - M1,EOG Right Horiz,EOG(R),EOG R,ROC,E2",
}
_CHIN = (
    "chin,Chin EMG,EMG Chin,Chin1-Chin2,Chin 1-Chin 2,EMG Chin1 - EMG Chin2,EMG1-EMG2,EMG1 - EMG2,"
    "EMG submental,Submental EMG,1-2,EMG"  # Nox recorders name it 1-2
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
    """Return a label in the form in which labels are compared.

    That is upper case, letters and digits only, without the prefix `EEG` or `EOG`. The prefix is
    dropped only before the name of an electrode, so that NSRR's `EEG` and `EEG2` remain. A label
    without letters is kept as written: Nox recorders call the chin `1-2`, which must not become 12.

    Examples
    --------
    >>> normalise("EEG C4-A1"), normalise("EEG2"), normalise("1-2")
    ('C4A1', 'EEG2', '1-2')
    """
    key = re.sub(r"[^A-Z0-9]", "", label.upper())
    if key.isdigit():
        return label.strip()
    return re.sub(r"^(EEG|EOG)(?=[A-Z]+\d)", "", key)


def find_lanes(
    labels: Iterable[str], montage: str, aliases: Mapping[str, Sequence[str]] | None = None
) -> LaneMap:
    """Find what fills the lanes of a montage among a recording's labels.

    Parameters
    ----------
    labels : iterable of str
        The labels of the recording. If two are equal but for their spelling, the first is taken.
    montage : str
        A key of `psgvlm.montages.MONTAGES`.
    aliases : mapping of str to sequence of str, optional
        What to try for a lane before its own derivations: `{lane: ["label", ...]}`, with
        `"label - label"` for a difference.

    Returns
    -------
    LaneMap

    Examples
    --------
    >>> lanes = find_lanes(["EEG C4", "EEG A1", "EOG(L)", "leg"], "core")
    >>> print(lanes)
    C4-M1 <- EEG C4 - EEG A1, E1 <- EOG(L), E2 <- missing, chin <- missing
    >>> lanes.filled_names
    ('C4-M1', 'E1')
    """
    label_by_key: dict[str, str] = {}
    for label in labels:
        label_by_key.setdefault(normalise(label), label)
    lanes = tuple(LANES[name] for name in MONTAGES[montage])
    sources = []
    for lane in lanes:
        candidates = _derivations(*(aliases or {}).get(lane.name, ())) + lane.derivations
        matches = (_match(candidate, label_by_key) for candidate in candidates)
        sources.append(next(filter(None, matches), None))
    return LaneMap(lanes, tuple(sources))


def require_eeg(lanes: LaneMap, recording: Recording) -> None:
    """Raise InputError if no EEG lane is filled: sleep cannot be staged without an EEG."""
    if not any(lane.modality == "EEG" and lane.name in lanes.filled_names for lane in lanes.lanes):
        raise InputError(
            f"{recording.path}: no EEG lane found ({lanes}) among the labels "
            f"{', '.join(recording.labels)}; expected one, or a map that names its label, such as "
            "C4-M1=LABEL",
            "map",
        )


def parse_map(text: str, labels: Iterable[str]) -> dict[str, tuple[str]]:
    """Read a map of lanes to labels.

    Parameters
    ----------
    text : str
        Such as `"chin=EMG1 - EMG2,C4-M1=EEG C4"`; may be empty.
    labels : iterable of str
        The labels of the recording.

    Returns
    -------
    dict of str to tuple of str
        The aliases that `find_lanes` takes.

    Raises
    ------
    InputError
        If an entry is not of the form LANE=LABEL, or names a lane or a label that does not exist.

    Examples
    --------
    >>> parse_map("chin=EMG1-EMG2", ["EMG1", "EMG2", "C4"])
    {'chin': ('EMG1 - EMG2',)}
    """
    known = {normalise(label) for label in labels}
    aliases = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        lane, equals, source = (piece.strip() for piece in entry.partition("="))
        if not equals or lane not in LANES:
            raise InputError(
                f"map {entry!r}: expected LANE=LABEL, where LANE is one of {', '.join(LANES)}",
                "map",
            )
        aliases[lane] = (_known_source(entry, source, known),)
    return aliases


def _known_source(entry: str, source: str, known: set[str]) -> str:
    """Return a source as `find_lanes` takes it.

    `EMG1-EMG2` is one label if the recording has that label, otherwise the difference of two.
    """
    if normalise(source) in known:
        return source
    for dash in re.finditer("-", source):
        pair = source[: dash.start()].strip(), source[dash.end() :].strip()
        if all(normalise(label) in known for label in pair):
            return " - ".join(pair)
    raise InputError(
        f"map {entry!r}: the recording has no label {source!r}, nor two labels of that difference; "
        "expected labels as psgvlm inspect lists them",
        "map",
    )


def _match(derivation: Derivation, label_by_key: Mapping[str, str]) -> Derivation | None:
    """Return a derivation with the recording's own labels, None if the recording lacks one."""
    plus = label_by_key.get(normalise(derivation.plus))
    if derivation.minus is None:
        return Derivation(plus) if plus else None
    minus = label_by_key.get(normalise(derivation.minus))
    return Derivation(plus, minus) if plus and minus else None
