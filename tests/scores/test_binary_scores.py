"""Stages in annotations of WFDB, arrays of numpy and workbooks."""

import datetime

import numpy as np
import pytest
import wfdb
from openpyxl import Workbook

from psgvlm.errors import InputError
from psgvlm.scores.formats import read_sheet
from psgvlm.scores.sheet import CLOCK, RECORD, Mark

RATE_HZ = 200


def write_wfdb(folder, name, extension, notes, header=True):
    """Write WFDB annotations `(sample, text)`, and the header of their record."""
    samples, texts = zip(*notes, strict=True)
    symbols = ['"'] * len(notes)
    wfdb.wrann(name, extension, np.array(samples), symbols, aux_note=list(texts), write_dir=folder)
    if header:
        lines = f"{name} 1 {RATE_HZ} 180000\n{name}.mat 16 1/uV 16 0 0 0 0 C4-M1\n"
        (folder / f"{name}.hea").write_text(lines)
    return folder / f"{name}.{extension}"


def test_the_stages_of_the_challenge_of_2018_hold_until_the_next(tmp_path):
    notes = [(12000, "W"), (30000, "N1"), (42000, "(resp_hypopnea"), (45600, "resp_hypopnea)")]
    path = write_wfdb(tmp_path, "tr03-0005", "arousal", [*notes, (60000, "R"), (66000, "U")])
    sheet = read_sheet(path)
    words, onsets_s = ("W", "N1", "R", "U"), (60, 150, 300, 330)
    assert sheet.marks == {"": tuple(map(Mark, words, onsets_s))}
    assert sheet.origin == RECORD


def test_slpdb_begins_at_sample_1_and_has_events_behind_the_stage(tmp_path):
    notes = [(1, "W"), (6000, "2 HA"), (18000, "4 L LA"), (24000, "R"), (30000, "MT")]
    sheet = read_sheet(write_wfdb(tmp_path, "slp01a", "st", notes))
    words, onsets_s = ("W", "2", "4", "R", "MT"), (0, 30, 90, 120, 150)
    marks = tuple(Mark(*mark, 30) for mark in zip(words, onsets_s, strict=True))
    assert (sheet.marks, sheet.codes) == ({"": marks}, "rk")


def test_annotations_may_state_their_rate(tmp_path):
    notes = [(0, "## time resolution: 100"), (0, "W"), (3000, "R")]
    sheet = read_sheet(write_wfdb(tmp_path, "a", "arousal", notes))
    assert sheet.marks == {"": (Mark("W", 0), Mark("R", 30))}


def test_annotations_without_a_rate_are_refused(tmp_path):
    path = write_wfdb(tmp_path, "a", "arousal", [(100, "W")], header=False)
    with pytest.raises(InputError, match=r"a\.arousal.*a\.hea"):
        read_sheet(path)


@pytest.mark.parametrize("content", [b"", b"\0" * 40, b"\xff" * 41, b"\0\xfc" * 20])
def test_what_is_no_annotation_is_refused_by_name(tmp_path, content):
    (tmp_path / "n1.edf.st").write_bytes(content)
    with pytest.raises(InputError, match=r"n1\.edf\.st"):
        read_sheet(tmp_path / "n1.edf.st")


@pytest.mark.parametrize(
    ("name", "values", "texts", "codes"),
    [
        ("x_TRUE", np.array([0, 3, 4, -1]), ["0", "3", "4", "-1"], "aasm"),
        ("x", np.array([[0.0], [5.0]]), ["0", "5"], None),
        ("x", np.array(["W", "N2"]), ["W", "N2"], None),
        ("x", np.array([0, np.nan]), ["0", ""], None),
    ],
)
def test_an_array_is_a_list(tmp_path, name, values, texts, codes):
    np.save(tmp_path / f"{name}.npy", values)
    sheet = read_sheet(tmp_path / f"{name}.npy")
    assert ([mark.text for mark in sheet.marks[""]], sheet.codes) == (texts, codes)
    assert not sheet.algorithms


@pytest.mark.parametrize("name", ["x_PRED", "x"])
def test_probabilities_are_those_of_a_program(tmp_path, name):
    np.save(tmp_path / f"{name}.npy", np.eye(5)[[0, 4, 3]])
    sheet = read_sheet(tmp_path / f"{name}.npy")
    ((scorer, marks),) = sheet.marks.items()
    assert sheet.algorithms == {scorer}
    assert [mark.text for mark in marks] == ["W", "R", "N3"]


