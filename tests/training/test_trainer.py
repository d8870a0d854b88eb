"""Runs of a few steps: stopped and resumed, on two processes, measured, and with a full disk."""

import json

import numpy as np
import pytest
import tiny_vlms
import torch
from commands import command, full_disk, refused
from training_runs import FULL, LORA, train, words

from psgvlm.corpus import loading
from psgvlm.errors import InputError
from psgvlm.hub import repo_files
from psgvlm.models import inference, vlm

EVALUATED = {"eval_strategy": "steps", "eval_steps": 1, "eval_epochs": 12}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tiny_vlms.save("idefics3", tmp_path_factory.mktemp("base") / "idefics3")


@pytest.mark.parametrize("how", ["full", "lora"])
def test_a_run_stopped_and_resumed_has_the_losses_of_an_undisturbed_one(
    how, base, corpus, tmp_path
):
    options = FULL if how == "full" else LORA | {"model_name_or_path": base}
    options = options | {"balance": "uniform", "max_steps": 6, "augment": "gain=1.2"}
    options["per_device_train_batch_size"] = 16
    assert len(loading.load_split(str(corpus), "train", "mass")) <= 64  # 4 steps a round
    saved = {"save_strategy": "steps", "save_steps": 5}
    whole = train(corpus, tmp_path / "whole", **options, **saved)
    resumed = train(
        *[corpus, tmp_path / "resumed"],
        **options,
        resume_from_checkpoint=tmp_path / "whole" / "checkpoint-5",
    )
    assert len(whole["loss"]) == 6
    assert len(set(np.round(whole["loss"], 3))) > 2  # it learns, so that the order matters
    assert np.allclose(resumed["loss"], whole["loss"], rtol=0, atol=1e-5)
    assert resumed["steps"] == 6
    ends = [_weights(tmp_path / run) for run in ("whole", "resumed")]
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.allclose(ends[0][name], ends[1][name], atol=1e-5) for name in ends[0])


def _weights(folder):
    from safetensors.torch import load_file

    (path,) = [*folder.glob("model.safetensors"), *folder.glob("adapter_model.safetensors")]
    return load_file(path)


def test_resuming_starts_from_the_last_complete_checkpoint(corpus, tmp_path, capsys):
    """The newest folder may be incomplete, because a killed run was writing it."""
    train(corpus, tmp_path, **FULL, max_steps=1, resume_from_checkpoint=True)
    assert "no checkpoint yet" in capsys.readouterr().out
    train(corpus, tmp_path, **FULL | {"max_steps": 2, "save_strategy": "steps", "save_steps": 1})
    (tmp_path / "checkpoint-2" / "trainer_state.json").unlink()
    report = train(corpus, tmp_path, **FULL, max_steps=3, resume_from_checkpoint=True)
    assert f"going on from {tmp_path / 'checkpoint-1'}" in capsys.readouterr().out
    assert len(report["loss"]) == report["steps"] == 3


def test_a_checkpoint_without_a_part_of_the_weights_is_refused(corpus, tmp_path):
    from safetensors.torch import load_file, save_file

    train(corpus, tmp_path, **FULL | {"max_steps": 1, "save_strategy": "steps", "save_steps": 1})
    path = tmp_path / "checkpoint-1" / "model.safetensors"
    weights = load_file(path)
    save_file({f"old.{name}": weight for name, weight in weights.items()}, path)
    with pytest.raises(InputError, match="checkpoint lacks"):
        train(corpus, tmp_path, **FULL, max_steps=2, resume_from_checkpoint=True)


def test_two_processes_have_the_losses_of_one_with_the_same_global_batch(corpus, tmp_path):
    options = FULL | {"balance": "uniform", "max_steps": 4, **EVALUATED, "eval_steps": 2}
    options["eval_epochs"] = 7  # which two processes cannot share evenly
    one = train(corpus, tmp_path / "one", **options)
    options["per_device_train_batch_size"] = 2
    done = command("train_sft.py", *words(corpus, tmp_path / "two", **options), processes=2)
    assert done.returncode == 0, done.stderr
    two = json.loads((tmp_path / "two" / "training.json").read_text())
    assert (one["processes"], two["processes"]) == (1, 2)
    assert np.allclose(one["loss"], two["loss"], rtol=0, atol=1e-3)
    for first, second in zip(one["evaluations"], two["evaluations"], strict=True):
        assert first["eval_log_loss"] == pytest.approx(second["eval_log_loss"], abs=1e-3)
        assert first["eval_kappa"] == pytest.approx(second["eval_kappa"], abs=1e-6)


