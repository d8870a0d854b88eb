"""Runs that cannot do what was asked for are refused in one line before they start."""

import os
import shutil
import subprocess
import sys

import pytest
import tiny_vlms
from commands import ROOT, refused
from training_runs import FULL, LORA, train, words

from psgvlm.errors import InputError

PUSHED = {"push_to_hub": True, "hub_model_id": "tester/tiny"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_length": 512}, "max_length: 512 would cut off.*answer"),
        ({"tune": "head"}, "unknown part 'head' in 'head'"),
        ({"balance": "evenly"}, "'evenly' is no balance; expected one of none"),
        ({"neighbours": 11}, "11 neighbours; expected 0 to 10"),
        ({"augment": "gain=0.2"}, "gain=0.2; expected 1 to 10"),
        ({"early_stopping_patience": 3}, "needs load_best_model_at_end"),
        ({"load_in_4bit": True}, "quantized base model cannot be trained itself.*use_peft"),
        ({"dataset_train_split": "learning"}, "no split 'learning'"),
        ({"eval_strategy": "epoch", "dataset_test_split": "unseen"}, "no split 'unseen'"),
        ({"dataset_config": "dreem"}, "dreem"),
        ({"from_scratch": False}, "no base model"),
        ({"learning_rate": "fast"}, "recipe or options: .*learning_rate"),
        ({"push_to_hub": True}, "expected hub_model_id: ORG/NAME"),
        ({**PUSHED, "hub_strategy": "checkpoint"}, "hub_strategy: checkpoint"),
        (PUSHED, "mass; expected the statement MASS"),
        (
            {**PUSHED, "i_am_allowed": "MASS", "hub_private_repo": False},
            "mass comes under an agreement",
        ),
        ({"packing": True}, "recipe or options: Packing is not supported for vision"),
    ],
)
def test_wrong_options_are_refused(options, message, corpus, tmp_path):
    with pytest.raises(InputError, match=message):
        train(corpus, tmp_path / "out", **FULL | {"max_steps": 1} | options)
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_checkpoint_is_refused(corpus, tmp_path):
    with pytest.raises(InputError, match=r"nowhere: .*OUTPUT/checkpoint-N"):
        train(corpus, tmp_path, **FULL, max_steps=1, resume_from_checkpoint=tmp_path / "nowhere")


def test_an_unknown_measure_is_refused(corpus, tmp_path):
    options = FULL | {"eval_strategy": "steps", "save_strategy": "steps"}
    options |= {"load_best_model_at_end": True, "metric_for_best_model": "bleu"}
    with pytest.raises(InputError, match="metric_for_best_model: bleu: expected one of kappa"):
        train(corpus, tmp_path / "out", **options)


def test_a_base_model_without_vision_is_refused(corpus, tmp_path):
    """First without a processor, then with the tokenizer alone."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokens = tiny_vlms.tokenizer()
    model = LlamaForCausalLM(LlamaConfig(**tiny_vlms.language(len(tokens), tokens.eos_token_id)))
    model.save_pretrained(tmp_path / "text")
    options = LORA | {"model_name_or_path": tmp_path / "text", "max_steps": 1}
    for _ in range(2):
        with pytest.raises(InputError, match="cannot be loaded as a vision-language model"):
            train(corpus, tmp_path / "out", **options)
        tokens.save_pretrained(tmp_path / "text")


def test_lora_targets_in_the_frozen_tower_are_refused(corpus, tmp_path):
    base = tiny_vlms.save("idefics3", tmp_path / "base")
    options = LORA | {"model_name_or_path": base, "lora_target_modules": ".*q_proj"}
    with pytest.raises(InputError, match=r"q_proj.* belongs to vision, and only language"):
        train(corpus, tmp_path / "out", **options)


def test_lora_targets_that_match_no_module_are_refused(corpus, tmp_path):
    base = tiny_vlms.save("idefics3", tmp_path / "base")
    options = LORA | {"model_name_or_path": base, "lora_target_modules": "q_proj"}
    with pytest.raises(InputError, match="Target modules q_proj not found"):
        train(corpus, tmp_path / "out", **options)


def test_a_subject_in_two_splits_or_a_single_stage_is_refused(corpus, tmp_path):
    import pyarrow.compute as pc
    import pyarrow.parquet as pq
    from huggingface_hub import DatasetCard

    shared = tmp_path / "shared"
    shutil.copytree(corpus, shared)
    train_file = shared / "mass" / "train-00000-of-00001.parquet"
    shutil.copy(train_file, shared / "mass" / "test-00000-of-00001.parquet")
    with pytest.raises(InputError, match=r"subject \S+ is in the splits train and test"):
        train(shared, tmp_path / "out", **FULL, max_steps=1)

    one = tmp_path / "one"
    shutil.copytree(corpus, one)
    train_file = one / "mass" / "train-00000-of-00001.parquet"
    table = pq.read_table(train_file)
    pq.write_table(table.filter(pc.equal(table["stage"], 2)), train_file)
    # The card's digest is the name of the copy that `datasets` keeps.
    card = DatasetCard.load(one / "README.md")
    card.data.configs = [part | {"description": "changed"} for part in card.data.configs]
    card.save(one / "README.md")
    with pytest.raises(InputError, match="one: the files do not hold what the card says"):
        train(one, tmp_path / "out", **FULL, max_steps=1)
    del card.data.dataset_info
    card.save(one / "README.md")
    with pytest.raises(InputError, match=r"1 stage\(s\); expected at least two"):
        train(one, tmp_path / "out", **FULL, max_steps=1)


def test_names_on_a_hub_are_refused_while_offline(corpus, tmp_path):
    with pytest.raises(InputError, match="someone/corpus: neither a folder here nor a dataset"):
        train("someone/corpus", tmp_path / "out", **FULL, max_steps=1)
    options = LORA | {"model_name_or_path": "someone/model", "max_steps": 1}
    with pytest.raises(InputError, match="someone/model: cannot be loaded as a vision-language"):
        train(corpus, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("what", ["corpus", "model"])
def test_a_hub_that_cannot_be_reached(what, corpus, tmp_path):
    """No server listens on the port; huggingface_hub tries for half a minute."""
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
    environment["HF_HOME"] = str(tmp_path / "home")
    options = LORA | {"model_name_or_path": "someone/model", "max_steps": 1}
    place = "someone/corpus" if what == "corpus" else corpus
    done = subprocess.run(
        [sys.executable, "train_sft.py", *words(place, tmp_path / "out", **options)],
        **{"cwd": ROOT, "capture_output": True, "text": True, "timeout": 280},
        env=environment,
    )
    refused(done, f"someone/{what}", "Hub")
    assert not (tmp_path / "out").exists()
