"""Simulated DCSM: a folder for each person, with the same file names in every folder."""

import uuid
from dataclasses import dataclass
from pathlib import Path

from psgvlm.builders.simulate.edf import channels_of, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import runs
from psgvlm.builders.simulate.truth import Truth, events_within

RATE_HZ = 256
SOURCES = {
    "E1-M2": "E1-M2", "E2-M2": "E2-M2", "F3-M2": "F3-M2", "F4-M1": "F4-M1", "C3-M2": "C3-M2",
    "C4-M1": "C4-M1", "O1-M2": "O1-M2", "O2-M1": "O2-M1", "CHIN": "chin", "ECG-II": "ECG",
}  # fmt: skip


@dataclass(frozen=True)
class DcsmVariant:
    """A recording of DCSM.

    Parameters
    ----------
    number : int
        The number from which the name of its folder is made.
    """

    number: int

    @property
    def folder(self) -> str:
        """The folder of its files: tp<uuid>."""
        return f"tp{uuid.uuid5(uuid.NAMESPACE_OID, f'dcsm {self.number}')}"

    @property
    def name(self) -> str:
        """The path of the recording without suffix: tp<uuid>/psg."""
        return f"{self.folder}/psg"


VARIANTS = (DcsmVariant(1), DcsmVariant(2))


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return DcsmVariant(index + 1)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth."""
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=50)
    duration_s = len(night.stages) * EPOCH_S
    channels = channels_of(SOURCES, RATE_HZ)
    signals = [edf_signal(channel, night, rng, duration_s) for channel in channels]
    path = Path(root) / f"{recording.name}.edf"
    write_edf(path, signals, recording.folder)
    words = ["REM" if stage == "R" else stage for stage in night.stages]
    lines = [f"{first * EPOCH_S},{n * EPOCH_S},{word}\n" for first, n, word in runs(words)]
    write_text(path.with_name("hypnogram.ids"), "".join(lines))
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=night.stages,
        subject=recording.folder,
        lanes={"C4-M1": "C4-M1", "E1": "E1-M2", "E2": "E2-M2", "chin": "CHIN"},
    )
