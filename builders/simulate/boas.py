"""Simulated BOAS (OpenNeuro ds005555): BIDS with a PSG and a headband in every night."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from psgvlm.builders.simulate.edf import SimulatedChannel, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import second_scorer
from psgvlm.builders.simulate.truth import Truth, events_within

RATE_HZ = 256
CODES = {"W": 0, "N1": 1, "N2": 2, "N3": 3, "R": 4}
DISCONNECTED, ARTEFACT = 8, -2  # of people, of the algorithm
EEG = {f"PSG_{electrode}": f"{electrode}-LER" for electrode in ("F3", "F4", "C3", "C4", "O1", "O2")}
ONE_EOG, TWO_EOGS = {"PSG_EOG": "E1-E2"}, {"PSG_EOGL": "E1-M1", "PSG_EOGR": "E2-M1"}
HEADBAND = {"HB_1": "F7-LER", "HB_2": "F8-LER"}
COLUMNS = "onset duration begsample endsample offset"


@dataclass(frozen=True)
class BoasVariant:
    """A night of BOAS.

    Parameters
    ----------
    number : int
        The number of the night, which the files call a subject.
    person : int
        The number of the person: `pid` in participants.tsv.
    eogs : int
        1 for one EOG, left minus right, or 2.
    """

    number: int
    person: int
    eogs: int = 1

    @property
    def name(self) -> str:
        """The path of the PSG without suffix: sub-1/eeg/sub-1_task-Sleep_acq-psg_eeg."""
        return self.path("psg")

    def path(self, device: str) -> str:
        """Return the path without suffix of the recording of a device, "psg" or "headband"."""
        return f"sub-{self.number}/eeg/sub-{self.number}_task-Sleep_acq-{device}_eeg"


VARIANTS = (BoasVariant(1, 7), BoasVariant(2, 7), BoasVariant(3, 9), BoasVariant(110, 84, eogs=2))


def usual(index):
    """Return the recording at an index of a plain cohort."""
    return BoasVariant(index + 1, index + 1)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a night and write its files below `root`; return its truth.

    No person scored the recording of the headband.
    """
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=50)
    duration_s = len(night.stages) * EPOCH_S
    psg = EEG | (ONE_EOG if recording.eogs == 1 else TWO_EOGS) | {"PSG_EMG": "chin"}
    people = [CODES[stage] for stage in night.stages]
    disconnected = int(rng.integers(5, len(people) - 1))
    people[disconnected] = DISCONNECTED
    algorithm = [CODES[str(stage)] for stage in second_scorer(rng, night.stages, 0.75)]
    algorithm[disconnected] = ARTEFACT
    scores = {"psg": {"stage_hum": people, "stage_ai": algorithm},
              "headband": {"stage_ai": algorithm}}  # fmt: skip
    for device, sources in (("psg", psg), ("headband", HEADBAND)):
        path = Path(root) / f"{recording.path(device)}.edf"
        channels = [SimulatedChannel(label, source, RATE_HZ) for label, source in sources.items()]
        signals = [edf_signal(channel, night, rng, duration_s) for channel in channels]
        write_edf(path, signals, f"sub-{recording.number}-{device}")
        stem = path.stem.removesuffix("_eeg")
        _write_events(path.with_name(f"{stem}_events.tsv"), scores[device])
        _write_tsv(path.with_name(f"{stem}_channels.tsv"), "name type units",
                   [(c.label, _type(c.label), "uV") for c in channels])  # fmt: skip
    scored = np.array(night.stages)
    scored[disconnected] = ""
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=tuple(scored.tolist()),
        subject=f"person {recording.person}",
        lanes={
            "C4-M1": "PSG_C4",
            "E1": "PSG_EOG" if recording.eogs == 1 else "PSG_EOGL",
            "E2": None if recording.eogs == 1 else "PSG_EOGR",
            "chin": "PSG_EMG",
        },
        no_nights=(recording.path("headband"),),
    )


def write_shared(root, recordings):
    """Write the table of people and the description of the data set."""
    rows = [(f"sub-{recording.number}", recording.person, 40) for recording in recordings]
    _write_tsv(Path(root) / "participants.tsv", "participant_id pid age", rows)
    description = {"Name": "Simulated BOAS", "BIDSVersion": "1.7.0", "License": "CC0"}
    write_text(Path(root) / "dataset_description.json", json.dumps(description) + "\n")


def _type(label):
    return "EOG" if "EOG" in label else "EMG" if "EMG" in label else "EEG"


def _write_events(path, codes):
    """Write the events: one row for each epoch, a column for each scorer."""
    rows = [
        (EPOCH_S * epoch, EPOCH_S, 1 + EPOCH_S * RATE_HZ * epoch, EPOCH_S * RATE_HZ * (epoch + 1),
         0, *row)
        for epoch, row in enumerate(zip(*codes.values(), strict=True))
    ]  # fmt: skip
    _write_tsv(path, f"{COLUMNS} {' '.join(codes)}", rows)


def _write_tsv(path, columns, rows):
    lines = [columns.split(), *rows]
    write_text(path, "".join("\t".join(map(str, line)) + "\n" for line in lines))
