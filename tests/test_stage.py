"""A night from EDF to hypnogram, as a technologist runs it."""

import csv
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, command
from PIL import Image

NOX = ROOT.parent / "shared" / "real" / "nox_a1_2min.edf"


def read(path: Path) -> list[dict]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("cohort", ["mass", "shhs"])
def test_a_night_without_its_scores(adapter, raw, cohort, tmp_path):
    edf = next(path for path in sorted((raw / cohort).rglob("*.edf")) if "Base" not in path.name)
    alone = tmp_path / "night one.edf"
    alone.symlink_to(edf)
    done = command("stage.py", alone, "--model", adapter, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "lanes: C4-M1 <- " in done.stdout
    rows = read(tmp_path / "out" / "hypnogram.csv")
    # Whole 30-s epochs of the record; MASS has a little more before the first scored one.
    assert 60 <= len(rows) <= 62
    assert [float(row["onset_s"]) for row in rows] == [30.0 * i for i in range(len(rows))]
    stages = ("W", "N1", "N2", "N3", "R")
    for row in rows:
        p = np.array([float(row[f"p_{stage}"]) for stage in stages])
        assert abs(p.sum() - 1) < 1e-5
        assert row["stage"] == stages[p.argmax()]
    assert Image.open(tmp_path / "out" / "hypnogram.png").size[0] > 1000


def test_evaluation_and_staging_see_the_same(adapter, corpus, raw, tmp_path):
    """The probabilities of a test night are the same from the corpus and from the raw file."""
    import pandas as pd

    words = ("--model", adapter, "--dataset", corpus, "--config", "shhs", "--out", tmp_path / "r")
    done = command("eval.py", *words)
    assert done.returncode == 0, done.stderr
    frame = pd.read_parquet(tmp_path / "r" / "predictions.parquet")
    edf = next((raw / "shhs").rglob(f"{frame['recording'][0]}.edf"))
    done = command("stage.py", edf, "--model", adapter, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    night = {float(row["onset_s"]): row for row in read(tmp_path / "out" / "hypnogram.csv")}
    for _, row in frame.iterrows():
        for stage in ("W", "N1", "N2", "N3", "R"):
            assert abs(row[f"p_{stage}"] - float(night[row["onset"]][f"p_{stage}"])) < 1e-4
    assert (tmp_path / "r" / "hypnogram_1_best.png").is_file()
    assert "always the commonest stage" in (tmp_path / "r" / "report.md").read_text()


@pytest.mark.skipif(not NOX.is_file(), reason="the real recording is not beside this checkout")
def test_a_real_recording(adapter, tmp_path):
    done = command("stage.py", NOX, "--model", adapter, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "C4-M1 <- C4-M1, E1 <- E1-M2, E2 <- E2-M1, chin <- 1-2" in done.stdout
    rows = read(tmp_path / "hypnogram.csv")
    assert [float(row["onset_s"]) for row in rows] == [0, 30, 60, 90]
