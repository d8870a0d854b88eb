"""ISRUC-Sleep: folders, label families, scorers, and what is unusual about its scores."""

import openpyxl
import pytest
from defusedxml import EntitiesForbidden
from psgvlm.builders.build.examine import Choices, examine
from psgvlm.builders.readers import find_nights, isruc
from recordings import ISRUC, write_isruc, write_xlsx

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS

STAGES = ("W", "N1", "N2", "N3", "R", "N2")


def read(raw, **options):
    (night,) = isruc.find(raw)
    return isruc.read_scores(night, **options)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "subgroupI" / "1"


### Folders


@pytest.mark.parametrize("name", ["subgroupI", "Subgroup_1", "SubGroup 1", "sub-group-i"])
def test_the_group_s_folder_may_be_called_anything(tmp_path, name):
    write_isruc(tmp_path / name / "5", "5", STAGES)
    for raw in (tmp_path, tmp_path / name):
        (night,) = isruc.find(raw)
        assert (night.subject, night.recording) == ("I-5", "I-5")
        assert [path.name for path in night.scores] == ["5_1.txt"]


def test_an_unknown_group_keeps_its_name_as_long_as_it_is_below(tmp_path):
    write_isruc(tmp_path / "RawData" / "5", "5", STAGES)
    assert isruc.find(tmp_path)[0].subject == "RawData-5"
    assert isruc.find(tmp_path / "RawData")[0].subject == "5"


def test_two_sessions_are_one_subject(tmp_path):
    for session in ("1", "2"):
        write_isruc(tmp_path / "subgroupII" / "3" / session, session, STAGES)
    expected = [("II-3", "II-3-1"), ("II-3", "II-3-2")]
    for raw in (tmp_path, tmp_path / "subgroupII", tmp_path / "subgroupII" / "3"):
        assert [(night.subject, night.recording) for night in isruc.find(raw)] == expected
    assert [path.name for path in isruc.find(tmp_path)[1].scores] == ["2_1.txt"]


def test_all_three_groups_in_order(tmp_path):
    for number in ("1", "2", "10"):
        write_isruc(tmp_path / "subgroupI" / number, number, STAGES)
    write_isruc(tmp_path / "subgroupII" / "1" / "1", "1", STAGES)
    write_isruc(tmp_path / "subgroupIII" / "1", "1", STAGES)
    recordings = [night.recording for night in find_nights(isruc, tmp_path)]
    assert recordings == ["I-1", "I-2", "I-10", "II-1-1", "III-1"]


def test_linked_folders_and_a_loop(tmp_path):
    write_isruc(tmp_path / "disk" / "1", "1", STAGES)
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "subgroupIII").symlink_to(tmp_path / "disk")
    (raw / "loop").symlink_to(raw)
    (raw / "1.rec").symlink_to(raw / "1.rec")
    assert [night.recording for night in isruc.find(raw)] == ["1", "III-1"]


def test_the_same_recording_twice(tmp_path):
    write_isruc(tmp_path / "subgroupI" / "1", "1", STAGES)
    write_isruc(tmp_path / "copy" / "Subgroup_1" / "1", "1", STAGES)
    with pytest.raises(InputError, match="both the recording I-1;"):
        find_nights(isruc, tmp_path)


def test_the_mat_distribution_is_refused_with_the_reason(tmp_path):
    (tmp_path / "subject3.mat").write_bytes(b"MATLAB 5.0")
    (night,) = isruc.find(tmp_path)
    with pytest.raises(InputError, match=r"subject3.mat: the .mat distribution .* 30 fewer"):
        isruc.read_scores(night)


### Channels


@pytest.mark.parametrize("family", ISRUC)
def test_every_family_can_be_drawn(folder, family):
    write_isruc(folder, "1", STAGES, family)
    (night,) = isruc.find(folder)
    seen = examine(isruc, night, PRESETS["wide"], Choices())
    assert seen.night.lanes.missing_names == (("F4-M1",) if family == "I-8" else ())
    assert len(seen.night.epochs) == 6
    assert seen.scores.onset_s == 0
    assert seen.night.onsets_s.tolist() == [0, 30, 60, 90, 120, 150]


### Scores


def test_stages_and_the_second_scorer(folder):
    second = ("W", "N2", "N2", "N3", "R", "N2")
    write_isruc(folder, "1", STAGES, second=second)
    scores = read(folder)
    assert scores.stages == STAGES
    assert scores.second == second
    assert scores.kappa == pytest.approx((5 / 6 - 9 / 36) / (1 - 9 / 36))
    assert read(folder, scorer="2").stages == second
    assert read(folder, scorer="2").second == STAGES
    consensus = read(folder, scorer="consensus")
    assert consensus.stages == ("W", None, "N2", "N3", "R", "N2")
    assert consensus.kappa == scores.kappa
    assert read(folder, scorer="both").stages == STAGES


def test_a_single_scorer(folder):
    write_isruc(folder, "1", STAGES)
    assert read(folder).second is None
    assert read(folder).kappa is None
    for scorer in ("2", "both", "consensus"):
        with pytest.raises(
            InputError, match=r"1_2.txt: no such file; expected the stages of scorer 2"
        ):
            read(folder, scorer=scorer)


def test_only_the_second_scorer(folder):
    write_isruc(folder, "1", STAGES, second=STAGES)
    (folder / "1_1.txt").unlink()
    with pytest.raises(InputError, match=r"1_1.txt: no such file"):
        read(folder)
    assert read(folder, scorer="2").stages == STAGES


