"""Lanes are found among the labels of every cohort, and by a map of unusual labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psgvlm.builders.readers import isruc, mass, shhs
from recordings import ISRUC, MASS

from psgvlm.errors import InputError
from psgvlm.recordings.lane_map import parse_map
from psgvlm.recordings.lane_search import find_lanes


def lanes(labels, reader=None, montage="aasm", named=""):
    """Return what fills each lane as text, with a reader's aliases and a map."""
    aliases = reader.ALIASES if reader else {}
    lane_map = find_lanes(labels, montage, aliases, named=parse_map(named, labels))
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


def test_a_map_switches_a_lane_off():
    labels = ["C4-M1", "chin", "E1-M2"]
    lane_map = find_lanes(labels, "core", named=parse_map("chin=none", labels))
    assert lane_map.missing_names == ("E2", "chin")
    assert "switched off" in lane_map.notes[3]
    # A signal that is labelled so is one like any other.
    assert parse_map("chin=none", ["C4-M1", "None"]) == {"chin": ("None",)}


def test_a_map_names_the_second_of_two_signals():
    labels = ["C4-M1", "EMG", "EMG#2", "EMG2"]
    assert lanes(labels, named="chin=EMG#2")["chin"] == "EMG#2"
    assert lanes(labels, named="chin=EMG")["chin"] == "EMG"
    assert lanes(labels, named="chin=EMG - EMG#2")["chin"] == "EMG - EMG#2"
    assert lanes(labels, named="chin=EMG2")["chin"] == "EMG2"
    assert lanes(labels, named="chin=emg#2")["chin"] == "EMG#2"
    assert lanes(labels, named="chin=EMG#1 - EMG#2")["chin"] == "EMG - EMG#2"
    with pytest.raises(InputError, match="EMG#3"):
        parse_map("chin=EMG#3", labels)


@pytest.mark.parametrize("text", ["EMG", "emg"])
def test_a_map_that_names_two_signals_takes_the_better_one(text):
    labels = ["C4-M1", "EMG", "EMG#2"]
    named = parse_map(f"chin={text}", labels)
    lane_map = find_lanes(labels, "core", named=named, best=lambda pair: pair[1])
    assert str(lane_map.sources[3]) == "EMG#2"
    assert "the better one of 2" in lane_map.notes[3]
    named = parse_map(f"chin={text}#1", labels)
    lane_map = find_lanes(labels, "core", named=named, best=lambda pair: pair[1])
    assert str(lane_map.sources[3]) == "EMG"


### Substitutes


def filled(labels, montage="aasm", **more):
    """Return what fills each lane, and the notes of lanes that have one."""
    lane_map = find_lanes(labels.split(","), montage, **more)
    names = [lane.name for lane in lane_map.lanes]
    sources = dict(zip(names, (str(s) if s else None for s in lane_map.sources), strict=True))
    return sources, {n: note for n, note in zip(names, lane_map.notes, strict=True) if note}


# From the best to the worst: each set without its predecessors' signals has its own first one.
C4_M1 = [
    ("EEG C4:A1", ""),
    ("C4,M1", ""),
    ("C3-M2", "mirrored"),
    ("EEG C4-CLE", "linked ears"),
    ("C3_AVG,A2_AVG", "mirrored"),
    ("C4-M2", "mastoid of its own side"),
    ("C4-Mx", "linked mastoids"),
    ("C4-Avg", "average"),
    ("CZ-A1", "another electrode"),
    ("Fpz-Cz", "another derivation"),
    ("EEG C4-Ref", "no reference"),
    ("EEG C3-Ref", "other side"),
    ("EEG Cz-Ref", "another electrode"),
    ("EEG", "no electrode"),
]