def test_an_array_that_claims_more_than_the_file_holds_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(100, np.int8))
    content = (tmp_path / "a.npy").read_bytes()
    huge = content.replace(b"(100,)", b"(9999999999,)").replace(b" " * 7 + b"\n", b"\n")
    (tmp_path / "a.npy").write_bytes(huge)
    with pytest.raises(InputError, match=r"a\.npy"):
        read_sheet(tmp_path / "a.npy")


@pytest.mark.parametrize(
    "values", [np.zeros((3, 4)), np.array(1), np.array([]), np.zeros(3, "M8[s]")]
)
def test_another_array_is_refused(tmp_path, values):
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(InputError, match=r"a\.npy"):
        read_sheet(tmp_path / "a.npy")


def test_objects_in_an_array_are_never_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array(["W", 1], object), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy"):
        read_sheet(tmp_path / "a.npy")


def write_book(path, *sheets):
    book = Workbook()
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    book.remove(book.worksheets[0])
    book.save(path)
    return path


def test_a_damaged_workbook_is_refused(tmp_path):
    path = write_book(tmp_path / "a.xlsx", [["stage"], ["W"]])
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"a\.xlsx"):
        read_sheet(path)


def test_a_workbook_without_stages_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"a\.xlsx"):
        read_sheet(write_book(tmp_path / "a.xlsx", [["lux"], [54], [136]]))


T0 = datetime.datetime(2020, 5, 12, 23, 59, 30)
WORDS = ("Wach", "N1", "Rem", "A")


def profile(head_of, time_of):
    head = [("Signal ID", "SchlafProfil\\profil"), ("Start Time", "12.05.2020 23:59:30")]
    head += [("Unit", ""), ("Rate", "30 s")]
    times = [time_of(T0 + datetime.timedelta(seconds=30 * i)) for i in range(len(WORDS))]
    return [*map(head_of, head), [], *map(list, zip(times, WORDS, strict=True))]


@pytest.mark.parametrize("head_of", [list, lambda pair: [": ".join(pair)]])
@pytest.mark.parametrize(
    ("time_of", "onsets_s"),
    [
        (lambda time: time, (86370, 86400, 86430, 86460)),
        (lambda time: time.time(), (86370, 0, 30, 60)),
        (lambda time: time.strftime("%H:%M:%S,000"), (86370, 0, 30, 60)),
    ],
)
def test_the_sheet_of_a_workbook_that_is_the_sleep_profile(tmp_path, head_of, time_of, onsets_s):
    lux = [["Signal ID: Licht\\lux"], ["Rate: 1 s"], [T0.time(), 54.0], [T0.time(), 136.0]]
    path = write_book(tmp_path / "a.xlsx", lux, profile(head_of, time_of))
    sheet = read_sheet(path)
    (marks,) = sheet.marks.values()
    assert sheet.origin == CLOCK
    assert [(mark.text, mark.onset_s) for mark in marks] == list(zip(WORDS, onsets_s, strict=True))


@pytest.mark.parametrize(
    "rows",
    [
        [["stage"], ["W"], ["N1"], ["REM"]],
        [["W"], ["N1"], ["REM"]],
        [["Epoch", "Stage", "SpO2"], [1, "W", 95], [2, "N1", 96], [3, "REM", None]],
    ],
)
def test_a_workbook_is_read_as_a_table_or_a_list(tmp_path, rows):
    (marks,) = read_sheet(write_book(tmp_path / "a.xlsx", rows)).marks.values()
    assert [mark.text for mark in marks] == ["W", "N1", "REM"]


def test_times_in_a_workbook_are_seconds_or_times_of_day(tmp_path):
    rows = [["onset", "duration", "stage"], [60.0, 30, "W"], [90.0, 30, "N2"]]
    sheet = read_sheet(write_book(tmp_path / "a.xlsx", rows))
    assert sheet.marks == {"": (Mark("W", 60, 30), Mark("N2", 90, 30))}
    rows = [["Zeit", "Schlafstadium"], [T0.time(), "W"], [datetime.time(0, 0, 0), "N2"]]
    sheet = read_sheet(write_book(tmp_path / "b.xlsx", rows))
    assert sheet.origin == CLOCK
    assert [mark.onset_s for mark in sheet.marks[""]] == [86370, 0]
