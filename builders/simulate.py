"""Write small synthetic cohorts in the raw layouts of ISRUC-Sleep, MASS and SHHS.

Files, labels, rates, stage codes and their oddities are those a user downloads; the nights come
from `builders.physiology`. What was planted is kept beside the cohorts, in seconds of the record:

    OUT/isruc/subgroupI/1/1.rec, 1_1.txt, 1_2.txt, 1_1.xlsx, 1_2.xlsx
    OUT/mass/SS3/01-03-0001 PSG.edf, 01-03-0001 Base.edf
    OUT/shhs/polysomnography/edfs/shhs1/shhs1-200001.edf (+ both kinds of XML)
    OUT/truth/<cohort>/<recording>.csv, <recording>.stages.csv
"""

import csv
import datetime
import io
import re
import zipfile
import zlib
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from psgvlm.errors import InputError

COHORTS = ("isruc", "mass", "shhs")
EPOCH_S = 30


@dataclass(frozen=True)
class Channel:
    """One signal of a file: its label there, and the simulated lane or slow signal it carries.

    source: a lane of `builders.physiology` or one derived from it (see `derive`), or a key of
    SLOW. samples: how many per data record. unit and limit: the header's dimension and its
    physical maximum (the minimum is its negative).
    """

    label: str
    source: str
    samples: int
    unit: str = "uV"
    limit: float = 1000.0


# --- ISRUC: label families in file order; the first ten carry these lanes, the others are slow ----

ISRUC_LANES = ("E1-M2", "E2-M1", "F3-M2", "C3-M2", "O1-M2", "F4-M1", "C4-M1", "O2-M1",
               "chin", "ECG")  # fmt: skip
ISRUC_FAMILIES = {
    "A": "LOC-A2 ROC-A1 F3-A2 C3-A2 O1-A2 F4-A1 C4-A1 O2-A1 "
    "X1 X2 X3 X4 X5 X6 DC3 X7 X8 SaO2 DC8",
    "B": "E1-M2 E2-M1 F3-M2 C3-M2 O1-M2 F4-M1 C4-M1 O2-M1 "
    "X1 X2 X3 X4 X5 X6 DC4 X7 X8 SpO2 DC8",
    "C": "E1-M2 E2-M1 F3-M2 C3-M2 O1-M2 F4-M1 C4-M1 O2-M1 "
    "24 25 26 27 28 29 DC01 30 31 SpO2 DC02",
}  # fmt: skip
ISRUC_CODES = {"W": 0, "N1": 1, "N2": 2, "N3": 3, "R": 5}
ISRUC_COLUMNS = ("Epoch", "Stage", "SpO2", "HR", "Events", "BPOS", "Txln", "TxEx", "Technote")
ISRUC_RATE = 200

# --- MASS: 1024 samples in 3.99975 s are 256.016 Hz -----------------------------------------------

MASS_RECORD_S, MASS_SAMPLES = 3.99975, 1024
MASS_SIGNALS = {
    **{f"EEG {name}-LER": f"{name}-LER" for name in ("F3", "C3", "O1", "F4", "C4", "O2")},
    "EOG Left Horiz": "E1-LER",
    "EOG Right Horiz": "E2-LER",
    "EMG Chin1": "chin1",
    "EMG Chin2": "chin2",
    "ECG ECGI": "ECG",
}
MASS_FIRST_ONSET_S = 37.4
MASS_CODES = {"W": "W", "N1": "1", "N2": "2", "N3": "3", "R": "R"}

# --- SHHS visit 1 ---------------------------------------------------------------------------------

SHHS_RATE, SHHS_EOG_RATE = 125, 50
SHHS_CHANNELS = (
    Channel("SaO2", "saturation", 1, "%", 100),
    Channel("H.R.", "pulse", 1, "BPM", 250),
    Channel("EEG(sec)", "C3-M2", SHHS_RATE, limit=500),
    Channel("ECG", "ECG", SHHS_RATE, "mV", 2.5),
    Channel("EMG", "chin", SHHS_RATE, limit=500),
    Channel("EOG(L)", "E1-M2", SHHS_EOG_RATE, limit=500),
    Channel("EOG(R)", "E2-M1", SHHS_EOG_RATE, limit=500),
    Channel("EEG", "C4-M1", SHHS_RATE, limit=500),
    Channel("THOR RES", "breath", 10, "", 1),
    Channel("ABDO RES", "breath", 10, "", 1),
    Channel("POSITION", "steps", 1, "", 3),
    Channel("LIGHT", "steps", 1, "", 3),
    Channel("OX STAT", "steps", 1, "", 3),
)
SHHS_CODES = {"W": 0, "N1": 1, "N2": 2, "N3": 3, "R": 5}
SHHS_STAGE_4, SHHS_MOVEMENT, SHHS_UNSCORED = 4, 6, 9
NSRR_CONCEPTS = {
    0: "Wake|0",
    **{stage: f"Stage {stage} sleep|{stage}" for stage in (1, 2, 3, 4)},
    5: "REM sleep|5",
    6: "Movement|6",
    9: "Unscored|9",
}


