"""Simulated NCHSDB: `Sleep_Data/PATIENT_STUDY.edf` and a table of events, `.tsv`."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import edfio
from psgvlm.builders.simulate.edf import channels_of, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S, stages_of
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.truth import Truth, events_within

START = datetime(2001, 1, 1, 20, 31, 7)
SOURCES = {
    "EEG F3-M2": "F3-M2", "EEG F4-M1": "F4-M1", "EEG C3-M2": "C3-M2", "EEG C4-M1": "C4-M1",
    "EEG O1-M2": "O1-M2", "EEG O2-M1": "O2-M1", "EEG CZ-O1": "Cz-O1",
    "EMG CHIN1-CHIN2": "chin", "ECG EKG2-EKG": "ECG",
}  # fmt: skip


@dataclass(frozen=True)
class NchsdbVariant:
    """A study of NCHSDB and what is particular to its files.

    Parameters
    ----------
    patient, study : int
        The numbers of the child and of the study.
    eog : str
        What stands before the labels of the EOG: "EOG" or "EEG".
    annotated : bool
        Whether the EDF file has the events as annotations too.
    digits : bool
        Whether sleep stages are written 1, 2, 3.
    rate_hz : int
        The sampling rate.
    lead_s : int
        When the first scored epoch starts.
    """

    patient: int
    study: int
    eog: str = "EOG"
    annotated: bool = True
    digits: bool = False
    rate_hz: int = 256
    lead_s: int = 120

    @property
    def name(self) -> str:
        """The path of the recording without suffix: Sleep_Data/10000_17728."""
        return f"Sleep_Data/{self.patient}_{self.study}"


VARIANTS = (
    NchsdbVariant(10000, 17728),
    NchsdbVariant(10000, 26038, "EEG", annotated=False, lead_s=97),
    NchsdbVariant(10003, 26, digits=True, rate_hz=400, lead_s=61),
)


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return NchsdbVariant(10000 + index, 1000 + index)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth.

    The last epoch is shorter than 30 s and has no stage.
    """
    lead_s, rate_hz = recording.lead_s, recording.rate_hz
    night = simulate_night(seed, hours, rate_hz, mains_hz=60)
    duration_s = len(night.stages) * EPOCH_S
    eyes = {f"{recording.eog} LOC-M2": "E1-M2", f"{recording.eog} ROC-M1": "E2-M1"}
    channels = channels_of(eyes | SOURCES, rate_hz)
    signals = [edf_signal(channel, night, rng, duration_s) for channel in channels]
    stages = stages_of(night.states[lead_s:])
    events = events_within(night.events, 0, duration_s)
    rows = _rows(recording, stages, events)
    path = Path(root) / f"{recording.name}.edf"
    annotations = [edfio.EdfAnnotation(*row) for row in rows] if recording.annotated else None
    write_edf(path, signals, path.stem, annotations=annotations, start=START)
    lines = [f"{onset:.4f}\t{duration:.4f}\t{text}\n" for onset, duration, text in rows]
    write_text(path.with_suffix(".tsv"), "onset\tduration\tdescription\n" + "".join(lines))
    return Truth(
        recording.name,
        stages,
        events,
        lead_s,
        scored=stages,
        subject=str(recording.patient),
        lanes={
            "C4-M1": "EEG C4-M1",
            "E1": f"{recording.eog} LOC-M2",
            "E2": f"{recording.eog} ROC-M1",
            "chin": "EMG CHIN1-CHIN2",
        },
    )


def _rows(recording, stages, events):
    """Return (onset, duration, text): the start, the lights, the stages and the arousals."""
    rows = [(0.0, 0.0, "Start Recording"), (recording.lead_s - 24.7, 0.0, "Lights Off")]
    for epoch, stage in enumerate(stages):
        word = stage.removeprefix("N") if recording.digits else stage
        rows.append((recording.lead_s + EPOCH_S * epoch, 30.0, f"Sleep stage {word}"))
    for event in events:
        if event.kind == "arousal":
            rows.append((round(event.onset_s, 4), round(event.duration_s, 4), "EEG arousal"))
    return sorted(rows)
