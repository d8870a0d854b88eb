"""Which data set a folder holds: by names and places, and by labels or scores too."""

import pytest
from layouts import LABELS, hypnogram, nsrr, recording, remlogic, sleep_edf, text
from psgvlm.builders.readers import describe, recognise
from recordings import write_isruc, write_mass, write_shhs

from psgvlm.errors import InputError


def found(raw):
    return {cohort: [n.recording for n in nights] for cohort, _, nights in recognise(raw)}


def lines(raw):
    return [describe(reader, nights) for _, reader, nights in recognise(raw)]


def test_a_tree_of_several_sets_is_told_apart(tmp_path):
    sleep_edf(tmp_path, "edf/sleep-cassette/SC4001E", "edf/sleep-cassette/SC4002E")
    nsrr(tmp_path / "mesa", "mesa-sleep-0001")
    nsrr(tmp_path / "cfs", "cfs-visit5-800002")
    recording(tmp_path / "mine/P1.edf")
    write_isruc(tmp_path / "subgroupI/1", "1", ("W", "N1"))
    write_mass(tmp_path / "mass", "01-03-0001", ("W", "2"))
    write_shhs(tmp_path / "shhs", "shhs1-200001", (0, 1, 2, 3, 4, 5))
    assert found(tmp_path) == {
        "isruc": ["I-1"],
        "mass": ["01-03-0001"],
        "shhs": ["shhs1-200001"],
        "sleep-edf": [
            "edf/sleep-cassette/SC4001E0-PSG",
            "edf/sleep-cassette/SC4002E0-PSG",
        ],
        "mesa": ["mesa/polysomnography/edfs/mesa-sleep-0001"],
        "cfs": ["cfs/polysomnography/edfs/cfs-visit5-800002"],
        "folder": ["mine/P1"],
    }
    assert lines(tmp_path)[3:] == [
        "Sleep-EDF cassette, 2 recordings of 1 person",
        "MESA, 1 recording of 1 person",
        "CFS, 1 recording of 1 person",
        "other recordings, 1 recording of 1 person",
    ]


def test_names_alone_do_not_make_a_data_set(tmp_path):
    """Each of these names is that of a data set; labels and scores say otherwise."""
    names = ("n1.edf", "subject1.edf", "SC4001E0-PSG.edf", "SN001.edf", "1.rec", "psg.edf")
    names += ("BOGN00004.edf", "10000_17728.edf")
    for name in names:
        recording(tmp_path / name)
    text(tmp_path / "n1.txt", "W\nN1\n")
    text(tmp_path / "subject1.txt", "W\nN1\n")
    text(tmp_path / "10000_17728.tsv", "stage\nW\n")
    assert list(found(tmp_path)) == ["folder"]


def test_cap_is_known_by_its_scores(tmp_path):
    for name in ("n1", "n2", "n16"):
        recording(tmp_path / f"{name}.edf")
    remlogic(tmp_path / "n1.txt")
    recording(tmp_path / "elsewhere/n3.edf")
    assert found(tmp_path) == {"cap": ["n1", "n2", "n16"], "folder": ["elsewhere/n3"]}


def test_a_damaged_recording_stays_in_its_data_set(tmp_path):
    """Its reason is then said for the data set, and not for any other folder."""
    sleep_edf(tmp_path, "SC4001E", "SC4002E")
    (tmp_path / "SC4002E0-PSG.edf").write_bytes(b"")
    assert found(tmp_path) == {"sleep-edf": ["SC4001E0-PSG", "SC4002E0-PSG"]}


def test_scores_of_a_recognised_set_are_no_recordings(tmp_path):
    recording(tmp_path / "SN001.edf")
    hypnogram(tmp_path / "SN001_sleepscoring.edf")
    recording(tmp_path / "tp1/psg.edf")
    (tmp_path / "tp1/psg.h5").touch()
    text(tmp_path / "tp1/hypnogram.ids", "0,60,W\n")
    assert found(tmp_path) == {"hmc": ["SN001"], "dcsm": ["tp1/psg"]}


def test_scores_of_a_recognised_recording_are_not_given_to_another(tmp_path):
    recording(tmp_path / "ucddb002.rec")
    recording(tmp_path / "ucddb002_lifecard.edf", ("chan 1",))
    text(tmp_path / "ucddb002_stage.txt", "0\n")
    text(tmp_path / "Hypnogram.txt", "0\n")
    (_, _, nights), (cohort, _, others) = recognise(tmp_path)
    assert [path.name for path in nights[0].scores] == ["ucddb002_stage.txt"]
    assert cohort == "folder" and [night.scores for night in others] == [()]


def test_the_parts_of_sleep_edf(tmp_path):
    sleep_edf(tmp_path, "SC4001E", "ST7011J")
    assert lines(tmp_path) == ["Sleep-EDF cassette and telemetry, 2 recordings of 2 people"]
    recording(tmp_path / "old/sc4002e0.rec", ("EEG Fpz-Cz",))
    assert lines(tmp_path / "old") == ["Sleep-EDF of 2002, 1 recording of 1 person"]


def test_recordings_in_bids_folders(tmp_path):
    recording(tmp_path / "sub-1/eeg/sub-1_task-sleep_eeg.edf")
    recording(tmp_path / "sub-1/eeg/sub-1_task-Sleep_acq-psg_eeg.edf", LABELS)
    assert list(found(tmp_path)) == ["bids"]


def test_nothing_to_recognise(tmp_path):
    with pytest.raises(InputError, match="no recordings among 1 files"):
        text(tmp_path / "readme.txt", "")
        recognise(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        recognise(tmp_path / "missing")
