"""Lanes are found among the labels of every cohort, and by a map of unusual labels."""

import pytest
from psgvlm.builders.readers import isruc, mass, shhs
from recordings import ISRUC, MASS

from psgvlm.errors import InputError
from psgvlm.recordings.lane_map import parse_map
from psgvlm.recordings.lanes import find_lanes


def lanes(labels, reader=None, montage="aasm", named=""):
    """Return what fills each lane as text, with a reader's aliases and a map."""
    aliases = {**(reader.ALIASES if reader else {}), **parse_map(named, labels)}
    lane_map = find_lanes(labels, montage, aliases)
    pairs = zip(lane_map.lanes, lane_map.sources, strict=True)
    return {lane.name: str(source) if source else None for lane, source in pairs}


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("A", "F4-A1, C4-A1, O2-A1, LOC-A2, ROC-A1, X1"),
        ("B", "F4-M1, C4-M1, O2-M1, E1-M2, E2-M1, X1"),
        ("C", "F4-M1, C4-M1, O2-M1, E1-M2, E2-M1, 24"),
        ("I-8", "None, C4-A1, O2-A1, LOC-A2, ROC-A1, X1"),
        ("I-40", "F4 - A1, C4 - A1, O2 - A1, LOC - A2, ROC - A1, X1"),
    ],
)
def test_the_lanes_of_every_family_of_isruc(family, expected):
    labels = ISRUC[family].split()
    filled = lanes(labels, isruc)
    assert ", ".join(map(str, filled.values())) == expected
    assert lanes(labels, isruc, "paper")["ECG"] == ("25" if family == "C" else "X2")


def test_more_channels_of_isruc_do_not_change_the_chin():
    labels = (ISRUC["B"] + " X3 X4 X7-X8 DC1 DC2 DC3 DC5").split()
    assert lanes(labels, isruc)["chin"] == "X1"


@pytest.mark.parametrize("reference", ["LER", "CLE"])
def test_the_lanes_of_mass(reference):
    labels = MASS.replace("LER", reference).split(",")
    filled = lanes(labels, mass)
    assert filled["C4-M1"] == f"EEG C4-{reference}"
    assert filled["E1"] == "EOG Left Horiz"
    assert filled["E2"] == "EOG Right Horiz"
    assert filled["chin"] == "EMG Chin1 - EMG Chin2"
    # If a mastoid was recorded, it is subtracted, in any order of channels.
    again = lanes([f"EEG A1-{reference}", *reversed(labels)], mass)
    assert again["C4-M1"] == f"EEG C4-{reference} - EEG A1-{reference}"
    assert again["F4-M1"] == f"EEG F4-{reference} - EEG A1-{reference}"


def test_the_lanes_of_mass_subsets_that_are_scored_every_20_s():
    labels = ["EEG C4-CLE", "EEG A2-CLE", "EEG C3-CLE", "EOG Left Horiz", "EMG Chin", "ECG ECGI"]
    filled = lanes(labels, mass, "shhs")
    assert filled["chin"] == "EMG Chin"
    assert filled["C3-M2"] == "EEG C3-CLE - EEG A2-CLE"
    assert filled["ECG"] == "ECG ECGI"
    assert lanes(labels, mass)["F4-M1"] is None  # SS4


@pytest.mark.parametrize(
    "second", ["EEG(sec)", "EEG(SEC)", "EEG sec", "EEG 2", "EEG2", "EEG_SEC", "EEG_2", "eeg (sec)"]
)
def test_shhs_has_its_two_eegs_the_right_way_round(second):
    """The order of the channels in the file does not matter."""
    for labels in (["EEG", second, "EMG"], [second, "EEG", "EMG"]):
        filled = lanes(labels, shhs, "shhs")
        assert filled["C4-M1"] == "EEG"
        assert filled["C3-M2"] == second


def test_shhs_without_the_second_eeg():
    filled = lanes(["EEG", "EOG(L)", "EOG(R)", "EMG"], shhs, "shhs")
    assert filled["C3-M2"] is None
    assert filled["C4-M1"] == "EEG"
    assert (filled["E1"], filled["E2"], filled["chin"]) == ("EOG(L)", "EOG(R)", "EMG")


def test_the_chin_of_a_nox_recorder_is_not_taken_for_a_number():
    labels = ["1", "2", "12", "1-2", "C4-M1"]
    assert lanes(labels)["chin"] == "1-2"
    assert lanes(["1", "2", "12"])["chin"] is None


### A map of unusual labels


def test_a_map_names_unusual_labels_and_differences():
    labels = ["EMG1", "EMG2", "EEG F4", "left eye", "C4-M1"]
    filled = lanes(labels, named="chin=EMG1-EMG2, F4-M1=EEG F4,E1=left eye")
    assert filled["chin"] == "EMG1 - EMG2"
    assert filled["F4-M1"] == "EEG F4"
    assert filled["E1"] == "left eye"
    assert filled["C4-M1"] == "C4-M1"
    assert lanes(labels, named="chin=EMG1 - EMG2")["chin"] == "EMG1 - EMG2"


def test_a_label_with_a_dash_is_not_taken_for_a_difference():
    labels = ["C4-M1", "C4", "M1", "C3-M2"]
    assert lanes(labels, named="F4-M1=C4-M1")["F4-M1"] == "C4-M1"
    assert lanes(labels, named="F4-M1=C3-M2 - C4-M1")["F4-M1"] == "C3-M2 - C4-M1"


@pytest.mark.parametrize("text", ["chin=EMG9", "chin=EMG1-EMG9", "chin", "leg=EMG1", "chin="])
def test_a_map_that_does_not_fit_is_refused(text):
    with pytest.raises(InputError) as caught:
        parse_map(text, ["EMG1", "EMG2"])
    assert repr(text) in str(caught.value)
    assert caught.value.parameter == "map"
    assert "--" not in str(caught.value)
