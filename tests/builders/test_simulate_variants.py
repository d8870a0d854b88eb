"""One recording of every kind of the three cohorts: its files and what they hold."""

import csv
import warnings
from collections import Counter
from xml.etree import ElementTree

import edfio
import numpy as np
import openpyxl
import pytest
from psgvlm.builders import simulate
from psgvlm.builders.simulate import isruc, mass, shhs
from psgvlm.builders.simulate.cohorts import streams, variant_key, variants
from psgvlm.builders.simulate.edf import derive
from psgvlm.builders.simulate.hypnogram import stages_of
from psgvlm.builders.simulate.night import simulate_night

from psgvlm.commands import simulate as command
from psgvlm.errors import InputError

SEED, HOURS = 1, 0.5
NAMES = {
    "isruc": "I-1 I-2 I-8 I-11 I-13 I-14 I-17 I-19 I-20 I-40 II-3-1 II-3-2 III-2 III-4",
    "mass": "01-01-0001 01-01-0002 01-02-0001 01-02-0004 01-03-0001 01-03-0007 01-04-0001 "
    "01-05-0001",
    "shhs": "shhs1-200001 shhs2-200001 shhs1-200002 shhs2-200002 shhs1-200003 shhs1-200004 "
    "shhs1-200005",
}
CUT_SHORT = "shhs1-200005"
RECORDINGS = {r.name: r for module in (isruc, mass, shhs) for r in module.VARIANTS}
COHORT_OF = {name: cohort for cohort, names in NAMES.items() for name in names.split()}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("variants")
    names = simulate.write_variants(root, HOURS, SEED)
    assert names == {cohort: words.split() for cohort, words in NAMES.items()}
    return root


def signal_file(root, name):
    if COHORT_OF[name] == "isruc":
        return (root / "isruc" / RECORDINGS[name].stem).with_suffix(".rec")
    suffix = " PSG.edf" if COHORT_OF[name] == "mass" else ".edf"
    (path,) = root.rglob(f"{name}{suffix}")
    return path


def read(root, name):
    with warnings.catch_warnings():
        if name == CUT_SHORT:
            warnings.filterwarnings("ignore", "(Incomplete data|EDF header indicates)")
        return edfio.read_edf(signal_file(root, name))


def truth_of(root, name, what=""):
    with (root / "truth" / COHORT_OF[name] / f"{name}{what}.csv").open() as file:
        return list(csv.DictReader(file))


def simulated(name, rate_hz):
    """Simulate the night of a recording again, at the rate of the recording."""
    night_seed, _ = streams(SEED, variant_key(COHORT_OF[name], RECORDINGS[name]))
    lead_s = mass.LEAD_S + 30 if COHORT_OF[name] == "mass" else 0
    mains_hz = 50 if COHORT_OF[name] == "isruc" else 60
    return simulate_night(night_seed, HOURS + lead_s / 3600, rate_hz, mains_hz)


# --- all of them ----------------------------------------------------------------------------------


def test_every_recording_has_its_truth_and_the_tree_is_small(root):
    stages = {p.name.removesuffix(".stages.csv") for p in root.glob("truth/*/*.stages.csv")}
    assert stages == set(COHORT_OF)
    assert len(list(root.glob("truth/*/*.csv"))) == 2 * len(stages)
    assert not list(root.rglob("*.part"))
    assert sum(p.stat().st_size for p in root.rglob("*") if p.is_file()) < 250e6
    for name in COHORT_OF:
        assert {row["stage"] for row in truth_of(root, name, ".stages")} <= {
            "W", "N1", "N2", "N3", "R"
        }  # fmt: skip


