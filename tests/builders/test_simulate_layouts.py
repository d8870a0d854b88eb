"""The simulated layouts of public data sets, read without psgvlm and compared with their truth."""

import csv
import hashlib
import json
import warnings
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import edfio
import h5py
import mne
import numpy as np
import pytest
import wfdb
from psgvlm.builders import simulate
from psgvlm.builders.simulate.cohorts import streams, variant_key, variants
from psgvlm.builders.simulate.night import simulate_night
from psgvlm.builders.simulate.scorers import consensus

SEED, HOURS = 1, 0.25
LAYOUTS = simulate.COHORTS[len(simulate.DEFAULT_COHORTS) :]
RECORDINGS = {(cohort, r.name): r for cohort in LAYOUTS for r in variants(cohort)}
RK = {"W": "W", "1": "N1", "2": "N2", "3": "N3", "4": "N3", "R": "R", "REM": "R"}
AASM = {stage: stage for stage in ("W", "N1", "N2", "N3", "R")}
UCDDB = {"0": "W", "1": "R", "2": "N1", "3": "N2", "4": "N3", "5": "N3"}
DREAMS = {"5": "W", "4": "R", "3": "N1", "2": "N2", "1": "N3", "0": "N3"}
NETWORK = {"0": "W", "1": "N1", "2": "N2", "3": "N3", "4": "R"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("layouts")
    simulate.write_variants(root, HOURS, SEED, LAYOUTS)
    return root


def truth_of(root, cohort, name):
    """Return {onset in s: the stage that the files give}, and the other facts."""
    folder = root / "truth" / cohort
    with (folder / f"{name}.stages.csv").open() as file:
        scored = {float(row["onset_s"]): row["scored"] for row in csv.DictReader(file)}
    return scored, json.loads((folder / f"{name}.json").read_text())


def spread(events, meaning):
    """Return {onset: stage} of every 30 s of (onset, duration, word); "" for unknown words."""
    return {
        onset_s + 30 * epoch: meaning.get(word, "")
        for onset_s, duration_s, word in events
        for epoch in range(round(duration_s / 30))
    }


def annotations_of(path):
    found = edfio.read_edf(path).annotations
    return [(a.onset, a.duration, a.text.removeprefix("Sleep stage ")) for a in found]


def sleep_edf_stages(path):
    if path.suffix == ".rec":
        (signal,) = edfio.read_edf(path.with_suffix(".hyp")).signals
        codes = [str(round(code)) for code in signal.data]
        meaning = RK | {"0": "W", "5": "R"}
        return {30.0 * epoch: meaning.get(code, "") for epoch, code in enumerate(codes)}
    (hypnogram,) = path.parent.glob(f"{path.stem[:7]}?-Hypnogram.edf")
    whole = mne.read_annotations(hypnogram)
    assert set(whole.description) >= {"Movement time", "Sleep stage ?", "Sleep stage W"}
    return spread(annotations_of(hypnogram), RK)


def hmc_stages(path):
    read = []
    scores = path.with_name(f"{path.stem}_sleepscoring.edf")
    if scores.exists():
        read.append(spread(annotations_of(scores), AASM))
    if scores.with_suffix(".txt").exists():
        with scores.with_suffix(".txt").open() as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
        start = edfio.read_edf(path).starttime
        for row in rows:
            onset_s = int(row["Recording onset"])
            time = datetime.combine(datetime(2001, 1, 1), start) + timedelta(seconds=onset_s)
            assert datetime.strptime(f"{row['Date']} {row['Time']}", "%d.%m.%y %H.%M.%S") == time
        texts = {row["Annotation"] for row in rows}
        assert texts == {f"Sleep stage {s}" for s in AASM} | {"Lights off", "Lights on"}
        events = [
            (float(r["Recording onset"]), float(r["Duration"]), r["Annotation"].split()[-1])
            for r in rows
        ]
        read.append(spread(events, AASM))
    assert read[0] == read[-1]
    return read[0]


def cap_stages(path):
    lines = path.with_suffix(".txt").read_text().splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("Sleep Stage\t"))
    names = lines[head].split("\t")
    time_at, event_at = names.index("Time [hh:mm:ss]"), names.index("Event")
    edf = edfio.read_edf(path)
    start_s = timedelta(
        hours=edf.starttime.hour, minutes=edf.starttime.minute, seconds=edf.starttime.second
    ).total_seconds()
    stages = {}
    for line in lines[head + 1 :]:
        fields = line.split("\t")
        if fields[event_at].startswith("SLEEP-"):
            hours, minutes, seconds = map(int, fields[time_at].replace(".", ":").split(":"))
            onset_s = (3600 * hours + 60 * minutes + seconds - start_s) % 86400
            word = fields[event_at].removeprefix("SLEEP-")
            meaning = RK | {f"S{n}": RK[str(n)] for n in (1, 2, 3, 4)} | {"S0": "W"}
            stages[onset_s] = meaning.get(word, "")
    return stages


