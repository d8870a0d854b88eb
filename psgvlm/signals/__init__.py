"""Signals: derivations in µV, filters, flat and clipped samples, sleep waves, damage.

`flat_runs` is compiled with numba, which takes most of a second to import, so it is not imported
here; neither is scipy.
"""

from psgvlm.signals.damage import DAMAGES, Damage
from psgvlm.signals.damaged_recording import DamagedRecording
from psgvlm.signals.filters import band_pass, find_mains
from psgvlm.signals.resampling import at_rate
from psgvlm.signals.traces import Quality, Trace, derive

__all__ = [
    "DAMAGES",
    "Damage",
    "DamagedRecording",
    "Quality",
    "Trace",
    "at_rate",
    "band_pass",
    "derive",
    "find_mains",
]