def blink_lag(x, rate_hz, events, most=12):
    """By how many samples the blinks of E1 come after their place in `events`.

    The lag at which the known shape of all blinks together fits the slope of `x` best.
    """
    fit = np.zeros(2 * most + 1)
    slope = np.diff(x)
    for event in events:
        onset_s, duration_s = float(event["onset_s"]), float(event["duration_s"])
        first = int(np.ceil(onset_s * rate_hz)) - 1
        t = np.arange(first, int((onset_s + duration_s) * rate_hz) + 2) / rate_hz - onset_s
        phase = np.clip(t / duration_s, 0, 1)
        shape = float(event["amplitude_uv"]) * np.diff(np.cos(2 * np.pi * phase))
        if first >= most and first + most + len(shape) < len(slope):
            around = slope[first - most : first + most + len(shape)]
            fit += np.correlate(around, shape, "valid")
    best = int(np.argmax(fit))
    before, at, after = fit[best - 1 : best + 2]
    return best - most + (before - after) / (before - 2 * at + after) / 2


@pytest.mark.parametrize("name", COHORT_OF)
def test_planted_events_stand_where_the_truth_says(root, name):
    edf = read(root, name)
    label = next(
        x for x in ("E1-M2", "LOC-A2", "LOC", "EOG Left Horiz", "EOG(L)") if x in edf.labels
    )
    signal = edf.get_signal(label)
    x = signal.data - edf.get_signal("A2").data if label == "LOC" else signal.data
    events = truth_of(root, name)
    assert min(float(e["onset_s"]) for e in events) >= 0
    assert max(float(e["onset_s"]) + float(e["duration_s"]) for e in events) <= edf.duration
    blinks = [e for e in events if e["kind"] == "blink"]
    assert len(blinks) >= 8
    assert abs(blink_lag(x, signal.sampling_frequency, blinks)) < 1


@pytest.mark.parametrize("name", [n for n in COHORT_OF if COHORT_OF[n] != "shhs"])
def test_signals_are_those_of_the_night_from_the_first_sample_to_the_last(root, name):
    """Signals that are derived as a reader does agree within two steps of 16 bits."""
    edf = read(root, name)

    def signal(label):
        return edf.get_signal(label).data

    rate_hz = edf.get_signal(edf.labels[0]).sampling_frequency
    step_uv = 2 * 1000 / 32767
    if COHORT_OF[name] == "mass":
        night = simulated(name, mass.RATE_HZ)
        assert rate_hz == mass.RATE_HZ == 1024 / 3.99975
        first = round((mass.LEAD_S - RECORDINGS[name].first_onset_s) * mass.RATE_HZ)
        ref = RECORDINGS[name].reference
        found = {"C4 - C3": signal(f"EEG C4-{ref}") - signal(f"EEG C3-{ref}")}
        expected = {"C4 - C3": derive(night, "C4") - derive(night, "C3")}
        if RECORDINGS[name].mastoid == "A2":
            found["C3-M2"] = signal("EEG C3-CLE") - signal("EEG A2-CLE")
        elif RECORDINGS[name].mastoid == "A1":
            found["C4-M1"] = signal("EEG C4-CLE") - signal("EEG A1-CLE")
        if "EMG Chin" in edf.labels:
            found["chin"] = signal("EMG Chin")
        else:
            found["chin"] = signal("EMG Chin1") - signal("EMG Chin2")
        count = edf.num_data_records * mass.SAMPLES
    else:
        night, first, expected = simulated(name, 200), 0, {}
        assert rate_hz == 200
        if RECORDINGS[name].family == "I-40":
            found = {"C4-M1": signal("C4") - signal("A1"), "F3-M2": signal("F3") - signal("A2"),
                     "E2-M1": signal("ROC") - signal("A1"), "chin": signal("X1")}  # fmt: skip
        else:
            old = "C4-A1" in edf.labels
            found = {
                "C4-M1": signal("C4-A1" if old else "C4-M1"),
                "O1-M2": signal("O1-A2" if old else "O1-M2"),
                "E2-M1": signal("ROC-A1" if old else "E2-M1"),
                "chin": signal("24" if "24" in edf.labels else "X1"),
            }
        count = int(edf.duration * 200)
    for lane, x in found.items():
        truth = expected[lane] if lane in expected else night.signals[lane]
        truth = truth[first : first + count]
        assert len(x) == count == len(truth)
        whole = np.abs(truth) < 900  # beyond it, the file may be clipped
        assert whole.mean() > 0.99
        assert np.abs(x - truth)[whole].max() < step_uv, lane


