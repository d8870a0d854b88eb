"""Stages in EDF and EDF+ files: annotations beside a recording, its own, and signals of stages."""

import datetime

import edfio
import numpy as np
import pytest
from recordings import montage, write_edf

from psgvlm.errors import InputError
from psgvlm.recordings import Annotation, EdfFile, Recording
from psgvlm.scores.finding import annotated_scores
from psgvlm.scores.formats import edf_annotations, read_sheet, stage_signals
from psgvlm.scores.sheet import OWN, RECORD, Mark


def write_annotations(path, events, start=datetime.time(22, 10, 0)):
    """Write an EDF+ file of annotations alone."""
    notes = [edfio.EdfAnnotation(*event) for event in events]
    return write_edf(path, (), notes, starttime=start)


def marks_of(path):
    (marks,) = read_sheet(path).marks.values()
    return [(mark.text, mark.onset_s, mark.duration_s) for mark in marks]


def test_a_hypnogram_has_the_start_of_its_own_header(tmp_path):
    path = write_annotations(tmp_path / "a-Hypnogram.edf", [(30, 60, "Sleep stage W")])
    sheet = read_sheet(path)
    assert (sheet.origin, sheet.start_clock_s) == (OWN, 22 * 3600 + 600)
    assert sheet.marks == {"": (Mark("Sleep stage W", 30, 60),)}


def test_a_file_that_does_not_keep_the_time_keeps_its_first_onset(tmp_path):
    """The first annotation is a stage then, and not where the recording begins."""
    path = write_annotations(tmp_path / "a.edf", [(30, 30, "Sleep stage W")])
    content = path.read_bytes()
    timekeeping = b"+0\x14\x14\x00"
    assert content.count(timekeeping) == 1
    path.write_bytes(content.replace(timekeeping, bytes(len(timekeeping))))
    assert marks_of(path) == [("Sleep stage W", 30, 30)]
    assert [note.onset_s for note in EdfFile(path).annotations()] == [30]


def test_a_first_sample_after_the_start_moves_only_onsets_of_the_recording(tmp_path):
    path = write_annotations(tmp_path / "a.edf", [(30, 30, "Sleep stage W")])
    content = path.read_bytes()
    later = b"+5\x14\x14\x00"
    path.write_bytes(content.replace(b"+0\x14\x14\x00", later))
    assert marks_of(path) == [("Sleep stage W", 30, 30)]
    assert EdfFile(path).annotations()[0].onset_s == 25


@pytest.mark.parametrize("duration_s", [None, 0, 0.004, 1])
def test_stages_at_their_changes_have_no_duration(tmp_path, duration_s):
    events = [(0, "Sleep stage W"), (300, "Sleep stage N1"), (360, "Sleep stage N2")]
    path = write_annotations(tmp_path / "a.edf", [(t, duration_s, text) for t, text in events])
    assert marks_of(path) == [(text, t, None) for t, text in events]


def test_noxturnal_says_who_scored(tmp_path):
    person = [(0, 30, "sleep-wake,Manual"), (30, 30, "sleep-n1,Manual"), (35, 3, "arousal,Manual")]
    program = [(0, 30, "sleep-rem,Auto")]
    sheet = read_sheet(write_annotations(tmp_path / "a.edf", [*person, *program]))
    assert sheet.marks["manual"] == (Mark("sleep-wake", 0, 30), Mark("sleep-n1", 30, 30))
    assert sheet.marks["auto"] == (Mark("sleep-rem", 0, 30),)
    assert sheet.algorithms == {"auto"}


def test_stages_of_a_second_each_keep_it(tmp_path):
    events = [(t, 1, "Sleep stage W") for t in range(5)]
    assert marks_of(write_annotations(tmp_path / "a.edf", events))[2] == ("Sleep stage W", 2, 1)


NOTES = [(15, 3, "EEG arousal"), (0, 0, "Lights Off@@EEG F4-A1"), (40, 12, "Obstructive Apnea")]


@pytest.mark.parametrize(
    "words",
    [
        ("Sleep stage W", "Sleep stage N2", "Sleep stage ?", "Movement time"),
        ("Sleep stage W@@EEG F4-A1", "Sleep stage 4", "Sleep stage N", "Sleep stage 8"),
        ("SLEEP-S0", "SLEEP-S2", "SLEEP-UNSCORED", "SLEEP-MT"),
        ("sleep-wake", "sleep-n1", "sleep-rem", "sleep-wake"),
        ("Sleep Stage N1", "Sleep Stage REM", "Sleep Stage WAKE", "Sleep Stage NotScored"),
        ("W", "N1", "REM", "?"),
        ("Wake", "Stage 1", "REM", "Wake"),
    ],
)
def test_stages_are_found_among_other_events(tmp_path, words):
    stages = [(30 * i, 30, word) for i, word in enumerate(words)]
    path = write_annotations(tmp_path / "a.edf", [*stages, *NOTES])
    assert marks_of(path) == [(word, t, 30) for t, _, word in stages]


@pytest.mark.parametrize("note", ["REM", "?", "Movement", "S", "light"])
def test_a_note_that_is_also_a_stage_word_is_no_stage(tmp_path, note):
    stages = [(30 * i, 30, f"Sleep stage {word}") for i, word in enumerate("W12")]
    path = write_annotations(tmp_path / "a.edf", [*stages, (40, 5, note)])
    assert [text for text, _, _ in marks_of(path)] == [text for _, _, text in stages]


