"""`psgvlm inspect` prints a correct table of a recording or of a folder."""

import pytest
from psgvlm.builders.__main__ import main
from real_recordings import real_recording
from recordings import (
    MASS,
    montage,
    noise,
    signal,
    write_edf,
    write_isruc,
    write_mass,
    write_shhs,
)

from psgvlm.errors import InputError

STAGES = ("W", "N1", "N2", "N3", "R", "N2")
CODES = (0, 1, 2, 3, 4, 5, 6, 9)


def inspect(capsys, *words):
    status = main(["inspect", *map(str, words)])
    return status, capsys.readouterr().out


def cells(text, recording):
    """Return the row of a recording by the words of the header."""
    lines = text.splitlines()
    (header,) = (line for line in lines if line.startswith("recording"))
    (line,) = (line for line in lines if line.startswith(f"{recording} "))
    return header.split(), line.split()


@pytest.fixture
def tree(tmp_path):
    """Write three cohorts, with each family of ISRUC and one recording that would be skipped."""
    raw = tmp_path / "raw"
    for i, family in enumerate(("A", "B", "C", "I-8", "I-40"), start=1):
        folder = raw / "isruc" / "subgroupI" / str(i)
        write_isruc(folder, str(i), STAGES, family, second=("W", *STAGES[1:5], "W"))
    (raw / "isruc" / "subgroupI" / "2" / "2.rec").write_bytes(b"")
    backwards = ",".join(reversed(MASS.split(",")))
    write_mass(raw / "mass", "01-03-0001", ("?", "W", "2", "4", "R"))
    write_mass(raw / "mass", "01-03-0002", ("?", "W", "2", "4", "R"), labels=backwards)
    write_shhs(raw / "shhs", "shhs2-200001", CODES, nsrr=(1, *CODES[1:]))
    return raw


def test_a_tree_of_all_cohorts(tree, capsys):
    status, text = inspect(capsys, tree)
    assert status == 3
    assert text.splitlines()[-1] == "7 recordings can be drawn, 1 would be skipped"
    for line in (
        "isruc: ISRUC-Sleep, 5 recordings of 5 people",
        "mass: MASS, 2 recordings of 2 people",
        "shhs: SHHS, 1 recording of 1 person",
    ):
        assert line in text
    assert "folder:" not in text
    tables = [line for line in text.splitlines() if line.startswith(("recording", "I-", "shhs2-"))]
    assert len(tables) == 9
    assert max(map(len, tables)) < 100


def test_one_cohort(tree, capsys):
    _, text = inspect(capsys, tree / "isruc", "--cohort", "isruc")
    assert "  100 Hz, uV: LOC-A2, ROC-A1, F3-A2, C3-A2, O1-A2, F4-A1, C4-A1, O2-A1, X1, X2" in text
    for lane in ("C4-M1  <- C4-A1", "C4-M1  <- C4 - A1", "chin   <- 24", "F4-M1  <- MISSING"):
        assert lane in text
    header = "recording family hours epochs W N1 N2 N3 R unscored first s last s kappa status"
    assert header.split() == cells(text, "I-1")[0]
    expected = "I-1 1 0.05 6 1 1 2 1 1 0 0.0 150.0 0.793 ok"
    assert cells(text, "I-1")[1] == expected.split()
    assert cells(text, "I-2")[1] == ["I-2", "SKIP"]
    assert "I-2: SKIPPED, subgroupI/2/2.rec: not an EDF file (0 bytes" in text
    assert "I-4: no F4-M1" in text


def test_the_order_of_channels_makes_no_family(tree, capsys):
    _, text = inspect(capsys, tree / "mass")
    assert text.count("family 1: ") == 1
    assert "family 2: " not in text
    expected = "01-03-0001 1 0.06 4 1 0 1 1 1 1 67.4 157.4 ok"
    assert cells(text, "01-03-0001")[1] == expected.split()


def test_differences_of_the_xmls_are_noted(tree, capsys):
    status, text = inspect(capsys, tree / "shhs")
    assert status == 0
    assert "  shhs2-200001: Profusion and NSRR XML (8 and 8 epochs) differ in 1: Profusion" in text
    assert "  50 Hz, uV: EOG(L), EOG(R)" in text


def test_one_file_of_a_cohort_with_its_scores_elsewhere(tree, capsys):
    (path,) = tree.rglob("shhs2-200001.edf")
    _, text = inspect(capsys, path)
    assert cells(text, "shhs2-200001")[1][3:10] == ["6", "1", "1", "1", "2", "1", "2"]
    (path,) = tree.rglob("3.rec")
    _, text = inspect(capsys, path)
    assert "isruc: ISRUC-Sleep, 1 recording of 1 person" in text


