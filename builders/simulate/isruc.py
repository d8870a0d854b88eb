"""Simulated ISRUC-Sleep: `<group>/<s>/<s>.rec`, and a txt and an xlsx for each of two scorers."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from psgvlm.builders.simulate.edf import SimulatedChannel, edf_signal, write_edf
from psgvlm.builders.simulate.files import write_text, write_xlsx
from psgvlm.builders.simulate.hypnogram import EPOCH_S
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import second_scorer
from psgvlm.builders.simulate.truth import Truth, events_within

RATE_HZ = 200
# Labels in the order of the file. I-8 and I-40 are single recordings, unlike all others.
FAMILIES = {
    "A": "LOC-A2 ROC-A1 F3-A2 C3-A2 O1-A2 F4-A1 C4-A1 O2-A1 "
    "X1 X2 X3 X4 X5 X6 DC3 X7 X8 SaO2 DC8",
    "B": "E1-M2 E2-M1 F3-M2 C3-M2 O1-M2 F4-M1 C4-M1 O2-M1 "
    "X1 X2 X3 X4 X5 X6 DC4 X7 X8 SpO2 DC8",
    "C": "E1-M2 E2-M1 F3-M2 C3-M2 O1-M2 F4-M1 C4-M1 O2-M1 "
    "24 25 26 27 28 29 DC01 30 31 SpO2 DC02",
    "B+": "E1-M2 E2-M1 F3-M2 C3-M2 O1-M2 F4-M1 C4-M1 O2-M1 "
    "X1 X2 X3 X4 X5 X6 DC4 X7 X8 SpO2 DC8 X7-X8 DC1 DC2 DC3 DC5",
    "I-8": "LOC-A2 ROC-A1 C3-A2 O1-A2 C4-A1 O2-A1 "
    "X1 X2 X3 X4 X5 X6 DC3 X7 X8 SaO2 DC8",
    "I-40": "ROC A1 LOC A2 C4 O2 C3 O1 F4 F3 "
    "X1 X2 X3 X4 X5 X6 X7 X8 DC8 DC3 SaO2",
}  # fmt: skip
CODES = {"W": 0, "N1": 1, "N2": 2, "N3": 3, "R": 5}
COLUMNS = ("Epoch", "Stage", "SpO2", "HR", "Events", "BPOS", "Txln", "TxEx", "Technote")
FOLDERS = {"I": "subgroupI", "II": "Subgroup_2", "III": "subgroupIII"}


@dataclass(frozen=True)
class IsrucVariant:
    """A recording of ISRUC-Sleep and what is particular to its files.

    Parameters
    ----------
    subject : int
        The number of the subject.
    family : str
        The family of labels, a key of `FAMILIES`.
    group : str
        The subgroup, a key of `FOLDERS`.
    session : int, optional
        1 or 2 in subgroup II, where every subject has two sessions.
    scorers : int
        How many scorers there are.
    xlsx : bool
        Whether there are workbooks. Without them, unscored epochs look like wake.
    header : bool
        Whether the workbooks have a header.
    unscored : str
        The mark of an unscored epoch in the workbooks.
    newline : str
        The line end of the txt files.
    blank_lines : bool
        Whether the txt files have blank lines.
    more_scores : int
        By how many epochs the scores are longer than the signals; negative if they are shorter.
    """

    subject: int
    family: str = "A"
    group: str = "I"
    session: int | None = None
    scorers: int = 2
    xlsx: bool = True
    header: bool = True
    unscored: str = "U"
    newline: str = "\n"
    blank_lines: bool = False
    more_scores: int = 0

    @property
    def name(self) -> str:
        """The name that the reader gives it: I-1, or II-3-1 for the first session of subject 3."""
        parts = (self.group, self.subject, self.session)
        return "-".join(str(part) for part in parts if part)

    @property
    def stem(self) -> Path:
        """The common path of its files: subgroupI/1/1, or Subgroup_2/3/1/1."""
        folder = Path(FOLDERS[self.group], str(self.subject))
        last = str(self.session or self.subject)
        return folder / last / last if self.session else folder / last


VARIANTS = (
    IsrucVariant(1),
    IsrucVariant(2, header=False, newline="\r\n"),
    IsrucVariant(8, "I-8"),
    IsrucVariant(11, "B+"),
    IsrucVariant(13, "B", blank_lines=True),
    IsrucVariant(14, "B", more_scores=7),
    IsrucVariant(17, "B", more_scores=-2),
    IsrucVariant(19, "C", unscored="N"),
    IsrucVariant(20, "B", scorers=1),
    IsrucVariant(40, "I-40"),
    IsrucVariant(3, "B", "II", session=1),
    IsrucVariant(3, "B", "II", session=2),
    IsrucVariant(2, group="III"),
    IsrucVariant(4, group="III", xlsx=False),
)


def usual(index):
    """Return the recording at an index of a plain cohort: three label families take turns."""
    return IsrucVariant(index + 1, "ABC"[index % 3])


def write(root, recording, hours, seed, rng) -> Truth:
    """Simulate a recording and write its files below `root`; return its truth."""
    night = simulate_night(seed, hours, RATE_HZ, mains_hz=50)
    epochs = len(night.stages)
    duration_s = EPOCH_S * (epochs - max(0, recording.more_scores))
    scored = epochs + min(0, recording.more_scores)
    path = Path(root) / recording.stem
    channels = [_channel(label) for label in FAMILIES[recording.family].split()]
    signals = [edf_signal(channel, night, rng, duration_s) for channel in channels]
    write_edf(path.with_suffix(".rec"), signals, recording.name)

    unscored = rng.random(scored) < 0.004
    unscored[-int(rng.integers(2, 6)) :] = True
    stages = np.array(night.stages[:scored])
    readings = (stages, second_scorer(rng, stages))
    for scorer in range(recording.scorers):
        _write_scores(path, recording, scorer + 1, readings[scorer], unscored, rng)
    events = events_within(night.events, 0, duration_s)
    return Truth(recording.name, night.stages[:scored], events)


def _channel(label):
    """Return the simulated signal of a label; X1 (24) is the chin and X2 (25) the ECG."""
    if label in ("SaO2", "SpO2"):
        return SimulatedChannel(label, "saturation", 10, "%", 100)
    if label in ("X1", "24"):
        return SimulatedChannel(label, "chin", RATE_HZ)
    if label in ("X2", "25"):
        return SimulatedChannel(label, "ECG", RATE_HZ, limit=3000)
    if re.match(r"DC|X\d|\d\d", label):
        return SimulatedChannel(label, "steps" if label.startswith("DC") else "breath", 10)
    lane = label.replace("LOC", "E1").replace("ROC", "E2").replace("A", "M")
    return SimulatedChannel(label, lane, RATE_HZ)


def _write_scores(path, recording, scorer, stages, unscored, rng):
    """Write the txt and the xlsx of a scorer. As in the cohort, the txt has wake for unscored."""
    path = path.with_name(f"{path.name}_{scorer}")
    codes = [0 if u else CODES[s] for s, u in zip(stages, unscored, strict=True)]
    lines = [f"{code}{recording.newline}" for code in codes]
    if recording.blank_lines:  # after every tenth epoch and at the end
        lines = [x + recording.newline * (i % 10 == 9) for i, x in enumerate(lines)]
        lines.append(recording.newline)
    write_text(path.with_suffix(".txt"), "".join(lines))
    rows = [
        (epoch + 1, recording.unscored if u else str(s), 96, int(rng.integers(50, 75)), None, "S")
        for epoch, (s, u) in enumerate(zip(stages, unscored, strict=True))
    ]
    if recording.xlsx:
        write_xlsx(path.with_suffix(".xlsx"), [COLUMNS, *rows] if recording.header else rows)
