"""eval.py on the simulated cohorts: adapters, baselines, damage, and what it refuses."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import eval as evaluation
from psgvlm.corpus import loading
from psgvlm.errors import InputError
from psgvlm.evaluation import contenders, corpus_nights, robustness, variants
from psgvlm.evaluation.smoothing import HOW
from psgvlm.models import vlm
from psgvlm.stages import STAGES

P = [f"p_{stage}" for stage in STAGES]
PLACE = ["cohort", "subject", "recording", "epoch"]


def run(*words):
    evaluation.main([str(word) for word in (*words, "--device", "cpu")])


@pytest.fixture(scope="module")
def copied(adapter, tmp_path_factory):
    """An adapter of one's own, beside which something may be written."""
    return shutil.copytree(adapter, tmp_path_factory.mktemp("copied") / "mine")


@pytest.fixture(scope="module")
def whole(copied, corpus, raw, tmp_path_factory):
    """A run with everything, on one cohort."""
    out = tmp_path_factory.mktemp("whole") / "report"
    run(
        *("--model", copied, "--dataset", corpus, "--config", "mass", "--raw", raw, "--out", out),
        *("--baselines", "majority", "yasa", "vision-only", "--calibrate"),
        *("--smooth", *HOW, "--damage", "white=-10", "lost=0.5,1", "--ablate-lanes", "--prompts"),
    )
    return out


def test_every_contender_answers_for_the_same_epochs(whole, corpus):
    frame = pd.read_parquet(whole / "predictions.parquet")
    names = ["mine", "mine, viterbi", "mine, forward-backward", "majority", "yasa", "vision-only"]
    assert frame["model"].unique().tolist() == names
    rows = loading.load_split(str(corpus), "test", "mass")
    for _, part in frame.groupby("model"):
        assert part["epoch"].tolist() == rows["epoch"][:]
        assert part["stage"].tolist() == [STAGES[stage] for stage in rows["stage"]]
        assert np.allclose(part[P].sum(axis=1), 1)
    figures = json.loads((whole / "metrics.json").read_text("utf-8"))
    assert set(figures["contenders"]) == set(names)
    assert figures["pooled"] == figures["contenders"]["mine"]["pooled"]
    assert figures["about"]["cost"]["mine"]["image_tokens"] == 144
    assert len(figures["comparisons"]) == 15 * 5


def test_what_is_smoothed_is_a_row_of_its_own(whole):
    frame = pd.read_parquet(whole / "predictions.parquet")
    plain, path, both = (
        frame[frame["model"] == name]
        for name in ("mine", "mine, viterbi", "mine, forward-backward")
    )
    assert np.allclose(path[P], plain[P])
    assert not np.allclose(both[P], plain[P])
    changes = [(part["predicted"] != part["predicted"].shift()).sum() for part in (plain, path)]
    assert changes[1] <= changes[0]


def test_the_temperature_stands_beside_the_adapter(whole, copied, corpus):
    saved = json.loads((copied / "calibration.json").read_text("utf-8"))
    figures = json.loads((whole / "metrics.json").read_text("utf-8"))["contenders"]["mine"]
    assert saved["temperature"] == figures["temperature"]
    assert saved["epochs"] == len(loading.load_split(str(corpus), "validation", "mass"))
    assert figures["calibrated"]["log_loss"] != figures["pooled"]["log_loss"]


