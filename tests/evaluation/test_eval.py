"""The command `eval` on the simulated cohorts: adapters, baselines, damage, and refusals."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from nights import without

from psgvlm.commands.eval import main
from psgvlm.corpus import loading
from psgvlm.errors import InputError
from psgvlm.evaluation import contenders, corpus_nights, robustness, variants
from psgvlm.models import inference, vlm
from psgvlm.stages import STAGES

P = [f"p_{stage}" for stage in STAGES]
PLACE = ["cohort", "subject", "recording", "epoch"]


def run(*words):
    main([str(word) for word in (*words, "--device", "cpu")])


@pytest.fixture(scope="module")
def copied(adapter, tmp_path_factory):
    """A copy of the adapter, beside which a test may write files."""
    return shutil.copytree(adapter, tmp_path_factory.mktemp("copied") / "mine")


@pytest.fixture(scope="module")
def whole(copied, corpus, raw, tmp_path_factory):
    """The report of a run with every option, on one cohort."""
    out = tmp_path_factory.mktemp("whole") / "report"
    run(
        *("--model", copied, "--dataset", corpus, "--config", "mass", "--raw", raw, "--out", out),
        *("--baselines", "majority", "yasa", "vision-only", "--calibrate"),
        *("--smooth", "--damage", "white=-10", "lost=0.5,1", "--ablate-lanes", "--prompts"),
    )
    return out


def test_every_contender_answers_for_the_same_epochs(whole, corpus):
    frame = pd.read_parquet(whole / "predictions.parquet")
    names = ["mine", "mine, smoothed", "majority", "yasa", "vision-only"]
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
    assert len(figures["comparisons"]) == 10 * 5


def test_smoothed_nights_are_a_contender_with_fewer_changes_of_stage(whole):
    frame = pd.read_parquet(whole / "predictions.parquet")
    plain, smooth = (frame[frame["model"] == name] for name in ("mine", "mine, smoothed"))
    assert np.allclose(smooth[P], plain[P])
    changes = [(part["predicted"] != part["predicted"].shift()).sum() for part in (plain, smooth)]
    assert changes[1] <= changes[0]


def test_the_temperature_is_written_beside_the_adapter(whole, copied, corpus):
    saved = json.loads((copied / "calibration.json").read_text("utf-8"))
    figures = json.loads((whole / "metrics.json").read_text("utf-8"))["contenders"]["mine"]
    assert saved["temperature"] == figures["temperature"]
    assert saved["epochs"] == len(loading.load_split(str(corpus), "validation", "mass"))
    assert figures["calibrated"]["log_loss"] != figures["pooled"]["log_loss"]


def test_damaged_signals_reach_every_contender(whole):
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
    assert np.allclose(lost[P], lost[P].iloc[0], atol=1e-5)  # every picture is empty
    text = (whole / "report.md").read_text("utf-8")
    assert "![κ and balanced accuracy against the severity of damage](damage.png)" in text


def test_fewer_lanes_are_those_of_a_recording_that_lacks_them(whole, copied, corpus, raw):
    """Lanes removed from the corpus' pictures give what drawing without these lanes gives."""
    frame = pd.read_parquet(whole / "variants.parquet")
    clean = pd.read_parquet(whole / "predictions.parquet")
    assert set(frame["model"]) == {"mine"}
    variant = {name: part[P].to_numpy() for name, part in frame.groupby("variant", sort=False)}
    assert list(variant)[:3] == ["EEG", "EEG + EOG", "EEG + EOG + EMG"]
    assert list(variant)[3:] == list(variants.WORDINGS)  # the first is the model's own
    for name in ("EEG + EOG + EMG", variants.WORDINGS[0]):
        assert np.array_equal(variant[name], clean.loc[clean["model"] == "mine", P])
    adapter = contenders.ModelContender("mine", vlm.load(str(copied), "cpu"))
    (night,) = corpus_nights.with_signals(
        loading.load_split(str(corpus), "test", "mass"), corpus, raw
    )
    lanes = night.signal.lanes
    assert [source is None for source in lanes.sources] == [False] * 4
    for name, kept in (("EEG", 1), ("EEG + EOG", 3)):
        removed = [lane.name for lane in lanes.lanes[kept:]]
        redrawn = adapter.probabilities(without(night, *removed))
        assert np.allclose(variant[name], redrawn, atol=1e-6)
        assert np.abs(redrawn - variant["EEG + EOG + EMG"]).max() > 1e-4


def test_other_wordings_reach_the_model(whole, copied, corpus):
    frame = pd.read_parquet(whole / "variants.parquet")
    frame = frame[frame["kind"] == "prompts"]
    own = frame.loc[frame["variant"] == variants.WORDINGS[0], P].to_numpy()
    model = vlm.load(str(copied), "cpu")
    images = [row["images"] for row in loading.load_split(str(corpus), "test", "mass")]
    for wording in variants.WORDINGS[1:]:
        answers = frame.loc[frame["variant"] == wording, P].to_numpy()
        asked = replace(model, spec=replace(model.spec, prompt=wording))
        assert np.allclose(answers, list(inference.probabilities(asked, images)), atol=1e-6)
        assert np.abs(answers - own).max() > 1e-4