@pytest.mark.parametrize("rank", range(len(C4_M1)))
def test_the_order_of_substitutes_for_c4_m1(rank):
    labels = ",".join(labels for labels, _ in reversed(C4_M1[rank:]))
    best, note = C4_M1[rank]
    sources, notes = filled(labels, "core")
    assert sources["C4-M1"] == " - ".join(best.split(","))
    assert note in notes.get("C4-M1", "")
    assert notes.get("C4-M1", "a substitute").startswith("a substitute") or not note


def test_no_signal_fills_two_lanes():
    assert filled("C3-M2,E1-M2", "shhs")[0]["C4-M1"] is None
    sources, _ = filled("EEG Fpz-Cz,EEG Pz-Oz,EOG horizontal", "aasm")
    assert list(sources.values()) == [None, "EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", None, None]
    sources, _ = filled("C4,C3,Cz", "shhs")
    assert (sources["C3-M2"], sources["C4-M1"]) == ("C3", "C4")
    sources, _ = filled("Cz-A1,E1-M2", "shhs")  # the right side comes first
    assert (sources["C3-M2"], sources["C4-M1"]) == (None, "Cz-A1")


def test_a_second_copy_of_a_signal_fills_no_other_lane():
    sources, _ = filled("C4-M1,EEG C4-A1,C4-M1#2,E1-M2", "shhs")
    assert (sources["C3-M2"], sources["C4-M1"]) == (None, "C4-M1")
    sources, _ = filled("CZ-A1,CZ2-A1", "shhs", best=lambda pair: pair[1])
    assert (sources["C3-M2"], sources["C4-M1"]) == (None, "CZ2-A1")


def test_the_user_may_show_one_signal_twice():
    labels = ["C4-M1", "E1-M2", "C3-M2"]
    assert lanes(labels, named="C4-M1=E1-M2")["E1"] == "E1-M2"
    named = find_lanes(labels, "shhs", named={"E1": ("C3-M2",), "E2": ("C3-M2",)})
    assert [str(source) for source in named.sources[:4]] == ["C3-M2", "C4-M1", "C3-M2", "C3-M2"]
    # A substitute is not taken a second time.
    assert find_lanes(["C3-M2"], "core", named={"E1": ("C3-M2",)}).sources[0] is None


def test_chains_oxygen_and_turned_signs_fill_no_lane():
    sources, _ = filled("F4-C4,C4-P4,P4-O2,Fp2-F4,C3:C4,M1-C4,O2,SpO2,EtCO2,EEG F7-O1,HB_1")
    assert set(sources.values()) == {None}
    assert filled("C4-M1,O2,M1")[0]["O2-M1"] is None  # oxygen: no other electrode is so plain
    assert filled("C4,C3,O1,O2,M1")[0]["O2-M1"] == "O2 - M1"
    assert filled("C4-M1,EEG O2,EEG M1")[0]["O2-M1"] == "EEG O2 - EEG M1"


@pytest.mark.parametrize("letters", ["E", "ABCD"])
def test_the_numbers_of_a_cap_are_no_eyes_and_no_mastoids(letters):
    cap = ",".join(f"{letter}{number}" for letter in letters for number in range(1, 33))
    assert set(filled(cap)[0].values()) == {None}
    sources, _ = filled(f"{cap},EEG Fpz-Cz,EOG")
    assert (sources["C4-M1"], sources["E1"], sources["E2"]) == ("EEG Fpz-Cz", "EOG", None)
    # MASS and others have A1 and A2 alone.
    assert filled("C4,A1,A2,E1,E2")[0]["C4-M1"] == "C4 - A1"


SPELLINGS = (
    "C4-M1,EEG C3-A2,C4,C3,M1,A2,Cz,EEG Fpz-Cz,EEG,EEG2,EEG3,F4_AVG,O2,SpO2,E1,E2-M2,EOG,ROC-LOC,"
    "EMG,EMG1,EMG2,chin,Leg/L,EMG/L,EMG/R,ECG,ECG1,X1,X2,24,C4-M1#2,M1-C4,none, - ,A3"
)


