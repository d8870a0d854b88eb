"""Stages that programs export as text: RemLogic, Domino, Visbrain, Elan, lists in JSON."""

import json

import pytest

from psgvlm.errors import InputError
from psgvlm.scores.formats import event_export, read_sheet
from psgvlm.scores.sheet import CLOCK, OWN, RECORD, Mark

HEAD = ["RemLogic Event Export", "Patient:\tJane_Q_Doe", "Recording Date:\t01/01/1985", ""]
HEAD += ["Events Included:", "SLEEP-S0", "SLEEP-REM", "MCAP-A1", "", ""]


def export(path, columns, *rows, head=HEAD):
    text = "\r\n".join([*head, "\t".join(columns), *("\t".join(row) for row in rows)])
    path.write_bytes(text.encode("latin-1"))
    return path


def marks_of(path):
    (marks,) = read_sheet(path).marks.values()
    return [(mark.text, mark.onset_s, mark.duration_s) for mark in marks]


ALL = ("Sleep Stage", "Position", "Time [hh:mm:ss]", "Event", "Duration[s]", "Location")
FRENCH = ("Stade de sommeil", "Position", "Heure [hh:mm:ss]", "Evénement", "Durée[s]")


@pytest.mark.parametrize("time", ["22.18.17", "22:18:17"])
@pytest.mark.parametrize(
    ("columns", "row"),
    [
        (ALL, ("W", "Unknown Position", "TIME", "SLEEP-S0", "30", "ROC-LOC")),
        (("Sleep Stage", *ALL[2:]), ("W", "TIME", "SLEEP-S0", "30", "ROC-LOC")),
        ((*ALL[:4], "Duration [s]"), ("W", "Left", "TIME", "SLEEP-S0", "30")),
        (FRENCH, ("W", "Dos", "TIME", "SLEEP-S0", "30")),
        (FRENCH[1:], ("Dos", "TIME", "SLEEP-S0", "30")),
    ],
)
def test_the_columns_of_an_event_export_are_found(tmp_path, columns, row, time):
    row = [time if cell == "TIME" else cell for cell in row]
    path = export(tmp_path / "n1.txt", columns, row)
    assert read_sheet(path).origin == CLOCK
    assert marks_of(path) == [("SLEEP-S0", 80297, 30)]


def test_an_event_export_over_midnight_with_events_of_other_kinds(tmp_path):
    path = export(
        tmp_path / "brux1.txt",
        ALL,
        ("W", "Left", "23.59.30", "SLEEP-S0", "30", "C4-A1"),
        ("S2", "Left", "00.00.00", "SLEEP-S2", "30", "C4-A1"),
        ("S2", "Left", "00.00.12", "MCAP-A1", "4", "C4-A1"),
        ("S2", "Left", "00.00.20", "SLEEP-SPINDLE", "1", "C4-A1"),
        ("1S3", "Left", "0.00.30", "SLEEP-S3", "30", "C4-A1"),
        ("MT", "Left", "6.53.17", "SLEEP-MT", "30", "C4-A1"),
        ("", "Left", "6.53.47", "SLEEP-UNSCORED", "30", "C4-A1"),
    )
    words = ["SLEEP-S0", "SLEEP-S2", "SLEEP-S3", "SLEEP-MT", "SLEEP-UNSCORED"]
    times = [86370, 0, 30, 24797, 24827]
    assert marks_of(path) == [(word, t, 30) for word, t in zip(words, times, strict=True)]


