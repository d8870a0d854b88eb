"""A corpus and an adapter on a hub, used by their names alone and with an empty cache."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tiny_vlms
import training_runs
from commands import python
from loopback_hub import TOKEN, LoopbackHub
from psgvlm.builders.publish import push
from psgvlm.model_card import push as push_adapter

from psgvlm.corpus import loading
from psgvlm.hub import release
from psgvlm.models import inference, vlm

CORPUS, ADAPTER = "tester/psg-images", "tester/psgvlm-tiny"
ALLOWED = ("MASS", "NSRR")
USE = """
import json, sys
from datasets import get_dataset_config_names, load_dataset
corpus, adapter, night, commit, out = sys.argv[1:]

read = {"configs": get_dataset_config_names(corpus)}
read["rows"] = {
    name: {split: len(rows) for split, rows in load_dataset(corpus, name).items()}
    for name in read["configs"]
}
streamed = load_dataset(corpus, "mass", split="test", streaming=True)
pinned = load_dataset(corpus, "mass", split="test", revision=commit)
tagged = load_dataset(corpus, "mass", split="test", revision="v1", streaming=True)
read["streamed"] = [row["epoch"] for row in streamed] == pinned["epoch"][:]
read["tagged"] = next(iter(tagged))["images"][0] == pinned[0]["images"][0]

import eval, stage
eval.main(["--model", adapter, "--dataset", corpus, "--config", "shhs", "--out", out + "/report",
           "--device", "cpu"])
stage.main([night, "--model", adapter, "--out", out + "/night", "--device", "cpu"])
print(json.dumps(read))
"""

BASE, TRAINED = "tester/base", "tester/psgvlm-base"
LOAD = """
import json, sys
from transformers import AutoModelForImageTextToText, AutoProcessor, pipeline
from peft import PeftModel
from psgvlm.models import inference, vlm
from psgvlm.nights import neighbours
base, adapter = sys.argv[1:]