@given(
    labels=st.lists(
        st.one_of(st.sampled_from(SPELLINGS.split(",")), st.text(max_size=8)),
        unique=True,
        max_size=16,
    ),
    montage=st.sampled_from(["core", "aasm", "paper", "shhs"]),
)
def test_any_labels_fill_lanes_with_signals_that_are_there_each_once(labels, montage):
    lane_map = find_lanes(labels, montage)
    sources = [source for source in lane_map.sources if source]
    assert {source.plus for source in sources} <= set(labels)
    assert {source.minus for source in sources} <= {*labels, None}
    assert len({source.plus for source in sources}) == len(sources)
    assert all(source.plus != source.minus for source in sources)
    assert not any("Leg" in str(source) or "SpO2" in str(source) for source in sources)
    assert len(lane_map.notes) == len(lane_map.lanes)


def test_differences_need_one_reference():
    assert filled("EEG C4-Ref,A1", "core")[0]["C4-M1"] == "EEG C4-Ref"
    assert filled("EEG C4-Ref,EEG A1-Ref", "core")[0]["C4-M1"] == "EEG C4-Ref - EEG A1-Ref"
    assert filled("C4-Fpz,M1-Fpz", "core")[0]["C4-M1"] == "C4-Fpz - M1-Fpz"
    assert filled("C4_AVG,M1", "core")[0]["C4-M1"] == "C4_AVG"


def test_mesa_and_shhs_call_different_electrodes_eeg2():
    sources, notes = filled("EKG,EOG-L,EOG-R,EMG,EEG1,EEG2,EEG3", "shhs")
    assert (sources["C3-M2"], sources["C4-M1"]) == (None, "EEG3")
    assert notes["C4-M1"].startswith("by MESA")
    sources, notes = filled("EEG2,EEG,EMG,EOG(L),EOG(R)", "shhs")
    assert (sources["C3-M2"], sources["C4-M1"]) == ("EEG2", "EEG")
    assert all(notes[lane].startswith("by SHHS") for lane in ("C3-M2", "C4-M1"))
    assert filled("EEG2,EOG-L", "shhs")[0]["C3-M2"] is None
    assert filled("EEG2,EEG1,EEG", "shhs")[0]["C3-M2"] is None


@pytest.mark.parametrize("labels", ["EEG1,EEG2,EEG3,EOG1", "EEG,EEG2,EOG"])
def test_names_without_an_electrode_are_substitutes_outside_their_data_sets(labels):
    _, notes = filled(labels, "shhs")
    assert notes["C4-M1"].startswith("a substitute: the label names no electrode")


@pytest.mark.parametrize(
    ("labels", "eyes", "words"),
    [
        ("LOC-M2,ROC-M1", ("LOC-M2", "ROC-M1"), ()),
        ("E1-M2,E2-M2", ("E1-M2", "E2-M2"), ()),
        ("LOC-A1,ROC-A2", ("LOC-A1", "ROC-A2"), ()),
        ("LOC,ROC,M2", ("LOC - M2", "ROC - M2"), ()),
        ("E1,E2,C4-M1", ("E1", "E2"), ("no mastoid", "no mastoid")),
        ("E1-Fpz,E2-Fpz", ("E1-Fpz", "E2-Fpz"), ("no mastoid", "no mastoid")),
        ("EOG1,EOG2", ("EOG1", "EOG2"), ("which eye", "which eye")),
        ("P8-A1,P18-A1", ("P8-A1", "P18-A1"), ("of which eye", "of which eye")),
        ("ROC-LOC", ("ROC-LOC", None), ("right minus left",)),
        ("E1-E2", ("E1-E2", None), ("left minus right",)),
        ("EOG", ("EOG", None), ("one bipolar",)),
        ("EOGH", ("EOGH", None), ("one bipolar",)),
        ("HEOG,VEOG", ("HEOG", None), ("one bipolar",)),
        ("EOGH,EOGV", ("EOGV", "EOGH"), ("which eye", "which eye")),
        ("E1-M2,EOG", ("E1-M2", None), ()),
        ("EOG (right)", (None, "EOG (right)"), ("no mastoid",)),
    ],
)
def test_the_eyes(labels, eyes, words):
    sources, notes = filled(labels, "core")
    assert (sources["E1"], sources["E2"]) == eyes
    told = [notes[lane] for lane in ("E1", "E2") if lane in notes]
    assert len(told) == len(words)
    assert all(word in note for word, note in zip(words, told, strict=True))