def test_variants_are_the_same_bytes_whatever_the_number_of_workers(tmp_path):
    for workers in (1, 2):
        simulate.write_variants(tmp_path / str(workers), 0.25, 2, ["shhs"], workers)
    files = [p for p in (tmp_path / "1").rglob("*") if p.is_file()]
    assert len(files) == 7 + 12 + 2 * 7
    for path in files:
        twin = tmp_path / "2" / path.relative_to(tmp_path / "1")
        assert path.read_bytes() == twin.read_bytes()


def test_a_variant_does_not_depend_on_the_others():
    keys = [variant_key(cohort, r) for cohort in NAMES for r in variants(cohort)]
    assert len(set(keys)) == len(keys) == len(COHORT_OF)
    assert len({streams(1, key) for key in keys}) == len(keys)


def test_command_writes_variants(tmp_path):
    args = [str(tmp_path / "raw"), "--variants", "--cohorts", "shhs", "--hours", "0.25"]
    assert command.main(args) == 0
    written = {p.name.removesuffix(".stages.csv") for p in tmp_path.rglob("*.stages.csv")}
    assert written == set(NAMES["shhs"].split())
    with pytest.raises(InputError, match="expected --variants without --subjects"):
        command.main([str(tmp_path / "other"), "--variants", "--subjects", "2"])
    assert not (tmp_path / "other").exists()


# --- ISRUC ----------------------------------------------------------------------------------------

OLD = "LOC-A2 ROC-A1 F3-A2 C3-A2 O1-A2 F4-A1 C4-A1 O2-A1 X1 X2 X3 X4 X5 X6 DC3 X7 X8 SaO2 DC8"
NEW = "E1-M2 E2-M1 F3-M2 C3-M2 O1-M2 F4-M1 C4-M1 O2-M1 "
LABELS = {
    "I-1": OLD,
    "III-2": OLD,
    "II-3-1": f"{NEW}X1 X2 X3 X4 X5 X6 DC4 X7 X8 SpO2 DC8",
    "I-11": f"{NEW}X1 X2 X3 X4 X5 X6 DC4 X7 X8 SpO2 DC8 X7-X8 DC1 DC2 DC3 DC5",
    "I-19": f"{NEW}24 25 26 27 28 29 DC01 30 31 SpO2 DC02",
    "I-8": OLD.replace("F3-A2 ", "").replace("F4-A1 ", ""),
    "I-40": "ROC A1 LOC A2 C4 O2 C3 O1 F4 F3 X1 X2 X3 X4 X5 X6 X7 X8 DC8 DC3 SaO2",
}


@pytest.mark.parametrize("name", LABELS)
def test_isruc_labels(root, name):
    edf = read(root, name)
    assert " ".join(edf.labels) == LABELS[name]
    rates = {s.label: s.sampling_frequency for s in edf.signals}
    heart = "25" if name == "I-19" else "X2"
    assert {label for label, rate_hz in rates.items() if rate_hz == 200} == {
        label for label in edf.labels if label[0] in "ACEFLOR" or label in ("X1", "24", heart)
    }
    assert edf.get_signal(heart).data.max() > 400  # a heart, not a muscle


def isruc_scores(root, name, scorer=1):
    """Return the lines of the txt and the rows of the xlsx."""
    stem = root / "isruc" / RECORDINGS[name].stem
    lines = stem.with_name(f"{stem.name}_{scorer}.txt").read_bytes().decode()
    book = openpyxl.load_workbook(stem.with_name(f"{stem.name}_{scorer}.xlsx"))
    return lines, list(book["Sheet1"].iter_rows(values_only=True))


