"""What people give by mistake: one clear line on stderr, exit status not 0, no traceback."""

import json
from dataclasses import asdict, replace

import pytest
from commands import command, refused

from psgvlm.image_spec import PRESETS


@pytest.mark.parametrize("cohort", ["isruc", "mass", "shhs"])
def test_a_missing_folder_and_an_empty_one(cohort, tmp_path):
    out = ("--out", tmp_path / "corpus")
    missing = tmp_path / "nowhere"
    refused(command("-m", "builders", cohort, missing, *out), missing, "no such folder", "expected")
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "notes.txt").write_text("x")
    done = command("-m", "builders", cohort, empty, *out)
    refused(done, empty, "no recordings among 1 files", "expected")
    assert not (tmp_path / "corpus").exists()


def test_an_output_folder_that_holds_something_else(raw, tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    done = command("-m", "builders", "shhs", raw / "shhs", "--out", tmp_path)
    refused(done, tmp_path, "holds files but no image_spec.json", "expected an empty folder")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_image_that_is_no_preset(raw, tmp_path):
    for name in ("build", "inspect"):
        words = [name, raw / "shhs", "--image", "sqare"]
        words += ["--out", tmp_path] if name == "build" else []
        done = command("-m", "psgvlm", *words)
        refused(done, "'sqare'", "square", "image_spec.json")


def test_a_corpus_drawn_otherwise_is_not_mixed(corpus, raw):
    done = command("-m", "builders", "shhs", raw / "shhs", "--out", corpus, "--image", "wide")
    refused(
        done, corpus / "image_spec.json", "width 336 against 1008", "another folder to write into"
    )


def test_a_missing_night_and_a_missing_adapter(adapter, raw, tmp_path):
    out = ("--out", tmp_path / "out")
    done = command("stage.py", tmp_path / "no.edf", "--model", adapter, *out)
    refused(done, tmp_path / "no.edf", "no such file")
    night = next((raw / "shhs").rglob("*.edf"))
    done = command("stage.py", night, "--model", tmp_path / "none", *out)
    refused(done, tmp_path / "none", "neither a folder here nor a model")


def test_an_adapter_without_a_spec(raw, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "config.json").write_text("{}")
    night = next((raw / "shhs").rglob("*.edf"))
    done = command("stage.py", night, "--model", bare, "--out", tmp_path / "out")
    refused(done, bare / "image_spec.json", "no such file", "psgvlm train")


def test_a_spec_beside_no_model(raw, tmp_path):
    PRESETS["square"].save(tmp_path)
    night = next((raw / "shhs").rglob("*.edf"))
    done = command("stage.py", night, "--model", tmp_path, "--out", tmp_path / "out")
    refused(done, tmp_path, "cannot be loaded", "psgvlm train wrote")


def test_a_corpus_of_another_spec_than_the_adapter_s(adapter, tmp_path):
    other = replace(PRESETS["square"], line_px=2.0)
    (tmp_path / "image_spec.json").write_text(json.dumps(asdict(other)))
    done = command("eval.py", "--model", adapter, "--dataset", tmp_path, "--out", tmp_path / "r")
    refused(done, adapter, tmp_path, "do not match", "line_px 1.5 against 2.0")


def test_a_corpus_without_the_split_or_the_configuration(adapter, corpus, tmp_path):
    out = ("--model", adapter, "--dataset", corpus, "--out", tmp_path / "r")
    refused(command("eval.py", *out, "--split", "holdout"), corpus, "holdout")
    refused(command("eval.py", *out, "--config", "dreem"), corpus, "dreem")


def test_training_without_a_corpus_or_on_what_is_none(tmp_path):
    recipe = ("train_sft.py", "--config", "recipes/tiny.yaml", "--output_dir", tmp_path / "o")
    refused(command(*recipe), "no corpus given", "--dataset-name")
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(command(*recipe, "--dataset_name", empty), empty / "image_spec.json", "no such file")


@pytest.mark.parametrize(
    ("recipe", "parts"),
    [
        (None, ["No such file"]),
        ("learning_rate: [", ["while parsing"]),
        ("bf16: false\nlerning_rate: 1\n", ["Unknown arguments", "--lerning_rate"]),
    ],
)
def test_recipes_that_cannot_be_used(recipe, parts, tmp_path):
    path = tmp_path / "recipe.yaml"
    if recipe is not None:
        path.write_text(recipe)
    words = ("--config", path, "--dataset_name", "ORG/corpus")
    refused(command("train_sft.py", *words), "recipe or options: ", *parts)
