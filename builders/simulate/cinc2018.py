"""Simulated Challenge 2018 of PhysioNet: a folder for each record, in the formats of WFDB."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from psgvlm.builders.simulate.edf import derive
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import runs
from psgvlm.builders.simulate.truth import Truth, events_within
from psgvlm.builders.simulate.wfdb_files import (
    WfdbSignal,
    annotations,
    header,
    matlab_4,
    write_bytes,
)

RATE_HZ = 200
SOURCES = {
    "F3-M2": "F3-M2", "F4-M1": "F4-M1", "C3-M2": "C3-M2", "C4-M1": "C4-M1", "O1-M2": "O1-M2",
    "O2-M1": "O2-M1", "E1-M2": "E1-M2", "Chin1-Chin2": "chin", "ECG": "ECG",
}  # fmt: skip
STEPS_PER_UV = 20
LEAD_S = 60  # before the first annotation of a stage


@dataclass(frozen=True)
class Cinc2018Variant:
    """A record of the Challenge 2018.

    Parameters
    ----------
    name : str
        The path of the record without suffix: training/tr03-0005/tr03-0005.
    """

    name: str


def _recording(number):
    record = f"tr{3 + number // 10000:02d}-{number % 10000:04d}"
    return Cinc2018Variant(f"training/{record}/{record}")


VARIANTS = (_recording(5), _recording(10029))


def usual(index):
    """Return the record at an index of a plain cohort."""
    return _recording(index + 1)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a record and write its files below `root`; return its truth.

    A stage is annotated where it changes and holds until the next. An epoch in the middle is U.
    """
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=60)
    duration_s = len(night.stages) * EPOCH_S
    signals = []
    for label, source in SOURCES.items():
        steps = STEPS_PER_UV * derive(night, source)
        steps = np.clip(np.rint(steps), -32767, 32767).astype(np.int16)
        ecg = source == "ECG"
        signals.append(WfdbSignal(label, steps, STEPS_PER_UV * 1000 if ecg else STEPS_PER_UV,
                                  "mV" if ecg else "uV"))  # fmt: skip
    path = Path(root) / recording.name
    content, offset = matlab_4(signals)
    file = f"{path.name}.mat"
    write_bytes(path.with_name(file), content)
    text = header(path.name, RATE_HZ, signals, file, f"16+{offset}", 16)
    write_text(path.with_name(f"{path.name}.hea"), text)

    lead = LEAD_S // EPOCH_S
    undefined = int(rng.integers(lead + 2, len(night.stages) - 2))
    scored = ["" if i < lead or i == undefined else s for i, s in enumerate(night.stages)]
    marks = [
        (RATE_HZ * EPOCH_S * (lead + first), stage or "U")
        for first, _, stage in runs(scored[lead:])
    ]
    hypopnea_s = LEAD_S + 3 * EPOCH_S + 18
    marks += [(RATE_HZ * hypopnea_s, "(resp_hypopnea")]
    marks += [(RATE_HZ * (hypopnea_s + 20), "resp_hypopnea)")]
    write_bytes(path.with_name(f"{path.name}.arousal"), annotations(sorted(marks)))
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=tuple(scored),
        subject=path.name,
        lanes={"C4-M1": "C4-M1", "E1": "E1-M2", "E2": None, "chin": "Chin1-Chin2"},
    )
