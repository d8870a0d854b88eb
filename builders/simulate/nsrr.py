"""Simulated cohorts of NSRR: EDF files in one tree, and two kinds of XML in two others."""

from dataclasses import dataclass
from pathlib import Path

from psgvlm.builders.simulate import nsrr_xml
from psgvlm.builders.simulate.edf import START, SimulatedChannel, edf_signal, write_edf
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import MOVEMENT, UNSCORED, rk_scoring, stages_of_rk
from psgvlm.builders.simulate.truth import Truth, events_within

CODES = {"W": 0, "1": 1, "2": 2, "3": 3, "4": 4, "R": 5, MOVEMENT: 6, UNSCORED: 9}


@dataclass(frozen=True)
class NsrrVariant:
    """A recording of a cohort of NSRR and what is particular to its files.

    Parameters
    ----------
    stem : str
        The name of its files: mesa-sleep-0001.
    subject : str
        The person.
    channels : tuple of SimulatedChannel
        The signals in the order of the file.
    lanes : dict of str to (str, tuple of str or None)
        The signal that shows each lane, as in `Truth`.
    folder : str
        The folder of the visit, empty if there is none.
    xmls : tuple of str
        Which of the two kinds of XML there are.
    concepts : tuple of str
        Events in the NSRR XML of the type `Stages|Stages` that are no stages.
    """

    stem: str
    subject: str
    channels: tuple[SimulatedChannel, ...]
    lanes: dict[str, str | tuple[str, ...] | None]
    folder: str = ""
    xmls: tuple[str, ...] = ("nsrr", "profusion")
    concepts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The path of the recording without suffix: polysomnography/edfs/mesa-sleep-0001."""
        return Path("polysomnography", "edfs", self.folder, self.stem).as_posix()


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth."""
    rate_hz = max(channel.samples for channel in recording.channels)
    night = simulate_night(seed, hours, rate_hz, mains_hz=60)
    duration_s = len(night.stages) * EPOCH_S
    signals = [edf_signal(channel, night, rng, duration_s) for channel in recording.channels]
    write_edf(Path(root) / f"{recording.name}.edf", signals, recording.stem)
    words = rk_scoring(night.stages, night.events)
    nsrr_xml.write(
        Path(root) / "polysomnography",
        recording.folder,
        recording.stem,
        recording.xmls,
        [CODES[word] for word in words],
        night.events,
        f"{START:%H.%M.%S}",
        recording.concepts,
    )
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=stages_of_rk(words),
        subject=recording.subject,
        lanes=recording.lanes,
    )
