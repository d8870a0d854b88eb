"""Simulated UCDDB: `ucddb002.rec`, `ucddb002_stage.txt`, and the file of a Holter."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psgvlm.builders.simulate.edf import SimulatedChannel, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import MOVEMENT, UNSCORED, rk_scoring, stages_of_rk
from psgvlm.builders.simulate.truth import Truth, events_within

RATE_HZ = 128
START = datetime(2001, 1, 1, 0, 16, 12)
ARTEFACT, INDETERMINATE, UNDOCUMENTED = 6, 7, 8
CODES = {"W": 0, "R": 1, "1": 2, "2": 3, "3": 4, "4": 5, MOVEMENT: ARTEFACT, UNSCORED: UNDOCUMENTED}
RESPIRATORY_EVENTS = "\nTime  Type PB/CS Duration\n\n00:21:10 HYP-O 20\n"


@dataclass(frozen=True)
class UcddbVariant:
    """A recording of UCDDB and what is particular to its files.

    Parameters
    ----------
    number : int
        Its number.
    sound : str
        The label of the snoring signal.
    holter : bool
        Whether there is a `_lifecard.edf`.
    """

    number: int
    sound: str = "Sound"
    holter: bool = True

    @property
    def name(self) -> str:
        """The path of the recording without suffix: ucddb002."""
        return f"ucddb{self.number:03d}"


VARIANTS = (UcddbVariant(2), UcddbVariant(3, "Soud"), UcddbVariant(14, holter=False))


def usual(index):
    """Return the recording at an index of a plain cohort; the first number of UCDDB is 2."""
    return UcddbVariant(index + 2)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth."""
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=50)
    duration_s = len(night.stages) * EPOCH_S
    root = Path(root)
    signals = [edf_signal(channel, night, rng, duration_s) for channel in channels(recording)]
    write_edf(root / f"{recording.name}.rec", signals, recording.name, start=START)
    holter = f"{recording.name}_lifecard"
    if recording.holter:
        leads = [SimulatedChannel(f"chan {n}", "ECG", RATE_HZ, "mV", 5) for n in (1, 2, 3)]
        signals = [edf_signal(channel, night, rng, duration_s) for channel in leads]
        write_edf(root / f"{holter}.edf", signals, holter, start=START)

    words = rk_scoring(night.stages, night.events)
    codes = [CODES[word] for word in words]
    codes[-1] = INDETERMINATE
    write_text(root / f"{recording.name}_stage.txt", "".join(f"{code}\n" for code in codes))
    write_text(root / f"{recording.name}_respevt.txt", RESPIRATORY_EVENTS)
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=stages_of_rk(words),
        subject=recording.name,
        lanes={"C4-M1": "C4A1", "E1": "Lefteye", "E2": "RightEye", "chin": "EMG"},
        no_nights=(holter,) if recording.holter else (),
    )


def channels(recording):
    """Return the signals in the order of the file."""
    return (
        SimulatedChannel("Lefteye", "E1-M2", 64),
        SimulatedChannel("RightEye", "E2-M1", 64),
        SimulatedChannel("EMG", "chin", 64),
        SimulatedChannel("C3A2", "C3-M2", RATE_HZ),
        SimulatedChannel("C4A1", "C4-M1", RATE_HZ),
        SimulatedChannel("ECG", "ECG", RATE_HZ, limit=3000),
        SimulatedChannel("SpO2", "saturation", 8, "%", 100),
        SimulatedChannel(recording.sound, "breath", 8, "", 1),
        SimulatedChannel("Flow", "breath", 8, "", 1),
        SimulatedChannel("BodyPos", "steps", 8, "", 3),
        SimulatedChannel("Pulse", "pulse", 8, "BPM", 250),
    )
