"""Damaged score files of programs: a sheet or InputError comes out, and nothing else.

Bytes are changed, cut off and repeated in a sound file of each format.
"""

import io
import json
import math

import edfio
import numpy as np
import pytest
import test_binary_scores as binary
import test_exports as exports
import test_xml as xml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from recordings import write_edf

from psgvlm.errors import InputError
from psgvlm.scores.formats import read_sheet

FLIPS = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=0, max_size=12
)
CUTS = st.one_of(st.none(), st.floats(0, 1))


MARKER = {"label": "sleep-n2", "start_time": "2021-02-28T22:00:00", "scoring_type": "Manual"}
MARKER |= {"stop_time": "2021-02-28T22:00:30"}


def _edf(folder):
    notes = [
        edfio.EdfAnnotation(30 * i, 30, f"Sleep stage {word}") for i, word in enumerate("W12R")
    ]
    return write_edf(folder / "a.edf", (), notes).read_bytes()


def _array():
    content = io.BytesIO()
    np.save(content, np.array([0, 1, 2, 3, 4, -1]))
    return content.getvalue()


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The content of a sound file of each format, by its name."""
    folder = tmp_path_factory.mktemp("sound")
    rows = [("W", "Left", "22:00:00", "SLEEP-S0", "30"), ("S2", "", "22:00:30", "SLEEP-S2", "30")]
    stages = [("Stages|Stages", "Wake|0", 0, 90), ("Stages|Stages", "REM sleep|5", 90, 30)]
    book = binary.write_book(folder / "a.xlsx", [["onset", "stage"], [0, "W"], [30, "N2"]])
    notes = [(1, "W"), (6000, "2 HA"), (12000, "R")]
    binary.write_wfdb(folder, "a", "st", notes)
    return {
        "a.edf": _edf(folder),
        "a-nsrr.xml": xml.nsrr(*stages).encode(),
        "a-profusion.xml": xml.profusion("0012355").encode("utf-16"),
        "a.rml": xml.rml([("Wake", 0), ("REM", 60)], [("Wake", 0)]).encode(),
        "wonambi.xml": xml.wonambi(("a", ["Wake", "REM"])).encode(),
        "nox.json": json.dumps({"scorings": [{"markers": [MARKER, MARKER]}]}).encode(),
        "snooz.tsv": b"group\tname\tstart_sec\tduration\nstage\t5\t0\t30\nstage\t0\t30\t30\n",
        "a.txt": exports.export(folder / "a.txt", exports.ALL, *rows).read_bytes(),
        "Schlafprofil.txt": "\n".join(exports.GERMAN + exports.ROWS).encode(),
        "Schlafprofil.rtf": b"{\\rtf1 22:00:00,000; Wach\\par 22:00:30,000; N1\\par}",
        "b.txt": b"*Duration_sec 90\nWake 60\nN1 90\n",
        "a.hyp": b"time_base 30\nepoch_list\n0\n1\n5\n",
        "a.json": json.dumps([0, 1, 2, 3, 4]).encode(),
        "a.npy": _array(),
        "a.st": (folder / "a.st").read_bytes(),
        "a.arousal": (folder / "a.st").read_bytes(),
        "a.xlsx": book.read_bytes(),
        "a.hea": (folder / "a.hea").read_bytes(),
    }


NAMES = ("a.edf", "a-nsrr.xml", "a-profusion.xml", "a.rml", "a.txt", "Schlafprofil.txt")
NAMES += ("Schlafprofil.rtf", "b.txt", "a.hyp", "a.json", "a.npy", "a.st", "a.arousal", "a.xlsx")
NAMES += ("wonambi.xml", "nox.json", "snooz.tsv")


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=20_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=FLIPS, cut=CUTS)
@example(flips=[], cut=None)
@example(flips=[], cut=0.0)
def test_only_input_error_comes_out(sound, tmp_path, name, flips, cut):
    content = bytearray(sound[name])
    for place, value in flips:
        content[int(place * len(content))] = value
    path = tmp_path / name
    path.write_bytes(content[: None if cut is None else int(cut * len(content))])
    (tmp_path / "a.hea").write_bytes(sound["a.hea"])
    try:
        sheet = read_sheet(path)
    except InputError as error:
        assert name in str(error)
        assert "Doe" not in str(error)
    else:
        for marks in sheet.marks.values():
            assert all(mark.onset_s is None or math.isfinite(mark.onset_s) for mark in marks)


CELL = st.one_of(
    st.sampled_from(["W", "N2", "SLEEP-S2", "SLEEP-", "22:00:00", "23.59.59,9", "30", "-1", "1e9"]),
    st.sampled_from(
        ["*Head", "time_base", "epoch_list", "[hh:mm:ss]", "RemLogic", "nan", "9" * 400]
    ),
    st.text(max_size=5),
)


@settings(deadline=20_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["a.txt", "a.hyp", "a.csv", "Sleep profile.txt", "a.json", "a.rtf"]),
    rows=st.lists(st.lists(CELL, max_size=5), max_size=6),
    glue=st.sampled_from(["\t", ";", " ", "; ", ","]),
)
def test_texts_of_any_cells(tmp_path, name, rows, glue):
    text = "\n".join(glue.join(row) for row in rows)
    (tmp_path / name).write_text(text, "utf-8", errors="replace", newline="")
    try:
        read_sheet(tmp_path / name)
    except InputError as error:
        assert name in str(error)