def test_an_event_export_whose_head_is_missing(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("S2\tLeft\t22:00:00\tSLEEP-S2\t30\tC4-A1\nS2\tLeft\t22:00:04\tMCAP-A1\t4\tC4\n")
    assert marks_of(path) == [("SLEEP-S2", 79200, 30)]


@pytest.mark.parametrize("separator", [";", ","])
def test_an_event_export_as_csv(tmp_path, separator):
    rows = [ALL, ("W", "Left", "22:00:00", "SLEEP-S0", "30", "C4"), ("", "", "22:00:09", "X", "3")]
    text = "RemLogic Event Export\n" + "\n".join(separator.join(row) for row in rows)
    (tmp_path / "a.csv").write_text(text)
    assert marks_of(tmp_path / "a.csv") == [("SLEEP-S0", 79200, 30)]


def test_nox_scorings_of_a_person_and_of_a_program(tmp_path):
    def marker(label, start, stop, kind="Manual"):
        times = {"start_time": f"2021-02-28T{start}.000000", "stop_time": f"2021-02-28T{stop}"}
        return {"label": label, "signal": None, **times, "scoring_type": kind}

    person = [
        marker("period-analysis", "22:00:00", "23:00:00"),
        marker("sleep-wake", "22:00:00", "22:01:00.000000"),
        marker("arousal", "22:00:10", "22:00:13.000000"),
        marker("sleep-rem", "22:01:00", "22:01:30.000000"),
    ]
    program = [marker("sleep-n3", "22:00:00", "22:00:30.000000", "Automatic")]
    scorings = [("a", person), ("NOXSAS", program), ("empty", [])]
    content = {"version": "1.0", "active_scoring_name": "a"}
    content["scorings"] = [{"scoring_name": name, "markers": all} for name, all in scorings]
    (tmp_path / "a.json").write_text(json.dumps(content))
    sheet = read_sheet(tmp_path / "a.json")
    assert (sheet.origin, sheet.algorithms) == (CLOCK, {"NOXSAS"})
    assert sheet.marks == {
        "a": (Mark("sleep-wake", 79200, 60), Mark("sleep-rem", 79260, 30)),
        "NOXSAS": (Mark("sleep-n3", 79200, 30),),
    }


def test_a_line_of_the_head_with_a_start_time_is_no_header_and_no_row(tmp_path):
    head = "Start Time,12.05.2020 22:00:00\nRate,30 s\n"
    rows = [f"2020-05-12 22:{i // 2:02}:{i % 2 * 30:02},{w}\n" for i, w in enumerate("WWWWRRRR")]
    (tmp_path / "a.csv").write_text(head + "".join(rows))
    sheet = read_sheet(tmp_path / "a.csv")
    assert sheet.origin == CLOCK
    assert [(mark.text, mark.onset_s) for mark in sheet.marks[""]] == [
        (word, 79200 + 30 * i) for i, word in enumerate("WWWWRRRR")
    ]


def test_snooz_names_stages_by_numbers(tmp_path):
    rows = [("group", "name", "start_sec", "duration", "channels"), ("stage", "0", "0", "30", "")]
    rows += [("spindle", "5", "12.5", "0.9", "['C3']"), ("stage", "5", "30.0", "30.0", "")]
    (tmp_path / "a.tsv").write_text("\n".join("\t".join(row) for row in rows))
    assert read_sheet(tmp_path / "a.tsv").codes == "rk"
    assert marks_of(tmp_path / "a.tsv") == [("0", 0, 30), ("5", 30, 30)]


def test_an_event_export_in_the_words_of_another_language(tmp_path):
    row = ("", "Dos", "22:00:00", "Éveil", "30")
    path = export(tmp_path / "a.txt", FRENCH, row, ("", "Dos", "22:00:09", "Micro-éveil", "3"))
    assert marks_of(path) == [("Éveil", 79200, 30)]


@pytest.mark.parametrize("rows", [(), (("S2", "", "22:00:04", "MCAP-A1", "4", "C4-A1"),)])
def test_an_event_export_without_stages_says_what_to_export(tmp_path, rows):
    with pytest.raises(InputError, match=r"a\.txt.*SLEEP") as caught:
        read_sheet(export(tmp_path / "a.txt", ALL, *rows))
    assert "Doe" not in str(caught.value)


def test_a_stage_without_a_time_is_refused_with_its_line(tmp_path):
    rows = [("W", "Left", "22:00:00", "SLEEP-S0", "30", "C4"), ("W", "", "", "SLEEP-S0", "30", "")]
    with pytest.raises(InputError, match=f"line {len(HEAD) + 3}"):
        read_sheet(export(tmp_path / "a.txt", ALL, *rows))


def test_another_table_with_times_is_no_event_export(tmp_path):
    text = "Epoch\tStage\tTime [hh:mm:ss]\n1\tW\t22:00:00\n"
    assert event_export.read(tmp_path / "a.txt", text) is None
    assert event_export.read(tmp_path / "a.txt", "W\nN1\n") is None
    assert event_export.read(tmp_path / "a.txt", "") is None


GERMAN = [
    "Signal ID: SchlafProfil\\profil",
    "Start Time: 12.05.2020 22:00:00",
    "Unit: ",
    "Signal Type: Diskret",
    "Events list: N4,N3,N2,N1,Rem,Wach,Bewegung",
    "Rate: 30 s",
    "",
]
ROWS = ["22:00:00,000; Wach", "22:00:30,000; N1", "22:01:00,000; Rem", "22:01:30,000; A"]
PROFILE = [("Wach", 79200, 30), ("N1", 79230, 30), ("Rem", 79260, 30), ("A", 79290, 30)]


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        (GERMAN, ROWS),
        (["Signal ID: SchlafProfil\\profil", "Rate: 30 s", ""], ROWS),
        (GERMAN, [f"12.05.2020 {row}" for row in ROWS]),
        (GERMAN, [f"5/12/2020 {row.replace('22:', '10:').replace(';', ' PM;')}" for row in ROWS]),
    ],
)
def test_a_sleep_profile_of_domino(tmp_path, head, rows):
    path = tmp_path / "Schlafprofil.txt"
    path.write_bytes("\r\n".join([*head, *rows]).encode("latin-1"))
    assert read_sheet(path).origin == CLOCK
    assert marks_of(path) == PROFILE


