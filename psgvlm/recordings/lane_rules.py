"""Which derivations fill each lane, best first: its own derivation, then substitutes for it."""

from dataclasses import dataclass

from psgvlm.montages import MODALITY
from psgvlm.recordings.labels import AVERAGE, CLE, LER, LINKED, UNKNOWN

ANY = "*"  # a reference that does not matter
# The references that electrodes of one file are recorded against, so that they can be subtracted.
COMMON_REFERENCES = (None, UNKNOWN, LINKED, AVERAGE, CLE, LER, "M1", "M2", "FPZ", "FZ", "CZ", "PZ")
SUBSTITUTE = "a substitute: "  # how the note of a lane begins that its own derivation does not fill

Pair = tuple[str, str | None]


@dataclass(frozen=True)
class Step:
    """One way to fill a lane.

    Attributes
    ----------
    pairs : tuple of (str, str or None)
        Electrodes and references as `psgvlm.recordings.labels.Label` has them, best first.
    note : str
        Why the result is a substitute; empty for the lane's own derivation.
    difference : bool
        Whether the file has the two electrodes as two signals against one reference, which are
        subtracted. Otherwise the file has the pair as one signal.
    """

    pairs: tuple[Pair, ...]
    note: str = ""
    difference: bool = False


@dataclass(frozen=True)
class Lane:
    """One row of an image: its name, and the ways to fill it, best first."""

    name: str
    steps: tuple[Step, ...]

    @property
    def modality(self) -> str:
        """EEG, EOG, EMG or ECG."""
        return MODALITY[self.name]


_NO_REFERENCE = "the label names no reference"
_NO_MUSCLE = "the label names no muscle"
_NO_SIDE = "the label does not say which eye"
_ALONE = (None, UNKNOWN)


def _all(electrodes: tuple[str, ...], references: tuple[str | None, ...]) -> tuple[Pair, ...]:
    return tuple((electrode, reference) for electrode in electrodes for reference in references)


def _both(pairs: tuple[Pair, ...], note: str) -> tuple[Step, Step]:
    """Return the steps of pairs that the file has as one signal, or as two."""
    return Step(pairs, note), Step(pairs, note, difference=True)


def _eeg(electrode: str, other_side: str, middle: tuple[str, ...], chain: Pair | None) -> Lane:
    """Return an EEG lane. All EEG lanes have as many steps, so that their ranks can be compared.

    Parameters
    ----------
    electrode, other_side : str
        The electrode of the lane, and that of the other side.
    middle : tuple of str
        The electrodes of the midline that lie nearest, best first.
    chain : (str, str) or None
        The bipolar derivation that Sleep-EDF has instead.
    """
    right = electrode in ("F4", "C4", "O2")
    own, other = ("M1", "M2") if right else ("M2", "M1")
    temporal = "TP9" if right else "TP10"
    central = middle == ("CZ",)
    mirrored = _both(((other_side, other),), "the same derivation of the other side, mirrored")
    steps = (
        *_both(((electrode, own),), ""),
        mirrored[0],
        # MASS: before a difference of the other side, whose electrodes have the same linked ears.
        Step(_all((electrode,), (CLE, LER)), "against linked ears, not a mastoid"),
        mirrored[1],
        *_both(((electrode, other),), "against the mastoid of its own side"),
        *_both(((electrode, temporal),), f"no mastoid in the file, {temporal} lies nearest"),
        Step(((electrode, LINKED),), "against linked mastoids"),
        Step(((electrode, AVERAGE),), "against an average reference"),
        *_both(_all(middle, (own, other)), "another electrode, of the midline"),
        Step(_all(middle, (LINKED, CLE, LER)), "another electrode, against linked mastoids"),
        Step((chain,) if chain else (), "another derivation, without a mastoid"),
        Step(_all((electrode,), _ALONE), _NO_REFERENCE),
        Step(
            _all((other_side,), (own, LINKED, CLE, LER, AVERAGE, *_ALONE)),
            "the electrode of the other side, without its mastoid",
        ),
        Step(_all(middle, (AVERAGE, *_ALONE)), f"another electrode, and {_NO_REFERENCE}"),
        Step((("EEG", ANY),) if central else (), "the label names no electrode"),
    )
    return Lane(f"{electrode}-{own}", steps)


def _eye(electrode: str, number: str, own: str, other: str) -> Lane:
    """Return an EOG lane. The AASM recommends E1-M2 and E2-M1, and accepts both against M2."""
    steps = [
        Step(((electrode, own), (electrode, other))),
        Step(((electrode, own), (electrode, other)), difference=True),
        Step(((electrode, ANY),), "the label names no mastoid"),
        Step(
            (
                (number, own),
                (number, other),
                (number, ANY),
                ("EOGV" if electrode == "E1" else "EOGH", ANY),
            ),
            _NO_SIDE,
        ),
    ]
    if electrode == "E1":
        one = "the one bipolar EOG of the file"
        steps += [
            Step((("EOG", "RIGHT"),), f"{one}, left minus right"),
            Step((("EOG", "LEFT"),), f"{one}, right minus left"),
            Step((("EOG", ANY),), one),
        ]
    return Lane(electrode, tuple(steps))


