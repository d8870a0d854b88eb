"""Stages among other events: notes that name a stage, unknown words, several ways to write one."""

from pathlib import Path

import pytest
from recordings import montage, write_edf

from psgvlm.errors import InputError
from psgvlm.recordings import Annotation, Recording
from psgvlm.scores import Mark, find_scores
from psgvlm.scores.formats import read_sheet
from psgvlm.scores.formats.edf_annotations import sheet_of_annotations

CYCLE = ("W", "N1", "N2", "N3", "R")


def texts(annotations) -> list[tuple[float, str]]:
    sheet = sheet_of_annotations(Path("night.edf"), [Annotation(*each) for each in annotations])
    return [(mark.onset_s, mark.text) for mark in sheet.marks[""]] if sheet else []


def epochs(words, length_s=30) -> list[tuple[float, float, str]]:
    return [(length_s * i, length_s, word) for i, word in enumerate(words)]


def test_epochs_in_other_words_than_most_are_kept():
    words = ["Sleep stage W", "Sleep stage N1", "SLEEP-S4", "Sleep stage R"]
    assert texts(epochs(words)) == [(30 * i, word) for i, word in enumerate(words)]


def test_an_unknown_word_in_the_place_of_a_stage_is_kept_and_one_beside_a_stage_is_not():
    events = [*epochs(["Stage W", "Stage 5", "Stage 2"]), (0, 30, "Apnea"), (70, 8, "Arousal")]
    assert texts(events) == [(0, "Stage W"), (30, "Stage 5"), (60, "Stage 2")]


def test_an_unknown_stage_at_a_change_ends_the_stage_before_it():
    events = [(0, 0, "Stage W"), (60, 0, "Stage 5"), (90, 0, "Arousal"), (120, 0, "Stage 2")]
    assert texts(events) == [(0, "Stage W"), (60, "Stage 5"), (120, "Stage 2")]


def test_notes_that_name_a_stage_are_no_scored_night(tmp_path):
    assert texts([(3, 0, "REM"), (60, 0, "Lights off"), (90, 5, "Arousal")]) == []
    path = tmp_path / "night.csv"
    path.write_text("Time,Event\n22:00:00,Lights off\n22:12:00,REM\n22:13:00,bathroom\n")
    with pytest.raises(InputError, match=r"night\.csv"):
        read_sheet(path)


def test_annotations_that_are_taken_for_notes_are_named_in_a_warning(tmp_path):
    from edfio import EdfAnnotation

    notes = [EdfAnnotation(3, None, "REM"), EdfAnnotation(40, None, "Lights off")]
    path = write_edf(tmp_path / "night.edf", montage(["C4-M1"], 90), notes)
    scores = find_scores(Recording(path))
    assert set(scores.stages) == {None}
    assert "'REM'" in " ".join(scores.warnings)


def test_numbers_in_a_row_of_epochs_need_a_table():
    sheet = sheet_of_annotations(
        Path("night.edf"), [Annotation(*each) for each in epochs("0112340123")]
    )
    assert sheet.marks[""][4] == Mark("3", 120, 30) and sheet.codes is None
    assert texts([(7 * i, 0, str(i % 3)) for i in range(20)]) == []
