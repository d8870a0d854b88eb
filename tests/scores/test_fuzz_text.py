"""Hostile text: the readers of lists and tables raise InputError or return a sheet, at once."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgvlm.errors import InputError
from psgvlm.scores.formats import TEXT

CELLS = st.sampled_from(
    [
        "W",
        "N1",
        "R",
        "REM",
        "?",
        "L",
        "0",
        "1",
        "4",
        "5",
        "-1",
        "30",
        "0.5",
        "1e9",
        "1e999",
        "nan",
        "n/a",
        "22:00:00",
        "6.53.17",
        "9:18:51_PM",
        "22:10",
        "99:99:99",
        "31/02/2020",
        "2020-01-01T00:00:00",
        "...",
        "+30",
        "e:1",
        "e:0",
        "e:999999",
        "stage",
        "onset",
        "duration",
        "epoch",
        "start",
        "end",
        "event",
        "annotator",
        "time",
        "[s]",
        "Start_Recording",
        '"',
        "'",
        "#",
        "\x00",
        "\xa0",
        "\ufeff",
        "²",
        "٣",
        "STAGE_-_W",
        "PAUSED",
    ]
) | st.text(max_size=6)
TABLES = st.lists(st.lists(CELLS, max_size=6), max_size=8)
NAMES = st.sampled_from(
    ["a.csv", "a.tsv", "a.annot", "a.eannot", "a.sta", "a.stg.txt", "a.allscore.txt"]
)


def read_all(path: Path, text: str) -> None:
    for module in TEXT:
        try:
            sheet = module.read(path, text)
        except InputError:
            continue
        if sheet is None:
            continue
        assert sheet.marks
        for marks in sheet.marks.values():
            assert marks
            timed = [mark.onset_s is not None for mark in marks]
            assert all(timed) or not any(timed)
            assert all(m.duration_s is None or 0 <= m.duration_s < 1e10 for m in marks)


@given(TABLES, st.sampled_from([",", ";", "\t", " ", "|"]), NAMES)
def test_random_tables(rows, separator, name):
    text = "\n".join(separator.join(row) for row in rows).replace("_", " ")
    read_all(Path(name), text)


@given(st.text(max_size=300), NAMES)
def test_random_text(text, name):
    read_all(Path(name), text)


@pytest.mark.parametrize(
    "text",
    [
        "," * 1_000_000,
        "W," * 300_000,
        "a" * 2_000_000,
        '"' * 100_000,
        "1\n" * 300_000,
        "epoch,stage\n" + "1" * 100_000 + ",W\n",
        "\0" * 1000,
        "onset,stage\n" + "9" * 30 + ",W\n",
        "[" * 50_000,
        "0 " * 200_000,
    ],
)
def test_huge_lines(text):
    read_all(Path("a.csv"), text)
