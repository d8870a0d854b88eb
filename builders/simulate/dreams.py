"""Simulated DREAMS: `subject1.edf` with `HypnogramAASM_subject1.txt` and `HypnogramR&K_...`."""

from dataclasses import dataclass
from pathlib import Path

import edfio
import numpy as np
from psgvlm.builders.simulate.edf import SimulatedChannel, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import MOVEMENT, UNSCORED, rk_scoring, stages_of_rk
from psgvlm.builders.simulate.truth import Truth, events_within

RATE_HZ = 200
STEP_S = 5
CODES = {"W": 5, "R": 4, "1": 3, "2": 2, "3": 1, "4": 0, MOVEMENT: -1, UNSCORED: -2}
FOLDERS = {
    "subject": "DatabaseSubjects",
    "patient": "DatabasePatients",
    "excerpt": "DatabaseSpindles",
}
SOURCES = {
    "FP1-A2": "Fp1-M2",
    "CZ-A1": "Cz-M1",
    "O1-A2": "O1-M2",
    "FP2-A1": "Fp2-M1",
    "O2-A1": "O2-M1",
    "CZ2-A1": "Cz-M1",
    "EOG1-A2": "E1-M2",
    "EOG2-A1": "E2-M1",
    "EMG1": "chin",
    "ECG": "ECG",
}


@dataclass(frozen=True)
class DreamsVariant:
    """A recording of DREAMS.

    Parameters
    ----------
    number : int
        Its number.
    kind : str
        "subject", "patient" or "excerpt", a key of `FOLDERS`.
    """

    number: int
    kind: str = "subject"

    @property
    def name(self) -> str:
        """The path of the recording without suffix: DatabaseSubjects/subject1."""
        return f"{FOLDERS[self.kind]}/{self.kind}{self.number}"


VARIANTS = (DreamsVariant(1), DreamsVariant(2, "patient"), DreamsVariant(3, "excerpt"))


def usual(index):
    """Return the recording at an index of a plain cohort: a healthy subject."""
    return DreamsVariant(index + 1)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth.

    The two scorings of a night differ in one epoch besides stage 4 and movements. An excerpt has
    one scoring, by Rechtschaffen and Kales, which is a signal of the EDF file too.
    """
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=50)
    duration_s = len(night.stages) * EPOCH_S
    rk = rk_scoring(night.stages, night.events)
    aasm = [
        word if word == UNSCORED else {"N1": "1", "N2": "2", "N3": "3"}.get(stage, stage)
        for word, stage in zip(rk, night.stages, strict=True)
    ]
    excerpt = recording.kind == "excerpt"
    unit = "UV" if excerpt else "uV"  # units are in capitals in the excerpts
    channels = [
        SimulatedChannel(label, source, RATE_HZ * STEP_S, unit, 3000 if source == "ECG" else 1000)
        for label, source in SOURCES.items()
    ]
    signals = [edf_signal(c, night, rng, duration_s // STEP_S, STEP_S) for c in channels]
    path = Path(root) / f"{recording.name}.edf"
    if excerpt:
        signals.append(_hypnogram_signal(rk))
        _write_codes(path.with_name(f"Hypnogram_{path.stem}.txt"), "hypnogram", rk)
    else:
        another = list(rk)
        another[aasm.index("1")] = "2"
        _write_codes(path.with_name(f"HypnogramAASM_{path.stem}.txt"), "HypnogramAASM", aasm)
        _write_codes(path.with_name(f"HypnogramR&K_{path.stem}.txt"), "HypnogramR&K", another)
    write_edf(path, signals, path.stem, STEP_S)
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=stages_of_rk(rk if excerpt else aasm),
        subject=path.stem,
        lanes={"C4-M1": ("CZ-A1", "CZ2-A1"), "E1": "EOG1-A2", "E2": "EOG2-A1", "chin": "EMG1"},
    )


def _codes(words):
    return [CODES[word] for word in words for _ in range(EPOCH_S // STEP_S)]


def _write_codes(path, head, words):
    """Write one code for each 5 s."""
    write_text(path, "".join(f"{line}\r\n" for line in (f"[{head}]", *_codes(words))))


def _hypnogram_signal(words):
    return edfio.EdfSignal.from_digital(
        np.array(_codes(words), np.int16),
        1,
        label="hypnogram",
        physical_dimension="stade",
        physical_range=(-3, 5),
        digital_range=(-3, 5),
    )
