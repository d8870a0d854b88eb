"""What training learns from, and the record that it writes beside the model."""

import json

import numpy as np
import pytest
from commands import command

from psgvlm.corpus import loading
from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS, ImageSpec
from psgvlm.models import tiny
from psgvlm.stages import STAGES
from psgvlm.training import run_record


def test_the_loss_covers_the_answer_and_its_end_of_turn(corpus):
    """Checked with TRL's own collator, on a row of each stage."""
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    _, processor = tiny.build_tiny(PRESETS["square"])
    rows = loading.load_split(str(corpus), "train")
    stages = np.array(rows["stage"])
    rows = [rows[int(np.flatnonzero(stages == index)[0])] for index in range(5)]
    collate = DataCollatorForVisionLanguageModeling(processor, completion_only_loss=True)
    batch = collate([{key: row[key] for key in ("images", "prompt", "completion")} for row in rows])
    for index, (ids, labels) in enumerate(zip(batch["input_ids"], batch["labels"], strict=True)):
        supervised = labels != -100
        assert processor.tokenizer.decode(labels[supervised]) == f"{STAGES[index]}<|im_end|>"
        asked = processor.tokenizer.decode(ids[~supervised])
        assert PRESETS["square"].prompt in asked
        assert asked.count("<image>") == 144


def test_the_files_of_a_trained_model(adapter, corpus):
    spec = ImageSpec.load(adapter / "image_spec.json")
    assert spec == ImageSpec.load(corpus / "image_spec.json")
    report = json.loads((adapter / "training.json").read_text())
    assert report["steps"] == 2
    assert report["trainable_parameters"] == report["parameters"] > 900_000
    assert report["dataset"] == "corpus"
    assert len(report["subjects"]) == 3  # one a cohort, as hashes
    assert all(len(subject) == 16 and int(subject, 16) for subject in report["subjects"])
    card = (adapter / "README.md").read_text()
    assert "pipeline_tag: image-text-to-text" in card
    assert "text-generation" not in card
    assert str(adapter.parent) not in card
    assert "$" not in card


@pytest.mark.parametrize(
    ("record", "cohorts"),
    [
        ({"config": "mass", "fingerprint": {"isruc": "", "mass": ""}}, ["mass"]),
        ({"config": "mass-rationale"}, ["mass"]),
        ({"config": None, "fingerprint": {"shhs": "", "isruc-rationale": ""}}, ["shhs"]),
        ({"config": "mass", "base_cohorts": ["isruc"]}, ["isruc", "mass"]),
        ({"config": None, "fingerprint": {}, "base_cohorts": ["isruc"]}, None),
        ({}, None),
    ],
)
def test_cohorts_that_a_run_trained_on(record, cohorts):
    assert run_record.trained_cohorts(record) == cohorts


@pytest.mark.parametrize("wrong", [{"fingerprint": []}, {"config": 3}, {"subjects": 0}, []])
def test_a_record_of_another_kind_is_refused(wrong, tmp_path):
    (tmp_path / "training.json").write_text(json.dumps(wrong))
    with pytest.raises(InputError, match=r"training.json: cannot be read \(no record of a run\)"):
        run_record.read(tmp_path)


def test_lora_on_a_base_model_in_a_folder(adapter, corpus, tmp_path):
    """The tiny model is the base, and only the projections of its language model are trained."""
    out = tmp_path / "lora"
    done = command(
        *["train_sft.py", "--config", "recipes/tiny.yaml", "--from_scratch", "false"],
        *["--model_name_or_path", adapter, "--dataset_name", corpus, "--output_dir", out],
        *["--dataset_config", "mass", "--max_steps", "1", "--per_device_train_batch_size", "2"],
        *["--use_peft", "true", "--lora_target_modules", r".*language_model.*\.(q|k|v|o)_proj"],
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((out / "training.json").read_text())
    assert 0 < report["trainable_parameters"] < report["parameters"] / 10
    # Those of MASS alone were trained on now; the base model has seen the others' too.
    assert report["subjects"] == json.loads((adapter / "training.json").read_text())["subjects"]
    assert run_record.trained_cohorts(report) == ["isruc", "mass", "shhs"]
    card = (out / "README.md").read_text()
    assert "library_name: peft" in card
    assert "base_model: tiny" in card
    from safetensors import safe_open

    with safe_open(out / "adapter_model.safetensors", "pt") as file:
        names = list(file.keys())
    assert names
    assert all("language_model" in name for name in names)
    words = ("--model", out, "--dataset", corpus, "--config", "mass", "--out", tmp_path / "r")
    staged = command("eval.py", *words)
    assert staged.returncode == 0, staged.stderr
    assert (tmp_path / "r" / "metrics.json").is_file()
