"""The simulated cohorts in their raw layouts."""

import csv
import hashlib
from dataclasses import astuple
from pathlib import Path
from xml.etree import ElementTree

import edfio
import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psgvlm.builders import simulate
from psgvlm.builders.simulate import isruc, mass
from psgvlm.builders.simulate.events import PlantedWave
from psgvlm.builders.simulate.hypnogram import hypnogram
from psgvlm.builders.simulate.scorers import second_scorer

from psgvlm.commands import simulate as command
from psgvlm.errors import InputError
from psgvlm.stages import STAGES


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory):
    """Write three recordings of each cohort, one hour each; return their folder."""
    root = tmp_path_factory.mktemp("raw")
    for cohort in simulate.DEFAULT_COHORTS:
        simulate.write_cohort(cohort, root, 3, hours=1, seed=7)
    return root


def truth_of(root, cohort, recording):
    folder = root / "truth" / cohort
    with (folder / f"{recording}.stages.csv").open() as file:
        stages = list(csv.DictReader(file))
    with (folder / f"{recording}.csv").open() as file:
        events = list(csv.DictReader(file))
    return stages, events


def k_complex_depth(edf, label, events, scale=1.0):
    """Return the median over planted waves of the minimum in µV divided by the true amplitude."""
    signal = edf.get_signal(label)
    depth = []
    for event in events:
        if event["kind"] == "k_complex":
            onset_s, duration_s = float(event["onset_s"]), float(event["duration_s"])
            first = round(onset_s * signal.sampling_frequency)
            last = round((onset_s + duration_s) * signal.sampling_frequency)
            depth.append(-signal.data[first:last].min() * scale / float(event["amplitude_uv"]))
    return np.median(depth)


def digest(root):
    return {
        path.relative_to(root): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(root).rglob("*"))
        if path.is_file()
    }


def test_same_bytes_whatever_the_number_of_workers(tmp_path):
    for workers in (1, 2):
        for cohort in simulate.DEFAULT_COHORTS:
            names = simulate.write_cohort(cohort, tmp_path / str(workers), 2, 0.25, 3, workers)
            assert len(names) == 2
    one, two = digest(tmp_path / "1"), digest(tmp_path / "2")
    assert len(one) == 2 * (5 + 2 + 3 + 3 * 2)
    assert one == two
    assert len(set(one.values())) == len(one)  # no person twice
    simulate.write_cohort("shhs", tmp_path / "other", 2, 0.25, seed=4)
    assert not set(digest(tmp_path / "other").values()) & set(one.values())


def test_isruc_files(cohorts):
    for subject, family in ((1, "A"), (2, "B"), (3, "C")):
        folder = cohorts / "isruc" / "subgroupI" / str(subject)
        edf = edfio.read_edf(folder / f"{subject}.rec")
        assert " ".join(edf.labels) == isruc.FAMILIES[family]
        assert {s.sampling_frequency for s in edf.signals[:10]} == {200}
        assert {s.physical_dimension for s in edf.signals[:10]} == {"uV"}
        assert edf.duration == 3600
        assert not edf.reserved.startswith("EDF+")
        stages, events = truth_of(cohorts, "isruc", f"I-{subject}")
        c4 = {"A": "C4-A1"}.get(family, "C4-M1")
        assert k_complex_depth(edf, c4, events) == pytest.approx(1.05, abs=0.25)
        unscored = []
        for scorer in (1, 2):
            text = (folder / f"{subject}_{scorer}.txt").read_bytes()
            codes = text.decode().split("\n")
            assert codes.pop() == "" and len(codes) == 120 and set(codes) <= set("01235")
            sheet = openpyxl.load_workbook(folder / f"{subject}_{scorer}.xlsx")["Sheet1"]
            header, *rows = sheet.iter_rows(values_only=True)
            assert header == isruc.COLUMNS
            assert [row[0] for row in rows] == list(range(1, 121))
            marks = [row[1] for row in rows]
            unscored.append([epoch for epoch, mark in enumerate(marks) if mark == "U"])
            to_code = {stage: str(code) for stage, code in isruc.CODES.items()}
            assert codes == [(to_code | {"U": "0"})[mark] for mark in marks]
            truth = [row["stage"] for row in stages]
            agree = np.mean([m == t for m, t in zip(marks, truth, strict=True) if m != "U"])
            assert agree == 1 if scorer == 1 else 0.7 < agree < 0.95
        assert unscored[0] == unscored[1] and len(unscored[0]) >= 2