def dreams_stages(path):
    kind = "Hypnogram" if path.stem.startswith("excerpt") else "HypnogramAASM"
    data = path.with_name(f"{kind}_{path.stem}.txt").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n")
    head, *codes = data.decode().split()
    assert head.lower() == f"[{kind.lower()}]"
    assert len(codes) * 5 == edfio.read_edf(path).duration
    blocks = [set(codes[start : start + 6]) for start in range(0, len(codes), 6)]
    return {30.0 * i: DREAMS.get(code, "") for i, (code,) in enumerate(blocks)}


def ucddb_stages(path):
    codes = path.with_name(f"{path.stem}_stage.txt").read_text().split()
    return {30.0 * epoch: UCDDB.get(code, "") for epoch, code in enumerate(codes)}


def dod_stages(path):
    with h5py.File(path) as file:
        codes = file["hypnogram"][:].tolist()
    return {30.0 * epoch: NETWORK.get(str(code), "") for epoch, code in enumerate(codes)}


def nsrr_stages(path):
    base = next(parent for parent in path.parents if parent.name == "polysomnography")
    folder = path.parent.relative_to(base / "edfs")
    meaning = RK | {"0": "W", "5": "R"}
    read = []
    profusion = base / "annotations-events-profusion" / folder / f"{path.stem}-profusion.xml"
    if profusion.exists():
        codes = [e.text for e in ElementTree.parse(profusion).findall("./SleepStages/SleepStage")]
        read.append({30.0 * i: meaning.get(code, "") for i, code in enumerate(codes)})
    nsrr = base / "annotations-events-nsrr" / folder / f"{path.stem}-nsrr.xml"
    if nsrr.exists():
        events = [
            [event.findtext(tag) for tag in ("Start", "Duration", "EventConcept")]
            for event in ElementTree.parse(nsrr).iter("ScoredEvent")
            if event.findtext("EventType") == "Stages|Stages"
        ]
        events = [(float(x), float(y), word.rpartition("|")[2]) for x, y, word in events]
        read.append(spread(events, meaning))
    assert read[0] == read[-1]
    return read[0]


def boas_stages(path):
    events = path.with_name(path.stem.replace("_eeg", "_events.tsv"))
    with events.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        assert int(row["begsample"]) == 256 * int(row["onset"]) + 1
        assert int(row["endsample"]) == 256 * (int(row["onset"]) + 30)
    return {float(row["onset"]): NETWORK.get(row["stage_hum"], "") for row in rows}


def nchsdb_stages(path):
    with path.with_suffix(".tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert rows[0]["description"] == "Start Recording"
    events = [
        (float(row["onset"]), float(row["duration"]), row["description"].split()[-1])
        for row in rows
        if row["description"].startswith("Sleep stage")
    ]
    if written := edfio.read_edf(path).annotations:
        assert [a.text for a in written] == [row["description"] for row in rows]
        np.testing.assert_allclose([a.onset for a in written], [float(r["onset"]) for r in rows])
    return spread(events, AASM | RK)


def clock_s(path, time):
    """Return when a time of day is, in seconds of the recording."""
    begin = edfio.read_edf(path).starttime
    hours, minutes, seconds = time.split(":")
    moment_s = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    return (moment_s - 3600 * begin.hour - 60 * begin.minute - begin.second) % 86400


def held(changes, end_s, meaning):
    """Return {onset: stage} where every word holds until the next."""
    ends = [*(onset_s for onset_s, _ in changes[1:]), end_s]
    return spread(
        [(at, end - at, word) for (at, word), end in zip(changes, ends, strict=True)], meaning
    )


def wsc_stages(path):
    if (scores := path.with_name(f"{path.stem}.stg.txt")).exists():
        rows = [line.split("\t") for line in scores.read_text().splitlines()]
        rows = [row for row in rows if row[0] != "Epoch"]
        meaning = RK | {"0": "W", "5": "R"}
        return {30.0 * (int(epoch) - 1): meaning.get(code, "") for epoch, code, _ in rows}
    lines = path.with_name(f"{path.stem}.allscore.txt").read_text("latin-1").splitlines()
    assert lines[0].endswith("START RECORDING") and any("µV" in line for line in lines)
    rows = [line.split("\t") for line in lines]
    changes = [(clock_s(path, time), text[8:]) for time, text in rows if text[:8] == "STAGE - "]
    return held(changes, edfio.read_edf(path).duration, AASM)


def apples_stages(path):
    with path.with_suffix(".annot").open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["channel"] == "."]
    changes = [(clock_s(path, row["start"]), row["class"]) for row in rows]
    if rows[0]["stop"] != "...":
        assert {clock_s(path, r["stop"]) - clock_s(path, r["start"]) for r in rows} == {30}
    return held(changes, changes[-1][0] + 30, AASM)