@dataclass(frozen=True)
class Truth:
    """What was simulated, on the clock of the record: (epoch, onset in s, stage), and events."""

    recording: str
    stages: list[tuple[int, float, str]]
    events: list


# --- signals --------------------------------------------------------------------------------------


def derive(night, name):
    """(samples,) in µV: a lane of the night, or one against the linked ears ("C4-LER"), or one of
    the two chin electrodes ("chin1", "chin2"), which also carry what both have in common."""
    signals = night.signals
    if name in signals:
        return signals[name]
    if name in ("chin1", "chin2"):
        common = signals["M2"] + 0.02 * signals["ECG"]
        return common + signals["chin"] * (0.5 if name == "chin1" else -0.5)
    electrode = name.removesuffix("-LER")
    lane = next(lane for lane in signals if lane.startswith(f"{electrode}-"))
    return signals[lane] + signals[lane[-2:]] - (signals["M1"] + signals["M2"]) / 2


def _saturation(rng, t):
    return np.clip(96 + np.cumsum(rng.normal(0, 0.02, len(t))), 88, 99)


def _pulse(rng, t):
    return 62 + 6 * np.sin(2 * np.pi * t / 5400) + rng.normal(0, 1.5, len(t))


def _breath(rng, t):
    return 0.4 * np.sin(2 * np.pi * rng.uniform(0.2, 0.3) * t) + rng.normal(0, 0.03, len(t))