def test_mass_files(cohorts):
    orders = set()
    for subject in (1, 2, 3):
        recording = f"01-03-{subject:04d}"
        edf = edfio.read_edf(cohorts / "mass" / "SS3" / f"{recording} PSG.edf")
        orders.add(edf.labels)
        assert set(mass.sources(mass.usual(0))) < set(edf.labels)
        c4 = edf.get_signal("EEG C4-LER")
        assert c4.sampling_frequency == pytest.approx(256.016, abs=1e-5)
        assert c4.sampling_frequency == 1024 / 3.99975
        scores = edfio.read_edf(cohorts / "mass" / "SS3" / f"{recording} Base.edf").annotations
        onset_s = np.array([a.onset for a in scores])
        assert onset_s[0] == pytest.approx(37.4, abs=0.005)
        np.testing.assert_allclose(np.diff(onset_s), 30, atol=1e-4)
        assert {a.duration for a in scores} == {29.99813}
        stages, events = truth_of(cohorts, "mass", recording)
        assert len(scores) == len(stages) == 120
        assert edf.duration > onset_s[-1] + 30
        read = [a.text.removeprefix("Sleep stage ") for a in scores]
        assert read[0] == read[-1] == "?"
        assert read[1:-1] == [mass.CODES[row["stage"]] for row in stages][1:-1]
        np.testing.assert_allclose([float(row["onset_s"]) for row in stages], onset_s, atol=1e-3)
        # against the linked ears the waveform stays whole
        assert k_complex_depth(edf, "EEG C4-LER", events) == pytest.approx(1.05, abs=0.25)
        chin = edf.get_signal("EMG Chin1").data - edf.get_signal("EMG Chin2").data
        heart = edf.get_signal("ECG ECGI").data
        alone = np.corrcoef(edf.get_signal("EMG Chin1").data, heart)[0, 1]
        assert abs(np.corrcoef(chin, heart)[0, 1]) < 0.6 * abs(alone)
    assert len(orders) == 3


@given(epochs=st.integers(30, 150))
@settings(max_examples=8, deadline=None)
def test_mass_records_of_any_length(epochs, tmp_path_factory):
    root = tmp_path_factory.mktemp("mass")
    simulate.write_cohort("mass", root, 1, hours=epochs / 120)
    psg, base = (edfio.read_edf(root / "mass" / "SS3" / f"01-03-0001 {kind}.edf")
                 for kind in ("PSG", "Base"))  # fmt: skip
    assert len(base.annotations) == epochs
    assert psg.data_record_duration == 3.99975
    assert base.annotations[-1].onset + 30 < psg.duration < base.annotations[-1].onset + 60


def test_shhs_files(cohorts):
    base = cohorts / "shhs" / "polysomnography"
    seen = set()
    for subject in (200001, 200002, 200003):
        recording = f"shhs1-{subject}"
        edf = edfio.read_edf(base / "edfs" / "shhs1" / f"{recording}.edf")
        rates = {s.label: s.sampling_frequency for s in edf.signals}
        assert " ".join(rates).startswith("SaO2 H.R. EEG(sec) ECG EMG EOG(L) EOG(R) EEG ")
        assert rates["EEG"] == rates["EEG(sec)"] == rates["ECG"] == rates["EMG"] == 125
        assert rates["EOG(L)"] == rates["EOG(R)"] == 50
        assert edf.get_signal("ECG").physical_dimension == "mV"
        assert 0.3 < edf.get_signal("ECG").data.max() < 2
        stages, events = truth_of(cohorts, "shhs", recording)
        right = [e for e in events if e["channel"] == "C4-M1"]
        assert k_complex_depth(edf, "EEG", right) > k_complex_depth(edf, "EEG(sec)", right)
        nsrr = ElementTree.parse(
            base / "annotations-events-nsrr" / "shhs1" / f"{recording}-nsrr.xml"
        )
        profusion = ElementTree.parse(
            base / "annotations-events-profusion" / "shhs1" / f"{recording}-profusion.xml"
        )
        codes = [int(e.text) for e in profusion.findall("./SleepStages/SleepStage")]
        spread = []
        for event in nsrr.iter("ScoredEvent"):
            if event.findtext("EventType") == "Stages|Stages":
                epochs = round(float(event.findtext("Duration")) / 30)
                assert round(float(event.findtext("Start")) / 30) == len(spread)
                spread += [int(event.findtext("EventConcept").rpartition("|")[2])] * epochs
        assert codes == spread and len(codes) == 120
        meaning = {0: "W", 1: "N1", 2: "N2", 3: "N3", 4: "N3", 5: "R"}
        for code, row in zip(codes, stages, strict=True):
            assert code in (6, 9) or meaning[code] == row["stage"]
        seen |= set(codes)
    assert seen == {0, 1, 2, 3, 4, 5, 6, 9}


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_second_scorer_differs_mostly_at_borders(seed):
    rng = np.random.default_rng(seed)
    first = hypnogram(rng, 960)
    second = second_scorer(rng, first)
    differs = first != second
    assert 0.8 < 1 - differs.mean() < 0.9
    border = np.r_[False, first[1:] != first[:-1]] | np.r_[first[1:] != first[:-1], False]
    assert differs[border].mean() > 2.5 * differs[~border].mean()
    assert set(second) <= set(STAGES)


def test_command_writes_and_leaves_nothing_half_done(tmp_path):
    out = tmp_path / "raw"
    args = [str(out), "--cohorts", "mass", "--subjects", "1", "--hours", "0.25"]
    assert command.main([*args, "--seed", "5"]) == 0
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == [
        "01-03-0001 Base.edf", "01-03-0001 PSG.edf", "01-03-0001.csv", "01-03-0001.stages.csv"
    ]  # fmt: skip
    _, events = truth_of(out, "mass", "01-03-0001")
    assert list(events[0]) == list(PlantedWave.__dataclass_fields__)
    assert len(astuple(PlantedWave("blink", "E1-M2", 0, 0.3, 80))) == len(events[0])


def test_command_refuses_what_is_no_night(tmp_path):
    for option in (["--hours", "0.1"], ["--subjects", "0"]):
        with pytest.raises(InputError, match=r"expected at least 0\.25 hours and 1 subject"):
            command.main([str(tmp_path / "raw"), *option])
    assert not (tmp_path / "raw").exists()
