"""Write small raw recordings in the layouts of the cohorts, with edfio."""

import datetime
import re
import warnings
from pathlib import Path

import edfio
import numpy as np

EPOCH_S = 30
SECRET = (
    "Jane_Q_Doe",
    "H-4711-0815",
    "Dr_Mabuse",
    "FEB-1961",
)  # in every header; no output may contain them
BIRTH_YEAR = re.compile(r"(?<![\w.])1961(?![\w.])")

ISRUC = {
    "A": "LOC-A2 ROC-A1 F3-A2 C3-A2 O1-A2 F4-A1 C4-A1 O2-A1 X1 X2",
    "B": "E1-M2 E2-M1 F3-M2 C3-M2 O1-M2 F4-M1 C4-M1 O2-M1 X1 X2",
    "C": "E1-M2 E2-M1 F3-M2 C3-M2 O1-M2 F4-M1 C4-M1 O2-M1 24 25",
    "I-8": "LOC-A2 ROC-A1 C3-A2 O1-A2 C4-A1 O2-A1 X1 X2",
    "I-40": "ROC A1 LOC A2 C4 O2 C3 O1 F4 F3 X1 X2",
}
ISRUC_CODE = {"W": 0, "N1": 1, "N2": 2, "N3": 3, "R": 5}
MASS = "EEG F4-LER,EEG C4-LER,EEG O2-LER,EOG Left Horiz,EOG Right Horiz,EMG Chin1,EMG Chin2"
NSRR = {0: "Wake|0", 1: "Stage 1 sleep|1", 2: "Stage 2 sleep|2", 3: "Stage 3 sleep|3"}
NSRR |= {4: "Stage 4 sleep|4", 5: "REM sleep|5", 6: "Movement|6", 9: "Unscored|9"}


def noise(seconds: float, rate_hz: float, uv: float = 20.0, seed: int = 0) -> np.ndarray:
    """Return white noise with a standard deviation in µV, which replaces an EEG in these tests."""
    return np.random.default_rng(seed).normal(0, uv, round(seconds * rate_hz)).clip(-490, 490)


def signal(label: str, x: np.ndarray, rate_hz: float, unit: str = "uV", limit: float = 500):
    """Return an EDF signal with the samples `x` in the unit `unit`."""
    return edfio.EdfSignal(
        x, rate_hz, label=label, physical_dimension=unit, physical_range=(-limit, limit)
    )


