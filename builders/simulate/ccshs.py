"""Simulated CCSHS of NSRR: adolescents, electrodes without a reference, three chin electrodes."""

from psgvlm.builders.simulate.edf import SimulatedChannel
from psgvlm.builders.simulate.nsrr import NsrrVariant, write

__all__ = ["VARIANTS", "usual", "write"]

SOURCES = {
    "C3": "C3", "C4": "C4", "A1": "M1", "A2": "M2", "LOC": "E1", "ROC": "E2",
    "EMG1": "chin1", "EMG2": "chin2", "EMG3": "chin3",
}  # fmt: skip
LANES = {
    "C4-M1": "C4 - A1",
    "E1": "LOC - A2",
    "E2": ("ROC - A1", "ROC - A2"),
    "chin": ("EMG1 - EMG2", "EMG1 - EMG3", "EMG2 - EMG3"),
}


def _recording(number, xmls=("nsrr", "profusion")):
    channels = tuple(SimulatedChannel(*pair, 128) for pair in SOURCES.items())
    return NsrrVariant(f"ccshs-trec-{number}", str(number), channels, LANES, xmls=xmls)


VARIANTS = (_recording(1800001), _recording(1800005, ("nsrr",)))


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return _recording(1800001 + index)
