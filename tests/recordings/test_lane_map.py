"""A map may be a file with rules for recordings and families of recordings."""

import pytest
from recordings import montage, write_edf

from psgvlm.errors import InputError
from psgvlm.recordings import Recording, family_id, load_map, named_sources, unmatched_sections

RULES = """\
# Rules of a sleep centre.
chin=EMG1 - EMG2

[SN0*]
chin=none, E1=left eye   # one or several on a line
[*/late/*.edf]
C4-M1=Kanal 7
"""


@pytest.fixture
def rules(tmp_path):
    path = tmp_path / "rules.txt"
    path.write_text(RULES)
    return path


def recording(path, labels="C4-M1,EMG1,EMG2,left eye"):
    return Recording(write_edf(path, montage(labels.split(","), 30)))


def test_rules_hold_for_the_recordings_that_match(rules, tmp_path):
    assert named_sources(rules, recording(tmp_path / "A.edf"))[0] == {"chin": ("EMG1 - EMG2",)}
    named, notes = named_sources(rules, recording(tmp_path / "SN01.edf"))
    assert named == {"chin": (), "E1": ("left eye",)}
    assert notes == []
    late = recording(tmp_path / "late" / "A.edf", "C4-M1,Kanal 7,EMG1,EMG2")
    assert named_sources(rules, late)[0]["C4-M1"] == ("Kanal 7",)


def test_sections_match_in_any_case_and_those_that_match_nothing_are_told(rules, tmp_path):
    assert named_sources(rules, recording(tmp_path / "sn01.edf"))[0]["chin"] == ()
    paths = [tmp_path / "sn01.edf", tmp_path / "A.edf"]
    assert unmatched_sections(load_map(rules), paths) == ["[*/late/*.edf]"]
    assert unmatched_sections("chin=EMG", paths) == []
    assert unmatched_sections("[family 123456]\nchin=EMG\n", paths) == []


def test_the_text_of_a_file_is_as_good_as_its_path(rules, tmp_path):
    text = load_map(rules)
    one = recording(tmp_path / "SN01.edf")
    assert named_sources(text, one) == named_sources(str(rules), one) == named_sources(rules, one)
    assert load_map("chin=EMG1") == "chin=EMG1"
    assert load_map("") == ""


def test_a_rule_whose_labels_a_recording_lacks_is_noted(rules, tmp_path):
    named, notes = named_sources(rules, recording(tmp_path / "A.edf", "C4-M1,chin"))
    assert named == {}
    assert len(notes) == 1
    assert "chin=EMG1 - EMG2" in notes[0]


def test_the_recording_that_lacks_a_label_of_a_map_is_named(tmp_path):
    one = recording(tmp_path / "A.edf")
    with pytest.raises(InputError, match=r"A\.edf: map 'chin=EMG9': the recording has no label"):
        named_sources("chin=EMG9", one)
    with pytest.raises(InputError, match=r"^map 'leg=EMG1': expected LANE=LABEL"):
        named_sources("leg=EMG1", one)


def test_rules_of_a_family(tmp_path):
    one, other = recording(tmp_path / "1.edf"), recording(tmp_path / "2.edf", "C4-M1,EMG1")
    text = f"[family {family_id(one.channels)}]\nchin=EMG2\n"
    assert named_sources(text, one)[0] == {"chin": ("EMG2",)}
    assert named_sources(text, other) == ({}, [])
    assert family_id(reversed(one.channels)) == family_id(one.channels)
    assert family_id(one.channels) != family_id(other.channels)


@pytest.mark.parametrize("text", ["nothing.txt", "leg=EMG1\n", "[SN*]\nchin\n"])
def test_maps_that_cannot_be_read_are_refused(text):
    with pytest.raises(InputError) as caught:
        load_map(text)
    assert caught.value.parameter == "map"
