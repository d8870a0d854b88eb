"""Simulated SOF of NSRR: two chin electrodes under two pairs of labels, and legs."""

from psgvlm.builders.simulate.edf import SimulatedChannel
from psgvlm.builders.simulate.nsrr import NsrrVariant, write

__all__ = ["VARIANTS", "usual", "write"]

RATE_HZ = 128
ELECTRODES = {"C3": "C3", "C4": "C4", "A1": "M1", "A2": "M2", "LOC": "E1", "ROC": "E2"}
CHINS = {"words": ("L Chin", "R Chin"), "slashes": ("EMG/L", "EMG/R")}
# The legs move with nothing that the night simulates, so they have the breath.
LEGS = {"words": ("Leg L", "Leg R"), "slashes": ("Leg/L", "Leg/R")}


def _recording(number, labels="words"):
    left, right = CHINS[labels]
    sources = {**ELECTRODES, left: "chin1", right: "chin2"}
    channels = [SimulatedChannel(*pair, RATE_HZ) for pair in sources.items()]
    channels += [SimulatedChannel(leg, "breath", 64, limit=1) for leg in LEGS[labels]]
    lanes = {
        "C4-M1": "C4 - A1",
        "E1": "LOC - A2",
        "E2": ("ROC - A1", "ROC - A2"),
        "chin": f"{left} - {right}",
    }
    return NsrrVariant(f"sof-visit-8-{number:05d}", f"{number:05d}", tuple(channels), lanes)


VARIANTS = (_recording(12), _recording(47, "slashes"))


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return _recording(12 + index)
