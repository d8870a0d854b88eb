"""Simulated Sleep-EDF: `SC4001E0-PSG.edf`, `SC4001EC-Hypnogram.edf`, and the edition of 2002."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import edfio
import numpy as np
from psgvlm.builders.simulate.edf import ENVELOPE, SimulatedChannel, edf_signal, write_edf
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import MOVEMENT, UNSCORED, rk_scoring, runs, stages_of_rk
from psgvlm.builders.simulate.truth import Truth, events_within

RATE_HZ = 100
AFTER_S = 7200  # how long after the end of the signal the hypnogram says `Sleep stage ?`
HYP_CODES = {"W": 0, "1": 1, "2": 2, "3": 3, "4": 4, "R": 5, MOVEMENT: 6, UNSCORED: 9}


@dataclass(frozen=True)
class SleepEdfVariant:
    """A recording of Sleep-EDF and what is particular to its files.

    Parameters
    ----------
    subject, night : int
        The number of the subject, and 1 or 2.
    study : str
        "SC" (cassette) or "ST" (telemetry).
    scorer : str
        The letter of the scorer in the name of the hypnogram.
    folder : str
        The folder of the files; the edition of 2013 has none.
    emg_unit : str
        The unit of the chin EMG.
    first_epoch : int
        The first epoch of the hypnogram.
    hole : int, optional
        An epoch of which the hypnogram says nothing.
    edition : int
        2013, or 2002 for a `.rec` with a `.hyp`.
    """

    subject: int
    night: int = 1
    study: str = "SC"
    scorer: str = "C"
    folder: str = "sleep-cassette"
    emg_unit: str = "uV"
    first_epoch: int = 0
    hole: int | None = None
    edition: int = 2013

    @property
    def stem(self) -> str:
        """The name of the night without the scorer's letter: SC4001E."""
        number = "4" if self.study == "SC" else "7"
        letter = "E" if self.study == "SC" else "J"
        return f"{self.study}{number}{self.subject:02d}{self.night}{letter}"

    @property
    def name(self) -> str:
        """The path of the recording without suffix: sleep-cassette/SC4001E0-PSG."""
        file = f"{self.stem.lower()}0" if self.edition == 2002 else f"{self.stem}0-PSG"
        return f"{self.folder}/{file}" if self.folder else file


VARIANTS = (
    SleepEdfVariant(0),
    SleepEdfVariant(0, 2, scorer="P", emg_unit="uV-mrs"),
    SleepEdfVariant(24, scorer="V", folder=""),
    SleepEdfVariant(1, study="ST", scorer="P", folder="sleep-telemetry"),
    SleepEdfVariant(12, study="ST", scorer="E", folder="sleep-telemetry", hole=7),
    SleepEdfVariant(13, 2, "ST", "R", "sleep-telemetry", first_epoch=1),
    SleepEdfVariant(10, edition=2002, folder="sleep-edf-2002"),
)


def usual(index):
    """Return the recording at an index of a plain cohort: a cassette."""
    return SleepEdfVariant(index)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth."""
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=50)
    duration_s = len(night.stages) * EPOCH_S
    start = datetime(1989, 4, 24, 16, 13) if recording.study == "SC" else datetime(1994, 7, 11, 23)
    signals = [edf_signal(c, night, rng, duration_s // 30, 30) for c in channels(recording)]
    old = recording.edition == 2002
    path = Path(root) / f"{recording.name}{'.rec' if old else '.edf'}"
    write_edf(path, signals, recording.stem, 30, start=start)

    words = rk_scoring(night.stages, night.events)
    scored = list(stages_of_rk(words))
    if old:
        write_edf(path.with_suffix(".hyp"), [_hyp(words)], recording.stem, 30, start=start)
    else:
        left_out = [*range(recording.first_epoch), recording.hole]
        scored = ["" if epoch in left_out else stage for epoch, stage in enumerate(scored)]
        hypnogram = path.with_name(f"{recording.stem}{recording.scorer}-Hypnogram.edf")
        annotations = _annotations(words, left_out)
        write_edf(hypnogram, (), recording.stem, annotations=annotations, start=start)
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=tuple(scored),
        subject=recording.stem[:5],
        lanes={
            "C4-M1": "EEG Fpz-Cz",
            "E1": "EOG horizontal",
            "E2": None,
            "chin": "EMG submental" if recording.study == "ST" else None,
        },
    )


def channels(recording):
    """Return the signals in the order of the file. The chin of a cassette is an envelope at 1 Hz.

    A data record lasts 30 s.
    """
    fast = 30 * RATE_HZ
    eeg_and_eog = (
        SimulatedChannel("EEG Fpz-Cz", "Fpz-Cz", fast, limit=500),
        SimulatedChannel("EEG Pz-Oz", "Pz-Oz", fast, limit=500),
        SimulatedChannel("EOG horizontal", "E1-E2", fast, limit=1009),
    )
    if recording.study == "ST":
        return (
            *eeg_and_eog,
            SimulatedChannel("EMG submental", "chin", fast, recording.emg_unit, 500),
            SimulatedChannel("Marker", "steps", 30, "", 3),
        )
    return (
        *eeg_and_eog,
        SimulatedChannel("Resp oro-nasal", "breath", 30, "", 1),
        SimulatedChannel("EMG submental", ENVELOPE, 30, recording.emg_unit, 100),
        SimulatedChannel("Temp rectal", "temperature", 30, "DegC", 40),
        SimulatedChannel("Event marker", "steps", 30, "", 3),
    )


def _annotations(words, left_out):
    """Return the runs of a hypnogram; the last goes on long after the end of the signal."""
    spans = []
    for first, count, word in runs(
        [None if epoch in left_out else word for epoch, word in enumerate(words)]
    ):
        if word is not None:
            text = "Movement time" if word == MOVEMENT else f"Sleep stage {word}"
            spans.append([first * EPOCH_S, count * EPOCH_S, text])
    spans[-1][1] += AFTER_S
    return [edfio.EdfAnnotation(*span) for span in spans]


def _hyp(words):
    """Return the signal of a `.hyp` file: one number for each epoch of 30 s."""
    return edfio.EdfSignal.from_digital(
        np.array([HYP_CODES[word] for word in words], np.int16),
        1,
        label="Hypnogram",
        physical_range=(0, 9),
        digital_range=(0, 9),
    )
