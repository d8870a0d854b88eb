"""Simulated MrOS: electrodes without a reference, two chin electrodes, and two visits of a man."""

from psgvlm.builders.simulate.edf import SimulatedChannel
from psgvlm.builders.simulate.nsrr import NsrrVariant, write

__all__ = ["VARIANTS", "usual", "write"]

RATE_HZ = 256
# Label -> source at each visit.
SOURCES = {
    1: {
        "C3": "C3", "C4": "C4", "A1": "M1", "A2": "M2", "LOC": "E1", "ROC": "E2",
        "L Chin": "chin1", "R Chin": "chin2",
    },
    2: {
        "C3": "C3", "C4": "C4", "M1": "M1", "M2": "M2", "E1": "E1", "E2": "E2",
        "LChin": "chin1", "RChin": "chin2",
    },
}  # fmt: skip
LANES = {
    1: {
        "C4-M1": "C4 - A1",
        "E1": "LOC - A2",
        "E2": ("ROC - A1", "ROC - A2"),
        "chin": "L Chin - R Chin",
    },
    2: {
        "C4-M1": "C4 - M1",
        "E1": "E1 - M2",
        "E2": ("E2 - M1", "E2 - M2"),
        "chin": "LChin - RChin",
    },
}


def _recording(number, visit=1, xmls=("nsrr", "profusion")):
    channels = [SimulatedChannel(*pair, RATE_HZ) for pair in SOURCES[visit].items()]
    subject = f"aa{number:04d}"
    return NsrrVariant(
        f"mros-visit{visit}-{subject}",
        subject,
        (*channels, SimulatedChannel("SaO2", "saturation", 1, "%", 100)),
        LANES[visit],
        f"visit{visit}",
        xmls,
    )


VARIANTS = (_recording(1), _recording(1, 2), _recording(3, xmls=("nsrr",)))


def usual(index):
    """Return the recording at an index of a plain cohort: visit 1."""
    return _recording(index + 1)
