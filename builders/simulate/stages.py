"""Simulated STAGES: `original/STAGES PSGs/<site>/<id>.edf` and `.csv`, which differ by site."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psgvlm.builders.simulate.clock import time_of_day
from psgvlm.builders.simulate.edf import channels_of, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S, stages_of
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import runs
from psgvlm.builders.simulate.truth import Truth, events_within

START = datetime(2001, 1, 1, 23, 52, 11)
WORDS = {"W": "Wake", "N1": "Stage1", "N2": "Stage2", "N3": "Stage3", "R": "REM",
         "": "UnknownStage"}  # fmt: skip
# How a site writes the length of a stage: until the next change, of each epoch, 30 days.
AT_CHANGES, OF_EPOCHS, THIRTY_DAYS = "", "30", "2592000"
SOURCES = {
    "BOGN": {
        "EEG_F4-A1": "F4-M1", "EEG_C4-A1": "C4-M1", "EEG_C3-A2": "C3-M2", "EEG_C3-A22": "C3-M2",
        "E1_(LEOG)": "E1-M2", "E2_(REOG)": "E2-M2", "EMG_Chin": "chin", "ECG": "ECG",
    },
    "STNF": {
        "C3M2": "C3-M2", "C4M1": "C4-M1", "O2M1": "O2-M1", "L-EOG": "E1-M2", "R-EOG": "E2-M1",
        "Chin1-Chin2": "chin", "EKG": "ECG",
    },
    "MSTR": {
        "F3:M2": "F3-M2", "C4:M1": "C4-M1", "C3:C4": "C3-C4", "E1:M2": "E1-M2", "E2:M2": "E2-M2",
        "EMG_#1": "chin1", "EMG_#2": "chin2", "ECG": "ECG",
    },
}  # fmt: skip
LANES = {
    "BOGN": {"C4-M1": "EEG_C4-A1", "E1": "E1_(LEOG)", "E2": "E2_(REOG)", "chin": "EMG_Chin"},
    "STNF": {"C4-M1": "C4M1", "E1": "L-EOG", "E2": "R-EOG", "chin": "Chin1-Chin2"},
    "MSTR": {"C4-M1": "C4:M1", "E1": "E1:M2", "E2": "E2:M2", "chin": "EMG_#1 - EMG_#2"},
}
RATES_HZ = {"BOGN": 200, "STNF": 128, "MSTR": 512}
NOTES = ["Patient awake, REM soon", "LightsOff", "Wake, then Stage2 seen", "REM?"]


@dataclass(frozen=True)
class StagesVariant:
    """A recording of STAGES and what is particular to its files.

    Parameters
    ----------
    site : str
        The site, a key of `SOURCES`.
    number : int
        The number of the person at the site.
    length : str
        What the column of durations says in the rows of stages.
    stray_and_hole : bool
        Whether there are stages of 0 s within an epoch, and an epoch without a row.
    nap : bool
        Whether it is the person's nap.
    """

    site: str
    number: int
    length: str = OF_EPOCHS
    stray_and_hole: bool = False
    nap: bool = False

    @property
    def person(self) -> str:
        """The identifier of the person: BOGN00001."""
        return f"{self.site}{self.number:05d}"

    @property
    def name(self) -> str:
        """The path of the recording without suffix."""
        return f"original/STAGES PSGs/{self.site}/{self.person}{'_1' if self.nap else ''}"


VARIANTS = (
    StagesVariant("BOGN", 1, AT_CHANGES),
    StagesVariant("STNF", 4, THIRTY_DAYS),
    StagesVariant("MSTR", 2, stray_and_hole=True),
    StagesVariant("MSTR", 2, nap=True),
)


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return StagesVariant("MSTR", index + 1)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth.

    The scores start 47 s after the recording, which passes midnight.
    """
    lead_s, rate_hz = 47, RATES_HZ[recording.site]
    night = simulate_night(seed, hours, rate_hz, mains_hz=60)
    duration_s = len(night.stages) * EPOCH_S
    channels = channels_of(SOURCES[recording.site], rate_hz)
    signals = [edf_signal(channel, night, rng, duration_s) for channel in channels]
    path = Path(root) / f"{recording.name}.edf"
    write_edf(path, signals, path.name, start=START)
    stages = stages_of(night.states[lead_s:])
    scored = [*stages[:-1], ""]
    rows = _rows(recording, scored, lead_s)
    if recording.stray_and_hole:
        scored[9] = ""
    lines = [f"{time_of_day(START, at)},{length},{event}\n" for at, length, event in rows]
    write_text(path.with_suffix(".csv"), "Start Time,Duration (seconds),Event\n" + "".join(lines))
    return Truth(
        recording.name,
        stages,
        events_within(night.events, 0, duration_s),
        lead_s,
        scored=tuple(scored),
        subject=recording.person,
        lanes=LANES[recording.site],
    )


def _rows(recording, scored, lead_s):
    """Return (second, duration, event) of the stages and of notes that hold names of stages."""
    if recording.length == AT_CHANGES:
        starts = [(first, WORDS[stage]) for first, _, stage in runs(scored)]
    else:
        starts = [(epoch, WORDS[stage]) for epoch, stage in enumerate(scored)]
    rows = [
        (lead_s + EPOCH_S * epoch, recording.length, word)
        for epoch, word in starts
        if not (recording.stray_and_hole and epoch == 9)
    ]
    if recording.stray_and_hole:
        stray = next(word for word in WORDS.values() if word != WORDS[scored[4]])
        rows.append((lead_s + EPOCH_S * 4 + 10, "0", stray))
    rows += [(lead_s + EPOCH_S * (3 + 2 * i) + 7, "0", note) for i, note in enumerate(NOTES)]
    return sorted(rows, key=lambda row: row[0])