def test_the_logged_figures_are_those_of_the_saved_model(corpus, tmp_path):
    """And the saved model is the best checkpoint."""
    options = FULL | {"max_steps": 3, "learning_rate": 5e-3, **EVALUATED}
    saved = {"save_strategy": "steps", "save_steps": 1, "load_best_model_at_end": True}
    report = train(corpus, tmp_path, **options, **saved, metric_for_best_model="log_loss")
    losses = [entry["eval_log_loss"] for entry in report["evaluations"]]
    assert report["best"] == {"step": int(np.argmin(losses)) + 1, "value": min(losses)}
    assert {"eval_kappa", "eval_macro_f1", "eval_accuracy"} <= set(report["evaluations"][0])

    rows = loading.validation_sample(
        loading.load_split(str(corpus), "validation", "mass"), 8, 12, 0
    )
    model = vlm.load(str(tmp_path), "cpu")
    p = np.array(list(inference.probabilities(model, [row["images"] for row in rows])))
    assert -np.log(p[np.arange(12), rows["stage"]]).mean() == pytest.approx(min(losses), abs=1e-5)


def test_early_stopping(corpus, tmp_path):
    """A learning rate of 0 never gets better than the first evaluation."""
    options = FULL | {"max_steps": 9, "learning_rate": 0, **EVALUATED}
    saved = {"save_strategy": "steps", "save_steps": 1, "load_best_model_at_end": True}
    report = train(corpus, tmp_path, **options, **saved, early_stopping_patience=2)
    assert report["steps"] == 3
    assert report["best"]["step"] == 1


def test_throughput_and_the_record_of_the_run_are_written(corpus, tmp_path):
    import yaml

    report = train(corpus, tmp_path, **FULL, max_steps=2, eval_subjects=3)
    assert report["images_per_second"] > 0
    assert report["tokens_per_second"] > 150 * report["images_per_second"]
    assert 0 < report["waiting_share"] < 1
    assert report["peak_memory_gib"] > 0.1
    assert set(report["fingerprint"]) == {"isruc", "mass", "shhs"}
    assert all(value.startswith("sha256 ") for value in report["fingerprint"].values())
    assert report["versions"]["trl"]
    assert report["parts"]["vision"]["trained"] == report["parts"]["vision"]["parameters"] > 0
    options = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert options["learning_rate"] == 2e-3
    assert (options["eval_subjects"], options["seed"]) == (3, 42)
    assert options["output_dir"] == tmp_path.name
    written = "".join(path.read_text() for path in tmp_path.glob("*.[jy]*") if path.is_file())
    assert str(tmp_path.parent) not in written
    assert not list(tmp_path.rglob("training_args.bin"))


def test_a_full_disk_while_saving_keeps_the_last_complete_checkpoint(corpus, tmp_path):
    """A limit on the size of files stands in for a full disk, so that writing really fails."""
    options = FULL | {"max_steps": 1, "save_strategy": "steps", "save_steps": 1}
    train(corpus, tmp_path, **options)
    good = tmp_path / "checkpoint-1"
    before = {path.name: path.read_bytes() for path in good.iterdir()}
    more = options | {"max_steps": 2, "resume_from_checkpoint": True}
    done = command("train_sft.py", *words(corpus, tmp_path, **more), setup=full_disk(1 << 20))
    refused(done, tmp_path, "cannot be saved", f"last complete checkpoint is {good}", "make room")
    assert {path.name: path.read_bytes() for path in good.iterdir()} == before
    assert not (tmp_path / "checkpoint-2").exists()


def test_out_of_memory_says_which_options_to_change(corpus, tmp_path, monkeypatch):
    from psgvlm.training import trainer

    def too_much(*_, **__):
        return torch.empty(1 << 60)

    monkeypatch.setattr(trainer.SFTTrainer, "training_step", too_much)
    with pytest.raises(InputError, match=r"out of memory on cpu .*lower per_device_train_batch"):
        train(corpus, tmp_path, **FULL, max_steps=1)
    monkeypatch.setattr(
        trainer.SFTTrainer, "training_step", lambda *_, **__: torch.ones(2, 3).mm(torch.ones(2, 3))
    )
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        train(corpus, tmp_path, **FULL, max_steps=1)