def test_the_report_says_what_each_contender_was_trained_on(whole, adapter, corpus):
    figures = json.loads((whole / "metrics.json").read_text("utf-8"))
    every = ["isruc", "mass", "shhs"]
    cohorts = {"mine": every, "majority": ["mass"], "yasa": None, "vision-only": every}
    assert {name: row["trained_on"] for name, row in figures["matrix"].items()} == cohorts
    assert figures["matrix"]["mine"]["cells"]["mass"]["seen"] is True
    what = figures["about"]["what"]
    assert what["mine"] == "a tiny model, trained from scratch"
    assert set(what) == set(figures["contenders"])


def test_a_night_s_damage_follows_from_its_name(corpus, raw):
    rows = loading.load_split(str(corpus), "test")
    one, other, _ = corpus_nights.with_signals(rows, corpus, raw)
    worse = [robustness.damage_night(night, "white", 1.0, 0.0) for night in (one, one, other)]
    seeds = [night.signal.recording.seed for night in worse]
    assert seeds[0] == seeds[1] != seeds[2]
    traces = [night.signal.raw_traces()[0].samples_uv for night in (one, *worse[:2])]
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
def test_words_give_the_points_of_a_curve(words, points):
    assert robustness.parse_damage(words) == points
    assert list(robustness.parse_damage([])) == list(robustness.DEFAULT_KINDS)


@pytest.mark.parametrize("word", ["burnt", "lost=half", "lost=2", "white=-1000", "weak=nan"])
def test_unknown_damage_is_refused(word):
    with pytest.raises(InputError, match=f"{word}: .*expected") as refused:
        robustness.parse_damage([word])
    assert refused.value.parameter == "damage"


def test_two_models_side_by_side(adapter, copied, corpus, tmp_path):
    words = ("--dataset", corpus, "--config", "shhs", "--out", tmp_path / "r")
    run("--model", adapter, "--model", copied, *words)
    frame = pd.read_parquet(tmp_path / "r" / "predictions.parquet")
    assert frame["model"].unique().tolist() == ["tiny", "mine"]
    text = (tmp_path / "r" / "report.md").read_text("utf-8")
    assert "| tiny − mine | κ | 0.000 | 1.000 | 1.000 |" in text  # a copy, and one subject
    run("--model", adapter, "--model", copied, *words)  # the same run may write its report again
    with pytest.raises(InputError, match="predictions of another run"):
        run("--model", adapter, *words)


def test_subjects_trained_on_are_refused(adapter, corpus, tmp_path):
    words = ("--model", adapter, "--dataset", corpus, "--config", "mass", "--split", "train")
    with pytest.raises(InputError, match=r"was trained on 1 of the 1 subjects, such as .* of mass"):
        run(*words, "--out", tmp_path / "r")
    assert not (tmp_path / "r").exists()
    run(*words, "--out", tmp_path / "r", "--allow-seen-subjects")
    assert (tmp_path / "r" / "report.html").is_file()


def test_an_adapter_without_a_training_record_is_noted(copied, corpus, tmp_path, capsys):
    other = shutil.copytree(copied, tmp_path / "other")
    (other / "training.json").unlink()
    run("--model", other, "--dataset", corpus, "--config", "shhs", "--out", tmp_path / "r")
    assert "has no record of its subjects" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--damage"], "--damage reads signals; .*--raw"),
        (["--baselines", "yasa"], "--baselines yasa reads signals; .*--raw"),
        (["--dataset", "CORPUS", "CORPUS"], "is in two of the corpora"),
        (["--model", "ADAPTER"], "the same model twice"),
        (["--calibrate", "--split", "validation"], "--calibrate fits on the validation split"),
        (["--baselines", "zero-shot"], "leave this baseline out"),
    ],
)
def test_refused(words, message, adapter, corpus, tmp_path):
    places = {"CORPUS": corpus, "ADAPTER": adapter}
    words = [places.get(word, word) for word in words]
    with pytest.raises(InputError, match=message):
        run("--model", adapter, "--dataset", corpus, "--out", tmp_path / "r", *words)
    assert not (tmp_path / "r").exists()


def test_a_model_with_the_name_of_a_baseline_is_refused():
    with pytest.raises(InputError, match="majority has the name of a baseline"):
        contenders.make_baselines([], {"majority": None})


def test_an_answer_that_is_not_finite_names_its_epoch(copied, corpus, tmp_path):
    """The weights of a damaged file are NaN; the error names the epoch and the night."""
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
