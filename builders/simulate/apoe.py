"""Simulated APOE of NSRR: `original/PSG/APOE_0608.EDF` with `.STA`, a table of numbers."""

from dataclasses import dataclass
from pathlib import Path

from psgvlm.builders.simulate.edf import channels_of, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import MOVEMENT, UNSCORED, rk_scoring, stages_of_rk
from psgvlm.builders.simulate.truth import Truth, events_within

RATE_HZ = 200
CODES = {"W": 0, "1": 1, "2": 2, "3": 3, "4": 4, "R": 5, MOVEMENT: 7, UNSCORED: 7}
SOURCES = {"C3-A2": "C3-M2", "C4-A1": "C4-M1", "O2-A1": "O2-M1", "LOC-A2": "E1-M2",
           "ROC-A1": "E2-M1", "Chin": "chin", "EKG": "ECG"}  # fmt: skip


@dataclass(frozen=True)
class ApoeVariant:
    """A recording of APOE.

    Parameters
    ----------
    number : int
        The number of the person.
    """

    number: int

    @property
    def name(self) -> str:
        """The path of the recording without suffix: original/PSG/APOE_0608."""
        return f"original/PSG/APOE_{self.number:04d}"


VARIANTS = (ApoeVariant(608), ApoeVariant(1006))


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return ApoeVariant(608 + index)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth."""
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=60)
    duration_s = len(night.stages) * EPOCH_S
    channels = channels_of(SOURCES, RATE_HZ)
    signals = [edf_signal(channel, night, rng, duration_s) for channel in channels]
    path = Path(root) / f"{recording.name}.EDF"
    write_edf(path, signals, path.stem)
    words = rk_scoring(night.stages, night.events)
    lines = [f"{epoch:5d} {CODES[word]:2d}\r\n" for epoch, word in enumerate(words, 1)]
    write_text(path.with_suffix(".STA"), "".join(lines))
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=stages_of_rk(words),
        subject=f"{recording.number:04d}",
        lanes={"C4-M1": "C4-A1", "E1": "LOC-A2", "E2": "ROC-A1", "chin": "Chin"},
    )