ours = vlm.load(adapter, "cpu")
ways = [
    ours.model,
    AutoModelForImageTextToText.from_pretrained(adapter),
    PeftModel.from_pretrained(AutoModelForImageTextToText.from_pretrained(base), adapter),
    pipeline("image-text-to-text", model=adapter, device="cpu").model,
]
processor = AutoProcessor.from_pretrained(adapter)
blank = [[neighbours.blank(ours.spec)]]
models = [vlm.StagingModel(way.eval(), processor, ours.spec) for way in ways]
print(json.dumps([list(map(float, next(inference.probabilities(m, blank)))) for m in models]))
"""


@pytest.fixture(scope="module")
def hub():
    with LoopbackHub() as hub:
        yield hub


@pytest.fixture(scope="module")
def pushed(hub, corpus, adapter, tmp_path_factory):
    """Push both to the hub; return the commit of the corpus."""
    with pytest.MonkeyPatch.context() as patch:
        hub.here(patch, tmp_path_factory.mktemp("pushing"))
        release.push(push.prepare(corpus), CORPUS, allowed=ALLOWED, tag="v1")
        release.push(push_adapter.prepare(adapter), ADAPTER, allowed=ALLOWED, tag="v1")
    return hub.repos["datasets", CORPUS]["tags"]["v1"]


def test_a_new_process_with_an_empty_cache_reads_both(hub, pushed, corpus, adapter, raw, tmp_path):
    night = next(path for path in sorted((raw / "mass").rglob("*.edf")) if "PSG" in path.name)
    done = python(
        *("-c", USE, CORPUS, ADAPTER, night, pushed, tmp_path),
        env=os.environ | hub.variables(tmp_path / "cache"),
    )
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout.splitlines()[-1])
    assert read["configs"] == ["isruc", "mass", "shhs"]
    for config, splits in read["rows"].items():
        for split, count in splits.items():
            assert count == len(loading.load_split(str(corpus), split, config))
    assert read["streamed"] and read["tagged"]

    # What they say is what the folder here says.
    import pandas as pd

    frame = pd.read_parquet(tmp_path / "report" / "predictions.parquet")
    rows = loading.load_split(str(corpus), "test", "shhs")
    here = inference.probabilities(vlm.load(str(adapter), "cpu"), (row["images"] for row in rows))
    there = frame[[f"p_{stage}" for stage in ("W", "N1", "N2", "N3", "R")]]
    assert np.allclose(there, list(here), atol=1e-5)
    assert (tmp_path / "night" / "hypnogram.csv").is_file()

    # Nothing that was written or said has the token in it.
    assert TOKEN not in done.stdout + done.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if TOKEN.encode() in path.read_bytes()]


def test_training_and_loading_by_names_alone(hub, pushed, monkeypatch, tmp_path):
    """Train with a corpus and a base model on the hub, and load the adapter in every way."""
    from huggingface_hub import HfApi

    base = tiny_vlms.save("idefics3", tmp_path / "base")
    hub.here(monkeypatch, tmp_path / "here")
    api = HfApi(endpoint=hub.url)
    api.create_repo(BASE)
    api.upload_folder(repo_id=BASE, folder_path=base)

    def run(*words) -> str:
        done = hub.command(tmp_path / "cache", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    options = training_runs.LORA | {"tune": "all", "max_steps": 1, "hub_model_id": TRAINED}
    options |= {"model_name_or_path": BASE, "push_to_hub": True}
    words = training_runs.words(CORPUS, tmp_path / "adapter", **options)
    run("train_sft.py", *words, "--i_am_allowed", "MASS")

    done = python("-c", LOAD, BASE, TRAINED, env=os.environ | hub.variables(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    ours, *others = json.loads(done.stdout.splitlines()[-1])
    assert abs(sum(ours) - 1) < 1e-6
    for other in others:
        assert np.allclose(other, ours, atol=1e-5)

    run("-m", "huggingface_hub.cli.hf", "download", TRAINED, "--local-dir", tmp_path / "there")
    whole = push_adapter.prepare(tmp_path / "adapter")
    assert "adapter_model.safetensors" in whole.files
    for name in whole.files:
        there, here = tmp_path / "there" / name, tmp_path / "adapter" / name
        assert there.read_bytes() == here.read_bytes()


def test_a_token_without_access_is_refused_with_the_reason(hub, pushed, monkeypatch, tmp_path):
    from loopback_hub import STRANGER

    from psgvlm.errors import InputError

    hub.here(monkeypatch, tmp_path)
    monkeypatch.setenv("HF_TOKEN", STRANGER)
    with pytest.raises(InputError, match="neither a folder here nor a model on the Hub") as error:
        vlm.load(ADAPTER, "cpu")
    assert STRANGER not in str(error.value)
    repo = hub.repos["models", ADAPTER]
    monkeypatch.setitem(repo, "private", False)  # made visible: it is gated
    with pytest.raises(InputError, match="403") as error:
        vlm.load(ADAPTER, "cpu")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert vlm.load(ADAPTER, "cpu").spec.name == "square"


@pytest.mark.slow
def test_everything_from_simulation_to_a_staged_night(hub, tmp_path):
    """Simulate, build, push, train from the hub, push, load in a new process, stage a night."""
    cache = tmp_path / "cache"

    def run(*words) -> str:
        done = python(*words, env=os.environ | hub.variables(cache))
        assert done.returncode == 0, done.stderr
        assert TOKEN not in done.stdout + done.stderr
        return done.stdout

    raw, folder, out = tmp_path / "raw", tmp_path / "corpus", tmp_path / "adapter"
    names = "tester/circle-images", "tester/circle"
    run("-m", "builders", "simulate", raw, "--cohorts", "mass", "--subjects", 4, "--hours", 0.5)
    run("-m", "builders", "mass", raw / "mass", "--out", folder, "--image", "folded")
    output = run("-m", "builders", "push", folder, names[0], "--i-am-allowed", "MASS")
    assert "read back; private, tag v1" in output
    words = ("--dataset_name", names[0], "--output_dir", out, "--max_steps", 2)
    words += ("--push_to_hub", "true", "--hub_model_id", names[1], "--i_am_allowed", "MASS")
    run("train_sft.py", "--config", "recipes/tiny.yaml", *words)
    assert "read back" in run("-m", "model_card", "push", out, names[1], "--i-am-allowed", "MASS")
    night = next(Path(raw).rglob("* PSG.edf"))
    cache = tmp_path / "fresh"
    run("stage.py", night, "--model", names[1], "--out", tmp_path / "night", "--device", "cpu")
    assert (tmp_path / "night" / "hypnogram.csv").is_file()
    repo = hub.repos["datasets", names[0]]
    assert repo["private"] and repo["gated"] == "manual"