def test_any_other_folder_and_a_map(tmp_path, capsys):
    write_edf(tmp_path / "a b" / "Nächte.edf", montage(["Kanal 7", "EMG1", "EMG2"], 60))
    status, text = inspect(capsys, tmp_path)
    assert status == 3
    assert "no EEG lane found" in text
    status, text = inspect(capsys, tmp_path, "--map", "C4-M1=Kanal 7,chin=EMG1-EMG2")
    assert status == 0
    assert "chin   <- EMG1 - EMG2" in text
    assert "a b/Nächte: unscored" in text


def test_substitutes_and_empty_lanes_are_said_and_strictness_skips_them(tmp_path, capsys):
    emg = signal("EMG submental", noise(60, 1, 2.0), 1)
    write_edf(tmp_path / "a.edf", [*montage(["EEG Fpz-Cz", "EOG horizontal"], 60), emg])
    status, text = inspect(capsys, tmp_path)
    assert status == 0
    assert "C4-M1  <- EEG Fpz-Cz, a substitute: another derivation" in text
    assert "chin   <- MISSING, EMG submental is at 1 Hz" in text
    assert "  a: C4-M1 <- EEG Fpz-Cz, a substitute" in text
    status, text = inspect(capsys, tmp_path, "--strict")
    assert status == 3
    (line,) = (line for line in text.splitlines() if "SKIPPED" in line)
    assert "EEG Fpz-Cz, a substitute" in line
    assert "[--strict]" in line


def test_rules_for_a_family_by_the_id_that_is_printed(tmp_path, capsys):
    write_edf(tmp_path / "raw" / "a.edf", montage(["Kanal 7", "EMG"], 60))
    write_edf(tmp_path / "raw" / "b.edf", montage(["C4-M1", "EMG"], 60))
    _, text = inspect(capsys, tmp_path / "raw")
    (line,) = (line for line in text.splitlines() if line.startswith("family 1: "))
    rules = tmp_path / "rules.txt"
    rules.write_text(f"[family {line.rsplit(' ', 1)[1]}]\nC4-M1=Kanal 7\n")
    status, text = inspect(capsys, tmp_path / "raw", "--map", rules)
    assert status == 0
    assert "C4-M1  <- Kanal 7\n" in text
    assert "C4-M1  <- C4-M1\n" in text
    rules.write_text("[c*]\nchin=none\n")
    _, text = inspect(capsys, tmp_path / "raw", "--map", rules)
    assert "[c*] is for none of the recordings" in text


def test_a_real_recording(capsys):
    status, text = inspect(capsys, real_recording("nox_a1_2min.edf"))
    assert status == 0
    assert "family 1: 89 signals" in text
    assert "1 Impédance" in text
    assert "chin   <- 1-2" in text
    assert cells(text, "nox_a1_2min")[1][1:4] == ["1", "0.03", "4"]


def test_other_recordings_do_not_prevent_a_look_at_one(tmp_path, capsys):
    """Two copies of a data set are no error for a file beside them, nor for a file of one."""
    for copy in ("old", "new"):
        write_isruc(tmp_path / copy / "subgroupI" / "1", "1", STAGES)
    path = write_edf(tmp_path / "night.edf", montage(["C4-M1", "chin"], 60))
    status, text = inspect(capsys, path)
    assert status == 0
    assert "folder: other recordings, 1 recording" in text
    (path,) = (tmp_path / "new").rglob("1.rec")
    status, text = inspect(capsys, path)
    assert status == 0
    assert "isruc: ISRUC-Sleep, 1 recording of 1 person" in text


def test_a_recording_under_another_suffix_is_named_one(tmp_path, capsys):
    path = write_edf(tmp_path / "night.dat", montage(["C4-M1"], 60))
    with pytest.raises(InputError, match=r"night\.dat: a recording by its content.*rename it"):
        inspect(capsys, path)
    (tmp_path / "scores.txt").write_bytes(b"PK\x03\x04zipped")
    with pytest.raises(InputError, match=r"scores\.txt: no stages found in it \(a ZIP archive"):
        inspect(capsys, tmp_path / "scores.txt")


def test_lanes_of_recordings_that_are_skipped_are_those_that_were_tried(tmp_path, capsys):
    path = write_edf(
        tmp_path / "a.edf", [*montage(["E1-M2", "EMG"], 60), signal("chin", noise(60, 1), 1)]
    )
    status, text = inspect(capsys, path, "--map", "E1=EMG")
    assert status == 3
    assert "E1     <- EMG, named by the map" in text
    assert "chin   <- MISSING, chin is at 1 Hz" in text


def test_what_is_not_there(tmp_path, capsys):
    with pytest.raises(InputError, match="no such file or folder"):
        inspect(capsys, tmp_path / "nothing")
    with pytest.raises(InputError, match="no recordings among 0 files"):
        inspect(capsys, tmp_path)