def _steps(rng, t):
    return rng.integers(0, 3, int(t[-1] // 3600) + 1)[(t // 3600).astype(int)]


SLOW = {"saturation": _saturation, "pulse": _pulse, "breath": _breath, "steps": _steps}


def _edf_signal(channel, night, rng, record_s, records, first_sample=0):
    """`channel` over `records` data records, as 16-bit samples."""
    import edfio

    rate_hz = channel.samples / record_s
    count = channel.samples * records
    if channel.source in SLOW:
        x = SLOW[channel.source](rng, np.arange(count) / rate_hz)
    else:
        x = derive(night, channel.source)[first_sample:]
        if rate_hz != night.rate_hz:
            from scipy.signal import resample_poly

            x = resample_poly(x, channel.samples, round(night.rate_hz * record_s))
        x = x[:count] * (1e-3 if channel.unit == "mV" else 1)
    digital = np.clip(np.rint(x * (32767 / channel.limit)), -32767, 32767).astype(np.int16)
    return edfio.EdfSignal.from_digital(
        digital,
        channel.samples,  # as if records lasted a second, see _write_edf
        label=channel.label,
        physical_dimension=channel.unit,
        physical_range=(-channel.limit, channel.limit),
        digital_range=(-32767, 32767),
    )


def _write_edf(path, signals, recording, record_s=1, annotations=None):
    import edfio

    edf = edfio.Edf(
        signals,
        patient=edfio.Patient(code=f"SIM-{recording}".replace(" ", "_")),
        recording=edfio.Recording(
            startdate=datetime.date(2001, 1, 1), equipment_code="simulated_not_a_person"
        ),
        starttime=datetime.time(22, 30),
        annotations=annotations,
    )
    with _beside(path) as part:
        edf.write(part)
        if record_s != 1:
            # edfio compares durations as floats and so refuses every sixth length of a record
            # that lasts 3.99975 s; put the true duration into the finished header instead
            with part.open("r+b") as file:
                file.seek(244)
                file.write(f"{record_s:<8}".encode())


@contextmanager
def _beside(path):
    """A path to write to, renamed to `path` once complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    yield part
    part.replace(path)


def _write_text(path, text):
    with _beside(path) as part:
        part.write_bytes(text.encode())


# --- scoring --------------------------------------------------------------------------------------


def second_scorer(rng, stages, agreement=0.85):
    """A second reading of the same night, (epochs,) of str.

    Scorers differ mostly where the stage changes, and there they take the stage of the epoch
    beside; elsewhere they slip into a stage that resembles it.
    """
    stages = np.asarray(stages)
    resembles = {"W": ("N1",), "N1": ("W", "N2", "R"), "N2": ("N1", "N3"), "N3": ("N2",),
                 "R": ("N1", "N2")}  # fmt: skip
    before, after = np.r_[stages[:1], stages[:-1]], np.r_[stages[1:], stages[-1:]]
    border = (before != stages) | (after != stages)
    chance = np.where(border, 5.0, 1.0)
    chance = np.minimum(chance * (1 - agreement) / chance.mean(), 0.6)
    second = stages.copy()
    for epoch in np.flatnonzero(rng.random(len(stages)) < chance):
        beside = [s for s in (before[epoch], after[epoch]) if s != stages[epoch]]
        second[epoch] = rng.choice(beside or resembles[stages[epoch]])
    return second


def _write_isruc_scores(folder, subject, scorer, stages, unscored, rng):
    """The TXT has no code for an unscored epoch and stores wake; the XLSX says U."""
    codes = [0 if u else ISRUC_CODES[s] for s, u in zip(stages, unscored, strict=True)]
    _write_text(folder / f"{subject}_{scorer}.txt", "".join(f"{code}\n" for code in codes))
    rows = [
        (epoch + 1, "U" if u else str(s), 96, int(rng.integers(50, 75)), None, "S")
        for epoch, (s, u) in enumerate(zip(stages, unscored, strict=True))
    ]
    _write_xlsx(folder / f"{subject}_{scorer}.xlsx", [ISRUC_COLUMNS, *rows])


def _write_xlsx(path, rows: Iterable):
    """One sheet. openpyxl stamps the time of writing into the file; take it out again."""
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    for row in rows:
        sheet.append(row)
    stamped = io.BytesIO()
    book.save(stamped)
    with (
        _beside(path) as part,
        zipfile.ZipFile(stamped) as source,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT[\d:]+Z", b"2001-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)


# --- cohorts: (root, index from 0, hours, seed, rng) -> Truth -------------------------------------


def write_isruc(root, index, hours, seed, rng):
    """Subject index + 1 of subgroup I; the label families take turns."""
    from builders.physiology import simulate_night

    night = simulate_night(seed, hours, ISRUC_RATE, mains_hz=50)
    subject = index + 1
    folder = root / "subgroupI" / str(subject)
    labels = list(ISRUC_FAMILIES.values())[index % len(ISRUC_FAMILIES)].split()
    channels = [
        Channel(label, lane, ISRUC_RATE, limit=3000 if lane == "ECG" else 1000)
        for label, lane in zip(labels, ISRUC_LANES, strict=False)
    ]
    for label in labels[len(ISRUC_LANES) :]:
        if label in ("SaO2", "SpO2"):
            channels.append(Channel(label, "saturation", 10, "%", 100))
        else:
            channels.append(Channel(label, "steps" if label.startswith("DC") else "breath", 10))
    records = len(night.stages) * EPOCH_S
    signals = [_edf_signal(channel, night, rng, 1, records) for channel in channels]
    _write_edf(folder / f"{subject}.rec", signals, f"I-{subject}")

    unscored = rng.random(len(night.stages)) < 0.004
    unscored[-int(rng.integers(2, 6)) :] = True
    readings = (np.array(night.stages), second_scorer(rng, night.stages))
    for scorer, stages in enumerate(readings, start=1):
        _write_isruc_scores(folder, subject, scorer, stages, unscored, rng)
    return Truth(f"I-{subject}", _grid(night.stages), night.events)


def write_mass(root, index, hours, seed, rng):
    """Subject index + 1 of SS3. The record starts and ends outside the scored epochs, whose grid
    is not that of the record; channels stand in another order in every file."""
    import edfio

    from builders.physiology import simulate_night

    rate_hz = MASS_SAMPLES / MASS_RECORD_S
    scored = round(hours * 3600 / EPOCH_S)
    lead = 2  # epochs of the night before the first one scored; the record starts within the first
    night = simulate_night(seed, (scored + lead + 1) * EPOCH_S / 3600, rate_hz, mains_hz=60)
    first_sample = round((lead * EPOCH_S - MASS_FIRST_ONSET_S) * rate_hz)
    start_s = first_sample / rate_hz
    records = (len(night.signals["ECG"]) - first_sample) // MASS_SAMPLES

    channels = [
        Channel(label, lane, MASS_SAMPLES, limit=3000 if lane == "ECG" else 1000)
        for label, lane in MASS_SIGNALS.items()
    ]
    channels = [channels[i] for i in rng.permutation(len(channels))]
    channels += [Channel("Resp Nasal", "breath", 64), Channel("SaO2", "saturation", 4, "%", 100)]
    signals = [_edf_signal(c, night, rng, MASS_RECORD_S, records, first_sample) for c in channels]
    recording = f"01-03-{index + 1:04d}"
    folder = root / "SS3"
    _write_edf(folder / f"{recording} PSG.edf", signals, recording, MASS_RECORD_S)

    stages = night.stages[lead : lead + scored]
    first_s = lead * EPOCH_S - start_s
    unscored = {0, scored - 1}
    epoch_s = round(EPOCH_S * rate_hz) / rate_hz  # whole samples, so not quite 30 s
    annotations = [
        edfio.EdfAnnotation(
            round(first_s + EPOCH_S * epoch, 5),
            round(epoch_s, 5),
            f"Sleep stage {'?' if epoch in unscored else MASS_CODES[stage]}",
        )
        for epoch, stage in enumerate(stages)
    ]
    _write_edf(folder / f"{recording} Base.edf", (), recording, annotations=annotations)
    stop_s = records * MASS_RECORD_S
    events = [replace(event, onset_s=event.onset_s - start_s) for event in night.events]
    events = [e for e in events if e.onset_s >= 0 and e.onset_s + e.duration_s <= stop_s]
    return Truth(recording, _grid(stages, first_s), events)


def write_shhs(root, index, hours, seed, rng):
    """Visit 1 of subject 200001 + index, staged by Rechtschaffen and Kales."""
    from builders.physiology import simulate_night

    night = simulate_night(seed, hours, SHHS_RATE, mains_hz=60)
    recording = f"shhs1-{200001 + index}"
    base = root / "polysomnography"
    records = len(night.stages) * EPOCH_S
    signals = [_edf_signal(channel, night, rng, 1, records) for channel in SHHS_CHANNELS]
    _write_edf(base / "edfs" / "shhs1" / f"{recording}.edf", signals, recording)
    codes = _shhs_codes(night, rng)
    for kind, document in (("nsrr", _nsrr_xml(codes, night)), ("profusion", _profusion_xml(codes))):
        ElementTree.indent(document)
        text = ElementTree.tostring(document, encoding="unicode")
        path = base / f"annotations-events-{kind}" / "shhs1" / f"{recording}-{kind}.xml"
        _write_text(path, f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n')
    return Truth(recording, _grid(night.stages), night.events)


def _shhs_codes(night, rng):
    """Stage 4 where slow waves fill half of an N3 epoch; a few movement and unscored epochs."""
    epochs = len(night.stages)
    seconds = {kind: np.zeros(epochs) for kind in ("slow_wave", "movement")}
    for event in night.events:
        if event.kind in seconds:
            seconds[event.kind][int(event.onset_s // EPOCH_S)] += event.duration_s
    codes = np.array([SHHS_CODES[stage] for stage in night.stages])
    codes[(codes == 3) & (seconds["slow_wave"] > EPOCH_S / 2)] = SHHS_STAGE_4
    most_movement = np.argsort(-seconds["movement"], kind="stable")[: max(1, epochs // 250)]
    codes[most_movement] = SHHS_MOVEMENT
    codes[-int(rng.integers(2, 5)) :] = SHHS_UNSCORED
    return codes.tolist()


def _profusion_xml(codes):
    root = ElementTree.Element("CMPStudyConfig")
    ElementTree.SubElement(root, "EpochLength").text = str(EPOCH_S)
    stages = ElementTree.SubElement(root, "SleepStages")
    for code in codes:
        ElementTree.SubElement(stages, "SleepStage").text = str(code)
    return root


def _nsrr_xml(codes, night):
    """One event per run of equal stages, and the arousals."""
    root = ElementTree.Element("PSGAnnotation")
    ElementTree.SubElement(root, "SoftwareVersion").text = "Compumedics"
    ElementTree.SubElement(root, "EpochLength").text = str(EPOCH_S)
    scored = ElementTree.SubElement(root, "ScoredEvents")

    def add(event_type, concept, start_s, duration_s):
        event = ElementTree.SubElement(scored, "ScoredEvent")
        fields = {"EventType": event_type, "EventConcept": concept}
        fields |= {"Start": f"{start_s:.1f}", "Duration": f"{duration_s:.1f}"}
        for name, value in fields.items():
            ElementTree.SubElement(event, name).text = value

    add("", "Recording Start Time", 0, len(codes) * EPOCH_S)
    for event in night.events:
        if event.kind == "arousal":
            add("Arousals|Arousals", "Arousal|Arousal ()", event.onset_s, event.duration_s)
    borders = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
    for start, stop in pairwise(borders):
        concept = NSRR_CONCEPTS[codes[start]]
        add("Stages|Stages", concept, start * EPOCH_S, (stop - start) * EPOCH_S)
    return root


def _grid(stages, first_s=0.0):
    return [(epoch, first_s + EPOCH_S * epoch, stage) for epoch, stage in enumerate(stages)]


WRITERS = {"isruc": write_isruc, "mass": write_mass, "shhs": write_shhs}


# --- cohorts of many ------------------------------------------------------------------------------


def write_recording(cohort, root, hours, seed, index):
    """One recording of a cohort and its truth. Returns the recording's name."""
    entropy = np.random.SeedSequence([seed, zlib.crc32(cohort.encode()), index])
    night_seed, writer_seed = (int(word) for word in entropy.generate_state(2, np.uint64))
    rng = np.random.default_rng(writer_seed)
    truth = WRITERS[cohort](Path(root) / cohort, index, hours, night_seed, rng)
    folder = Path(root) / "truth" / cohort
    events = [
        (e.kind, e.channel, f"{e.onset_s:.4f}", f"{e.duration_s:.4f}", f"{e.amplitude_uv:.2f}")
        for e in truth.events
    ]
    stages = [(epoch, f"{onset_s:.4f}", stage) for epoch, onset_s, stage in truth.stages]
    header = ("kind", "channel", "onset_s", "duration_s", "amplitude_uv")
    _write_csv(folder / f"{truth.recording}.csv", header, events)
    _write_csv(folder / f"{truth.recording}.stages.csv", ("epoch", "onset_s", "stage"), stages)
    return truth.recording


def _write_csv(path, header, rows):
    with _beside(path) as part, part.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_cohort(cohort, root, subjects, hours=8.0, seed=0, workers=1, done=None):
    """Write `subjects` recordings of `hours` scored hours each under `root`; returns their names.

    The files depend on cohort, index, hours and seed alone, not on the number of workers. `done`
    is called with each name once that recording is written.
    """
    write = partial(write_recording, cohort, root, hours, seed)
    names = []
    with ProcessPoolExecutor(workers) as pool:
        for name in (
            pool.map(write, range(subjects)) if workers > 1 else map(write, range(subjects))
        ):
            names.append(name)
            if done:
                done(name)
    return names


def add_arguments(parser):
    """The command's options on an argparse parser."""
    parser.add_argument("out", type=Path, help="folder to write the cohorts to")
    parser.add_argument("--cohorts", nargs="+", choices=COHORTS, default=list(COHORTS))
    parser.add_argument("--subjects", type=int, default=6, help="recordings in each cohort")
    parser.add_argument("--hours", type=float, default=8.0, help="scored hours in each recording")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1, help="recordings written at a time")


def run(args):
    """Write the cohorts that `args` (of `add_arguments`) asks for. Returns the exit status."""
    from tqdm import tqdm

    if args.hours < 0.25 or args.subjects < 1:
        raise InputError(
            f"--hours {args.hours:g} --subjects {args.subjects}: nothing to simulate; "
            "expected at least 0.25 hours and 1 subject"
        )
    with tqdm(total=len(args.cohorts) * args.subjects, unit="night") as bar:
        for cohort in args.cohorts:
            bar.set_description(cohort)
            write_cohort(
                cohort, args.out, args.subjects, args.hours, args.seed, args.workers,
                done=lambda _: bar.update(),
            )  # fmt: skip
    return 0


def main(argv=None):
    """Parse `argv` and write."""
    import argparse

    parser = argparse.ArgumentParser(
        "python -m builders simulate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    return run(parser.parse_args(argv))
