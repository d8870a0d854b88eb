"""Simulated DOD-H and DOD-O: an HDF5 file for each night, and the scores of five scorers."""

import json
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from psgvlm.builders.simulate.edf import derive
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import consensus, second_scorer
from psgvlm.builders.simulate.truth import Truth, events_within

from psgvlm.files import replacing

RATE_HZ = 250
START_TIME = 473385600  # seconds since 1970
CODES = {"": -1, "W": 0, "N1": 1, "N2": 2, "N3": 3, "R": 4}
AGREEMENTS = (0.97, 0.93, 0.88, 0.83, 0.78)  # of the scorers with the truth
OTHERS = {"eog": {"EOG1": "E1-M2", "EOG2": "E2-M1"}, "emg": {"EMG": "chin", "ECG": "ECG"}}
EEG = {
    "dodh": "C3_M2 F3_M2 F4_M1 FP1_M2 FP2_M1 F3_F4 F3_O1 F4_O2 FP1_F3",
    "dodo": "C3_M2 C4_M1 F3_M2 F3_F4 F3_O1 F4_O2 O1_M2 O2_M1",
}


@dataclass(frozen=True)
class DodVariant:
    """A recording of DOD and what is particular to its files.

    Parameters
    ----------
    number : int
        Its number, from which its name is made.
    database : str
        "dodh" or "dodo".
    shorter : int
        By how many epochs the hypnogram is shorter than the signals.
    scorers : bool
        Whether the scores of each scorer are there.
    """

    number: int
    database: str = "dodh"
    shorter: int = 0
    scorers: bool = True

    @property
    def identifier(self) -> str:
        """The name of the file: a UUID."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.database} {self.number}"))

    @property
    def name(self) -> str:
        """The path of the recording without suffix: dodh/<uuid>."""
        return f"{self.database}/{self.identifier}"


VARIANTS = (
    DodVariant(1),
    DodVariant(2, scorers=False),
    DodVariant(3, "dodo", shorter=2),
)


def usual(index):
    """Return the recording at an index of a plain cohort: DOD-H."""
    return DodVariant(index + 1)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth.

    `hypnogram` is the consensus of the five scorers: it need not be the stage that was simulated.
    """
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=50)
    epochs = len(night.stages) - recording.shorter
    scorings = [second_scorer(rng, night.stages[:epochs], share) for share in AGREEMENTS]
    scorings = np.array(scorings, dtype="U2")
    scorings[:, -2:] = ""
    agreed = consensus(scorings)
    path = Path(root) / f"{recording.name}.h5"
    _write_h5(path, recording, night, [CODES[stage] for stage in agreed])
    if recording.scorers:
        for number, scoring in enumerate(scorings, 1):
            codes = json.dumps([CODES[stage] for stage in scoring])
            folder = Path(root, "scorers", recording.database, f"scorer_{number}")
            write_text(folder / f"{recording.identifier}.json", codes)
    duration_s = len(night.stages) * EPOCH_S
    return Truth(
        recording.name,
        night.stages[:epochs],
        events_within(night.events, 0, duration_s),
        scored=tuple(agreed.tolist()),
        subject=recording.identifier,
        lanes={
            "C4-M1": "C4_M1" if recording.database == "dodo" else "C3_M2",
            "E1": "EOG1",
            "E2": "EOG2",
            "chin": "EMG",
        },
    )


def _write_h5(path, recording, night, codes):
    import h5py

    eeg = {label: label.replace("FP", "Fp").replace("_", "-") for label in _eeg(recording)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as new, h5py.File(new, "w") as file:
        file.attrs["start_time"] = START_TIME
        file.attrs["duration"] = len(night.stages) * EPOCH_S
        description = [{"domain": "psg", "path": f"signals/eeg/{label}"} for label in eeg]
        file.attrs["description"] = json.dumps(description)
        for name, sources in {"eeg": eeg, **OTHERS}.items():
            group = file.create_group(f"signals/{name}")
            group.attrs["fs"] = RATE_HZ
            group.attrs["unit"] = "µV"
            for label, source in sources.items():
                group[label] = derive(night, source).astype(np.float32)
        file["hypnogram"] = np.array(codes, np.int64)


def _eeg(recording):
    return EEG[recording.database].split()