@pytest.mark.parametrize(
    ("labels", "chin", "word"),
    [
        ("CHIN1-CHIN2,EMG", "CHIN1-CHIN2", ""),
        ("EMG1,EMG2,EMG3", "EMG1 - EMG2", ""),
        ("Lchin,Rchin,Cchin", "Lchin - Rchin", ""),
        ("L Chin,R Chin", "L Chin - R Chin", ""),
        ("EMG/L,EMG/R,Leg/L,Leg/R", "EMG/L - EMG/R", ""),
        ("EMG/L,EMG/R", "EMG/L - EMG/R", "no muscle"),
        ("EMG+,EMG-", "EMG+ - EMG-", ""),
        ("cchin_l,rchin_l", "cchin_l", "the first of 2"),
        ("Chin1,EMG", "Chin1", "one electrode"),
        ("EMG,Leg/L", "EMG", "no muscle"),
        ("X1,X2", "X1", "no muscle"),
        ("Leg/L,Leg/R,TIB Dx,EMG_Leg", None, ""),
    ],
)
def test_the_chin(labels, chin, word):
    sources, notes = filled(f"C4-M1,{labels}", "core")
    assert sources["chin"] == chin
    assert word in notes.get("chin", "")
    assert ("chin" in notes) == bool(word)


@pytest.mark.parametrize(
    ("labels", "ecg", "word"),
    [
        ("ECG1-ECG2", "ECG1-ECG2", ""),
        ("ECG2,ECG1", "ECG1 - ECG2", ""),
        ("ECG L,ECG R", "ECG L - ECG R", ""),
        ("ekg", "ekg", ""),
        ("ECGL", "ECGL", "one electrode"),
        ("X1,X2", "X2", "ECG"),
    ],
)
def test_the_ecg(labels, ecg, word):
    sources, notes = filled(f"C4-M1,{labels}", "paper")
    assert sources["ECG"] == ecg
    assert word in notes.get("ECG", "")


def test_the_better_of_two_equal_signals_is_taken_and_said():
    sources, notes = filled("C4-M1,EEG C4-A1", "core", best=lambda pair: pair[1])
    assert sources["C4-M1"] == "EEG C4-A1"
    assert "C4-M1, EEG C4-A1" in notes["C4-M1"]
    sources, notes = filled("C4-M1,C4-M1#2", "core")
    assert sources["C4-M1"] == "C4-M1"
    assert "the first of 2" in notes["C4-M1"]
    sources, notes = filled("C4-M1-0,C4-M1-1", "core", best=lambda pair: pair[1])  # by MNE
    assert sources["C4-M1"] == "C4-M1-1"
    assert "the better one of 2" in notes["C4-M1"]


def test_what_cannot_be_shown_is_passed_over_and_said():
    def fault(lane, derivation):
        return "is broken" if "C4" in str(derivation) or lane.name == "chin" else None

    sources, notes = filled("C4-M1,C3-M2,chin", "core", fault=fault)
    assert sources["C4-M1"] == "C3-M2"
    assert "C4-M1 is broken" in notes["C4-M1"] and "mirrored" in notes["C4-M1"]
    assert sources["chin"] is None
    assert "chin is broken" in notes["chin"]


def test_a_fault_of_a_channel_is_said_once():
    def fault(lane, derivation):
        return "is in %" if derivation.plus == "O2" else None

    _, notes = filled("C3,C4,A1,A2,O2", fault=fault)
    assert notes["O2-M1"] == "O2 - A1 is in %"