@pytest.mark.parametrize("name", [n for n in NAMES["isruc"].split() if n != "III-4"])
def test_isruc_scores(root, name):
    recording = RECORDINGS[name]
    lines, rows = isruc_scores(root, name)
    epochs = 60 + min(0, recording.more_scores)
    assert (rows[0] == isruc.COLUMNS) == recording.header == (name != "I-2")
    marks = [row[1] for row in rows[recording.header :]]
    assert [row[0] for row in rows[recording.header :]] == list(range(1, epochs + 1))
    unscored = "N" if name == "I-19" else "U"
    assert set(marks) <= {"W", "N1", "N2", "N3", "R", unscored} and unscored in marks
    assert ("\r\n" in lines) == (name == "I-2")
    blank = lines.split("\n").count("")
    assert blank == (8 if name == "I-13" else 1)  # after every tenth epoch, at the end, the last LF
    codes = lines.split()
    code_of = {"W": "0", "N1": "1", "N2": "2", "N3": "3", "R": "5", unscored: "0"}
    assert codes == [code_of[mark] for mark in marks]
    truth = [row["stage"] for row in truth_of(root, name, ".stages")]
    assert all(m in (t, unscored) for m, t in zip(marks, truth, strict=True))


def test_isruc_scores_and_signal_of_different_length(root):
    for name, signal_epochs, scored in (("I-14", 53, 60), ("I-17", 60, 58), ("I-13", 60, 60)):
        assert read(root, name).duration == 30 * signal_epochs
        assert len(isruc_scores(root, name)[0].split()) == scored
        assert len(truth_of(root, name, ".stages")) == scored
    marks = [row[1] for row in isruc_scores(root, "I-14")[1][1:]]
    assert set(marks[53:]) & {"W", "N1", "N2", "N3", "R"}  # scored, where no signal is


def test_isruc_files_that_are_not_there(root):
    one, no_xlsx = root / "isruc" / "subgroupI" / "20", root / "isruc" / "subgroupIII" / "4"
    assert sorted(p.name for p in one.iterdir()) == ["20.rec", "20_1.txt", "20_1.xlsx"]
    assert sorted(p.name for p in no_xlsx.iterdir()) == ["4.rec", "4_1.txt", "4_2.txt"]
    # without the xlsx, the last epochs look like wake
    codes = (no_xlsx / "4_1.txt").read_text().split()
    truth = [str(isruc.CODES[row["stage"]]) for row in truth_of(root, "III-4", ".stages")]
    differ = [i for i in range(60) if codes[i] != truth[i]]
    assert set(codes[-2:]) == {"0"} and {codes[i] for i in differ} <= {"0"}


def test_isruc_two_sessions_of_a_subject(root):
    folder = root / "isruc" / "Subgroup_2" / "3"
    for session in "12":
        assert sorted(p.name for p in (folder / session).iterdir()) == [
            f"{session}.rec", f"{session}_1.txt", f"{session}_1.xlsx",
            f"{session}_2.txt", f"{session}_2.xlsx",
        ]  # fmt: skip
    assert truth_of(root, "II-3-1") != truth_of(root, "II-3-2")


# --- MASS -----------------------------------------------------------------------------------------

MASS_FILES = {
    "01-01-0001": ("SS1", "SS1/01-01-0001 Base.edf"),
    "01-01-0002": ("SS1", "annotations/01-01-0002 Annotations.edf"),
    "01-02-0001": ("SS2", "SS2/01-02-0001 Base.edf"),
    "01-02-0004": ("SS2", "SS2/01-02-0004 Annotations.edf"),
    "01-03-0001": ("SS3", "SS3/01-03-0001 Base.edf"),
    "01-03-0007": ("SS3", "SS3/01-03-0007 Base.edf"),
    "01-04-0001": ("SS4", "SS4/01-04-0001 Base.edf"),
    "01-05-0001": ("SS5", "SS5/01-05-0001 Base.edf"),
}


