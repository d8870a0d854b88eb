"""Simulated Human Sleep Project: BIDS folders with `_annotations.csv` by the time of day."""

from dataclasses import dataclass
from pathlib import Path

from psgvlm.builders.simulate.clock import time_of_day
from psgvlm.builders.simulate.edf import START, channels_of, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.truth import Truth, events_within

RATE_HZ = 200
EYES = {"E1": ("E1-M2", "E2-M1"), "E1 and E2": ("E1", "E2"), "sides": ("EOG-L", "EOG-R")}
SOURCES = {"F3-M2": "F3-M2", "F4-M1": "F4-M1", "C3-M2": "C3-M2", "C4-M1": "C4-M1",
           "O1-M2": "O1-M2", "O2-M1": "O2-M1", "CHIN1-CHIN2": "chin", "EKG": "ECG"}  # fmt: skip


@dataclass(frozen=True)
class HspVariant:
    """A recording of the Human Sleep Project.

    Parameters
    ----------
    subject : str
        The person: S0001111111111.
    session : int
        The session.
    eyes : str
        The labels of the EOG, a key of `EYES`.
    """

    subject: str
    session: int = 1
    eyes: str = "E1"

    @property
    def name(self) -> str:
        """The path of the recording without suffix."""
        stem = f"sub-{self.subject}_ses-{self.session}_task-psg"
        return f"sub-{self.subject}/ses-{self.session}/eeg/{stem}_eeg"


VARIANTS = (
    HspVariant("S0001111189188"),
    HspVariant("S0001111189188", 2, "sides"),
    HspVariant("S0001111190905", eyes="E1 and E2"),
)


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return HspVariant(f"S0001{111189188 + index}")


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth."""
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=60)
    duration_s = len(night.stages) * EPOCH_S
    left, right = EYES[recording.eyes]
    sources = {left: "E1-M2", right: "E2-M1"} | SOURCES
    channels = channels_of(sources, RATE_HZ)
    signals = [edf_signal(channel, night, rng, duration_s) for channel in channels]
    path = Path(root) / f"{recording.name}.edf"
    write_edf(path, signals, f"sub-{recording.subject}")
    scored = [*night.stages[:-1], ""]
    rows = [(0, EPOCH_S, "Lights Off")]
    for epoch, stage in enumerate(scored):
        rows.append((epoch * EPOCH_S, EPOCH_S, f"Sleep_stage_{stage or '?'}"))
        if epoch % 7 == 4:
            rows.append((epoch * EPOCH_S + 6, 8, "Arousal_spontaneous"))
    lines = [
        f"{at // EPOCH_S + 1},{time_of_day(START, at)},{length},{event}\n"
        for at, length, event in rows
    ]
    table = path.with_name(path.name.replace("_eeg.edf", "_annotations.csv"))
    write_text(table, "epoch,time,duration,event\n" + "".join(lines))
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=tuple(scored),
        subject=recording.subject,
        lanes={"C4-M1": "C4-M1", "E1": left, "E2": right, "chin": "CHIN1-CHIN2"},
    )


def write_shared(root, recordings):
    """Write the table of people."""
    people = dict.fromkeys(f"sub-{recording.subject}" for recording in recordings)
    write_text(Path(root) / "participants.tsv", "\n".join(["participant_id", *people]) + "\n")
