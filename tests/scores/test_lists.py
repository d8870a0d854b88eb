"""Lists of stages and the files of Luna, WSC, Stanford, SleepTrip and DREAMS."""

from pathlib import Path

import pytest

from psgvlm.errors import InputError
from psgvlm.files import read_text
from psgvlm.scores import CLOCK, OWN, RECORD, Sheet
from psgvlm.scores.formats import read_sheet
from psgvlm.scores.sheet import EMPTY_LINE


@pytest.fixture
def read(tmp_path):
    """Return a function that writes a file and reads it."""

    def write_and_read(text: str, name: str = "night.txt", encoding: str = "utf-8") -> Sheet:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return read_sheet(path)

    return write_and_read


def texts(sheet: Sheet, scorer: str = "") -> list[str]:
    assert all(mark.onset_s is None for mark in sheet.marks[scorer])
    return [mark.text for mark in sheet.marks[scorer]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\u00a0\n"])
def test_a_stage_a_line(read, encoding, newline):
    words = ["W", "Sleep stage 1", "N2", "Stage - N3", "REM", "Éveil", "?"]
    sheet = read(newline.join(words) + newline, encoding=encoding)
    assert texts(sheet) == words and sheet.origin == RECORD and sheet.codes is None


@pytest.mark.parametrize("head", ["stage", "Sleep Stage", "# Hypnogram", "[stages]", "Label"])
def test_a_line_before_the_list(read, head):
    assert texts(read(f"{head}\nW\nN1\nN2\n")) == ["W", "N1", "N2"]


def test_unknown_words_keep_their_place(read):
    assert texts(read("W\nW\nQ\nN1\nlights out\nN2\n")) == ["W", "W", "Q", "N1", "lights out", "N2"]


@pytest.mark.parametrize(
    "text",
    [
        "0\n0\n1\n4\n5\n",
        "0,0,1,4,5\n",
        "[0, 0, 1, 4, 5]",
        "0 0 1 4 5",
        "0;0;1;4;5",
        "0.0\n0.0\n1.0\n4.0\n5.0\n",
        "0.000e+00\n0.000e+00\n1.000e+00\n4.000e+00\n5.000e+00\n",
    ],
)
def test_numbers_are_kept_and_nothing_says_what_they_mean(read, text):
    sheet = read(text)
    assert texts(sheet) == ["0", "0", "1", "4", "5"] and sheet.codes is None


@pytest.mark.parametrize("text", ['["W", "W", "N1", "R"]', "W,W,N1,R", "W W N1 R\n"])
def test_words_in_one_line(read, text):
    assert texts(read(text)) == ["W", "W", "N1", "R"]


@pytest.mark.parametrize(
    "text", ["97\n98\n97\n", "L\nR\nS\nL\n", "M\nM\n", "Regards\nThe lab\n", ""]
)
def test_other_lists_hold_no_stages(read, text):
    with pytest.raises(InputError, match="night"):
        read(text)


@pytest.mark.parametrize("head", ["[HypnogramAASM]", "[HypnogramR&K]", "[hypnogram]"])
def test_a_dreams_list_counts_down_every_5_s(read, head):
    sheet = read("\r\n".join([head, *["5", "5", "4", "3", "2", "1", "0", "-1", "-3"]]))
    assert sheet.codes == "dreams" and sheet.epoch_s == 5
    assert texts(sheet) == ["5", "5", "4", "3", "2", "1", "0", "-1", "-3"]


def test_two_lines_of_a_list_say_its_epochs_and_its_start(read):
    sheet = read("EPOCH=30.0\nSTART=22:10:00\nWake\nN1\nREM\n")
    assert [(m.text, m.onset_s, m.duration_s) for m in sheet.marks[""]] == [
        ("Wake", 0, 30),
        ("N1", 30, 30),
        ("REM", 60, 30),
    ]
    assert sheet.origin == OWN and sheet.start_clock_s == 22 * 3600 + 600
    sheet = read("START=22:10:00\nWake\nN1\n")
    assert [m.onset_s for m in sheet.marks[""]] == [0, 30] and "30 s" in " ".join(sheet.notes)
    assert read("EPOCH=20\nSTART=0\nWake\nN1\n").epoch_s == 20


def test_luna_eannot(read):
    sheet = read("W\nN1\n?\nL\nR\n", "night.eannot")
    assert texts(sheet) == ["W", "N1", "?", "L", "R"]
    assert read("0\n2\n6\n", "night.eannot").codes == "rk"


def test_luna_annot(read):
    head = "# W | wake\nclass\tinstance\tchannel\tstart\tstop\tmeta\n"
    rows = [
        "W\t.\t.\t22:00:00\t...\t.",
        "L\t.\t.\t22:10:00\t22:11:00\t.",
        "N1\t.\t.\t22:11:00\t+30\t.",
        "arousal\tR\tC3\t22:11:05\t22:11:08\t.",
        "?\t.\t.\t22:11:30\t22:12:00\t.",
    ]
    sheet = read(head + "\n".join(rows), "apples-1.annot")
    assert [(m.text, m.onset_s, m.duration_s) for m in sheet.marks[""]] == [
        ("W", 79200, None),
        ("L", 79800, 60),
        ("N1", 79860, 30),
        ("?", 79890, 30),
    ]
    assert sheet.origin == CLOCK


@pytest.mark.parametrize(
    "rows",
    [
        "W\t.\t.\t0\t60\t.\nN1\t.\t.\t60\t90\t.",
        "W . e:1 e:2\nN1 . e:3 e:3",
        "SleepStage\tW\t.\t0\t60\t.\nSleepStage\tN1\t.\t60\t90\t.",
        "W\t.\t.\t0+00:00:00\t0+00:01:00\t.\nN1\t.\t.\t0+00:01:00\t0+00:01:30\t.",
    ],
)
def test_luna_annot_from_the_start_of_the_recording(read, rows):
    sheet = read(rows, "night.annot")
    assert [(m.text, m.onset_s, m.duration_s) for m in sheet.marks[""]] == [
        ("W", 0, 60),
        ("N1", 60, 30),
    ]
    assert sheet.origin == RECORD


@pytest.mark.parametrize("head", ["Epoch\tUser-Defined Stage\tCAST-Defined Stage\n", ""])
def test_wsc_epochs_by_their_numbers(read, head):
    sheet = read(head + "3\t0\t0\n4\t1\t0\n6\t5\t5\n", "wsc-visit1-1-nsrr.stg.txt")
    assert texts(sheet, "User-Defined Stage") == ["", "", "0", "1", "", "5"]
    assert sheet.codes == "rk" and sheet.algorithms == {"CAST-Defined Stage"}


def test_wsc_events_without_the_pauses(read):
    rows = [
        "22:33:23.00\tSTART RECORDING",
        "22:33:53.00\tSTAGE - W",
        "23:50:00.00\tPAUSED",
        "00:10:00.00\tRECORDING RESUMED",
        "00:20:00.00\tSTAGE - N1",
        "00:21:00.00\tMICRO-AROUSAL - DUR: 3.0 SEC. \u00e9",
        "00:22:00.00\tSTAGE - NO STAGE",
    ]
    sheet = read("\n".join(rows), "wsc-visit2-1-nsrr.allscore.txt", "latin-1")
    assert [(m.text, m.onset_s) for m in sheet.marks[""]] == [
        ("STAGE - W", 30),
        ("STAGE - N1", 6397 - 1200),
        ("STAGE - NO STAGE", 6517 - 1200),
    ]
    assert sheet.origin == OWN and sheet.start_clock_s == 81203 and "1200" in " ".join(sheet.notes)


def test_stanford_epochs(read):
    sheet = read("1 0\n2 0\n3 2\n5 7\n", "night.STA")
    assert texts(sheet) == ["0", "0", "2", "", "7"] and sheet.codes == "rk"


def test_sleeptrip_stage_and_artefact(read):
    sheet = read("\n".join(f"{code}\t{int(code == 3)}" for code in [0, 1, 2, 3, 4, 5, 5, 8]))
    assert texts(sheet) == list("01234558") and sheet.codes == "rk"
    assert "SleepTrip" in " ".join(sheet.notes) and "1 epoch" in " ".join(sheet.notes)


def test_two_columns_without_rem_say_nothing_about_their_codes(read):
    assert read("0\t0\n1\t0\n4\t0\n4\t0\n").codes is None


def test_a_broken_utf16_file_is_refused(tmp_path):
    path = tmp_path / "cut.txt"
    path.write_bytes("W\nN1\n".encode("utf-16") + b"R")
    with pytest.raises(InputError, match=r"cut\.txt.*UTF-16"):
        read_sheet(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_is_read_in_any_encoding(tmp_path, encoding):
    path = Path(tmp_path / "a.txt")
    path.write_bytes("Début de l'analyse\nÉveil\n".encode(encoding))
    assert read_text(path) == "Début de l'analyse\nÉveil\n"


@pytest.mark.parametrize("comment", ["# scored by one person", "% 30 s", "// hour 2", "## 2"])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_a_comment_is_no_epoch_wherever_it_stands(read, comment, place):
    lines = ["W", "N1", "N2", "N3"]
    lines.insert(place, comment)
    assert texts(read("\n".join(lines) + "\n")) == ["W", "N1", "N2", "N3"]


def test_an_empty_line_below_a_header_is_an_epoch(read):
    assert texts(read("stage\nW\n\nN2\nN3\nR\n\n")) == ["W", EMPTY_LINE, "N2", "N3", "R"]


def test_a_list_with_an_empty_line_after_every_line_has_no_empty_epochs(read):
    assert texts(read("W\n\nN1\n\nN2\n\n")) == ["W", "N1", "N2"]


def test_the_name_of_dreams_without_brackets_is_a_title(read):
    sheet = read("Hypnogram\nW\nN1\nN2\n")
    assert texts(sheet) == ["W", "N1", "N2"] and sheet.epoch_s is None and sheet.codes is None


def test_numbers_beside_r_alone(read):
    assert texts(read("0\n1\n2\n4\nR\nR\n")) == ["0", "1", "2", "4", "R", "R"]


@pytest.mark.parametrize(
    "line", ["# 0=W 1=N1 2=N2 3=N3 4=REM", "# Wake: 0, N1: 1, N2: 2, N3: 3, R: 4"]
)
def test_a_comment_may_say_what_the_numbers_of_a_list_mean(read, line):
    assert texts(read(f"{line}\n0\n1\n4\n3\n"))[2] in ("REM", "R")
    assert texts(read(f"{line}\n0\n1\n4\n3\n"))[1] == "N1"
