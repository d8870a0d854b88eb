"""Simulated HMC: `recordings/SN001.edf`, and `SN001_sleepscoring` as EDF+ and as a table."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import edfio
from psgvlm.builders.simulate.clock import time_of_day
from psgvlm.builders.simulate.edf import channels_of, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.truth import Truth, events_within

RATE_HZ = 256
START = datetime(2001, 1, 1, 23, 59, 30)
SOURCES = {
    "EEG F4-M1": "F4-M1",
    "EEG C4-M1": "C4-M1",
    "EEG O2-M1": "O2-M1",
    "EEG C3-M2": "C3-M2",
    "EMG chin": "chin",
    "EOG E1-M2": "E1-M2",
    "EOG E2-M2": "E2-M2",
    "ECG": "ECG",
}
HEADER = "Date, Time, Recording onset, Duration, Annotation, Linked channel"


@dataclass(frozen=True)
class HmcVariant:
    """A recording of HMC and what is particular to its files.

    Parameters
    ----------
    number : int
        Its number.
    scores : tuple of str
        Which of the two files with scores there are: ".edf", ".txt".
    """

    number: int
    scores: tuple[str, ...] = (".edf", ".txt")

    @property
    def name(self) -> str:
        """The path of the recording without suffix: recordings/SN001."""
        return f"recordings/SN{self.number:03d}"


VARIANTS = (HmcVariant(1), HmcVariant(2, (".edf",)), HmcVariant(154, (".txt",)))


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return HmcVariant(index + 1)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth.

    The recording starts half a minute before midnight.
    """
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=50)
    duration_s = len(night.stages) * EPOCH_S
    channels = channels_of(SOURCES, RATE_HZ)
    signals = [edf_signal(channel, night, rng, duration_s) for channel in channels]
    path = Path(root) / f"{recording.name}.edf"
    write_edf(path, signals, path.stem, start=START)

    rows = [(epoch * EPOCH_S, EPOCH_S, f"Sleep stage {s}") for epoch, s in enumerate(night.stages)]
    # Polyman appends the channel that an event was marked in.
    rows.insert(3, (75, 0, "Lights off@@EEG F4-A1"))
    rows.insert(-2, (duration_s - 70, 0, "Lights on@@EEG Fpz-Cz"))
    scores = path.with_name(f"{path.stem}_sleepscoring")
    if ".edf" in recording.scores:
        annotations = [edfio.EdfAnnotation(*row) for row in rows]
        write_edf(scores.with_suffix(".edf"), (), path.stem, annotations=annotations, start=START)
    if ".txt" in recording.scores:
        write_text(scores.with_suffix(".txt"), table(rows))
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=night.stages,
        subject=path.stem,
        lanes={"C4-M1": "EEG C4-M1", "E1": "EOG E1-M2", "E2": "EOG E2-M2", "chin": "EMG chin"},
    )


def write_shared(root, recordings):
    """Write the list of recordings."""
    names = "".join(f"{recording.name}.edf\n" for recording in recordings)
    write_text(Path(root) / "RECORDS", names)


def table(rows):
    """Return the text of a table of scores from (onset, duration, annotation)."""
    return "\n".join([HEADER, *map(_line, rows)]) + "\n"


def _line(row):
    onset_s, duration_s, annotation = row
    text, _, channel = annotation.partition("@@")
    time = time_of_day(START, onset_s, "%d.%m.%y, %H.%M.%S")
    return f"{time}, {onset_s}, {duration_s}, {text}, {channel}"
