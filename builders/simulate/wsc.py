"""Simulated WSC of NSRR: `wsc-visit1-10119-nsrr.edf` with `.stg.txt` or `.allscore.txt`."""

from dataclasses import dataclass
from pathlib import Path

from psgvlm.builders.simulate.clock import time_of_day
from psgvlm.builders.simulate.edf import START, channels_of, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import MOVEMENT, UNSCORED, rk_scoring, runs, stages_of_rk
from psgvlm.builders.simulate.truth import Truth, events_within

RATE_HZ = 200
CODES = {"W": 0, "1": 1, "2": 2, "3": 3, "4": 4, "R": 5, MOVEMENT: 6, UNSCORED: 7}
WORDS = {"W": "W", "1": "N1", "2": "N2", "3": "N3", "4": "N3", "R": "R", MOVEMENT: "MVT",
         UNSCORED: "NO STAGE"}  # fmt: skip
SOURCES = {
    "C3_M2": "C3-M2", "C4_M1": "C4-M1", "F4_M1": "F4-M1", "O2_M1": "O2-M1", "Cz_AVG": "Cz",
    "E1": "E1-M2", "E2": "E2-M2", "chin": "chin", "ECG": "ECG",
}  # fmt: skip


@dataclass(frozen=True)
class WscVariant:
    """A recording of WSC and what is particular to its files.

    Parameters
    ----------
    subject, visit : int
        The numbers of the person and of the visit.
    scores : str
        The end of the name of the scores: "stg.txt" or "allscore.txt".
    header : bool
        Whether the `.stg.txt` has a header.
    first_epoch, hole : int or None
        The first epoch of the `.stg.txt`, and an epoch that it leaves out.
    """

    subject: int
    visit: int = 1
    scores: str = "stg.txt"
    header: bool = True
    first_epoch: int = 0
    hole: int | None = None

    @property
    def name(self) -> str:
        """The path of the recording without suffix: polysomnography/wsc-visit1-10119-nsrr."""
        return f"polysomnography/wsc-visit{self.visit}-{self.subject}-nsrr"


VARIANTS = (
    WscVariant(10119),
    WscVariant(10119, 2, header=False, first_epoch=2, hole=11),
    WscVariant(10226, scores="allscore.txt"),
)


def usual(index):
    """Return the recording at an index of a plain cohort: visit 1."""
    return WscVariant(10119 + index)


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth."""
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=60)
    duration_s = len(night.stages) * EPOCH_S
    channels = channels_of(SOURCES, RATE_HZ)
    signals = [edf_signal(channel, night, rng, duration_s) for channel in channels]
    path = Path(root) / f"{recording.name}.edf"
    write_edf(path, signals, path.stem)
    words = rk_scoring(night.stages, night.events)
    scored = list(stages_of_rk(words))
    if recording.scores == "stg.txt":
        kept = [e for e in range(recording.first_epoch, len(words)) if e != recording.hole]
        lines = ["Epoch\tUser-Defined Stage\tCAST-Defined Stage"] if recording.header else []
        lines += [f"{epoch + 1}\t{CODES[words[epoch]]}\t{CODES[words[epoch]]}" for epoch in kept]
        scored = [stage if epoch in kept else "" for epoch, stage in enumerate(scored)]
    else:
        lines = _events(words)
    text = "".join(f"{line}\r\n" for line in lines)
    write_text(path.with_name(f"{path.stem}.{recording.scores}"), text, "latin-1")
    return Truth(
        recording.name,
        night.stages,
        events_within(night.events, 0, duration_s),
        scored=tuple(scored),
        subject=str(recording.subject),
        lanes={"C4-M1": "C4_M1", "E1": "E1", "E2": "E2", "chin": "chin"},
    )


def _events(words):
    """Return the lines of an `.allscore.txt`: a stage is written where it changes."""
    rows = [(0, "START RECORDING"), (2, "LIGHTS OUT"), (95, "NOTE - EMG gain 50 µV, REM expected")]
    rows += [(EPOCH_S * first, f"STAGE - {word}")
             for first, _, word in runs([WORDS[word] for word in words])]  # fmt: skip
    rows.sort(key=lambda row: row[0])
    return [f"{time_of_day(START, at)}.00\t{text}" for at, text in rows]
