"""Simulated MIT-BIH Polysomnographic Database: `slp01a.hea`, `slp01a.dat`, `slp01a.st`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from psgvlm.builders.simulate.edf import derive
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import UNSCORED, rk_scoring, stages_of_rk
from psgvlm.builders.simulate.truth import Truth, events_within
from psgvlm.builders.simulate.wfdb_files import (
    WfdbSignal,
    annotations,
    format_212,
    header,
    write_bytes,
)

RATE_HZ = 250
STEPS_PER_MV = {"C4-M1": 5000, "E2-M1": 5000, "chin": 10000, "ECG": 500}
SOURCES = {"slp01": {"ECG": "ECG", "EEG (C4-A1)": "C4-M1"}}
SOURCES["slp41"] = SOURCES["slp01"] | {"EOG (right)": "E2-M1", "EMG (submental)": "chin"}


@dataclass(frozen=True)
class SlpdbVariant:
    """A record of slpdb.

    Parameters
    ----------
    person : str
        The person: slp01.
    part : str
        "a" or "b" if the person has two records, else empty.
    signals : str
        The key of `SOURCES`.
    """

    person: str
    part: str = ""
    signals: str = "slp01"

    @property
    def name(self) -> str:
        """The name of the record: slp01a."""
        return f"{self.person}{self.part}"


VARIANTS = (
    SlpdbVariant("slp01", "a"),
    SlpdbVariant("slp01", "b"),
    SlpdbVariant("slp41", signals="slp41"),
)


def usual(index):
    """Return the record at an index of a plain cohort."""
    return SlpdbVariant(f"slp{41 + index}", signals="slp41")


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a record and write its files below `root`; return its truth.

    The text of an annotation is the stage of 30 s and then what else was scored in them. Epochs
    without a score have no annotation. The first annotation is at sample 1.
    """
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=60)
    duration_s = len(night.stages) * EPOCH_S
    sources = SOURCES[recording.signals]
    signals = []
    for label, source in sources.items():
        steps = np.rint(STEPS_PER_MV[source] / 1000 * derive(night, source))
        steps = np.clip(steps, -2047, 2047).astype(np.int16)
        signals.append(WfdbSignal(label, steps, STEPS_PER_MV[source]))
    path = Path(root) / recording.name
    file = f"{path.name}.dat"
    write_bytes(path.with_name(file), format_212(signals))
    text = header(path.name, RATE_HZ, signals, file, "212", 12)
    write_text(path.with_name(f"{path.name}.hea"), text)
    words = rk_scoring(night.stages, night.events)
    marks = [
        (max(1, RATE_HZ * EPOCH_S * epoch), f"{word} HA" if epoch % 5 == 3 else word)
        for epoch, word in enumerate(words)
        if word != UNSCORED
    ]
    write_bytes(path.with_name(f"{path.name}.st"), annotations(marks))
    more = recording.signals == "slp41"
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=stages_of_rk(words),
        subject=recording.person,
        lanes={
            "C4-M1": "EEG (C4-A1)",
            "E1": None,
            "E2": "EOG (right)" if more else None,
            "chin": "EMG (submental)" if more else None,
        },
    )
