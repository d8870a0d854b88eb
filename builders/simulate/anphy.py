"""Simulated ANPHY-Sleep: a folder for each person with an EDF file at 1000 Hz and a table."""

from dataclasses import dataclass
from pathlib import Path

from psgvlm.builders.simulate.edf import SimulatedChannel, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import runs
from psgvlm.builders.simulate.truth import Truth, events_within

RATE_HZ = 1000
LIGHTS = "L"  # lights on: nobody scored these epochs
# No mastoid is recorded. TP9 and TP10 are the nearest electrodes.
EEG = {"F3": "F3", "F4": "F4", "C3": "C3", "C4": "C4", "O1": "O1", "O2": "O2", "Cz": "Cz",
       "TP9": "M1", "TP10": "M2"}  # fmt: skip
OTHERS = {"EOG1": "E1-M2", "EOG2": "E2-M2", "ChEMG1": "chin1", "ChEMG2": "chin2", "ECG1": "ECG"}


@dataclass(frozen=True)
class AnphyVariant:
    """A recording of ANPHY-Sleep and what is particular to its files.

    Parameters
    ----------
    number : int
        The number of the person.
    signal : str
        What follows the person's name in the name of the EDF file.
    table : str
        The name of the table; that of the person if empty.
    reference : str
        What follows the electrode in the labels of the EEG.
    """

    number: int
    signal: str = ""
    table: str = ""
    reference: str = ""

    @property
    def person(self) -> str:
        """The folder of the person: EPCTL01."""
        return f"EPCTL{self.number:02d}"

    @property
    def name(self) -> str:
        """The path of the recording without suffix: EPCTL02/EPCTL02."""
        return f"{self.person}/{self.person}{self.signal}"


VARIANTS = (AnphyVariant(1, " - fixed", "test1"), AnphyVariant(2, reference="-Ref"))


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return AnphyVariant(index + 2)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth."""
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=60)
    duration_s = len(night.stages) * EPOCH_S
    ref = recording.reference
    sources = {f"{electrode}{ref}": source for electrode, source in EEG.items()} | OTHERS
    channels = [
        SimulatedChannel(label, source, RATE_HZ, limit=3000) for label, source in sources.items()
    ]
    signals = [edf_signal(channel, night, rng, duration_s) for channel in channels]
    path = Path(root) / f"{recording.name}.edf"
    write_edf(path, signals, recording.person)
    words = [LIGHTS, *night.stages[1:-1], LIGHTS]
    rows = [f"{w}\t{first * EPOCH_S}\t{n * EPOCH_S}\n" for first, n, w in runs(words)]
    write_text(path.with_name(f"{recording.table or recording.person}.txt"), "".join(rows))
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=("", *night.stages[1:-1], ""),
        subject=recording.person,
        lanes={
            "C4-M1": (f"C4{ref} - TP9{ref}", f"C4{ref}"),
            "E1": "EOG1",
            "E2": "EOG2",
            "chin": "ChEMG1 - ChEMG2",
        },
    )
