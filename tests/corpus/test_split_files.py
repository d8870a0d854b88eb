"""Published lists of splits: read in any form, refused by line, and no person in two splits."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psgvlm.corpus import split_files
from psgvlm.errors import InputError

NIGHTS = [("SC400", "SC4001E0"), ("SC400", "SC4002E0"), ("SC401", "SC4011E0"), ("P", "site/P_n1")]
SPLITS = {"SC400": "train", "SC401": "test"}


def write(folder, text, name="list.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def assigned(path, nights=NIGHTS):
    listed = split_files.read(path)
    listed.unknown_names(nights)
    return {
        name: (place.split, place.fold) if place.fold is not None else place.split
        for name, place in listed.assign(nights).items()
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "SC400,train\nSC401,test\n"),
        ("b.csv", "subject,split\nSC400,train\nSC401,test\n"),
        ("c.csv", "\ufeffage;set;participant_id\r\n33;Training;SC400\r\n40;TEST;SC401\r\n"),
        ("d.tsv", "SC400\ttrain\nSC401\ttest"),
        ("e.txt", "# a comment\nSC400 train\n\nSC401   test\n"),
        ("f.csv", '"file","partition"\n"SC4001E0.edf","train"\n"SC4011E0.EDF","test"\n'),
        ("g.csv", "recording,split\nSC4001E0,train\nsc4002e0,train\nSC4011E0,test\n"),
        ("h.json", json.dumps({"train": ["SC400"], "test": ["SC401"]})),
        ("i.json", json.dumps({"SC400": "train", "SC4011E0": "test"})),
        ("j.json", json.dumps([{"subject": s, "split": t} for s, t in SPLITS.items()])),
        ("l.csv", "subject,split\nSC400,train\nSC401,test\n".encode("utf-16")),
        ("k.json", json.dumps({"splits": {"train": ["SC4002E0"], "test": ["SC401"]}})),
    ],
)
def test_splits_in_every_form(tmp_path, name, text):
    assert assigned(write(tmp_path, text, name)) == SPLITS


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "SC400,1\nSC401,2\nP_n1,3\n"),
        ("b.csv", "subject,fold\nSC400,0\nSC401,1\nP,2\n"),
        ("c.csv", "subject,fold\nSC400,fold1\nSC401,fold2\nP,fold3\n"),
        ("d.json", json.dumps([["SC400"], ["SC401"], ["site/P_n1"]])),
        ("e.json", json.dumps({"folds": [["SC400"], ["SC401"], ["P"]]})),
        ("f.json", json.dumps({"SC400": 5, "SC401": 6, "P": 7})),
    ],
)
def test_folds_in_every_form(tmp_path, name, text):
    places = assigned(write(tmp_path, text, name))
    assert places == {"SC400": ("test", 0), "SC401": ("validation", 1), "P": ("train", 2)}


def test_renumbered_folds_are_said(tmp_path):
    assert split_files.read(write(tmp_path, "A,1\nB,2\n")).notes
    assert not split_files.read(write(tmp_path, "A,0\nB,1\n")).notes


def test_a_split_and_a_fold(tmp_path):
    path = write(tmp_path, "subject,split,fold\nSC400,train,3\nSC401,test,0\nP,train,1\nQ,train,2")
    places = assigned(path, [*NIGHTS, ("Q", "Q")])
    assert places["SC400"] == ("train", 3) and places["SC401"] == ("test", 0)


def test_subjects_that_the_list_lacks_are_left_out(tmp_path):
    assert set(assigned(write(tmp_path, "SC400,train\nSC401,test\n"))) == {"SC400", "SC401"}


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("SC4001E0,train\nSC401,test\nSC4002E0,test\n", 3, "SC400 .*train by line 1"),
        ("SC400,train\nSC401,test\nSC400,test\n", 3, "SC400 .*train by line 1"),
        ("SC400,0\nSC401,1\nSC4002E0,1\n", 3, "SC400 .*fold 0 by line 1"),
        ("SC400,train\nSC401,held\n", 2, "held"),
        ("SC400,train\nSC401\n", 2, "expected"),
        ("subject,age\nSC400,33\n", 1, "age"),
        ("split,fold\ntrain,1\n", 1, "subjects"),
    ],
)
def test_a_wrong_line_is_refused_by_its_number(tmp_path, text, line, expected):
    with pytest.raises(InputError, match=rf"list.csv, line {line}: .*{expected}") as refused:
        assigned(write(tmp_path, text))
    assert refused.value.parameter == "split"


def test_recordings_that_were_not_downloaded_are_counted(tmp_path):
    listed = split_files.read(write(tmp_path, "SC400,train\nSC499,test\nSC498,test\n"))
    said = listed.unknown_names(NIGHTS)
    assert "2 of 3" in said and "SC499" in said and "SC498" in said
    assert set(listed.assign(NIGHTS)) == {"SC400"}
    assert split_files.read(write(tmp_path, "SC400,train\n")).unknown_names(NIGHTS) == ""


def test_a_list_of_other_recordings_is_refused(tmp_path):
    listed = split_files.read(write(tmp_path, "subject,split\nX1,train\nX2,test\n"))
    with pytest.raises(InputError, match=r"none of its 2 names.*'X1' in line 2.*SC400") as refused:
        listed.unknown_names(NIGHTS)
    assert refused.value.parameter == "split"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", ""),
        ("a.json", "{"),
        ("a.json", "3"),
        ("a.json", '{"train": {"a": 1}}'),
        ("a.csv", "SC400,train\nSC401,1\n"),
        ("missing.csv", None),
        ("a.json", '{"train": []}'),
    ],
)
def test_a_file_that_is_no_list(tmp_path, name, text):
    path = tmp_path / name if text is None else write(tmp_path, text, name)
    with pytest.raises(InputError):
        split_files.read(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@pytest.mark.parametrize("name", ["x.csv", "x.json"])
def test_any_content_is_read_or_refused(tmp_path, name, content):
    try:
        assigned(write(tmp_path, content, name))
    except InputError as error:
        assert "\n" not in str(error)


def test_a_name_of_a_protocol_is_no_file():
    assert split_files.looks_like_file("lists/a.csv")
    assert not split_files.looks_like_file("70/15/15")
    assert not split_files.looks_like_file("sleep-edf-20")