def write_edf(path: Path, signals, annotations=None, **options) -> Path:
    """Write an EDF, or with annotations an EDF+; its header names a person who does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        edfio.Edf(
            signals,
            patient=edfio.Patient(
                code=SECRET[1], sex="F", birthdate=datetime.date(1961, 2, 3), name=SECRET[0]
            ),
            recording=edfio.Recording(
                startdate=datetime.date(2001, 1, 1), investigator_technician_code=SECRET[2]
            ),
            annotations=annotations,
            **options,
        ).write(path)
    return path


def montage(labels, seconds: float, rate_hz: float = 100):
    """Return a signal of noise for every label, each with different samples."""
    return [
        signal(label, noise(seconds, rate_hz, seed=i), rate_hz) for i, label in enumerate(labels)
    ]


def write_isruc(folder: Path, name: str, stages, family="B", seconds=None, second=None, marks=None):
    """Write `<name>.rec` and `_1.txt`; with `second` also `_2.txt`, with `marks` `_1.xlsx`."""
    seconds = EPOCH_S * len(stages) if seconds is None else seconds
    path = write_edf(folder / f"{name}.rec", montage(ISRUC[family].split(), seconds))
    for scorer, scored in enumerate(filter(None, (stages, second)), start=1):
        lines = "".join(f"{ISRUC_CODE[stage]}\n" for stage in scored)
        (folder / f"{name}_{scorer}.txt").write_text(lines)
    if marks:
        write_xlsx(folder / f"{name}_1.xlsx", marks)
    return path


def write_xlsx(path: Path, marks, header: bool = True) -> Path:
    """Write the workbook of ISRUC, which has a row for each epoch."""
    import openpyxl

    book = openpyxl.Workbook()
    if header:
        book.active.append(["Epoch", "Stage", "SpO2", "HR"])
    for epoch, mark in enumerate(marks, start=1):
        book.active.append([epoch, mark, 96, 60])
    book.save(path)
    return path


def write_mass(
    folder: Path, name: str, codes, first_s=37.4, epoch_s=30.0, labels=MASS, kind="Base", more=()
):
    """Write `<name> PSG.edf`, and `<name> Base.edf` with `Sleep stage X` for each code."""
    seconds = int(first_s + epoch_s * len(codes) + 40)
    path = write_edf(folder / f"{name} PSG.edf", montage(labels.split(","), seconds), ())
    scored = [
        edfio.EdfAnnotation(round(first_s + epoch_s * i, 4), epoch_s - 0.1, f"Sleep stage {code}")
        for i, code in enumerate(codes)
    ]
    write_edf(folder / f"{name} {kind}.edf", (), [*scored, *more])
    return path


def write_shhs(root: Path, stem: str, codes, profusion=True, nsrr=True, signals=None):
    """Write an EDF and its XML files in the folders of NSRR.

    `nsrr` may be codes that differ from those of Profusion.
    """
    visit = stem[:5]
    seconds = EPOCH_S * len(codes)
    signals = signals or [
        signal("SaO2", noise(seconds, 1), 1, "%"),
        signal("EEG(sec)", noise(seconds, 125, seed=1), 125),
        signal("EMG", noise(seconds, 125, seed=2), 125),
        signal("EOG(L)", noise(seconds, 50, seed=3), 50),
        signal("EOG(R)", noise(seconds, 50, seed=4), 50),
        signal("EEG", noise(seconds, 125, seed=5), 125),
    ]
    base = root / "polysomnography"
    path = write_edf(base / "edfs" / visit / f"{stem}.edf", signals)
    if profusion:
        write_profusion(
            base / "annotations-events-profusion" / visit / f"{stem}-profusion.xml", codes
        )
    if nsrr:
        other = codes if nsrr is True else nsrr
        write_nsrr(base / "annotations-events-nsrr" / visit / f"{stem}-nsrr.xml", other)
    return path


def write_profusion(path: Path, codes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    stages = "".join(f"<SleepStage>{code}</SleepStage>" for code in codes)
    path.write_text(f"<CMPStudyConfig><SleepStages>{stages}</SleepStages></CMPStudyConfig>")
    return path


def write_nsrr(path: Path, codes) -> Path:
    """Write an XML with an event for every run of equal codes, and an event of another kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    events, start = ["<ScoredEvent><EventType>Arousals|Arousals</EventType></ScoredEvent>"], 0
    for i in range(1, len(codes) + 1):
        if i == len(codes) or codes[i] != codes[start]:
            events.append(
                "<ScoredEvent><EventType>Stages|Stages</EventType>"
                f"<EventConcept>{NSRR[codes[start]]}</EventConcept>"
                f"<Start>{30.0 * start}</Start><Duration>{30.0 * (i - start)}</Duration>"
                "</ScoredEvent>"
            )
            start = i
    text = "".join(events)
    path.write_text(f"<PSGAnnotation><ScoredEvents>{text}</ScoredEvents></PSGAnnotation>")
    return path


def patch(path: Path, offset: int, content: bytes) -> Path:
    """Overwrite bytes of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)
    return path


def patch_signal(path: Path, name: str, index: int, value: str | bytes) -> Path:
    """Overwrite one field of one signal's header."""
    widths = {"label": 16, "transducer": 80, "unit": 8, "pmin": 8, "pmax": 8, "dmin": 8}
    widths |= {"dmax": 8, "prefilter": 80, "samples": 8, "reserved": 32}
    count = int(path.read_bytes()[252:256])
    start = 256
    for field, width in widths.items():
        if field == name:
            content = value.encode() if isinstance(value, str) else value
            return patch(path, start + width * index, content.ljust(width))
        start += width * count
    raise KeyError(name)


def with_gap(path: Path, gap_after: int = 60, gap_s: int = 45) -> Path:
    """Write an EDF+D of 120 records of 1 s, with a gap of `gap_s` after `gap_after` of them."""
    write_edf(path, [signal("C4-M1", noise(120, 50), 50)], ())
    content = path.read_bytes().replace(b"EDF+C", b"EDF+D", 1)
    for second in range(119, gap_after - 1, -1):
        old = f"+{second}\x14\x14\x00".encode()
        new = f"+{second + gap_s}\x14\x14\x00".encode()
        content = content.replace(old + b"\x00" * (len(new) - len(old)), new, 1)
    path.write_bytes(content)
    return path
