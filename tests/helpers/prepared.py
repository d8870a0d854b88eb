"""A simulated night with its lanes filtered as a `Night` filters them, without the files."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from psgvlm.builders.simulate.events import PlantedWave
from psgvlm.builders.simulate.night import simulate_night

from psgvlm.chat.findings import EpochFindings, measure
from psgvlm.image_spec import PRESETS
from psgvlm.signals.filters import band_pass
from psgvlm.signals.traces import Trace

SPEC = PRESETS["wide"]


@dataclass(frozen=True)
class Prepared:
    stages: tuple[str, ...]
    events: list[PlantedWave]
    traces: list[Trace]
    onsets_s: np.ndarray
    seen: list[EpochFindings]


@cache
def night(seed=300, hours=3.0, rate_hz=200.0) -> Prepared:
    """Return a simulated night with the lanes of `wide`, and the findings of all its epochs."""
    simulated = simulate_night(seed, hours, rate_hz)
    names = ("F4-M1", "C4-M1", "O2-M1", "E1-M2", "E2-M1", "chin")
    traces = [
        Trace(band_pass(simulated.signals[name], rate_hz, _band_hz(name), 50), rate_hz)
        for name in names
    ]
    onsets_s = 30.0 * np.arange(len(simulated.stages))
    seen = measure(traces, SPEC, onsets_s)
    return Prepared(simulated.stages, simulated.events, traces, onsets_s, seen)


def _band_hz(name):
    return SPEC.emg_hz if name == "chin" else SPEC.eog_hz if name[0] == "E" else SPEC.eeg_hz
