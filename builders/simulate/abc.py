"""Simulated ABC of NSRR: electrodes with the AASM's names, and three visits of one person."""

from psgvlm.builders.simulate.edf import SimulatedChannel
from psgvlm.builders.simulate.nsrr import NsrrVariant, write

__all__ = ["VARIANTS", "usual", "write"]

ELECTRODES = ("F3", "F4", "C3", "C4", "O1", "O2", "M1", "M2", "E1", "E2")
LANES = {
    "C4-M1": "C4 - M1",
    "E1": "E1 - M2",
    "E2": ("E2 - M1", "E2 - M2"),
    "chin": ("Chin1 - Chin2", "Chin1 - Chin3", "Chin2 - Chin3", "Chin3 - Chin2"),
}


def _recording(number, visit="baseline"):
    channels = [SimulatedChannel(electrode, electrode, 256) for electrode in ELECTRODES]
    channels += [SimulatedChannel(f"Chin{n}", f"chin{n}", 256) for n in (1, 2, 3)]
    return NsrrVariant(f"abc-{visit}-{number}", str(number), tuple(channels), LANES, visit)


VARIANTS = (_recording(900001), _recording(900001, "month09"), _recording(900004, "month18"))


def usual(index):
    """Return the recording at an index of a plain cohort: the first visit."""
    return _recording(900001 + index)
