"""Simulated SHHS in the layout of NSRR: EDF files, and Profusion and NSRR XML in other folders."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from psgvlm.builders.simulate import nsrr_xml
from psgvlm.builders.simulate.edf import SimulatedChannel, edf_signal, write_edf
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import is_stage_4, seconds_of
from psgvlm.builders.simulate.truth import Truth, events_within

CODES = {"W": 0, "N1": 1, "N2": 2, "N3": 3, "R": 5}
STAGE_4, MOVEMENT, UNSCORED = 4, 6, 9


@dataclass(frozen=True)
class ShhsVariant:
    """A recording of SHHS and what is particular to its files.

    Parameters
    ----------
    subject, visit : int
        The number of the subject, and 1 or 2.
    rate_hz, eog_hz, ecg_hz : int
        The sampling rates of EEG and EMG, of the EOGs, and of the ECG.
    second_eeg : str
        The label of C3-A2.
    files_level : bool
        Whether the tree starts with a folder `files`.
    xmls : tuple of str
        Which of the two kinds of XML there are.
    kept : float
        The share of the bytes of the EDF file that was downloaded.
    """

    subject: int
    visit: int = 1
    rate_hz: int = 125
    eog_hz: int = 50
    ecg_hz: int = 125
    second_eeg: str = "EEG(sec)"
    files_level: bool = False
    xmls: tuple[str, ...] = ("nsrr", "profusion")
    kept: float = 1.0

    @property
    def name(self) -> str:
        """The name that the reader gives it: shhs1-200001."""
        return f"shhs{self.visit}-{self.subject}"


VARIANTS = (
    ShhsVariant(200001),
    ShhsVariant(200001, 2, eog_hz=50, ecg_hz=250),
    ShhsVariant(200002, second_eeg="EEG(SEC)", files_level=True),
    ShhsVariant(200002, 2, 128, 64, 256, "EEG sec", files_level=True),
    ShhsVariant(200003, second_eeg="EEG 2", xmls=("profusion",)),
    ShhsVariant(200004, second_eeg="EEG2", xmls=("nsrr",)),
    ShhsVariant(200005, kept=0.6),
)


def usual(index):
    """Return the recording at an index of a plain cohort: visit 1."""
    return ShhsVariant(200001 + index)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording, scored by Rechtschaffen and Kales, and write its files below `root`."""
    fastest_hz = max(recording.rate_hz, recording.eog_hz, recording.ecg_hz)
    night = simulate_night(seed, hours, fastest_hz, mains_hz=60)
    base = Path(root) / ("files" if recording.files_level else "") / "polysomnography"
    folder = f"shhs{recording.visit}"
    records = len(night.stages) * EPOCH_S
    signals = [edf_signal(channel, night, rng, records) for channel in channels(recording)]
    path = base / "edfs" / folder / f"{recording.name}.edf"
    duration_s = write_edf(path, signals, recording.name, kept=recording.kept)
    codes = _codes(night, rng)
    nsrr_xml.write(base, folder, recording.name, recording.xmls, codes, night.events)
    return Truth(recording.name, night.stages, events_within(night.events, 0, duration_s))


def channels(recording):
    """Return the signals in the order of the file. EEG is C4-A1, and the second EEG is C3-A2."""
    eeg_hz, eog_hz = recording.rate_hz, recording.eog_hz
    return (
        SimulatedChannel("SaO2", "saturation", 1, "%", 100),
        SimulatedChannel("H.R.", "pulse", 1, "BPM", 250),
        SimulatedChannel(recording.second_eeg, "C3-M2", eeg_hz, limit=500),
        SimulatedChannel("ECG", "ECG", recording.ecg_hz, "mV", 2.5),
        SimulatedChannel("EMG", "chin", eeg_hz, limit=500),
        SimulatedChannel("EOG(L)", "E1-M2", eog_hz, limit=500),
        SimulatedChannel("EOG(R)", "E2-M1", eog_hz, limit=500),
        SimulatedChannel("EEG", "C4-M1", eeg_hz, limit=500),
        SimulatedChannel("THOR RES", "breath", 10, "", 1),
        SimulatedChannel("ABDO RES", "breath", 10, "", 1),
        SimulatedChannel("POSITION", "steps", 1, "", 3),
        SimulatedChannel("LIGHT", "steps", 1, "", 3),
        SimulatedChannel("OX STAT", "steps", 1, "", 3),
    )


def _codes(night, rng):
    """Return the stage codes: the truth with stage 4, and a few movement and unscored epochs."""
    epochs = len(night.stages)
    codes = np.array([CODES[stage] for stage in night.stages])
    codes[is_stage_4(night.stages, night.events)] = STAGE_4
    movement_s = seconds_of(night.events, "movement", epochs)
    codes[np.argsort(-movement_s, kind="stable")[: max(1, epochs // 250)]] = MOVEMENT
    codes[-int(rng.integers(2, 5)) :] = UNSCORED
    return codes.tolist()
