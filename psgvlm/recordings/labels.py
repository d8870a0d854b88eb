"""Labels of signals: which electrode a label names, and against which reference.

Data sets and programs spell one derivation in many ways: `EEG C4-A1`, `C4:M1`, `C4_M1`, `C4A1`. A
label is read whole: if a part of it is not known, it names no electrode, so that `C4 Impedance`,
`SpO2`, `EOG_Off` and `EEG_C3-A22` cannot be taken for an electrode.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# References that are no single electrode.
UNKNOWN, LINKED, AVERAGE, CLE, LER = "REF", "LINKED", "AVG", "CLE", "LER"

_EARS = {"A1": "M1", "A2": "M2"}
_LINKED = ("M1M2", "A1A2", "M1M22", "A1A22", "MX", "AX", "AA", "MM", "LE", "LM", "LINKED")
_REFERENCES = {
    **{name: name for name in ("M1", "M2", CLE, LER)},
    **_EARS,
    **dict.fromkeys(_LINKED, LINKED),
    **dict.fromkeys(("LINKEDEARS", "LINKEDMASTOIDS", "MLINKED", "ALINKED"), LINKED),
    **dict.fromkeys(("AVG", "AV", "AVE", "AVERAGE", "AVGREF", "CAR"), AVERAGE),
    **dict.fromkeys(("REF", "REFERENCE", "GND", "GROUND"), UNKNOWN),
    **{"LA": "ECGL", "RA": "ECGR", "LL": "ECGLL"},
}
_SCALP = r"(?:AF|FC|FT|FP|TP|CP|PO|F|C|T|P|O)(?:10|[1-9]|Z)"

_LEFT, _RIGHT = "(?:L|LEFT|LI|LINKS|SIN|SX|GAUCHE)", "(?:R|RIGHT|RE|RECHTS|DX|DROIT|DROITE)"
_FLAT = "(?:H|HORIZ|HORIZONTAL)?"
_CHIN = "(?:CHIN|CHIIN|CHINEMG|EMGCHIN|CHEMG|MENT|MENTALIS|SUBMENTALIS|SUBMENTAL|MENTON|KINN)"
# What each pattern names, best read from the top: the first whole match counts.
_ELECTRODES = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"FZ|CZ|PZ|OZ|FPZ", r"\g<0>"),
        (r"CZ[12]", "CZ"),  # DREAMS
        (r"[AM]1", "M1"),
        (r"[AM]2", "M2"),
        (_SCALP, r"\g<0>"),
        (r"E1|LOC|LO1|E1LOC|E1LEOG|LEOGE1", "E1"),
        (r"E2|ROC|LO2|E2ROC|E2REOG|REOGE2", "E2"),
        (rf"{_LEFT}EOG{_FLAT}|EOG{_FLAT}{_LEFT}{_FLAT}|{_LEFT}EYE|EYE{_LEFT}", "E1"),
        (rf"{_RIGHT}EOG{_FLAT}|EOG{_FLAT}{_RIGHT}{_FLAT}|{_RIGHT}EYE|EYE{_RIGHT}", "E2"),
        (r"EOG(?:LE|G|IZQ)|[GI]EOG", "E1"),  # left eye, gauche, izquierdo
        (r"EOG(?:D|DER)|DEOG", "E2"),
        (r"EOG([12VH])", r"EOG\1"),
        (rf"EOG{_FLAT}|HEOG|EOGEOG", "EOG"),
        (rf"{_CHIN}|{_CHIN}EMG|EMG{_CHIN}", "CHIN"),
        (rf"(?:EMG)?[LRC]{_CHIN}[LRC]|{_CHIN}(?:LR|RL|LC|CL|RC|CR)", "CHIN"),  # WSC: cchin_l
        (rf"(?:EMG)?{_CHIN}[1-4][1-4]", "CHIN"),
        (rf"(?:EMG)?{_CHIN}([1-4])", r"CHIN\1"),
        (rf"(?:EMG)?{_LEFT}{_CHIN}|(?:EMG)?{_CHIN}{_LEFT}", "CHINL"),
        (rf"(?:EMG)?{_RIGHT}{_CHIN}|(?:EMG)?{_CHIN}{_RIGHT}", "CHINR"),
        (rf"(?:EMG)?C{_CHIN}|(?:EMG)?{_CHIN}C(?:ENT(?:ER|RE)?)?", "CHINC"),
        (r"EMG|EMGEMG", "EMG"),
        (r"EMG([1-4])", r"EMG\1"),
        (rf"EMG{_LEFT}|{_LEFT}EMG", "EMGL"),
        (rf"EMG{_RIGHT}|{_RIGHT}EMG", "EMGR"),
        (r"EMG(PLUS|MINUS)", r"EMG\1"),
        (r"X([12])", r"X\1"),  # ISRUC: the chin and the ECG
        (r"(?:ECG|EKG)(?:LEAD|D)?(?:I{1,3})?|(?:ECG|EKG){2}I?|(?:ECG|EKG)[1-3][1-3]", "ECG"),
        (r"(?:ECG|EKG)V[1-6]|V[1-6]ECG", "ECG"),
        (r"(?:ECG|EKG)([1-3])", r"ECG\1"),
        (rf"(?:ECG|EKG)(?:{_LEFT}|LA)|{_LEFT}(?:ECG|EKG)", "ECGL"),
        (rf"(?:ECG|EKG)(?:{_RIGHT}|RA)|{_RIGHT}(?:ECG|EKG)", "ECGR"),
        (r"(?:ECG|EKG)LL", "ECGLL"),
    )
)
_KINDS = ("EEG", "EOG", "EMG", "ECG", "EKG")
_PREFIXES = ("PSG", "POL", "CS", *_KINDS)
# What says that a signal lies on a leg: then plain `EMG` is not one of them.
_LEG = re.compile(
    r"(?<![A-Z])(LEGS?|TIB|LAT|RAT|ANT|PLM|TA|BEIN|JAMBE|FOOT|LLEG|RLEG|LLM|RLM|LEGL|LEGR)(?![A-Z])"
)
_UNIT = re.compile(r"\s*[\[(](?:u|m|n|µ|μ)?v[\])]\s*$", re.IGNORECASE)
_SIGN = re.compile(r"^(.*EMG)\s*([+-])$")
_COPY, _MNE_COPY = re.compile(r"#\d+$"), re.compile(r"-\d+$")


@dataclass(frozen=True)
class Label:
    """What the label of a signal says.

    Attributes
    ----------
    electrode : str
        The electrode in one spelling: `C4`, `M1`, `E1`, `CHIN1`, `ECG` ...; a bipolar chin is
        `CHIN`, a bipolar EOG `EOG`, a bipolar ECG `ECG`.
    reference : str or None
        The electrode that it is recorded against, or one of `UNKNOWN`, `LINKED`, `AVERAGE`, `CLE`
        and `LER` (MASS); None if the label names no reference.
    prefixed : bool
        Whether the label says which kind of signal it is, as `EEG O2` does.
    """

    electrode: str
    reference: str | None = None
    prefixed: bool = False


def read_label(text: str) -> Label | None:
    """Read a label; return None if it does not name an electrode.

    Parameters
    ----------
    text : str
        A label as a file has it.

    Returns
    -------
    Label or None

    Examples
    --------
    >>> read_label("EEG C4-A1")
    Label(electrode='C4', reference='M1', prefixed=True)
    >>> read_label("LOC:M2").electrode, read_label("L Chin").electrode
    ('E1', 'CHINL')
    >>> read_label("C4 Impedance"), read_label("SpO2"), read_label("EEG_C3-A22")
    (None, None, None)
    """
    upper = _UNIT.sub("", " ".join(text.split())).upper()
    if re.fullmatch(r"(EMG)? ?1 ?- ?2", upper.strip()):
        return Label("CHIN")  # Nox recorders, and EMG1 against EMG2
    if sign := _SIGN.match(upper):
        upper = sign[1] + ("PLUS" if sign[2] == "+" else "MINUS")
    if "+" in upper and "(" not in upper and "-" not in upper:
        return None  # a sum
    key = re.sub(r"[^A-Z0-9]", "", upper)
    if key in ("EEG", "CSEEG"):
        return Label("EEG")
    return _read_key(key, prefixed=False) if 0 < len(key) <= 40 else None


def _read_key(key: str, prefixed: bool) -> Label | None:
    """Read a label without its separators, with and without a prefix."""
    if electrode := _electrode(key):
        return Label(electrode, None, prefixed)
    for stop in range(1, len(key)):
        electrode, reference = _electrode(key[:stop]), _reference(key[stop:])
        if electrode and reference and electrode != reference:
            label = _with_reference(electrode, reference, prefixed)
            if label:
                return label
    for prefix in _PREFIXES:
        if key.startswith(prefix) and len(key) > len(prefix):
            return _read_key(key[len(prefix) :], prefixed or prefix in _KINDS)
    for kind in _KINDS:
        if key.endswith(kind) and len(key) > len(kind):
            return _read_key(key[: -len(kind)], prefixed=True)
    if key.endswith("REF"):  # EEG C4-A1-Ref: a derivation already
        return _read_key(key[:-3], prefixed)
    return None


def _electrode(key: str) -> str | None:
    for pattern, name in _ELECTRODES:
        if match := pattern.fullmatch(key):
            return match.expand(name)
    return None


def _reference(key: str) -> str | None:
    for prefix in ("", *_KINDS):  # EMG Chin1-EMG Chin2
        if key.startswith(prefix):
            rest = key[len(prefix) :]
            if reference := _REFERENCES.get(rest) or _electrode(rest):
                return reference
    return None


def _with_reference(electrode: str, reference: str, prefixed: bool) -> Label | None:
    """Return the label of a pair, None if it makes no sense.

    Two electrodes of the chin, two eyes or two electrodes of the ECG are one bipolar signal.
    """
    if reference in ("X1", "X2"):
        return None
    if reference in ("E1", "E2", "EOG1", "EOG2"):
        eyes = {electrode, reference}
        if eyes not in ({"E1", "E2"}, {"EOG1", "EOG2"}):
            return None
        return Label("EOG", "RIGHT" if electrode in ("E1", "EOG1") else "LEFT", prefixed)
    for kind in ("CHIN", "EMG", "ECG"):
        if reference.startswith(kind):
            bipolar = "CHIN" if kind == "EMG" else kind
            return Label(bipolar, None, prefixed) if electrode.startswith(kind) else None
    if electrode in ("CHIN", "ECG") and reference != UNKNOWN:
        return None
    return Label(electrode, reference, prefixed)


def names_leg(text: str) -> bool:
    """Return whether a label says that its signal lies on a leg.

    Examples
    --------
    >>> names_leg("EMG_Leg/L"), names_leg("EMG1")
    (True, False)
    """
    return bool(_LEG.search(" ".join(text.upper().replace("_", " ").split())))


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
    if not key or key.isdigit():
        return " ".join(label.split())
    return re.sub(r"^(EEG|EOG)(?=[A-Z]+\d)", "", key)


def without_copy_number(label: str, labels: Iterable[str]) -> str:
    """Return a label without what tells several signals of one label apart.

    That is `#2` from the second on, or `-0`, `-1` ... by MNE.
    """
    labels, base = set(labels), _COPY.sub("", label)
    if base != label and base in labels:
        return base
    base = _MNE_COPY.sub("", label)
    return base if {f"{base}-0", f"{base}-1"} <= labels else label


def first_copy(text: str, labels: Iterable[str]) -> str | None:
    """Return the label that `EMG#1` names, the first of several signals; None if it names none."""
    name = text.lower().removesuffix("#1") if text.endswith("#1") else None
    return next((label for label in labels if label.lower() == name), None)