def stages_stages(path):
    words = {"Wake": "W", "Stage1": "N1", "Stage2": "N2", "Stage3": "N3", "REM": "R"}
    head, *lines = path.with_suffix(".csv").read_text().splitlines()
    assert head == "Start Time,Duration (seconds),Event"
    rows = [line.split(",", 2) for line in lines]
    assert sum("," in event for _, _, event in rows) == 2  # notes with commas, without quotes
    scored = [row for row in rows if row[2] in (*words, "UnknownStage")]
    if path.stem.startswith("BOGN"):
        assert {length for _, length, _ in scored} == {""}
        changes = [(clock_s(path, time), event) for time, _, event in scored]
        return held(changes, edfio.read_edf(path).duration, words)
    return {
        clock_s(path, time): words.get(event, "")
        for time, length, event in scored
        if length in ("30", "2592000")
    }


def anphy_stages(path):
    (table,) = path.parent.glob("*.txt")
    rows = [line.split("\t") for line in table.read_text().splitlines()]
    assert rows[0][0] == rows[-1][0] == "L"
    return spread([(float(start), float(length), word) for word, start, length in rows], AASM)


def dcsm_stages(path):
    rows = [line.split(",") for line in path.with_name("hypnogram.ids").read_text().splitlines()]
    return spread([(float(start), float(length), word) for start, length, word in rows], AASM | RK)


def cinc2018_stages(path):
    record = path.with_suffix("")
    end_s = wfdb.rdheader(str(record)).sig_len / 200
    notes = wfdb.rdann(str(record), "arousal")
    words = [(at / 200, text) for at, text in zip(notes.sample, notes.aux_note, strict=True)]
    assert any("(" in text for _, text in words) and "U" in notes.aux_note
    return held(
        [(at, text) for at, text in words if "(" not in text and ")" not in text], end_s, AASM
    )


def slpdb_stages(path):
    notes = wfdb.rdann(str(path.with_suffix("")), "st")
    assert notes.sample[0] == 1
    assert any(text.endswith(" HA") for text in notes.aux_note)
    return {
        30.0 * round(at / 7500): RK.get(text.split()[0], "")
        for at, text in zip(notes.sample.tolist(), notes.aux_note, strict=True)
    }


STAGES_OF = {
    "sleep-edf": sleep_edf_stages, "hmc": hmc_stages, "cap": cap_stages, "dreams": dreams_stages,
    "ucddb": ucddb_stages, "dod": dod_stages, "mesa": nsrr_stages, "mros": nsrr_stages,
    "cfs": nsrr_stages, "chat": nsrr_stages, "wsc": wsc_stages, "apples": apples_stages,
    "nchsdb": nchsdb_stages, "stages": stages_stages, "boas": boas_stages, "anphy": anphy_stages,
    "dcsm": dcsm_stages, "cinc2018": cinc2018_stages, "slpdb": slpdb_stages,
}  # fmt: skip


def signal_file(root, cohort, name):
    (path,) = [
        path for suffix in (".edf", ".rec", ".h5", ".hea")
        if (path := root / cohort / f"{name}{suffix}").exists()
    ]  # fmt: skip
    return path


@pytest.mark.parametrize(("cohort", "name"), RECORDINGS)
def test_scores_are_those_of_the_truth(root, cohort, name):
    scored, _ = truth_of(root, cohort, name)
    read = STAGES_OF[cohort](signal_file(root, cohort, name))
    assert {onset: stage for onset, stage in read.items() if stage} == {
        onset: stage for onset, stage in scored.items() if stage
    }
    # Planted stages are scored as they are, but for the consensus of scorers who differ.
    with (root / "truth" / cohort / f"{name}.stages.csv").open() as file:
        rows = list(csv.DictReader(file))
    share = np.mean([row["scored"] in (row["stage"], "") for row in rows])
    assert share >= 0.8 if cohort == "dod" else share == 1
    counts = Counter(row["scored"] for row in rows)
    assert counts[""] < 0.25 * len(rows) and len(set(counts) - {""}) >= 4


