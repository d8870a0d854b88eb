"""The simulated layouts of public data sets, read without psgvlm and compared with their truth."""

import csv
import hashlib
import json
import warnings
from collections import Counter
from itertools import pairwise

import edfio
import h5py
import layout_scores
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


def signal_file(root, cohort, name):
    (path,) = [
        path for suffix in (".edf", ".EDF", ".rec", ".h5", ".hea")
        if (path := root / cohort / f"{name}{suffix}").exists()
    ]  # fmt: skip
    return path


@pytest.mark.parametrize(("cohort", "name"), RECORDINGS)
def test_scores_are_those_of_the_truth(root, cohort, name):
    scored, _ = truth_of(root, cohort, name)
    read = layout_scores.STAGES_OF[cohort](signal_file(root, cohort, name))
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
        ("abc", "900001"), ("hsp", "S0001111189188"),
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
    first, hole = (
        layout_scores.annotations_of(folder / f"{x}-Hypnogram.edf")
        for x in ("ST7132JR", "ST7121JE")
    )
    assert first[0][0] == 30
    gaps = [later[0] - (earlier[0] + earlier[1]) for earlier, later in pairwise(hole)]
    assert sorted(gaps)[-1] == 30 and sum(gaps) == 30
    for path in root.glob("sleep-edf/**/*-Hypnogram.edf"):
        raw = path.read_bytes()
        assert raw[192:197] == b"EDF+C" and int(raw[236:244]) == 1 and float(raw[244:252]) == 0
        onset, duration, word = layout_scores.annotations_of(path)[-1]
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