def test_a_sleep_profile_without_a_head(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(ROWS))
    assert marks_of(tmp_path / "a.txt") == [(word, t, None) for word, t, _ in PROFILE]


@pytest.mark.parametrize(
    "lines",
    [
        ["Signal ID: FlowD\\flow", "Unit: s", "", "00:41:31,513-00:41:42,736; 11;Hypopnea"],
        ["Signal ID: Body\\pos", "Rate: 30 s", "", "22:00:00,000; Rücken", "22:00:30,000; Links"],
        ["Signal ID: SpO2\\spo2", "Rate: 1 s", "", "22:00:00,000; 96", "22:00:01,000; 97"],
    ],
)
def test_other_signals_of_domino_are_no_stages(tmp_path, lines):
    (tmp_path / "a.txt").write_text("\n".join(lines), "utf-8")
    with pytest.raises(InputError, match=r"a\.txt"):
        read_sheet(tmp_path / "a.txt")


def test_visbrain_gives_the_time_at_which_a_stage_ends(tmp_path):
    path = tmp_path / "hypno.txt"
    path.write_text("*Duration_sec\t1200\n*Datafile\tx.edf\nWake\t500\nN1\t750\nREM\t1200\n")
    assert marks_of(path) == [("Wake", 0, 500), ("N1", 500, 250), ("REM", 750, 450)]


def test_visbrain_whose_times_go_back_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("*Duration_sec 90\nWake 60\nN1 30\n")
    with pytest.raises(InputError, match=r"a\.txt.*30 s"):
        read_sheet(tmp_path / "a.txt")


def test_visbrain_with_codes_and_their_description_in_any_order(tmp_path):
    (tmp_path / "hypno.txt").write_text("5\n3\n2\n1\n0\n-1\n")
    lines = "time 20\nW 5\nN1 3\nN2 2\nN3 1\nREM 0\nArt -1\n"
    (tmp_path / "hypno_description.txt").write_text(lines)
    sheet = read_sheet(tmp_path / "hypno.txt")
    assert (sheet.epoch_s, sheet.codes) == (20, None)
    assert [mark.text for mark in sheet.marks[""]] == ["W", "N1", "N2", "N3", "REM", "Art"]


@pytest.mark.parametrize("lines", ["", "time 30\n", "W 5\n", "time 30\nW 7\n", "time -1\nW 5\n"])
def test_visbrain_with_a_description_that_does_not_describe_is_refused(tmp_path, lines):
    (tmp_path / "hypno.txt").write_text("5\n5\n")
    (tmp_path / "hypno_description.txt").write_text(lines)
    with pytest.raises(InputError, match="hypno"):
        read_sheet(tmp_path / "hypno.txt")


def test_elan_says_how_long_a_code_holds(tmp_path):
    path = tmp_path / "a.hyp"
    path.write_text(
        "time_base 20.000000\nsampling_period 0.001\nepoch_nb 4\nepoch_list\n0\n4\n5\n-2"
    )
    sheet = read_sheet(path)
    assert (sheet.epoch_s, sheet.codes) == (20, "rk")
    assert sheet.marks == {"": tuple(map(Mark, ("0", "4", "5", "-2")))}