@pytest.mark.parametrize(("cohort", "name"), RECORDINGS)
def test_labels_of_the_lanes_are_in_the_file(root, cohort, name):
    path = signal_file(root, cohort, name)
    _, facts = truth_of(root, cohort, name)
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            labels = [label for group in file["signals"].values() for label in group]
    elif path.suffix == ".hea":
        labels = wfdb.rdheader(str(path.with_suffix(""))).sig_name
    elif path.suffix == ".rec":  # MNE does not open an EDF file of this name
        labels = edfio.read_edf(path).labels
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            labels = mne.io.read_raw_edf(path, verbose="error").ch_names
    assert list(facts["lanes"]) == ["C4-M1", "E1", "E2", "chin"]
    for shown in filter(None, facts["lanes"].values()):
        for label in [shown] if isinstance(shown, str) else shown:
            assert set(label.split(" - ")) <= set(labels), label


def test_nights_of_one_person_have_one_subject(root):
    people = {}
    for cohort, name in RECORDINGS:
        subject = truth_of(root, cohort, name)[1]["subject"]
        people.setdefault((cohort, subject), []).append(name)
    assert {key for key, names in people.items() if len(names) > 1} == {
        ("sleep-edf", "SC400"), ("mros", "aa0001"), ("chat", "300001"), ("wsc", "10119"),
        ("nchsdb", "10000"), ("stages", "MSTR00002"), ("boas", "person 7"), ("slpdb", "slp01"),
    }  # fmt: skip
    assert people["sleep-edf", "SC400"] == [
        "sleep-cassette/SC4001E0-PSG", "sleep-cassette/SC4002E0-PSG"
    ]  # fmt: skip
    with (root / "boas" / "participants.tsv").open() as file:
        persons = {r["participant_id"]: r["pid"] for r in csv.DictReader(file, delimiter="\t")}
    assert persons == {"sub-1": "7", "sub-2": "7", "sub-3": "9", "sub-110": "84"}


