"""Explanations over a corpus: the choice of epochs, the tables, and the command."""

import json

import numpy as np
import pandas as pd
import pytest

from psgvlm.commands import explain as command
from psgvlm.corpus.loading import load_split
from psgvlm.errors import InputError
from psgvlm.evaluation.corpus_nights import nights_of_split
from psgvlm.explanations import over_corpus as explained
from psgvlm.image_spec import ImageSpec
from psgvlm.stages import STAGES


def test_equally_many_epochs_of_each_stage_are_chosen(corpus):
    spec = ImageSpec.load(corpus / "image_spec.json")
    nights = nights_of_split(load_split(str(corpus), "train"), spec)
    stages = np.concatenate([night.stages for night in nights])
    chosen = explained.choose(nights, 15, seed=1)
    counts = np.bincount(
        np.concatenate([n.stages[rows] for n, rows in zip(nights, chosen, strict=True)]),
        minlength=5,
    )
    available = np.bincount(stages, minlength=5)
    assert counts.sum() == 15
    # A stage has fewer epochs than another only if it has no more.
    assert all(counts[i] >= counts.max() - 1 or counts[i] == available[i] for i in range(5))
    again = explained.choose(nights, 15, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(chosen, again, strict=True))
    assert sum(map(len, explained.choose(nights, 0))) == len(stages)


def test_summary_of_known_losses():
    rows = [
        # stage, subject, C4-M1, E1, chin, named, without, delta
        ("N2", "s1", 3.0, 1.0, -2.0, ["C4-M1"], "W", 2.0),
        ("N2", "s2", 1.0, 0.0, 0.0, ["C4-M1", "E1"], "N2", 4.0),
        ("N2", "s2", -1.0, 0.0, 0.0, [], "N2", 0.0),
        ("R", "s1", 0.0, 0.5, 0.5, ["chin"], "N1", 0.0),
    ]
    columns = ["explained", "subject", "lane C4-M1", "lane E1", "lane chin", "named",
               "stage_without", "rhythm delta"]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns).assign(cohort="x")
    found = explained.summary(frame)
    assert list(found) == ["N2", "R"]
    n2, r = found["N2"], found["R"]
    assert (n2["subjects"], n2["epochs"], n2["nothing"]) == (2, 3, 1)
    assert n2["lanes"]["C4-M1"]["value"] == pytest.approx((0.75 + 1) / 2)
    assert n2["modalities"]["EOG"]["value"] == pytest.approx(0.25 / 2)
    assert n2["named"]["C4-M1"]["value"] == pytest.approx(2 / 3)
    assert n2["changed"]["value"] == pytest.approx(1 / 3)
    assert n2["rhythms"]["delta"]["value"] == pytest.approx(2.0)
    assert n2["lanes"]["C4-M1"]["low"] <= 0.75 and n2["lanes"]["C4-M1"]["high"] >= 1
    assert r["modalities"]["EMG"] == {"value": 0.5, "low": None, "high": None}  # of one subject


def test_command(corpus, adapter, raw, tmp_path, capsys):
    out = tmp_path / "why"
    words = [corpus, "--model", adapter, "--out", out, "--raw", raw, "--epochs", 4]
    words += ["--method", "gradient", "--device", "cpu"]
    assert command.main(list(map(str, words))) == 0
    frame = pd.read_parquet(out / "explanations.parquet")
    assert len(frame) == 4 and set(frame["stage"]) <= set(STAGES)
    assert all(len(seconds) == 30 for seconds in frame["seconds"])
    rhythms = frame[["rhythm delta", "rhythm alpha", "rhythm beta"]].to_numpy()
    assert np.isfinite(rhythms).all() and rhythms.any()
    written = json.loads((out / "summary.json").read_text("utf-8"))
    assert written["about"]["epochs"] == 4 and written["about"]["model"] == adapter.name
    assert sum(entry["epochs"] for entry in written["stages"].values()) == 4
    text = (out / "summary.md").read_text("utf-8")
    assert "What each stage rests on" in text and "| delta |" in text
    assert "| C4-M1 |" in capsys.readouterr().out
    drawn = {path.stem for path in out.glob("*.png")}
    assert drawn == set(frame["explained"][frame["explained"] == frame["stage"]])
    assert not list(tmp_path.glob(".explain-*"))


def test_command_refuses(corpus, adapter, tmp_path):
    words = [corpus, "--model", adapter, "--out", tmp_path / "why"]
    with pytest.raises(InputError, match="--epochs -1"):
        command.main([*map(str, words), "--epochs", "-1"])
    with pytest.raises(InputError, match="no split 'night'"):
        command.main([*map(str, words), "--split", "night"])
    assert not (tmp_path / "why").exists()