def test_neighbours_and_augmentation_reach_the_model_and_its_users(corpus, tmp_path):
    """The adapter stores its number of neighbours, and evaluation and staging use it."""
    options = FULL | {"max_steps": 2, "neighbours": 1, **EVALUATED}
    plain = train(corpus, tmp_path / "plain", **options)
    varied = options | {"augment": "gain=2,lane_dropout=0.3,shift_s=1,noise=9"}
    report = train(corpus, tmp_path / "varied", **varied)
    again = train(corpus, tmp_path / "again", **varied, dataloader_num_workers=2)
    assert report["augment"].startswith("gain=2")
    assert not np.allclose(plain["loss"], report["loss"], atol=1e-4)
    assert np.allclose(again["loss"], report["loss"], atol=1e-5)  # whoever loads the rows

    model = vlm.load(str(tmp_path / "varied"), "cpu")
    assert model.neighbours == 1
    rows = loading.load_split(str(corpus), "validation", "mass", model.neighbours)
    rows = loading.validation_sample(rows, 8, 12, 0)
    p = np.array(list(inference.probabilities(model, [row["images"] for row in rows])))
    measured = report["evaluations"][-1]["eval_log_loss"]
    assert -np.log(p[np.arange(12), rows["stage"]]).mean() == pytest.approx(measured, abs=1e-5)

    adapter = tmp_path / "varied"
    done = command("eval.py", "--model", adapter, "--dataset", corpus, "--config", "mass",
                   "--out", tmp_path / "report")  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("family", "plain", "reentrant"),
    [
        *(("idefics3", 4, False), ("idefics3", 4, True), ("llava_next", 4, False)),
        *(("qwen2_5_vl", 4, False), ("qwen3_vl", 2, False)),
    ],
)
def test_a_frozen_vision_tower_is_computed_once(family, plain, reentrant, corpus, tmp_path):
    """TRL's own trainer computes it twice with activation checkpointing, for the same losses."""
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from psgvlm.training import trained_parts
    from psgvlm.training.sampling import BalancedSampler
    from psgvlm.training.trainer import AnswerCollator, StagingTrainer

    rows = loading.load_split(str(corpus), "train", "mass")
    rows = rows.select(np.unique(rows["stage"], return_index=True)[1][:2])  # in any order one batch
    spec = repo_files.load_image_spec(corpus, "dataset")
    losses, passes = {}, {}
    for way in ("plain", "ours"):
        torch.manual_seed(0)
        model, processor = tiny_vlms.FAMILIES[family]()
        vlm.end_turns(processor, vlm.turn_ends(model, processor))
        parts = trained_parts.ModelParts(model)
        config = SFTConfig(
            **{"output_dir": str(tmp_path), "max_steps": 2, "per_device_train_batch_size": 2},
            **{"use_cpu": True, "bf16": False, "activation_checkpointing": True},
            **{"activation_checkpointing_kwargs": {"use_reentrant": reentrant}},
            **{"dataloader_pin_memory": False, "report_to": "none", "save_strategy": "no"},
            **{"logging_steps": 1, "max_length": None, "learning_rate": 1e-2, "seed": 0},
        )
        options = {
            **{"args": config, "train_dataset": rows},
            "peft_config": LoraConfig(target_modules=parts.linear_layers({"language"})),
        }
        if way == "plain":
            ends = frozenset(vlm.turn_ends(model, processor))
            answers = AnswerCollator(processor, completion_only_loss=True, ends=ends)
            options |= {"processing_class": processor, "data_collator": answers}
            trainer = SFTTrainer(model, **options)
        else:
            trainer = StagingTrainer(
                model, processor, spec, BalancedSampler(rows["stage"]), **options
            )
        count = []
        tower = model.get_encoder("image").modules()
        layer = next(module for module in tower if isinstance(module, torch.nn.Linear))
        layer.register_forward_hook(lambda *_, count=count: count.append(1))
        trainer.train()
        passes[way] = len(count)
        losses[way] = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert (passes["ours"], passes["plain"]) == (2, plain)
    assert losses["ours"] == pytest.approx(losses["plain"], abs=1e-5)
    assert len(set(np.round(losses["ours"], 3))) == 2  # it learns
