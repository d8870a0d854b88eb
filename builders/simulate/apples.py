"""Simulated APPLES of NSRR: `apples-140003.edf` and `.annot`, a table of Luna."""

from dataclasses import dataclass
from pathlib import Path

from psgvlm.builders.simulate.clock import time_of_day
from psgvlm.builders.simulate.edf import START, channels_of, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S, stages_of
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import runs
from psgvlm.builders.simulate.truth import Truth, events_within

RATE_HZ = 200
LIGHTS = "L"
SOURCES = {
    "C3_M2": "C3-M2", "C4_M1": "C4-M1", "O1_M2": "O1-M2", "O2_M1": "O2-M1", "LOC": "E1-M2",
    "ROC": "E2-M1", "EMG": "chin", "ECG": "ECG",
}  # fmt: skip


@dataclass(frozen=True)
class ApplesVariant:
    """A recording of APPLES and what is particular to its files.

    Parameters
    ----------
    number : int
        The number of the person.
    lead_s : int
        When the first annotation starts.
    until_next : bool
        Whether a stage is written at its changes, with `...` as its end.
    """

    number: int
    lead_s: int = 0
    until_next: bool = False

    @property
    def name(self) -> str:
        """The path of the recording without suffix: polysomnography/apples-140003."""
        return f"polysomnography/apples-{self.number}"


VARIANTS = (ApplesVariant(140003, 17), ApplesVariant(140004, until_next=True))


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return ApplesVariant(140003 + index)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth."""
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=60)
    lead_s = recording.lead_s
    duration_s = len(night.stages) * EPOCH_S
    channels = channels_of(SOURCES, RATE_HZ)
    signals = [edf_signal(channel, night, rng, duration_s) for channel in channels]
    path = Path(root) / f"{recording.name}.edf"
    write_edf(path, signals, path.stem)
    stages = stages_of(night.states[lead_s:])
    words = [LIGHTS, *stages[1:-1], "?"]
    lines = ["class\tinstance\tchannel\tstart\tstop\tmeta"]
    for first, count, word in runs(words):
        for epoch in [first] if recording.until_next else range(first, first + count):
            begin = time_of_day(START, lead_s + EPOCH_S * epoch)
            end = time_of_day(START, lead_s + EPOCH_S * (epoch + 1))
            lines.append(f"{word}\t.\t.\t{begin}\t{'...' if recording.until_next else end}\t.")
            if word == "N2" and not recording.until_next:
                lines.append(f"arousal\tArousal\tC4_M1\t{begin}\t{end}\t.")
    write_text(path.with_suffix(".annot"), "".join(f"{line}\n" for line in lines))
    return Truth(
        recording.name,
        stages,
        events_within(night.events, 0, duration_s),
        lead_s,
        scored=("", *stages[1:-1], ""),
        subject=str(recording.number),
        lanes={"C4-M1": "C4_M1", "E1": "LOC", "E2": "ROC", "chin": "EMG"},
    )
