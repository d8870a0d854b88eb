"""Simulated CFS: electrodes without a reference in mV, and three chin electrodes in µV."""

from psgvlm.builders.simulate.edf import SimulatedChannel
from psgvlm.builders.simulate.nsrr import NsrrVariant, write

__all__ = ["VARIANTS", "usual", "write"]

IN_MV = {"C3": "C3", "C4": "C4", "M1": "M1", "M2": "M2", "LOC": "E1", "ROC": "E2"}
CHANNELS = (
    *(SimulatedChannel(label, source, 128, "mV", 1) for label, source in IN_MV.items()),
    *(SimulatedChannel(f"EMG{n}", f"chin{n}", 256) for n in (1, 2, 3)),
    SimulatedChannel("SaO2", "saturation", 1, "%", 100),
)
LANES = {
    "C4-M1": "C4 - M1",
    "E1": "LOC - M2",
    "E2": ("ROC - M1", "ROC - M2"),
    "chin": ("EMG1 - EMG2", "EMG1 - EMG3", "EMG2 - EMG3"),
}
PERIOD = ("Beginning of analysis period",)


def _recording(number, concepts=()):
    stem = f"cfs-visit5-{800000 + number}"
    return NsrrVariant(stem, str(800000 + number), CHANNELS, LANES, concepts=concepts)


VARIANTS = (_recording(2), _recording(5, PERIOD))


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return _recording(index + 2)
