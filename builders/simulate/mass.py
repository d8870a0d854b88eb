"""Simulated MASS cohort 1: `01-0S-NNNN PSG.edf`, and an EDF+ file with only the stages."""

from dataclasses import dataclass
from pathlib import Path

import edfio
from psgvlm.builders.simulate.edf import SimulatedChannel, channels_of, edf_signal, write_edf
from psgvlm.builders.simulate.hypnogram import EPOCH_S, stages_of
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import is_stage_4
from psgvlm.builders.simulate.truth import Truth, events_within

RECORD_S, SAMPLES = 3.99975, 1024  # 256.016 Hz
RATE_HZ = SAMPLES / RECORD_S
FIRST_ONSET_S = 37.4
LEAD_S = 60  # of the night before the first scored epoch; the recording starts within it
CODES = {"W": "W", "N1": "1", "N2": "2", "N3": "3", "R": "R"}
# Subsets. Those with epochs of 20 s are scored by Rechtschaffen and Kales.
EPOCHS_OF_20_S = (2, 4, 5)
ONE_CHIN_SIGNAL = (2, 4)
WITHOUT_FRONTAL = (4,)


@dataclass(frozen=True)
class MassVariant:
    """A recording of MASS and what is particular to its files.

    Parameters
    ----------
    number, subset : int
        Its number, and the subset, 1 to 5.
    reference : str
        The end of the EEG labels: `"LER"` or `"CLE"`.
    mastoid : str
        A1 or A2 if that is recorded too, else empty.
    scores : str
        The last word in the name of the file with the stages.
    scores_folder : str
        The folder of that file; empty if it is beside the signals.
    others : bool
        Whether that file also has annotations that are no stages.
    first_onset_s : float
        When the first scored epoch starts, in seconds of the recording.
    """

    number: int
    subset: int = 3
    reference: str = "LER"
    mastoid: str = ""
    scores: str = "Base"
    scores_folder: str = ""
    others: bool = False
    first_onset_s: float = FIRST_ONSET_S

    @property
    def name(self) -> str:
        """The name that the reader gives it: 01-03-0001."""
        return f"01-{self.subset:02d}-{self.number:04d}"

    @property
    def epoch_s(self) -> int:
        """The length in seconds of the scored epochs."""
        return 20 if self.subset in EPOCHS_OF_20_S else EPOCH_S


VARIANTS = (
    MassVariant(1, 1),
    MassVariant(2, 1, "CLE", "A2", "Annotations", scores_folder="annotations", others=True),
    MassVariant(1, 2, "CLE", "A2"),
    MassVariant(4, 2, "CLE", "A2", "Annotations"),
    MassVariant(1, 3),
    MassVariant(7, 3, first_onset_s=3.25, others=True),
    MassVariant(1, 4, "CLE", "A1"),
    MassVariant(1, 5, first_onset_s=12.8),
)


def usual(index):
    """Return the recording at an index of a plain cohort: subset 3."""
    return MassVariant(index + 1)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth.

    The recording starts before the first scored epoch and ends after the last, and its seconds are
    not those of the epochs. The channels have another order in every file.
    """
    epoch_s = recording.epoch_s
    scored = round(hours * 3600 / epoch_s)
    night_s = LEAD_S + round(hours * 3600 / EPOCH_S) * EPOCH_S + EPOCH_S
    night = simulate_night(seed, night_s / 3600, RATE_HZ, mains_hz=60)
    first_sample = round((LEAD_S - recording.first_onset_s) * RATE_HZ)
    start_s = first_sample / RATE_HZ
    records = (len(night.signals["ECG"]) - first_sample) // SAMPLES

    channels = channels_of(sources(recording), SAMPLES)
    channels = [channels[i] for i in rng.permutation(len(channels))]
    channels += [
        SimulatedChannel("Resp Nasal", "breath", 64),
        SimulatedChannel("SaO2", "saturation", 4, "%", 100),
    ]
    signals = [edf_signal(c, night, rng, records, RECORD_S, first_sample) for c in channels]
    folder = Path(root) / f"SS{recording.subset}"
    write_edf(folder / f"{recording.name} PSG.edf", signals, recording.name, RECORD_S)

    stages = stages_of(night.states[LEAD_S:], epoch_s)[:scored]
    events = events_within(night.events, start_s, records * RECORD_S)
    truth = Truth(recording.name, stages, events, LEAD_S - start_s, epoch_s)
    if recording.scores_folder:
        folder = Path(root) / recording.scores_folder
    path = folder / f"{recording.name} {recording.scores}.edf"
    write_edf(path, (), recording.name, annotations=_annotations(recording, truth))
    return truth


def sources(recording):
    """Return the signals by label, as names that `derive` takes.

    -CLE and -LER both mean linked ears: one is computed and one recorded.
    """
    electrodes = ["F3", "C3", "O1", "F4", "C4", "O2"]
    if recording.subset in WITHOUT_FRONTAL:
        electrodes = [name for name in electrodes if not name.startswith("F")]
    if recording.mastoid:
        electrodes.append(recording.mastoid)
    chin = {"EMG Chin1": "chin1", "EMG Chin2": "chin2"}
    if recording.subset in ONE_CHIN_SIGNAL:
        chin = {"EMG Chin": "chin"}
    return {
        **{f"EEG {e}-{recording.reference}": f"{e.replace('A', 'M')}-LER" for e in electrodes},
        "EOG Left Horiz": "E1-LER",
        "EOG Right Horiz": "E2-LER",
        **chin,
        "ECG ECGI": "ECG",
    }


def _annotations(recording, truth):
    """Return the stages as annotations, unscored at both ends, and the arousals if asked for."""
    codes = [CODES[stage] for stage in truth.stages]
    if truth.epoch_s == 20:
        fourth = is_stage_4(truth.stages, truth.events, truth.epoch_s, truth.first_s)
        codes = ["4" if is_4 else code for code, is_4 in zip(codes, fourth, strict=True)]
    codes[0] = codes[-1] = "?"
    # A whole number of samples is not exactly 20 or 30 s.
    duration_s = round(truth.epoch_s * RATE_HZ) / RATE_HZ
    annotations = [
        edfio.EdfAnnotation(
            round(truth.first_s + truth.epoch_s * epoch, 5),
            round(duration_s, 5),
            f"Sleep stage {code}",
        )
        for epoch, code in enumerate(codes)
    ]
    if recording.others:
        annotations += [
            edfio.EdfAnnotation(round(event.onset_s, 5), round(event.duration_s, 5), "Arousal")
            for event in truth.events
            if event.kind == "arousal"
        ]
    return annotations
