"""Simulated MESA: EEG1 is Fz-Cz, EEG2 is Cz-Oz and EEG3 is C4-M1; the eyes are against Fpz."""

from psgvlm.builders.simulate.edf import SimulatedChannel, channels_of
from psgvlm.builders.simulate.nsrr import NsrrVariant, write

__all__ = ["VARIANTS", "usual", "write"]

RATE_HZ = 256
SOURCES = {
    "EKG": "ECG",
    "EOG-L": "E1-Fpz",
    "EOG-R": "E2-Fpz",
    "EMG": "chin",
    "EEG1": "Fz-Cz",
    "EEG2": "Cz-Oz",
    "EEG3": "C4-M1",
}
CHANNELS = (
    *channels_of(SOURCES, RATE_HZ),
    SimulatedChannel("Flow", "breath", 32, "", 1),
    *(SimulatedChannel(f"{label}_Off", "steps", 1, "", 3) for label in SOURCES),
    SimulatedChannel("OxStatus", "steps", 1, "", 3),
    SimulatedChannel("SpO2", "saturation", 1, "%", 100),
    SimulatedChannel("HR", "pulse", 1, "bpm", 250),
)
LANES = {"C4-M1": "EEG3", "E1": "EOG-L", "E2": "EOG-R", "chin": "EMG"}


def _recording(number, xmls=("nsrr", "profusion")):
    return NsrrVariant(f"mesa-sleep-{number:04d}", f"{number:04d}", CHANNELS, LANES, xmls=xmls)


VARIANTS = (_recording(1), _recording(2, ("nsrr",)), _recording(6, ("profusion",)))


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return _recording(index + 1)
