"""`psgvlm inspect` says of a file of scores alone what it holds."""

import json
import sys
from pathlib import Path

import edfio
import pytest
from commands import ROOT
from psgvlm.builders.__main__ import main
from recordings import montage, write_edf

from psgvlm.errors import InputError
from psgvlm.stages import STAGES

REAL = ROOT.parent / "shared" / "cases" / "real"
sys.path.insert(0, str(ROOT / "tests" / "cases"))


def inspect(capsys, path):
    assert main(["inspect", str(path)]) == 0
    return capsys.readouterr().out


def column(text, number):
    """Return a column of the table that was printed, by stage."""
    rows = [line.split() for line in text.splitlines() if line.startswith("  ")]
    return {row[0]: float(row[number]) for row in rows}


@pytest.mark.parametrize(
    ("name", "recording", "format"),
    [
        ("SC4001EC-Hypnogram.edf", "edf/SC4001E0-PSG", "EDF+ annotations"),
        ("SC4241EC-Hypnogram.edf", "edf/SC4241E0-PSG", "EDF+ annotations"),
        ("SN001_sleepscoring.edf", "hmc/SN001", "EDF+ annotations"),
        ("learn-nsrr02-profusion.xml", "nsrr/learn-nsrr02", "Profusion XML"),
    ],
)
def test_real_files_of_scores(capsys, name, recording, format):
    from shared_cases import cases, require_cases

    require_cases()
    text = inspect(capsys, REAL / name)
    assert name in text and format in text
    expected = cases()["real"]["recordings"][recording]["counts"]
    # A recording that ends earlier than its hypnogram has fewer epochs of the last stage.
    found = {stage: round(120 * length_h) for stage, length_h in column(text, 2).items()}
    assert {s: found[s] for s in STAGES} == pytest.approx({s: expected[s] for s in STAGES}, abs=1)


def test_numbers_that_nobody_explains_are_counted(capsys):
    from shared_cases import require_cases

    require_cases()
    text = inspect(capsys, REAL / "ucddb002_stage.txt")
    expected = {"'0'": 121, "'1'": 155, "'2'": 213, "'3'": 172, "'4'": 29, "'5'": 58}
    assert column(text, 1) == expected
    assert "--codes" in text and "748 entries" in text


def test_words_that_are_no_stages_are_named(tmp_path, capsys):
    path = tmp_path / "night.csv"
    path.write_text("onset,duration,stage\n0,30,W\n30,30,N2\n60,60,Sleepy\n120,30,N2\n")
    text = inspect(capsys, path)
    assert "unknown: 'Sleepy'" in text
    rows = [line.split() for line in text.splitlines() if line.startswith("  ")]
    assert ["N2", "2", "0.02", "h"] in rows


def test_an_edf_with_signals_is_a_recording(tmp_path, capsys):
    scored = [edfio.EdfAnnotation(0, 30, "Sleep stage W")]
    write_edf(tmp_path / "night.edf", montage(("C4-M1",), 60), scored)
    assert "1 recording can be drawn" in inspect(capsys, tmp_path / "night.edf")


def test_any_other_file_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text(json.dumps({"weight": 70}))
    with pytest.raises(InputError, match=r"notes\.txt.*\.edf"):
        main(["inspect", str(path)])
    assert Path(path).exists()