@pytest.mark.parametrize("note", ["?", "Movement", "S", "light"])
def test_among_plain_words_a_note_within_a_stage_is_no_stage(tmp_path, note):
    stages = [(0, 30, "W"), (30, 30, "N1"), (90, 30, "REM")]
    path = write_annotations(tmp_path / "a.edf", [*stages, (40, 5, note), (60, 30, "?")])
    assert marks_of(path) == [("W", 0, 30), ("N1", 30, 30), ("?", 60, 30), ("REM", 90, 30)]


def test_a_recording_without_stages_has_no_sheet(tmp_path):
    notes = [edfio.EdfAnnotation(*note) for note in [*NOTES, (3, 1, "?"), (9, None, "technician")]]
    path = write_edf(tmp_path / "a.edf", montage(["C4-M1"], 60), notes)
    recording = Recording(path)
    assert edf_annotations.sheet_of_annotations(path, recording.annotations()) is None
    with pytest.raises(InputError, match=r"a\.edf"):
        read_sheet(path)


def test_a_recordings_own_stages_count_from_its_first_sample(tmp_path):
    notes = [edfio.EdfAnnotation(60, 30, "Sleep stage R")]
    path = write_edf(tmp_path / "a.edf", montage(["C4-M1"], 120), notes)
    sheet = edf_annotations.sheet_of_annotations(path, Recording(path).annotations())
    assert (sheet.origin, sheet.marks) == (RECORD, {"": (Mark("Sleep stage R", 60, 30),)})


def test_mne_names_the_kind_of_a_marker_of_brainvision(tmp_path):
    notes = [Annotation(30 * i, 0.001, f"Comment/Sleep stage {s}") for i, s in enumerate("W1R")]
    notes.append(Annotation(0, 0.001, "New Segment/"))
    sheet = edf_annotations.sheet_of_annotations(tmp_path / "a.vhdr", notes)
    (marks,) = sheet.marks.values()
    assert [mark.text for mark in marks] == ["Sleep stage W", "Sleep stage 1", "Sleep stage R"]
    assert {mark.duration_s for mark in marks} == {None}


def stage_signal(label, codes, rate_hz, unit=""):
    limits = {"physical_range": (-10, 10), "digital_range": (-10, 10)}
    samples = np.array(codes, float)
    return edfio.EdfSignal(samples, rate_hz, label=label, physical_dimension=unit, **limits)


def test_the_hyp_of_sleep_edf_of_2002(tmp_path):
    codes = [0, 0, 1, 2, 3, 4, 5, 6, 9, 0]
    start = datetime.time(14, 50, 0)
    write_edf(
        tmp_path / "sc4002e0.edf",
        [stage_signal("Hypnogram", codes, 1 / 30)],
        starttime=start,
        data_record_duration=30,
    ).rename(tmp_path / "sc4002e0.hyp")
    sheet = read_sheet(tmp_path / "sc4002e0.hyp")
    assert (sheet.origin, sheet.start_clock_s, sheet.codes) == (OWN, 53400, "rk")
    first, *others = sheet.marks["Hypnogram"]
    assert first == Mark("0", 0, 60)
    assert [mark.text for mark in others] == list("12345690")
    assert [mark.onset_s for mark in others] == list(range(60, 300, 30))


def test_stages_as_signals_inside_an_excerpt_of_dreams(tmp_path):
    person, program = np.repeat([5, 4, -1], [40, 10, 10]), np.repeat([5, 3, 2], 20)
    signals = [
        *montage(["C3-A1"], 30),
        stage_signal("hypnogram", person, 2, "stade"),
        stage_signal("hypnogram_aut", program, 2, "stade"),
    ]
    path = write_edf(tmp_path / "excerpt1.edf", signals)
    assert annotated_scores(Recording(path)).stages == ("W",)
    sheet = stage_signals.sheet_of_signals(path)
    assert (sheet.origin, sheet.codes) == (RECORD, "dreams")
    assert sheet.algorithms == {"hypnogram_aut"}
    assert sheet.marks["hypnogram"] == (Mark("5", 0, 20), Mark("4", 20, 5), Mark("-1", 25, 5))


def test_a_recorded_signal_is_no_signal_of_stages(tmp_path):
    path = write_edf(tmp_path / "a.edf", montage(["Stage EEG", "hypnogram", "C4-M1"], 30))
    assert stage_signals.sheet_of_signals(path) is None


def test_a_signal_of_one_value_is_no_signal_of_stages(tmp_path):
    signals = [*montage(["C4-M1"], 30), stage_signal("Sleep Stage", [0] * 30, 1)]
    path = write_edf(tmp_path / "a.edf", signals)
    assert stage_signals.sheet_of_signals(path) is None


def test_a_hyp_without_codes_is_refused(tmp_path):
    write_edf(tmp_path / "a.edf", montage(["EEG"], 30)).rename(tmp_path / "a.hyp")
    with pytest.raises(InputError, match=r"a\.hyp"):
        read_sheet(tmp_path / "a.hyp")