@pytest.mark.parametrize("name", MASS_FILES)
def test_mass_labels(root, name):
    folder, _ = MASS_FILES[name]
    path = signal_file(root, name)
    assert path.relative_to(root / "mass").as_posix() == f"{folder}/{name} PSG.edf"
    labels = set(read(root, name).labels)
    suffix = "CLE" if name in ("01-01-0002", "01-02-0001", "01-02-0004", "01-04-0001") else "LER"
    eeg = {"SS4": "C3 C4 O1 O2 A1"}.get(folder, "F3 C3 O1 F4 C4 O2")
    eeg += " A2" if suffix == "CLE" and folder != "SS4" else ""
    chin = {"EMG Chin"} if folder in ("SS2", "SS4") else {"EMG Chin1", "EMG Chin2"}
    others = {"EOG Left Horiz", "EOG Right Horiz", "ECG ECGI", "Resp Nasal", "SaO2"}
    assert labels == {f"EEG {x}-{suffix}" for x in eeg.split()} | chin | others


@pytest.mark.parametrize("name", MASS_FILES)
def test_mass_stages(root, name):
    folder, file = MASS_FILES[name]
    twenty = folder in ("SS2", "SS4", "SS5")
    epoch_s = 20 if twenty else 30
    found = edfio.read_edf(root / "mass" / file).annotations
    scores = [a for a in found if a.text.startswith("Sleep stage ")]
    rest = {a.text for a in found} - {a.text for a in scores}
    assert rest == ({"Arousal"} if name in ("01-01-0002", "01-03-0007") else set())

    truth = truth_of(root, name, ".stages")
    assert len(scores) == len(truth) == (90 if twenty else 60)
    onset_s = np.array([a.onset for a in scores])
    np.testing.assert_allclose(onset_s, [float(row["onset_s"]) for row in truth], atol=1e-3)
    np.testing.assert_allclose(np.diff(onset_s), epoch_s, atol=1e-4)
    first_s = {"01-03-0007": 3.25, "01-05-0001": 12.8}.get(name, 37.4)
    assert onset_s[0] == pytest.approx(first_s, abs=0.5 / 256)
    assert {a.duration for a in scores} == {19.99875 if twenty else 29.99813}
    assert {row.get("duration_s") for row in truth} == {"20" if twenty else None}

    codes = [a.text.removeprefix("Sleep stage ") for a in scores]
    assert codes[0] == codes[-1] == "?"
    assert ("4" in codes) == twenty and "3" in codes
    stage_of = {"W": "W", "1": "N1", "2": "N2", "3": "N3", "4": "N3", "R": "R"}
    assert [stage_of[code] for code in codes[1:-1]] == [row["stage"] for row in truth][1:-1]


def test_mass_20_s_epochs_have_the_stage_that_fills_most_of_them(root):
    night = simulated("01-02-0001", mass.RATE_HZ)
    stage_of = {0: "W", 1: "W", 2: "N1", 3: "N2", 4: "N3", 5: "R"}
    for epoch, row in enumerate(truth_of(root, "01-02-0001", ".stages")):
        start = mass.LEAD_S + 20 * epoch
        filled = Counter(stage_of[state] for state in night.states[start : start + 20].tolist())
        assert filled[row["stage"]] == max(filled.values())
    assert stages_of(night.states, 30) == night.stages


# --- SHHS -----------------------------------------------------------------------------------------

SHHS_FILES = {  # level, label of the second EEG, Hz of EEG and EMG, EOG, ECG
    "shhs1-200001": ("", "EEG(sec)", 125, 50, 125),
    "shhs2-200001": ("", "EEG(sec)", 125, 50, 250),
    "shhs1-200002": ("files/", "EEG(SEC)", 125, 50, 125),
    "shhs2-200002": ("files/", "EEG sec", 128, 64, 256),
    "shhs1-200003": ("", "EEG 2", 125, 50, 125),
    "shhs1-200004": ("", "EEG2", 125, 50, 125),
    "shhs1-200005": ("", "EEG(sec)", 125, 50, 125),
}


