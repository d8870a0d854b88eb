"""Simulated PSG-IPA: `SN1_Stages.edf`, and a table and an EDF+ file of each of several scorers."""

from dataclasses import dataclass
from pathlib import Path

import edfio
from psgvlm.builders.simulate import hmc
from psgvlm.builders.simulate.edf import channels_of, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import second_scorer
from psgvlm.builders.simulate.truth import Truth, events_within

FOLDER = "Sleep_stages"
UNSCORED = "Unscored"


@dataclass(frozen=True)
class PsgIpaVariant:
    """A recording of PSG-IPA.

    Parameters
    ----------
    number : int
        Its number.
    scorers : int
        How many people scored it.
    """

    number: int
    scorers: int = 3

    @property
    def name(self) -> str:
        """The path of the recording without suffix: Sleep_stages/PSG/SN1_Stages."""
        return f"{FOLDER}/PSG/SN{self.number}_Stages"


VARIANTS = (PsgIpaVariant(1), PsgIpaVariant(2, 5))


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return PsgIpaVariant(index + 1)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth.

    The first scorer scores what was simulated, but for the last epoch, which nobody scored.
    """
    night = simulate_night(seed, hours, hmc.RATE_HZ, mains_hz=50)
    duration_s = len(night.stages) * EPOCH_S
    channels = channels_of(hmc.SOURCES, hmc.RATE_HZ)
    signals = [edf_signal(channel, night, rng, duration_s) for channel in channels]
    path = Path(root) / f"{recording.name}.edf"
    write_edf(path, signals, path.stem, start=hmc.START)
    for scorer in range(1, recording.scorers + 1):
        stages = night.stages if scorer == 1 else second_scorer(rng, night.stages)
        rows = [
            (epoch * EPOCH_S, EPOCH_S, f"Sleep stage {stage}") for epoch, stage in enumerate(stages)
        ]
        rows[-1] = (*rows[-1][:2], UNSCORED)
        folder = Path(root) / FOLDER / "Annotations" / "manual"
        scores = folder / f"{path.stem}_manual_scorer{scorer}.edf"
        annotations = [edfio.EdfAnnotation(*row) for row in rows]
        write_edf(scores, (), path.stem, annotations=annotations, start=hmc.START)
        write_text(scores.with_suffix(".txt"), hmc.table(rows))
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=(*night.stages[:-1], ""),
        subject=f"SN{recording.number}",
        lanes={"C4-M1": "EEG C4-M1", "E1": "EOG E1-M2", "E2": "EOG E2-M2", "chin": "EMG chin"},
    )