@pytest.mark.parametrize("text", ["time_base", "time_base 0\nepoch_list\n0", "time_base 30\n0\n0"])
def test_elan_with_a_damaged_head_is_refused(tmp_path, text):
    (tmp_path / "a.hyp").write_text(text)
    with pytest.raises(InputError, match=r"a\.hyp"):
        read_sheet(tmp_path / "a.hyp")


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ([-1, 0, 1, 4.0], ["-1", "0", "1", "4"]),
        ({"id": "x", "hypnogram": ["W", None, "N2"]}, ["W", "", "N2"]),
    ],
)
def test_a_list_in_json(tmp_path, content, texts):
    (tmp_path / "a.json").write_text(json.dumps(content))
    sheet = read_sheet(tmp_path / "a.json")
    assert [mark.text for mark in sheet.marks[""]] == texts
    assert sheet.codes is None


def test_the_lists_of_dreems_scorers_have_their_numbers(tmp_path):
    path = tmp_path / "scorers" / "dodh" / "scorer_3" / "x.json"
    path.parent.mkdir(parents=True)
    path.write_text("[0, 4]")
    assert read_sheet(path).codes == "aasm"


@pytest.mark.parametrize(
    "content",
    [
        {"onset": [0, 30, 60], "duration": [30, 30, 30], "stage": ["W", "N1", "REM"]},
        [{"onset": 30 * i, "duration": 30, "stage": s} for i, s in enumerate(("W", "N1", "REM"))],
        {"id": 3, "scoring": [{"start": 30 * i, "end": 30 * i + 30, "stage": s, "channels": []}
                              for i, s in enumerate(("W", "N1", "REM"))]},
    ],
)  # fmt: skip
def test_events_in_json(tmp_path, content):
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert marks_of(tmp_path / "a.json") == [("W", 0, 30), ("N1", 30, 30), ("REM", 60, 30)]


@pytest.mark.parametrize(
    "text",
    [
        "[0, 1",
        "{",
        "{}",
        "[]",
        '[[0], {"a": 1}]',
        "[" * 100_000,
        '{"a": [{"b": 1}]}',
        '{"W": "N1"}',
    ],
)
def test_json_without_a_list_of_stages_is_refused(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json"):
        read_sheet(tmp_path / "a.json")


def test_a_list_of_more_values_than_a_recording_has_epochs_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("[" + "0," * 1_000_000 + "0]")
    with pytest.raises(InputError, match=r"a\.json.*1000001"):
        read_sheet(tmp_path / "a.json")


def test_rich_text_of_a_sleep_profile(tmp_path):
    head = "{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}{\\*\\generator X;}\\f0\\fs20 "
    lines = "\\par\r\n".join([line.replace("\\", "\\\\") for line in GERMAN] + ROWS)
    (tmp_path / "Schlafprofil.rtf").write_text(head + lines + "\\par}", "cp1252")
    assert marks_of(tmp_path / "Schlafprofil.rtf") == PROFILE


def test_rich_text_without_stages_is_refused(tmp_path):
    (tmp_path / "a.rtf").write_text("{\\rtf1\\ansi a letter\\par}")
    with pytest.raises(InputError, match=r"a\.rtf"):
        read_sheet(tmp_path / "a.rtf")


def test_mne_text_has_the_start_of_its_recording(tmp_path):
    head = "# MNE-Annotations\n# orig_time : 2002-12-03 19:31:11.000000\n# onset, duration, text"
    rows = "0.0, 30.0, Sleep stage W\n30.0, 30.0, Sleep stage N1\n35.0, 3.0, arousal, central"
    (tmp_path / "a-annot.txt").write_text(f"{head}\n{rows}\n")
    sheet = read_sheet(tmp_path / "a-annot.txt")
    assert (sheet.origin, sheet.start_clock_s) == (OWN, 70271)
    assert sheet.marks[""] == (Mark("Sleep stage W", 0, 30), Mark("Sleep stage N1", 30, 30))


def test_mne_table_of_a_recording_without_a_date_counts_from_its_first_sample(tmp_path):
    head, day = "onset,duration,description", "1970-01-0"
    rows = [f"{day}1 00:10:00.000000,30.0,Sleep stage W", f"{day}2 00:00:00,0,Sleep stage R"]
    (tmp_path / "a.csv").write_text("\n".join([head, *rows]))
    sheet = read_sheet(tmp_path / "a.csv")
    assert sheet.origin == RECORD
    assert sheet.marks[""] == (Mark("Sleep stage W", 600, 30), Mark("Sleep stage R", 86400, 0))