@pytest.mark.parametrize("name", SHHS_FILES)
def test_shhs_signals(root, name):
    level, second, eeg_hz, eog_hz, ecg_hz = SHHS_FILES[name]
    path = root / "shhs" / f"{level}polysomnography" / "edfs" / name[:5] / f"{name}.edf"
    assert path == signal_file(root, name)
    edf = read(root, name)
    rates = {s.label: s.sampling_frequency for s in edf.signals}
    assert rates["EEG"] == rates[second] == rates["EMG"] == eeg_hz
    assert rates["EOG(L)"] == rates["EOG(R)"] == eog_hz and rates["ECG"] == ecg_hz
    # EEG is C4-M1 and the second C3-M2: not the other way round, and in step at every rate
    night = simulated(name, 250 if ecg_hz == 250 else max(eeg_hz, ecg_hz))
    stride = round(night.rate_hz) // eeg_hz
    for label, lane, other in (("EEG", "C4-M1", "C3-M2"), (second, "C3-M2", "C4-M1")):
        x = edf.get_signal(label).data
        right, wrong = (np.corrcoef(x, night.signals[s][::stride][: len(x)])[0, 1]
                        for s in (lane, other))  # fmt: skip
        assert right > 0.98 and right > wrong + 0.03, (label, right, wrong)


@pytest.mark.parametrize("name", SHHS_FILES)
def test_shhs_stages(root, name):
    base = root / "shhs" / f"{SHHS_FILES[name][0]}polysomnography"
    kinds = {"shhs1-200003": ["profusion"], "shhs1-200004": ["nsrr"]}.get(
        name, ["nsrr", "profusion"]
    )
    read = []
    for kind in ("nsrr", "profusion"):
        path = base / f"annotations-events-{kind}" / name[:5] / f"{name}-{kind}.xml"
        assert path.exists() == (kind in kinds)
        if kind not in kinds:
            continue
        xml = ElementTree.parse(path)
        if kind == "profusion":
            read.append([int(e.text) for e in xml.findall("./SleepStages/SleepStage")])
        else:
            codes = []
            for event in xml.iter("ScoredEvent"):
                if event.findtext("EventType") == "Stages|Stages":
                    assert float(event.findtext("Start")) == 30 * len(codes)
                    code = int(event.findtext("EventConcept").rpartition("|")[2])
                    codes += [code] * round(float(event.findtext("Duration")) / 30)
            read.append(codes)
    assert read[0] == read[-1] and len(read[0]) == 60
    assert read[0][-2:] == [9, 9]
    # in the other two the epoch with most movement is among the last, which nobody scored
    assert (6 in read[0]) == (name not in ("shhs1-200001", "shhs2-200002"))
    stage_of = {0: "W", 1: "N1", 2: "N2", 3: "N3", 4: "N3", 5: "R"}
    for code, row in zip(read[0], truth_of(root, name, ".stages"), strict=True):
        assert code in (6, 9) or stage_of[code] == row["stage"]


def test_shhs_file_cut_short(root):
    whole, cut = signal_file(root, "shhs1-200001"), signal_file(root, CUT_SHORT)
    assert cut.stat().st_size == int(whole.stat().st_size * 0.6)
    assert int(cut.read_bytes()[236:244]) == 1800  # what the header still promises
    edf = read(root, CUT_SHORT)
    assert edf.duration == 1078
    # the truth's stages are the scorer's, its events those of which the file has the signal
    assert len(truth_of(root, CUT_SHORT, ".stages")) == 60
    last_s = max(float(e["onset_s"]) + float(e["duration_s"]) for e in truth_of(root, CUT_SHORT))
    assert 1078 - 60 < last_s <= 1078