_CHIN_PAIRS = (("CHIN1", "CHIN2"), ("CHIN1", "CHIN3"), ("CHIN2", "CHIN3"), ("CHINL", "CHINR"))
_CHIN_PAIRS += (("CHINL", "CHINC"), ("CHINR", "CHINC"))
_EMG_PAIRS = (("EMG1", "EMG2"), ("EMG1", "EMG3"), ("EMG2", "EMG3"), ("EMGPLUS", "EMGMINUS"))
_CHIN = Lane(
    "chin",
    (
        Step((("CHIN", ANY),)),
        Step(_CHIN_PAIRS, difference=True),
        Step(_EMG_PAIRS, difference=True),
        # Where a file names its legs, EMG/L and EMG/R are not they: see `find_lanes`.
        Step((("EMGL*", "EMGR*"),), difference=True),
        Step((("EMGL", "EMGR"),), _NO_MUSCLE, difference=True),
        Step(
            tuple((f"CHIN{end}", ANY) for end in "1LRC23"),
            "one electrode of the chin, not the difference of two",
        ),
        Step((("EMG", ANY), ("EMG1", ANY), ("EMG2", ANY)), _NO_MUSCLE),
        Step((("X1", ANY),), _NO_MUSCLE),
    ),
)
_ECG = Lane(
    "ECG",
    (
        Step((("ECG", ANY),)),
        Step((("ECG1", "ECG2"), ("ECGL", "ECGR"), ("ECG2", "ECG3")), difference=True),
        Step(
            tuple((f"ECG{end}", ANY) for end in "12LR3"),
            "one electrode of the ECG, not the difference of two",
        ),
        Step((("X2", ANY),), "the label does not say that it is an ECG"),
    ),
)

# In the order in which they take signals that several lanes could show: the right side first.
LANES = {
    lane.name: lane
    for lane in (
        _eeg("F4", "F3", ("FZ",), None),
        _eeg("C4", "C3", ("CZ",), ("FPZ", "CZ")),
        _eeg("O2", "O1", ("OZ", "PZ"), ("PZ", "OZ")),
        _eeg("F3", "F4", ("FZ",), None),
        _eeg("C3", "C4", ("CZ",), ("FPZ", "CZ")),
        _eeg("O1", "O2", ("OZ", "PZ"), ("PZ", "OZ")),
        _eye("E1", "EOG1", "M2", "M1"),
        _eye("E2", "EOG2", "M1", "M2"),
        _CHIN,
        _ECG,
    )
}

_MESA = "by MESA's numbering, in which EEG3 is C4-M1"
_SHHS = "by SHHS's naming, in which EEG is C4-A1 and the second EEG is C3-A2"
_DREAMS = "an EOG by DREAMS' documents, which do not say of which eye"
_LIKE_MESA = f"{SUBSTITUTE}the label names no electrode, in MESA it is C4-M1"
_LIKE_SHHS = f"{SUBSTITUTE}the label names no electrode, in SHHS it is "
_EYES = ("EOGL", "EOGR")  # MESA and SHHS have them so
# Sets whose labels name no electrode, known by the labels that a file has together (in the form of
# `normalise`): for each lane the label, and a note. The first that fits counts.
KNOWN_SETS: tuple[tuple[frozenset[str], dict[str, tuple[str, str]]], ...] = (
    # EEG1 is Fz-Cz and EEG2 is Cz-Oz.
    (frozenset({"EEG1", "EEG2", "EEG3", *_EYES}), {"C4-M1": ("EEG3", _MESA)}),
    (frozenset({"EEG1", "EEG2", "EEG3"}), {"C4-M1": ("EEG3", _LIKE_MESA)}),
    (frozenset({"EEG", "EEGSEC"}), {"C4-M1": ("EEG", _SHHS), "C3-M2": ("EEGSEC", _SHHS)}),
    (frozenset({"EEG", "EEG2", *_EYES}), {"C4-M1": ("EEG", _SHHS), "C3-M2": ("EEG2", _SHHS)}),
    (
        frozenset({"EEG", "EEG2"}),
        {"C4-M1": ("EEG", _LIKE_SHHS + "C4-A1"), "C3-M2": ("EEG2", _LIKE_SHHS + "C3-A2")},
    ),
    (
        frozenset({"P8A1", "P18A1"}),
        {"E1": ("P8-A1", SUBSTITUTE + _DREAMS), "E2": ("P18-A1", SUBSTITUTE + _DREAMS)},
    ),
    # ISRUC, the family of recordings with numbers.
    (
        frozenset({"C4M1", *(str(number) for number in range(24, 30))}),
        {"chin": ("24", "by ISRUC's numbering"), "ECG": ("25", "by ISRUC's numbering")},
    ),
)
