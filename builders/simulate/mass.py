"""MASS cohort 1: `01-0S-NNNN PSG.edf`, and an EDF+ of nothing but stages."""

from dataclasses import dataclass
from pathlib import Path

import edfio
from psgvlm.builders.simulate.edf import Channel, edf_signal, write_edf
from psgvlm.builders.simulate.hypnogram import EPOCH_S, stages_of
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import is_stage_4
from psgvlm.builders.simulate.truth import Truth, events_within

RECORD_S, SAMPLES = 3.99975, 1024  # 256.016 Hz
RATE_HZ = SAMPLES / RECORD_S
FIRST_ONSET_S = 37.4
LEAD_S = 60  # of the night before the first epoch scored; the record starts within it
CODES = {"W": "W", "N1": "1", "N2": "2", "N3": "3", "R": "R"}
# By subset. Epochs of 20 s are scored by Rechtschaffen and Kales.
EPOCHS_OF_20_S = (2, 4, 5)
ONE_CHIN_SIGNAL = (2, 4)
WITHOUT_FRONTAL = (4,)


@dataclass(frozen=True)
class Recording:
    """A recording and how its files came out.

    reference: what the EEG's labels end in. mastoid: A1 or A2, where that is recorded too.
    scores: what the file of stages is called. scores_folder: where it lies, if not with the
    signals. others: it also holds annotations that are no stages.
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
        """As a reader calls it: 01-03-0001."""
        return f"01-{self.subset:02d}-{self.number:04d}"

    @property
    def epoch_s(self) -> int:
        """How long the scorer's epochs are."""
        return 20 if self.subset in EPOCHS_OF_20_S else EPOCH_S


VARIANTS = (
    Recording(1, 1),
    Recording(2, 1, "CLE", "A2", "Annotations", scores_folder="annotations", others=True),
    Recording(1, 2, "CLE", "A2"),
    Recording(4, 2, "CLE", "A2", "Annotations"),
    Recording(1, 3),
    Recording(7, 3, first_onset_s=3.25, others=True),
    Recording(1, 4, "CLE", "A1"),
    Recording(1, 5, first_onset_s=12.8),
)


def usual(index):
    """The recording at `index` of a plain cohort: subset 3."""
    return Recording(index + 1)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate `recording` and write its files below `root`.

    The record starts and ends outside the scored epochs, whose grid is not that of the record;
    channels stand in another order in every file.
    """
    epoch_s = recording.epoch_s
    scored = round(hours * 3600 / epoch_s)
    night_s = LEAD_S + round(hours * 3600 / EPOCH_S) * EPOCH_S + EPOCH_S
    night = simulate_night(seed, night_s / 3600, RATE_HZ, mains_hz=60)
    first_sample = round((LEAD_S - recording.first_onset_s) * RATE_HZ)
    start_s = first_sample / RATE_HZ
    records = (len(night.signals["ECG"]) - first_sample) // SAMPLES

    channels = [
        Channel(label, source, SAMPLES, limit=3000 if source == "ECG" else 1000)
        for label, source in sources(recording).items()
    ]
    channels = [channels[i] for i in rng.permutation(len(channels))]
    channels += [Channel("Resp Nasal", "breath", 64), Channel("SaO2", "saturation", 4, "%", 100)]
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
    """Label -> what `derive` knows, of the signals a stager needs.

    -CLE and -LER are both linked ears, computed and recorded.
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
    """Stages, unscored at either end, and perhaps the arousals."""
    codes = [CODES[stage] for stage in truth.stages]
    if truth.epoch_s == 20:
        fourth = is_stage_4(truth.stages, truth.events, truth.epoch_s, truth.first_s)
        codes = ["4" if is_4 else code for code, is_4 in zip(codes, fourth, strict=True)]
    codes[0] = codes[-1] = "?"
    duration_s = round(truth.epoch_s * RATE_HZ) / RATE_HZ  # whole samples: not quite 20 or 30 s
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
