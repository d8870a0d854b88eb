"""Simulated CAP Sleep Database: `n1.edf` and `n1.txt`, an event export of RemLogic."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psgvlm.builders.simulate.clock import time_of_day
from psgvlm.builders.simulate.edf import channels_of, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text, write_xlsx
from psgvlm.builders.simulate.hypnogram import EPOCH_S, stages_of
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import MOVEMENT, UNSCORED, rk_scoring, stages_of_rk
from psgvlm.builders.simulate.truth import Truth, events_within

# Labels differ between recordings: label -> source, in the order of the file.
FAMILIES = {
    "chains": {
        "Fp2-F4": "Fp2-F4", "F4-C4": "F4-C4", "C4-P4": "C4-P4", "P4-O2": "P4-O2",
        "F8-T4": "F8-T4", "F3-C3": "F3-C3", "C3-P3": "C3-P3", "P3-O1": "P3-O1", "C4-A1": "C4-M1",
        "ROC-LOC": "E2-E1", "EMG1-EMG2": "chin", "ECG1-ECG2": "ECG",
    },
    "no separators": {
        "C3A2": "C3-M2", "C4A1": "C4-M1", "O2A1": "O2-M1", "LOC-A1": "E1-M1", "ROC-A2": "E2-M2",
        "CHIN1": "chin1", "CHIN2": "chin2", "EKG": "ECG",
    },
    "dx and sin": {
        "Fp2-F4": "Fp2-F4", "F4-C4": "F4-C4", "C4-P4": "C4-P4", "P4-O2": "P4-O2", "C4-A1": "C4-M1",
        "EOG dx": "E2-M1", "EOG sin": "E1-M2", "EMG-EMG": "chin", "ekg": "ECG",
    },
    "left minus right": {
        "F4-C4": "F4-C4", "C4-A1": "C4-M1", "C3-A2": "C3-M2", "LOC-ROC": "E1-E2", "EMG": "chin",
        "ECG1-ECG2": "ECG",
    },
}  # fmt: skip
LANES = {
    "chains": {"C4-M1": "C4-A1", "E1": "ROC-LOC", "E2": None, "chin": "EMG1-EMG2"},
    "no separators": {"C4-M1": "C4A1", "E1": "LOC-A1", "E2": "ROC-A2", "chin": "CHIN1 - CHIN2"},
    "dx and sin": {"C4-M1": "C4-A1", "E1": "EOG sin", "E2": "EOG dx", "chin": "EMG-EMG"},
    "left minus right": {"C4-M1": "C4-A1", "E1": "LOC-ROC", "E2": None, "chin": "EMG"},
}
EVENTS = {"W": "S0", "R": "REM", UNSCORED: "UNSCORED", MOVEMENT: "MT"}
FIRST_COLUMN = {"W": "W", "R": "R", MOVEMENT: "MT", UNSCORED: "?"}


@dataclass(frozen=True)
class CapVariant:
    """A recording of CAP and what is particular to its files.

    Parameters
    ----------
    name : str
        The name of its files: n1.
    family : str
        The family of labels, a key of `FAMILIES`.
    start : str
        The time of day at which the EDF file starts.
    lead_s : int
        How many seconds after that the scores begin.
    unscored_end : int
        How many epochs before the end of the EDF file the scores end.
    position : bool
        Whether the export has a column Position.
    duration_head : str
        The head of the column with the durations.
    time_form : str
        The form of the times, for `strftime`.
    samples, record_s : int
        The samples of the EEG in a data record, and how long a record is.
    typo : bool
        Whether a row of the first column says 1S3.
    """

    name: str
    family: str = "chains"
    start: str = "22:09:33"
    lead_s: int = 44
    unscored_end: int = 2
    position: bool = True
    duration_head: str = "Duration[s]"
    time_form: str = "%H:%M:%S"
    samples: int = 128
    record_s: int = 1
    typo: bool = False


VARIANTS = (
    CapVariant("n1"),
    # Half of this night is after midnight, where the hours have no leading zero.
    CapVariant("n12", "no separators", "23:55:10", 0, 0, typo=True, time_form="%-H:%M:%S"),
    CapVariant("brux1", "dx and sin", "23:50:02", 31, 3, False, "Duration [s]", "%-H.%M.%S"),
    CapVariant("ins2", "left minus right", "21:47:00", 15, 1, samples=1001, record_s=10),
)


def usual(index):
    """Return the recording at an index of a plain cohort: its scores begin and end with it."""
    return CapVariant(f"n{index + 1}", lead_s=0, unscored_end=0)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth."""
    rate_hz = max(128, -(-recording.samples // recording.record_s))
    night = simulate_night(seed, hours, rate_hz, mains_hz=50)
    lead_s, record_s = recording.lead_s, recording.record_s
    duration_s = len(night.stages) * EPOCH_S
    channels = channels_of(FAMILIES[recording.family], recording.samples)
    signals = [edf_signal(c, night, rng, duration_s // record_s, record_s) for c in channels]
    start = datetime.strptime(f"2001-01-01 {recording.start}", "%Y-%m-%d %H:%M:%S")
    path = Path(root) / f"{recording.name}.edf"
    write_edf(path, signals, recording.name, record_s, start=start)

    stages = stages_of(night.states[lead_s:])
    stages = stages[: len(stages) - recording.unscored_end]
    words = rk_scoring(stages, night.events, lead_s)
    write_text(path.with_suffix(".txt"), _export(recording, words, start))
    path.with_suffix(".edf.st").write_bytes(bytes(40))
    return Truth(
        recording.name,
        stages,
        events_within(night.events, 0, duration_s),
        lead_s,
        scored=stages_of_rk(words),
        subject=recording.name,
        lanes=LANES[recording.family],
    )


def write_shared(root, recordings):
    """Write the table of people."""
    rows = [(recording.name, "F", 40) for recording in recordings]
    write_xlsx(Path(root) / "gender-age.xlsx", [("Pathology", "Gender", "Age"), *rows])


def _export(recording, words, start):
    """Return the event export: a stage in each row, and phases A of the CAP among the stages."""
    names = [f"SLEEP-{EVENTS.get(word, f'S{word}')}" for word in words]
    head = ["RemLogic Event Export", "Patient:\tSimulated", f"Patient ID:\t{recording.name}"]
    head += [f"Recording Date:\t{start:%d/%m/%Y}", "", "Events Included:", *sorted(set(names))]
    head += ["MCAP-A1", "", ""]
    columns = ["Sleep Stage", "Position", "Time [hh:mm:ss]", "Event", recording.duration_head]
    rows = [[*columns, "Location"]]
    for epoch, (word, name) in enumerate(zip(words, names, strict=True)):
        stage = FIRST_COLUMN.get(word, f"S{word}")
        if recording.typo and word == "3" and not any(row[0] == "1S3" for row in rows):
            stage = "1S3"
        onset_s = recording.lead_s + epoch * EPOCH_S
        time = time_of_day(start, onset_s, recording.time_form)
        rows.append([stage, "Unknown Position", time, name, str(EPOCH_S), "ROC-LOC"])
        if word in ("2", "3"):
            time = time_of_day(start, onset_s + 4, recording.time_form)
            rows.append([stage, "Unknown Position", time, "MCAP-A1", "4", "C4-A1"])
    if not recording.position:
        rows = [[row[0], *row[2:]] for row in rows]
    return "\r\n".join([*head, *map("\t".join, rows)]) + "\r\n"