# Recording, label, what it shows as lanes of the simulated night.
SHOWN = [
    ("hmc", "recordings/SN001", "EOG E2-M2", {"E2-M1": 1, "M1": 1, "M2": -1}),
    ("cap", "n1", "ROC-LOC", {"E2-M1": 1, "M1": 1, "E1-M2": -1, "M2": -1}),
    ("cap", "n1", "F4-C4", {"F4-M1": 1, "C4-M1": -1}),
    ("dreams", "DatabaseSubjects/subject1", "CZ-A1",
     {"C3-M2": 0.5, "M2": 0.5, "C4-M1": 0.5, "M1": -0.5}),
    ("ucddb", "ucddb002", "C4A1", {"C4-M1": 1}),
    ("mesa", "polysomnography/edfs/mesa-sleep-0001", "EEG3", {"C4-M1": 1}),
    ("mros", "polysomnography/edfs/visit1/mros-visit1-aa0001", "A1", {"M1": 1}),
    ("cfs", "polysomnography/edfs/cfs-visit5-800002", "EMG1",
     {"M2": 1, "ECG": 0.02, "chin": 0.5}),
    ("boas", "sub-1/eeg/sub-1_task-Sleep_acq-psg_eeg", "PSG_EOG",
     {"E1-M2": 1, "M2": 1, "E2-M1": -1, "M1": -1}),
    ("nchsdb", "Sleep_Data/10000_17728", "EEG C4-M1", {"C4-M1": 1}),
    ("wsc", "polysomnography/wsc-visit1-10119-nsrr", "E2", {"E2-M1": 1, "M1": 1, "M2": -1}),
    ("dcsm", "tpae8e06ae-498b-586e-afe3-386365c09df3/psg", "C4-M1", {"C4-M1": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("cohort", "name", "label", "parts"), SHOWN)
def test_a_signal_shows_what_its_label_says(root, cohort, name, label, parts):
    path = signal_file(root, cohort, name)
    edf = edfio.read_edf(path)
    signal = edf.get_signal(label)
    fastest_hz = max(s.sampling_frequency for s in edf.signals)
    assert signal.sampling_frequency == fastest_hz
    night_seed, _ = streams(SEED, variant_key(cohort, RECORDINGS[cohort, name]))
    mains_hz = 60 if cohort in ("mesa", "mros", "cfs", "nchsdb", "wsc") else 50
    night = simulate_night(night_seed, HOURS, fastest_hz, mains_hz)
    expected = sum(share * night.signals[lane] for lane, share in parts.items())
    assert len(expected) == len(signal.data)
    whole = np.abs(expected) < 900
    assert whole.mean() > 0.99
    assert np.abs(signal.data - expected)[whole].max() < 2 * 1000 / 32767


@pytest.mark.parametrize(
    ("cohort", "name", "label", "lane", "rate_hz", "step_uv"),
    [
        ("cinc2018", "training/tr03-0005/tr03-0005", "C4-M1", "C4-M1", 200, 1 / 20),
        ("slpdb", "slp01a", "EEG (C4-A1)", "C4-M1", 250, 1 / 5),
        ("slpdb", "slp41", "EOG (right)", "E2-M1", 250, 1 / 5),
    ],
)
def test_wfdb_reads_the_samples_that_were_simulated(
    root, cohort, name, label, lane, rate_hz, step_uv
):
    record = wfdb.rdrecord(str(root / cohort / name))
    at = record.sig_name.index(label)
    assert record.fs == rate_hz
    microvolts = record.p_signal[:, at] * {"mV": 1000, "uV": 1}[record.units[at]]
    night_seed, _ = streams(SEED, variant_key(cohort, RECORDINGS[cohort, name]))
    expected = simulate_night(night_seed, HOURS, rate_hz, 60).signals[lane]
    whole = np.abs(expected) < 400
    assert whole.mean() > 0.98
    assert np.abs(microvolts - expected)[whole].max() < step_uv


def test_dod_signals_are_in_microvolts(root):
    cohort, name = next(key for key in RECORDINGS if key[0] == "dod")
    night_seed, _ = streams(SEED, variant_key(cohort, RECORDINGS[cohort, name]))
    night = simulate_night(night_seed, HOURS, 250, 50)
    with h5py.File(signal_file(root, cohort, name)) as file:
        np.testing.assert_array_equal(file["signals/eeg/C3_M2"][:], night.signals["C3-M2"])


def test_the_eeg_of_cfs_is_in_mv(root):
    edf = edfio.read_edf(signal_file(root, "cfs", "polysomnography/edfs/cfs-visit5-800002"))
    c4, m1 = edf.get_signal("C4"), edf.get_signal("M1")
    assert c4.physical_dimension == m1.physical_dimension == "mV"
    assert edf.get_signal("EMG1").physical_dimension == "uV"
    assert 0.01 < (c4.data - m1.data).std() < 0.1


def test_the_chin_of_a_cassette_is_an_envelope_at_1_hz(root):
    for name, hz in (("sleep-cassette/SC4001E0-PSG", 1), ("sleep-telemetry/ST7011J0-PSG", 100)):
        edf = edfio.read_edf(signal_file(root, "sleep-edf", name))
        emg = edf.get_signal("EMG submental")
        assert emg.sampling_frequency == hz
        assert (emg.data.min() >= 0) == (hz == 1)
        assert edf.get_signal("EEG Fpz-Cz").sampling_frequency == 100
        assert edf.data_record_duration == 30
    edf = edfio.read_edf(signal_file(root, "sleep-edf", "sleep-cassette/SC4002E0-PSG"))
    assert edf.get_signal("EMG submental").physical_dimension == "uV-mrs"


def test_sleep_edf_hypnograms_have_the_oddities_of_the_download(root):
    folder = root / "sleep-edf" / "sleep-telemetry"
    first, hole = (annotations_of(folder / f"{x}-Hypnogram.edf") for x in ("ST7132JR", "ST7121JE"))
    assert first[0][0] == 30
    gaps = [later[0] - (earlier[0] + earlier[1]) for earlier, later in pairwise(hole)]
    assert sorted(gaps)[-1] == 30 and sum(gaps) == 30
    for path in root.glob("sleep-edf/**/*-Hypnogram.edf"):
        raw = path.read_bytes()
        assert raw[192:197] == b"EDF+C" and int(raw[236:244]) == 1 and float(raw[244:252]) == 0
        onset, duration, word = annotations_of(path)[-1]
        assert word == "?" and onset + duration == HOURS * 3600 + 7200


def test_cap_exports_differ_as_in_the_download(root):
    text = {name: (root / "cap" / f"{name}.txt").read_text() for name in ("n1", "n12", "brux1")}
    assert "Position\tTime" in text["n1"] and "Position" not in text["brux1"]
    assert "Duration[s]" in text["n1"] and "Duration [s]" in text["brux1"]
    assert "\t22:10:17\tSLEEP-" in text["n1"]  # 44 s after the EDF file, which starts at 22:09:33
    assert "\t23.50.33\tSLEEP-" in text["brux1"] and "\t0.00.33\tSLEEP-" in text["brux1"]
    typing_error = [line for line in text["n12"].splitlines() if line.startswith("1S3\t")]
    assert sum("\tSLEEP-S3\t" in line for line in typing_error) == 1
    assert all("\tMCAP-A1\t" in export for export in text.values())
    edf = edfio.read_edf(root / "cap" / "ins2.edf")
    assert edf.signals[0].sampling_frequency == pytest.approx(100.1)


def test_dod_has_five_scorers_and_their_consensus(root):
    for (cohort, name), recording in RECORDINGS.items():
        if cohort != "dod":
            continue
        files = sorted(root.glob(f"dod/scorers/{recording.database}/*/{recording.identifier}.json"))
        assert len(files) == (5 if recording.scorers else 0)
        with h5py.File(signal_file(root, cohort, name)) as file:
            hypnogram = file["hypnogram"][:].tolist()
            assert {group.attrs["fs"] for group in file["signals"].values()} == {250}
            epochs = file["signals/emg/EMG"].shape[0] / 250 / 30
        assert epochs - len(hypnogram) == recording.shorter
        if files:
            scorings = [json.loads(path.read_text()) for path in files]
            for votes, code in zip(zip(*scorings, strict=True), hypnogram, strict=True):
                count = Counter(votes)
                assert count[code] == max(count.values()) or votes.count(votes[0]) == 2


def test_consensus_follows_the_best_scorer_at_a_tie():
    scorings = [
        ["W", "W", "N2", "N2", "R", "N2"],
        ["W", "N1", "N2", "N2", "R", "N1"],
        ["W", "W", "N2", "N3", "R", "N1"],
        ["W", "W", "N1", "N2", "R", "N2"],
        ["N1", "N1", "N1", "N1", "N1", "W"],
    ]
    # In the last epoch two are for N2 and two for N1; the first scorer agrees best.
    assert consensus(scorings).tolist() == ["W", "W", "N2", "N2", "R", "N2"]


def test_dreams_scorings_differ(root):
    folder = root / "dreams" / "DatabaseSubjects"
    aasm, rk = (
        (folder / f"Hypnogram{kind}_subject1.txt").read_text().split()[1:]
        for kind in ("AASM", "R&K")
    )
    differ = {pair for pair in zip(aasm, rk, strict=True) if pair[0] != pair[1]}
    assert ("3", "2") in differ and ("1", "0") in differ
    assert sum(pair == ("3", "2") for pair in zip(aasm, rk, strict=True)) == 6
    excerpt = edfio.read_edf(root / "dreams" / "DatabaseSpindles" / "excerpt3.edf")
    assert excerpt.get_signal("hypnogram").physical_dimension == "stade"
    assert excerpt.get_signal("hypnogram").sampling_frequency == 0.2


def test_the_same_bytes_whatever_the_number_of_workers(root, tmp_path):
    cohorts = ["sleep-edf", "dod", "boas"]
    simulate.write_variants(tmp_path, HOURS, SEED, cohorts, workers=2)
    files = [path for path in sorted(tmp_path.rglob("*")) if path.is_file()]
    assert len(files) > 60
    for path in files:
        twin = root / path.relative_to(tmp_path)
        assert (
            hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(twin.read_bytes()).digest()
        ), path


def test_plain_cohorts_have_the_files_that_a_cohort_has_once(tmp_path):
    for cohort in LAYOUTS:
        names = simulate.write_cohort(cohort, tmp_path, 2, 0.25)
        assert len(set(names)) == 2
        subjects = {truth_of(tmp_path, cohort, name)[1]["subject"] for name in names}
        assert len(subjects) == 2
    assert (tmp_path / "boas" / "participants.tsv").read_text().count("\n") == 3
    simulate.write_recording("boas", tmp_path / "one", 0.25, 0, 0)
    assert (tmp_path / "one" / "boas" / "participants.tsv").read_text().count("\n") == 2
