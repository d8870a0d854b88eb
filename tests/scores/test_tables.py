"""Tables of stages as programs write them: columns, times, epochs, scorers, words, separators."""

from pathlib import Path

import pytest
from recordings import montage, write_edf

from psgvlm.errors import InputError
from psgvlm.recordings import Recording
from psgvlm.scores import CLOCK, RECORD, Sheet, place
from psgvlm.scores.formats import read_sheet

WORDS = ["W", "W", "N1", "N2", "N2", "N3", "N3", "R", "R", "W"]


@pytest.fixture
def read(tmp_path):
    """Return a function that writes a file and reads it."""

    def read_text(text: str, name: str = "night.csv", encoding: str = "utf-8") -> Sheet:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))
        return read_sheet(path)

    return read_text


def marks(sheet: Sheet, scorer: str = "") -> list[tuple]:
    return [(mark.text, mark.onset_s, mark.duration_s) for mark in sheet.marks[scorer]]


def texts(sheet: Sheet, scorer: str = "") -> list[str]:
    return [mark.text for mark in sheet.marks[scorer]]


EPOCHS = [(word, None, None) for word in WORDS]
SECONDS = [(word, 30.0 * i, 30.0) for i, word in enumerate(WORDS)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", ", ", "   ", " "])
@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_any_separator_header_encoding_and_line_ending(read, separator, header, encoding, newline):
    rows = [["onset", "duration", "stage"]] if header else []
    rows += [[str(30 * i), "30", word] for i, word in enumerate(WORDS)]
    text = newline.join(separator.join(row) for row in rows) + newline
    assert marks(read(text, encoding=encoding)) == SECONDS


@pytest.mark.parametrize(
    "head",
    [
        "Epoch,Stage",
        ",Stage",
        "No.,Label",
        '"epoch","sleep_stage"',
        "Epoche;Schlafstadium",
        "Époque;Stade",
        "Epoch Number ,Sleep Stage",
        "epoch,Hypnogram",
        "epoch\tstage",
        "#,Stage",
    ],
)
@pytest.mark.parametrize("first", [0, 1])
def test_epochs_are_numbered_from_0_or_1(read, head, first):
    separator = next(mark for mark in ",;\t" if mark in head)
    rows = [f"{first + i}{separator}{word}" for i, word in enumerate(WORDS)]
    sheet = read("\n".join([head, *rows]))
    assert marks(sheet) == EPOCHS and sheet.origin == RECORD and sheet.codes is None


def test_the_number_of_an_epoch_counts_and_not_its_line(read):
    sheet = read("epoch,stage\n3,W\n4,N1\n7,N2\n")
    assert texts(sheet) == ["", "", "W", "N1", "", "", "N2"]
    assert "3 to 7" in " ".join(sheet.notes)
    assert texts(read("epoch,stage\n2,N2\n0,W\n1,N1\n")) == ["W", "N1", "N2"]


def test_an_epoch_with_two_stages_has_none(read):
    sheet = read("epoch,stage\n1,W\n2,N1\n2,N2\n3,R\n3,R\n")
    assert texts(sheet) == ["W", "", "R"] and "two stages" in " ".join(sheet.notes)


def test_numbers_far_beyond_the_rows_are_refused(read):
    with pytest.raises(InputError, match="numbered"):
        read("epoch,stage\n1,W\n999999,N1\n")


@pytest.mark.parametrize(
    ("write", "midnight"),
    [
        (lambda h, m, s: f"{h:02}:{m:02}:{s:02}", True),
        (lambda h, m, s: f"{h}.{m:02}.{s:02}", True),
        (lambda h, m, s: f"{h:02}:{m:02}:{s:02},000", True),
        (lambda h, m, s: f"{h % 12 or 12}:{m:02}:{s:02} {'PM' if h > 11 else 'AM'}", True),
        (lambda h, m, s: f"{2 if h > 11 else 3:02}/04/2020 {h:02}:{m:02}:{s:02}", False),
        (lambda h, m, s: f"2020-04-0{2 if h > 11 else 3}T{h:02}:{m:02}:{s:02}.000", False),
        (lambda h, m, s: f"{h}h{m:02}m{s:02}", True),
    ],
)
def test_times_of_day(read, write, midnight):
    seconds = [23 * 3600 + 58 * 60 + 30 * i for i in range(10)]
    clocks = [write(t // 3600 % 24, t // 60 % 60, t % 60) for t in seconds]
    rows = [f"{clock};{word}" for clock, word in zip(clocks, WORDS, strict=True)]
    sheet = read("\n".join(["Start Time;Stage", *rows]))
    expected = [t % 86400 if midnight else t for t in seconds]
    assert [mark.onset_s for mark in sheet.marks[""]] == expected
    assert sheet.origin == CLOCK and texts(sheet) == WORDS
    assert {mark.duration_s for mark in sheet.marks[""]} == {30.0}


def test_a_column_of_dates_that_are_none_is_passed_over(read):
    sheet = read("Date,Time,Stage\nFriday,23:59:30,W\n1.1,00:00:00,W\n,00:00:30,N1\n")
    assert [mark.onset_s for mark in sheet.marks[""]] == [86370.0, 0.0, 30.0]


def test_an_onset_as_a_time_counts_from_the_start_unless_it_is_late(read):
    sheet = read("onset,stage\n00:10:00,W\n00:10:30,N1\n00:11:00,N1\n")
    assert [mark.onset_s for mark in sheet.marks[""]] == [600, 630, 660] and sheet.origin == RECORD
    assert "start" in " ".join(sheet.notes)
    assert read("onset,stage\n22:10:00,W\n22:10:30,N1\n22:11:00,N1\n").origin == CLOCK
    assert read("onset,stage\n09:10:00,W\n09:00:30,N1\n09:11:00,N1\n").origin == CLOCK


def test_a_date_in_a_column_of_its_own(read):
    sheet = read(
        "Date,Time,Stage\n31/01/2020,23:59:30,W\n01/02/2020,00:00:00,W\n01/02/2020,00:00:30,N1\n"
    )
    assert [mark.onset_s for mark in sheet.marks[""]] == [86370.0, 86400.0, 86430.0]


@pytest.mark.parametrize(
    ("head", "times"),
    [
        ("onset", ["0", "30", "60"]),
        ("onset_s", ["0.0", "30.0", "60.0"]),
        ("Start [ms]", ["0", "30000", "60000"]),
        ("onset (min)", ["0", "0.5", "1"]),
        ("time", ["0:00", "0:30", "1:00"]),
        ("time", ["00:00:00", "00:00:30", "00:01:00"]),
        ("onset", ["0 days 00:00:00", "0 days 00:00:30", "0 days 00:01:00"]),
        ("Time", ["0,0", "30,0", "60,0"]),
        ("t", ["+0", "+30", "+60"]),
    ],
)
def test_times_from_the_start_of_the_recording(read, head, times):
    rows = [f"{time};{word}" for time, word in zip(times, ("W", "N1", "N2"), strict=True)]
    sheet = read("\n".join([f"{head};stage", *rows]))
    assert marks(sheet) == [("W", 0.0, 30.0), ("N1", 30.0, 30.0), ("N2", 60.0, 30.0)]
    assert sheet.origin == RECORD


@pytest.mark.parametrize("times", ["0 0.5 1 1.5", "1600000000 1600000030 1600000060 1600000090"])
def test_times_in_an_unknown_unit_are_refused(read, times):
    rows = [
        f"{time},{word}" for time, word in zip(times.split(), ["W", "W", "N1", "N2"], strict=True)
    ]
    with pytest.raises(InputError, match=r"'time'.*seconds"):
        read("\n".join(["time,stage", *rows]))
    numbered = read("\n".join(["epoch,time,stage", *(f"{i},{row}" for i, row in enumerate(rows))]))
    assert texts(numbered) == ["W", "W", "N1", "N2"] and "time" in " ".join(numbered.notes)


def test_times_of_day_without_seconds_are_refused(read):
    with pytest.raises(InputError, match="seconds"):
        read("Time,Stage\n22:10,W\n22:10,W\n22:11,N1\n")


def test_a_row_of_units_under_the_header(read):
    text = (
        "Heure de début;Durée;Événement\n[hh:mm:ss];[min];[]\n22:00:00;0,5;Éveil\n22:00:30;1;N1\n"
    )
    sheet = read(text, encoding="latin-1")
    assert marks(sheet) == [("Éveil", 79200.0, 30.0), ("N1", 79230.0, 60.0)]


def test_stages_at_changes_have_no_duration(read):
    sheet = read("onset\tduration\ttrial_type\n0\tn/a\tW\n300\tn/a\tN1\n390\tn/a\tN2\n", "x.tsv")
    assert marks(sheet) == [("W", 0.0, None), ("N1", 300.0, None), ("N2", 390.0, None)]


def test_holes_between_epochs_stay_holes(read):
    sheet = read("onset,stage\n0,W\n30,W\n60,W\n120,N1\n150,N1\n180,N2\n")
    assert {mark.duration_s for mark in sheet.marks[""]} == {30.0}


def test_starts_and_ends(read):
    expected = [("W", 0.0, 60.0), ("N1", 60.0, 30.0), ("N2", 90.0, 210.0)]
    rows = "0,60,W\n60,90,N1\n90,300,N2\n"
    assert marks(read("start,end,stage\n" + rows)) == marks(read(rows)) == expected


def test_runs_without_onsets_follow_each_other(read):
    sheet = read("stage,duration\nW,60\nN1,30\nN2,300\n")
    assert marks(sheet) == [("W", 0.0, 60.0), ("N1", 60.0, 30.0), ("N2", 90.0, 300.0)]


@pytest.mark.parametrize("head", ["tp", "Tijdstempel", "sec_from_start"])
def test_seconds_under_an_unknown_header(read, head):
    sheet = read(f"{head},stage\n600,W\n630,W\n660,N1\n690,N2\n")
    assert [mark.onset_s for mark in sheet.marks[""]] == [600, 630, 660, 690]


def test_times_and_epochs_in_the_wrong_column(read):
    sheet = read("onset,duration,stage\n2,30,W\n3,30,N1\n4,30,N2\n5,30,N2\n")
    assert texts(sheet) == ["", "W", "N1", "N2", "N2"] and sheet.epoch_s == 30
    sheet = read("onset,duration,stage\n60,1,W\n90,1,N1\n120,1,N2\n150,1,N2\n")
    assert marks(sheet)[0] == ("W", 60.0, 30.0) and "epoch" in " ".join(sheet.notes)
    sheet = read("epoch,stage\n60,W\n90,N1\n120,N2\n150,N2\n")
    assert marks(sheet)[0] == ("W", 60.0, 30.0) and "seconds" in " ".join(sheet.notes)


def test_the_length_of_an_epoch_beside_its_number(read):
    assert read("Epoch (20 s),Stage\n1,W\n2,N1\n").epoch_s == 20
    assert read("epoch,duration,stage\n1,10,W\n2,10,N1\n").epoch_s == 10


def test_epochs_as_columns(read):
    words = WORDS * 3
    numbers = ",".join(map(str, range(1, len(words) + 1)))
    for text in (f"Stage,{','.join(words)}\n", f"Epoch,{numbers}\nStage,{','.join(words)}\n"):
        assert texts(read(text)) == words


def test_a_month_by_its_name(read):
    sheet = read("Time,Stage\n31-Jan-2020 23:59:30,W\n01-Feb-2020 00:00:00,N1\n")
    assert [mark.onset_s for mark in sheet.marks[""]] == [86370.0, 86400.0]


# Other events among the stages


def test_a_polyman_table_gives_stages_by_its_onset(read):
    rows = [
        "Date, Time, Recording onset, Duration, Annotation, Linked channel",
        "01.01.01, 23.59.30, 0, 30, Sleep stage W, ",
        "02.01.01, 00.00.00, 30, 30, Sleep stage N1, EEG F4-A1",
        "02.01.01, 00.00.12, 42, 0, Lights off, EEG F4-A1",
        "02.01.01, 00.00.30, 60, 30, Sleep stage ?, ",
    ]
    sheet = read("\n".join(rows), "SN001_sleepscoring.txt")
    assert marks(sheet) == [
        ("Sleep stage W", 0.0, 30.0),
        ("Sleep stage N1", 30.0, 30.0),
        ("Sleep stage ?", 60.0, 30.0),
    ]
    assert list(read("\n".join(rows), "SN001_scorer2.txt").marks) == ["scorer2"]


def test_onsets_count_from_start_recording(read):
    rows = ["onset\tduration\tdescription", "5\t0\tStart Recording", "95.3\t0\tLights Off"]
    rows += ["125\t30\tSleep stage W", "141.4\t3\tEEG arousal", "155\t30\tSleep stage 2"]
    sheet = read("\n".join(rows), "1_2.tsv")
    assert marks(sheet) == [("Sleep stage W", 120.0, 30.0), ("Sleep stage 2", 150.0, 30.0)]
    assert "Start Recording" in " ".join(sheet.notes)


STAGES_HEAD = "Start Time,Duration (seconds),Event\n22:00:00,0,LightsOff\n"


def test_notes_of_technicians_are_no_stages(read):
    sheet = read(
        STAGES_HEAD
        + "22:00:00,30, Wake\n22:00:30,30, Stage1\n22:00:40,3, talks in REM, then Wake\n"
        + "22:01:00,30, REM\n22:01:30,0, Wake\n22:01:30,30, UnknownStage\n"
    )
    assert texts(sheet) == ["Wake", "Stage1", "REM", "UnknownStage"]
    assert "0 s" in " ".join(sheet.notes)


@pytest.mark.parametrize("duration", ["0", "", "2592000"])
def test_durations_that_say_nothing_hold_until_the_next_stage(read, duration):
    rows = [f"22:{minute:02}:00,{duration},{word}" for minute, word in ((0, "Wake"), (9, "Stage1"))]
    sheet = read(STAGES_HEAD + "\n".join([*rows, f"22:40:00,{duration},REM"]))
    assert [mark.duration_s for mark in sheet.marks[""]] == [None, None, None]
    assert sheet.origin == CLOCK


def test_an_unknown_word_that_takes_an_epoch_is_kept(read):
    rows = [f"{30 * i}\t30\t{word}" for i, word in enumerate(["W", "Q9", "N1", "N2"])]
    rows += ["65\t3\tarousal", "70\t30\tapnoea"]
    sheet = read("\n".join(["onset\tduration\ttrial_type", *rows]), "x_events.tsv")
    assert texts(sheet) == ["W", "Q9", "N1", "N2"]
    sheet = read("onset\ttrial_type\n0\tW\n90\tStage Q\n200\tN2\n250\tgets up again\n", "x.tsv")
    assert texts(sheet) == ["W", "Stage Q", "N2"] and "1 row" in " ".join(sheet.notes)


def test_events_numbered_by_epoch(read):
    text = "epoch,time,duration,event\n1,22:00:00,30,Sleep_stage_W\n1,22:00:12,3,Arousal\n"
    text += "2,22:00:30,30,Sleep_stage_N1\n3,22:01:00,30,Sleep_stage_X\n"
    assert texts(read(text, "sub-1_annotations.csv")) == [
        "Sleep_stage_W",
        "Sleep_stage_N1",
        "Sleep_stage_X",
    ]


def test_markers_that_are_numbers_are_no_stages(read):
    text = "onset\tduration\ttrial_type\n0\t30\tW\n30\t30\tN1\n35\t0\t1\n60\t30\tN2\n"
    assert texts(read(text, "a_events.tsv")) == ["W", "N1", "N2"]
    # Where no other words are stages 1 to 4, the numbers are.
    text = "time;event\n22:00:00;W\n22:00:30;1\n22:01:00;2\n22:01:30;R\n"
    assert texts(read(text)) == ["W", "1", "2", "R"]


@pytest.mark.parametrize("head", ["index,event", "event"])
def test_events_without_times_are_refused(read, head):
    words = ["Lights off", "Sleep stage W", "apnoea", "arousal", "Sleep stage N1"]
    rows = [f"{i},{word}" for i, word in enumerate(words)] if "," in head else words
    with pytest.raises(InputError, match=r"night\.csv"):
        read("\n".join([head, *rows]))


def test_a_table_of_events_without_a_header(read):
    text = "0 30 W\n30 30 N1\n30 3 arousal\n60 30 N2\n60 30 apnoea\n90 30 N2\n"
    assert marks(read(text)) == [
        ("W", 0.0, 30.0),
        ("N1", 30.0, 30.0),
        ("N2", 60.0, 30.0),
        ("N2", 90.0, 30.0),
    ]
    assert marks(read("W\t0\t60\nN1\t90\t30\nN2\t150\t60\n")) == [
        ("W", 0.0, 60.0),
        ("N1", 90.0, 30.0),
        ("N2", 150.0, 60.0),
    ]


# Scorers and programs


def test_an_expert_and_an_algorithm_told_apart_by_a_column(read):
    rows = ["onset\tduration\ttrial_type\tannotation_method\tannotator_id\tconfidence"]
    for i in range(4):
        rows.append(f"{30 * i}\t30\tN2\tmanual\texpert1\tn/a")
        rows.append(f"{30 * i}\t30\tW\tautomated\tsomething\t0.9")
    sheet = read("\n".join(rows), "sub-01_task-sleep_events.tsv")
    assert texts(sheet, "expert1") == ["N2"] * 4 and texts(sheet, "something") == ["W"] * 4
    assert sheet.algorithms == {"something"}


def test_several_columns_of_scorers(read):
    sheet = read("Epoch,Scorer 1,Scorer 2,YASA\n1,W,W,W\n2,N1,W,W\n3,N2,N2,N2\n")
    assert list(sheet.marks) == ["Scorer 1", "Scorer 2", "YASA"] and sheet.algorithms == {"YASA"}
    assert texts(sheet, "Scorer 1") == ["W", "N1", "N2"]
    sheet = read("epoch,AB,CD\n1,W,W\n2,N1,W\n3,N2,N2\n")
    assert texts(sheet, "AB") == ["W", "N1", "N2"] and not sheet.algorithms


def test_boas_has_codes_of_its_own_and_a_column_of_a_program(read):
    head = "onset\tduration\tbegsample\tendsample\toffset\t"
    rows = ["0\t30\t1\t7680\t0\t", "30\t30\t7681\t15360\t0\t"]
    both = read(
        "\n".join([head + "stage_hum\tstage_ai", rows[0] + "4\t0", rows[1] + "8\t-2"]), "a.tsv"
    )
    assert texts(both, "stage_hum") == ["4", "8"] and both.codes == "aasm"
    assert both.algorithms == {"stage_ai"}
    alone = read("\n".join([head + "stage_ai", rows[0] + "4", rows[1] + "-2"]), "a.tsv")
    assert list(alone.marks) == ["stage_ai"] == list(alone.algorithms)


def test_words_go_before_a_column_of_their_codes(read):
    sheet = read("epoch,stage,stage_code\n0,W,0\n1,R,4\n2,N1,1\n")
    assert texts(sheet) == ["W", "R", "N1"]


def test_a_column_of_positions_holds_no_stages(read):
    sheet = read("epoch,stage,position,sex\n1,W,L,M\n2,N1,S,M\n3,N2,R,M\n")
    assert list(sheet.marks) == [""] and texts(sheet) == ["W", "N1", "N2"]


def test_confidences_beside_stages_are_said(read):
    sheet = read(",Stage,Confidence\n0,W,0.9\n1,N1,0.8\n2,N2,1.0\n")
    assert texts(sheet) == ["W", "N1", "N2"] and "program" in " ".join(sheet.notes)


def test_columns_of_probabilities_are_a_program_s(read):
    sheet = read("epoch,onset_s,stage,p_W,p_N1,p_N2,p_R\n1,0,W,1,0,0,0\n2,30,N1,0.1,0.9,0,0\n")
    assert list(sheet.marks) == ["stage"] == list(sheet.algorithms)


def test_stages_of_the_epochs_around_are_no_other_scorer_s(read):
    sheet = read("epoch,previous_stage,stage,next stage\n1,?,W,N1\n2,W,N1,N2\n3,N1,N2,?\n")
    assert list(sheet.marks) == [""] and texts(sheet) == ["W", "N1", "N2"]


def test_two_columns_of_one_name_are_two_scorers(read):
    sheet = read("Epoch,Stage,Stage\n1,W,W\n2,N1,W\n3,N2,N2\n")
    assert [texts(sheet, name) for name in sheet.marks] == [["W", "N1", "N2"], ["W", "W", "N2"]]


def test_a_column_of_numbers_of_scorers_is_not_one_of_stages(read):
    sheet = read("epoch,stage,scorer\n0,0,1\n0,1,2\n1,2,1\n1,2,2\n")
    assert texts(sheet, "1") == ["0", "2"] and texts(sheet, "2") == ["1", "2"]


def test_sources_that_are_signals_part_no_scorers(read):
    sheet = read("onset\tduration\ttrial_type\tsource\n0\t30\tW\tEEG C3\n30\t30\tN1\tEEG C4\n")
    assert texts(sheet) == ["W", "N1"]


def test_a_table_of_several_recordings_is_refused(read):
    with pytest.raises(InputError, match=r"2 recordings.*'subject'"):
        read("subject,epoch,stage\n1,0,W\n1,1,N1\n2,0,W\n2,1,R\n")
    assert texts(read("subject,epoch,stage\n1,0,W\n1,1,N1\n")) == ["W", "N1"]


# What numbers mean


def test_numbers_mean_nothing_by_themselves(read):
    sheet = read("epoch,stage\n0,0\n1,4\n2,2\n")
    assert texts(sheet) == ["0", "4", "2"] and sheet.codes is None


def test_a_legend_in_the_file_says_what_numbers_mean(read):
    text = "# 0=Wake, 1=N1, 2=N2, 3=N3, 4=REM, 5=Unknown\nepoch,stage,flag\n0,0,1\n1,4,0\n2,1,0\n"
    assert texts(read(text)) == ["Wake", "REM", "N1"]


def test_a_bids_description_says_what_numbers_mean(read, tmp_path):
    levels = '{"stage": {"Levels": {"1": "Wake", "2": "REM", "3": "N1", "9": "artifact"}}}'
    (tmp_path / "task-sleep_events.json").write_text(levels)
    text = "onset\tduration\tstage\n0\t30\t1\n30\t30\t2\n60\t30\t9\n"
    sheet = read(text, "sub-1/eeg/sub-1_task-sleep_events.tsv")
    assert texts(sheet) == ["Wake", "REM", "artifact"]


# Tables without stages, and odd ones


@pytest.mark.parametrize(
    "text", ["time,spo2\n0,97\n1,98\n", "name\tage\tsex\nx1\t40\tM\ny2\t50\tW\n"]
)
def test_a_table_without_stages_is_refused_and_its_columns_are_named(read, text):
    with pytest.raises(InputError, match=r"night\.csv.*(time, spo2|name, age, sex)"):
        read(text)


@pytest.mark.parametrize("text", ["Name,Ann Other\nAge,45\nHeight,180\n", "Name,Other\nAge,45\n"])
def test_a_list_of_a_person_s_data_is_not_quoted(read, text):
    with pytest.raises(InputError, match="2 columns") as caught:
        read(text)
    assert "Other" not in str(caught.value)


def test_a_header_and_units_in_a_language_that_is_not_known(read):
    text = "Kellonaika;Univaihe-x;Kesto-x\n[hh:mm:ss];[];[s]\n22:00:00;N1;30\n22:00:30;N2;30\n"
    sheet = read(text)
    assert texts(sheet) == ["N1", "N2"] and sheet.origin == CLOCK


@pytest.mark.parametrize("row", ["{}: {}", "{}) {}", "Epoch {}: {}"])
def test_numbered_lines(read, row):
    text = "\n".join(row.format(i, word) for i, word in [(1, "W"), (2, "N1"), (4, "N2"), (5, "R")])
    assert texts(read(text, "night.txt")) == ["W", "N1", "", "N2", "R"]


@pytest.mark.parametrize("name", ["a_scorer2.csv", "a_acq-scoring2_events.tsv", "a-rater_x.csv"])
def test_the_scorer_in_the_name_of_a_file(read, name):
    (scorer,) = read("onset\tduration\tstage\n0\t30\tW\n30\t30\tN1\n", name).marks
    assert scorer in ("scorer2", "scoring2", "rater_x")
    assert list(read("onset\tstage\n0\tW\n30\tN1\n", "a_sleepscoring.csv").marks) == [""]


def test_prose_is_refused(read):
    with pytest.raises(InputError, match=r"letter\.txt"):
        read("Dear all,\nthe patient slept well, and dreamt.\nRegards\n", "letter.txt")


def test_lines_drawn_in_a_table_are_passed_over(read):
    sheet = read("| epoch | stage |\n|---|---|\n| 1 | W |\n| 2 | N1 |\n", "notes.md")
    assert texts(sheet) == ["W", "N1"]


def test_lines_before_the_header_are_passed_over(read):
    text = "Program 3.1\nPatient:,someone\n\nEpoch,Start Time,Sleep Stage\n1,9:18:51 PM,WK\n"
    sheet = read(text + "2,9:19:21 PM,N1\n3,9:19:51 PM,RE\n")
    assert texts(sheet) == ["WK", "N1", "RE"] and sheet.origin == CLOCK
    assert sheet.marks[""][0].onset_s == 21 * 3600 + 18 * 60 + 51


def test_the_csv_and_the_text_of_mne(read):
    text = "# MNE-Annotations\n# onset, duration, description\n0.0, 30.0, Sleep stage W\n"
    assert marks(read(text + "30.0, 60.0, Sleep stage 1\n", "a.txt")) == [
        ("Sleep stage W", 0.0, 30.0),
        ("Sleep stage 1", 30.0, 60.0),
    ]
    sheet = read(
        "onset,duration,description\n2002-12-03 23:59:40.000,30.0,Sleep stage W\n"
        "2002-12-04 00:00:10,30.0,Sleep stage 1\n"
    )
    assert [mark.onset_s for mark in sheet.marks[""]] == [86380.0, 86410.0]


def test_a_lone_quote_spoils_one_line(read):
    rows = [f"{i},{word}" for i, word in enumerate(WORDS)]
    rows[3] = '3,"N2'
    assert texts(read("\n".join(["epoch,stage", *rows]))) == WORDS


def test_a_file_of_many_rows_is_read_whole(read):
    text = "\n".join(f"{i},W" for i in range(200_000))
    assert len(read("epoch,stage\n" + text).marks[""]) == 200_000


def test_the_path_is_that_of_the_file(read, tmp_path):
    assert read("epoch,stage\n0,W\n1,N1\n").path == Path(tmp_path / "night.csv")


@pytest.mark.parametrize(
    ("rows", "broken"),
    [
        ("L\t0\t30\nN1\t30\t30\nN2\t60\t60\nN3\t120\t60\nN2\t180\t90\nR\t270\t30\nN", 7),
        ("0,60,W\n60,30,N1\n90,60,N2\n150,90,N3\n240,30,N2\n<70,30,N1\n300,30,R\n", 6),
        ("22:00:00,W\n22:00:30,N1\n22:01:30,N2\n22:02x30,N3\n22:04:00,R\n", 4),
        ("0,60,W\n60,30,N1\n90,60,N2\n15,90,N3\n240,30,N2\n270,30,N1\n300,30,R\n", 4),
    ],
)
def test_a_damaged_time_does_not_make_a_list_of_a_table_without_a_header(tmp_path, rows, broken):
    path = tmp_path / "night.csv"
    path.write_text(rows)
    with pytest.raises(InputError, match=rf"night\.csv: row {broken} of"):
        read_sheet(path)


@pytest.mark.parametrize(
    "text",
    [
        "Stage,Latency\nN1,4\nN2,6.5\nN3,20\nR,90\n",
        "Stage\tEpochs\tMinutes\nW\t24\t12\nN1\t8\t4\nN2\t60\t30\nN3\t40\t20\nREM\t20\t10\n",
        "Stage,Minutes\nW,12\nN1,4\nN2,30\nN3,20\nR,10\n",
        "Stage,W,N1,N2,N3,R\nW,9,3,2,0,0\nN1,2,9,3,1,2\nN2,0,2,3,4,5\nN3,0,1,2,3,4\nR,1,2,3,4,5\n",
        "0 = W\n1 = N1\n2 = N2\n3 = N3\n4 = R\n",
        "The stages are W N1 N2 N3 R.\n",
        "Sleep was bad. Went to REM\nWake after that and N2\n",
    ],
)
def test_summaries_legends_and_prose_are_no_stages_of_a_night(tmp_path, text):
    path = tmp_path / "night.csv"
    path.write_text(text)
    night = Recording(write_edf(tmp_path / "night.edf", montage(["C4-M1"], 1200)))
    with pytest.raises(InputError) as caught:
        place(read_sheet(path), night)
    assert str(path) in str(caught.value)
