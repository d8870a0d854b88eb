"""Simulated HomePAP of NSRR: nights in the laboratory, with labels that differ by site."""

from psgvlm.builders.simulate.edf import channels_of
from psgvlm.builders.simulate.nsrr import NsrrVariant, write

__all__ = ["VARIANTS", "usual", "write"]

RATE_HZ = 200
SOURCES = {
    "electrodes": {
        "E1": "E1-Fpz", "E2": "E2-Fpz", "F4": "F4-Fpz", "C3": "C3-Fpz", "C4": "C4-Fpz",
        "O2": "O2-Fpz", "M1": "M1-Fpz", "M2": "M2-Fpz", "Lchin": "chin1", "Cchin": "chin2",
    },
    "derivations": {
        "F4-M1": "F4-M1", "C4-M1": "C4-M1", "O2-M1": "O2-M1", "L-EOG": "E1-M2", "R-EOG": "E2-M1",
        "Lchin-Cchin": "chin", "ECG": "ECG",
    },
}  # fmt: skip
LANES = {
    "electrodes": {
        "C4-M1": "C4 - M1",
        "E1": "E1 - M2",
        "E2": ("E2 - M1", "E2 - M2"),
        "chin": "Lchin - Cchin",
    },
    "derivations": {"C4-M1": "C4-M1", "E1": "L-EOG", "E2": "R-EOG", "chin": "Lchin-Cchin"},
}
PERIOD = ("Beginning of analysis period", "End of analysis period")


def _recording(number, labels, part="full"):
    channels = channels_of(SOURCES[labels], RATE_HZ)
    stem = f"homepap-lab-{part}-{number}"
    folder = f"lab/{part}"
    lanes = LANES[labels]
    return NsrrVariant(stem, str(number), tuple(channels), lanes, folder, concepts=PERIOD)


VARIANTS = (_recording(1600001, "electrodes"), _recording(1600134, "derivations", "split"))


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return _recording(1600001 + index, "electrodes")