@pytest.mark.parametrize("header", [True, False])
def test_unscored_epochs_are_known_from_the_xlsx_alone(folder, header):
    """The txt has wake for unscored epochs; the epochs after them keep their numbers."""
    write_isruc(folder, "1", ("N2", "W", "W", "N3", "R"))
    write_xlsx(folder / "1_1.xlsx", ("N2", "U", "N", "N3", "R"), header)
    scores = read(folder)
    assert scores.stages == ("N2", None, None, "N3", "R")
    assert scores.notes == ()


def test_both_scorers_epochs_where_one_is_masked(folder):
    write_isruc(folder, "1", STAGES, second=STAGES)
    write_xlsx(folder / "1_2.xlsx", ("U", *STAGES[1:]))
    assert read(folder).stages == STAGES
    assert read(folder).second == (None, *STAGES[1:])
    assert read(folder, scorer="both").stages == (None, *STAGES[1:])


def test_a_workbook_with_its_columns_elsewhere(folder):
    write_isruc(folder, "1", ("W", "N1"))
    book = openpyxl.Workbook()
    for row in (["Report"], ["SpO2", "Epoch", "Stage"], [96, 1, "U"], [95, "2", "N1"]):
        book.active.append(row)
    book.save(folder / "1_1.xlsx")
    assert read(folder).stages == (None, "N1")
    book.active.delete_rows(1, 2)
    book.save(folder / "1_1.xlsx")
    with pytest.raises(InputError, match="no numbered epochs and stages in its first sheet"):
        read(folder)


def test_differences_of_the_workbook_are_noted(folder):
    write_isruc(folder, "1", STAGES, marks=("N1", "N1", "MT", "N3", "R"))
    scores = read(folder)
    assert scores.stages == ("W", "N1", None, "N3", "R", "N2")
    differ, unknown, lengths = scores.notes
    assert "1_1.xlsx and 1_1.txt differ in 1 epochs" in differ
    assert "'MT'" in unknown and "unscored" in unknown
    assert lengths == "1_1.txt has 6 epochs, 1_1.xlsx 5"


@pytest.mark.parametrize(
    "content", [b"0\r\n1\r\n2\r\n", b"0\n\n1\n\n\n2\n\n", b"\xef\xbb\xbf0\n1\n2", b" 0\n1 \n2\n"]
)
def test_line_ends_blank_lines_and_marks(folder, content):
    write_isruc(folder, "1", STAGES)
    (folder / "1_1.txt").write_bytes(content)
    assert read(folder).stages == ("W", "N1", "N2")


def test_without_the_workbook_unscored_epochs_pass_for_wake(folder):
    write_isruc(folder, "1", STAGES)
    (note,) = read(folder).notes
    assert note.startswith("no 1_1.xlsx: unscored epochs count as wake")
    write_xlsx(folder / "1_1.xlsx", STAGES)
    assert read(folder).notes == ()


@pytest.mark.parametrize("content", [b"0\n7\n", b"0\n4\n", b"W\n", b"\xe9\n", b"0 1.5\n", b""])
def test_stages_that_are_none(folder, content):
    write_isruc(folder, "1", STAGES)
    (folder / "1_1.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"1_1.txt: holds .*expected one of 0 1 2 3 5"):
        read(folder)


def test_scorers_of_different_length(folder):
    write_isruc(folder, "1", STAGES, second=STAGES[:4])
    scores = read(folder)
    assert len(scores.stages) == len(scores.second) == 4
    assert scores.notes[-1] == "scorers scored 6 and 4 epochs: cut to 4"


def test_more_scores_than_signal_and_the_other_way_round(folder):
    write_isruc(folder, "1", STAGES, seconds=30 * 4 + 10)
    (night,) = isruc.find(folder)
    seen = examine(isruc, night, PRESETS["wide"], Choices())
    assert seen.night.epochs.tolist() == [0, 1, 2, 3]
    assert seen.night.n_beyond == 2
    assert any(note.startswith("2 epochs beyond") for note in seen.notes)
    write_isruc(folder, "1", STAGES, seconds=30 * 9)
    seen = examine(isruc, night, PRESETS["wide"], Choices())
    assert len(seen.night.epochs) == 6
    assert any("goes on for 90 s" in note for note in seen.notes)


### Damaged workbooks


def test_a_file_that_is_no_workbook_is_refused(folder):
    write_isruc(folder, "1", STAGES)
    for content in (b"", b"Jane Doe", b"PK\x03\x04" + bytes(100)):
        (folder / "1_1.xlsx").write_bytes(content)
        with pytest.raises(InputError, match=r"1_1.xlsx: cannot be read as a workbook") as caught:
            read(folder)
        assert "Jane" not in str(caught.value)


def test_a_zip_bomb_is_not_unpacked(folder):
    import zipfile

    write_isruc(folder, "1", STAGES, marks=STAGES)
    with zipfile.ZipFile(folder / "1_1.xlsx", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet9.xml", bytes(40_000_000))
    assert (folder / "1_1.xlsx").stat().st_size < 100_000
    with pytest.raises(InputError, match="unpacks to 40 MB; expected no more than 16 MB"):
        read(folder)


def test_a_workbook_with_entities(folder):
    import zipfile

    write_isruc(folder, "1", STAGES, marks=STAGES)
    with zipfile.ZipFile(folder / "1_1.xlsx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    laughs = b'<!DOCTYPE worksheet [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert b"<t>N3</t>" in sheet
    parts["xl/worksheets/sheet1.xml"] = laughs + sheet.replace(b"<t>N3</t>", b"<t>&b;</t>")
    with zipfile.ZipFile(folder / "1_1.xlsx", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(InputError, match="cannot be read as a workbook") as caught:
        read(folder)
    assert isinstance(caught.value.__cause__.__cause__, EntitiesForbidden)