def test_damage_is_the_raw_signal_s_and_the_same_for_all(whole):
    frame = pd.read_parquet(whole / "damaged.parquet")
    assert set(frame["model"]) == {"mine", "majority", "yasa", "vision-only"}
    severities = frame.groupby("damage", sort=False)["severity"].unique()
    assert severities["white"].tolist() == ["none", "-10 dB SNR"]
    assert severities["lost"].tolist() == ["none", "50 %", "100 %"]
    clean = pd.read_parquet(whole / "predictions.parquet")
    for (name, severity), part in frame.groupby(["model", "severity"]):
        before = clean[clean["model"] == name]
        assert np.array_equal(np.tile(before["epoch"], len(part) // len(before)), part["epoch"])
        if severity == "none":
            tiled = np.tile(before[P], (len(part) // len(before), 1))
            assert np.array_equal(part[P], tiled)
        elif name != "majority":
            assert np.abs(part[P].to_numpy() - before[P].to_numpy()).max() > 1e-3
        else:
            assert np.allclose(part[P], before[P])
    lost = frame[(frame["model"] == "mine") & (frame["severity"] == "100 %")]
    assert np.allclose(lost[P], lost[P].iloc[0], atol=1e-5)  # nothing is to be seen
    text = (whole / "report.md").read_text("utf-8")
    assert "![κ and balanced accuracy against the severity of damage](damage.png)" in text


def test_fewer_lanes_are_those_of_a_recording_that_lacks_them(whole, copied, corpus, raw):
    """Taken out of the corpus' pictures, or drawn of the raw signals without those lanes."""
    frame = pd.read_parquet(whole / "variants.parquet")
    clean = pd.read_parquet(whole / "predictions.parquet")
    assert set(frame["model"]) == {"mine"}
    variant = {name: part[P].to_numpy() for name, part in frame.groupby("variant", sort=False)}
    assert list(variant)[:3] == ["EEG", "EEG + EOG", "EEG + EOG + EMG"]
    assert list(variant)[3:] == list(variants.WORDINGS)  # the first is the model's own
    for name in ("EEG + EOG + EMG", variants.WORDINGS[0]):
        assert np.array_equal(variant[name], clean.loc[clean["model"] == "mine", P])
    adapter = contenders.Adapter("mine", vlm.load(str(copied), "cpu"))
    (night,) = corpus_nights.with_signals(
        loading.load_split(str(corpus), "test", "mass"), corpus, raw
    )
    sources = night.lanes.sources
    assert [source is None for source in sources] == [False] * 4
    for name, kept in (("EEG", 1), ("EEG + EOG", 3)):
        lanes = replace(night.lanes, sources=(*sources[:kept], *[None] * (4 - kept)))
        redrawn = adapter.probabilities(replace(night, lanes=lanes))
        assert np.allclose(variant[name], redrawn, atol=1e-6)
        assert np.abs(redrawn - variant["EEG + EOG + EMG"]).max() > 1e-4


def test_what_was_trained_on_what(whole, adapter, corpus):
    figures = json.loads((whole / "metrics.json").read_text("utf-8"))
    every = ["isruc", "mass", "shhs"]
    cohorts = {"mine": every, "majority": ["mass"], "yasa": None, "vision-only": every}
    assert {name: of["trained_on"] for name, of in figures["matrix"].items()} == cohorts
    assert figures["matrix"]["mine"]["cells"]["mass"]["seen"] is True
    told = figures["about"]["what"]
    assert told["mine"] == "a tiny model, trained from scratch"
    assert set(told) == set(figures["contenders"])


def test_a_night_s_damage_follows_from_its_name(corpus, raw):
    rows = loading.load_split(str(corpus), "test")
    one, other, _ = corpus_nights.with_signals(rows, corpus, raw)
    hurt = [robustness.damaged(night, "white", 1.0, 0.0) for night in (one, one, other)]
    assert hurt[0].signal.recording.seed == hurt[1].signal.recording.seed
    assert hurt[1].signal.recording.seed != hurt[2].signal.recording.seed
    traces = [night.signal.raw_traces()[0].samples_uv for night in (one, *hurt[:2])]
    assert np.array_equal(traces[1], traces[2])
    assert not np.allclose(traces[0], traces[1])


@pytest.mark.parametrize(
    ("words", "points"),
    [
        (["lost=0.5,1"], {"lost": [(0.0, None), (0.5, None), (1.0, None)]}),
        (["weak=0.5"], {"weak": [(1.0, 1.0), (1.0, 0.5)]}),
        (["jitter"], {"jitter": [(1.0, x) for x in (0.0, 0.1, 0.5, 2.0, 10.0)]}),
    ],
)
def test_points_of_a_curve(words, points):
    assert robustness.points(words) == points
    assert list(robustness.points([])) == list(robustness.USUAL)


@pytest.mark.parametrize("word", ["burnt", "lost=half", "lost=2", "white=-1000", "weak=nan"])
def test_a_damage_that_there_is_not(word):
    with pytest.raises(InputError, match="expected"):
        robustness.points([word])


def test_two_models_side_by_side(adapter, copied, corpus, tmp_path):
    words = ("--dataset", corpus, "--config", "shhs", "--out", tmp_path / "r")
    run("--model", adapter, "--model", copied, *words)
    frame = pd.read_parquet(tmp_path / "r" / "predictions.parquet")
    assert frame["model"].unique().tolist() == ["tiny", "mine"]
    text = (tmp_path / "r" / "report.md").read_text("utf-8")
    assert "| tiny − mine | κ | 0.000 | 1.000 | 1.000 |" in text  # a copy, and one subject
    run("--model", adapter, "--model", copied, *words)  # the same run may be written again
    with pytest.raises(InputError, match="predictions of another run"):
        run("--model", adapter, *words)


def test_who_was_trained_on_is_not_measured(adapter, corpus, tmp_path):
    words = ("--model", adapter, "--dataset", corpus, "--config", "mass", "--split", "train")
    with pytest.raises(InputError, match=r"was trained on 1 of the 1 subjects, such as .* of mass"):
        run(*words, "--out", tmp_path / "r")
    assert not (tmp_path / "r").exists()
    run(*words, "--out", tmp_path / "r", "--allow-seen-subjects")
    assert (tmp_path / "r" / "report.html").is_file()


def test_an_adapter_without_a_record_is_told_of(copied, corpus, tmp_path, capsys):
    other = shutil.copytree(copied, tmp_path / "other")
    (other / "training.json").unlink()
    run("--model", other, "--dataset", corpus, "--config", "shhs", "--out", tmp_path / "r")
    assert "does not know whom it was trained on" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--damage"], "--damage reads signals; expected --raw"),
        (["--baselines", "yasa"], "--baselines yasa reads signals; expected --raw"),
        (["--dataset", "CORPUS", "CORPUS"], "is in two of the corpora"),
        (["--model", "ADAPTER"], "the same model twice"),
        (["--calibrate", "--split", "validation"], "fits on --split validation; expected another"),
        (["--baselines", "zero-shot"], "leave this baseline out"),
    ],
)
def test_refused(words, message, adapter, corpus, tmp_path):
    places = {"CORPUS": corpus, "ADAPTER": adapter}
    words = [places.get(word, word) for word in words]
    with pytest.raises(InputError, match=message):
        run("--model", adapter, "--dataset", corpus, "--out", tmp_path / "r", *words)
    assert not (tmp_path / "r").exists()


def test_a_model_does_not_pass_for_a_baseline():
    with pytest.raises(InputError, match="--model majority has the name of a baseline"):
        contenders.make_baselines([], {"majority": None})


def test_no_number_is_told_by_its_epoch(copied, corpus, tmp_path):
    """A model that a damaged file made NaN: which epoch of which night is said."""
    from safetensors.torch import load_file, save_file

    broken = shutil.copytree(copied, tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    name = next(name for name in weights if "language_model" in name and weights[name].ndim == 2)
    weights[name] = weights[name] * float("nan")
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    rows = loading.load_split(str(corpus), "test", "shhs")
    place = f"broken, epoch {rows[0]['epoch']} of shhs/{rows[0]['recording']}: .* not finite"
    with pytest.raises(InputError, match=place):
        run("--model", broken, "--dataset", corpus, "--config", "shhs", "--out", tmp_path / "r")
    assert not (tmp_path / "r").exists()
