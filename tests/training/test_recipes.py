"""Every recipe runs for one step with a tiny model of its family."""

import json
from dataclasses import fields

import pytest
import tiny_vlms
import yaml
from commands import ROOT
from training_runs import train

RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
FAMILY = {
    "llava-hf/llava-v1.6-vicuna-7b-hf": "llava_next",
    "Qwen/Qwen2.5-VL-3B-Instruct": "qwen2_5_vl",
    "runs/two_stage_1/merged": "qwen2_5_vl",
    "Qwen/Qwen3-VL-4B-Instruct": "qwen3_vl",
    "HuggingFaceTB/SmolVLM-500M-Instruct": "idefics3",
}
# The options that a tiny model on a CPU needs; all others are those of the recipe.
SMALL = {
    **{"max_steps": 1, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 1},
    **{
        "dtype": "float32",
        "eval_epochs": 4,
        "eval_steps": 1,
        "save_steps": 1,
    },
    **{"dataloader_num_workers": 0, "dataloader_persistent_workers": False},
}


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bases")
    return {family: tiny_vlms.save(family, folder / family) for family in tiny_vlms.FAMILIES}


def dry_run(path, corpus, bases, out, **options):
    """Run one step of a recipe; return the recipe and the run's `training.json`."""
    recipe = yaml.safe_load(path.read_text())
    options = SMALL | options
    if base := recipe.get("model_name_or_path"):
        options["model_name_or_path"] = bases[FAMILY[base]]
    # The tests' defaults for these options must not override the recipe.
    options["save_strategy"] = recipe["save_strategy"]
    options["activation_checkpointing"] = recipe["activation_checkpointing"]
    return recipe, train(corpus, out, "--config", str(path), **options)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_runs_on_its_family_s_tiny_model(path, corpus, bases, tmp_path):
    recipe, report = dry_run(path, corpus, bases, tmp_path / "out", load_in_4bit=False)
    assert report["steps"] == 1
    assert report["lora"] == recipe.get("use_peft", False)
    chosen = recipe.get("tune", "all").split(",")
    for part, count in report["parts"].items():
        assert bool(count["trained"]) == (chosen == ["all"] or part in chosen)
    assert len(report["evaluations"]) == (recipe.get("eval_strategy", "no") != "no")
    assert (tmp_path / "out" / "merged" / "config.json").is_file() == recipe.get("merge", False)


@pytest.mark.slow
@pytest.mark.parametrize("stem", ["paper_llava_next_7b_qlora", "qwen2_5_vl_3b_qlora"])
def test_a_recipe_in_four_bits(stem, corpus, bases, tmp_path):
    """bitsandbytes packs the weights on a CPU, too."""
    path = ROOT / "recipes" / f"{stem}.yaml"
    _, report = dry_run(path, corpus, bases, tmp_path, dtype="bfloat16")
    options = yaml.safe_load((tmp_path / "config.yaml").read_text())
    assert options["load_in_4bit"]
    # Parameters are counted, not the bytes, each of which holds two of them.
    _, plain = dry_run(path, corpus, bases, tmp_path / "plain", load_in_4bit=False)
    assert report["parts"] == plain["parts"]


def test_the_paper_s_recipe_has_the_paper_s_values():
    recipe = yaml.safe_load((ROOT / "recipes" / "paper_llava_next_7b.yaml").read_text())
    assert (recipe["use_peft"], recipe["lora_r"], recipe["num_train_epochs"]) == (True, 16, 3)
    assert "llava-v1.6" in recipe["model_name_or_path"]


def test_the_table_names_every_recipe_and_no_other():
    text = (ROOT / "recipes" / "README.md").read_text("utf-8")
    for path in [*RECIPES, *(ROOT / "recipes" / "accelerate").iterdir()]:
        assert f"`{path.name}`" in text, path.name
    for word in text.split("`")[1::2]:
        if word.endswith(".yaml") and " " not in word:
            assert list((ROOT / "recipes").rglob(word)), word


def test_the_second_stage_starts_where_the_first_ends():
    first, second = (
        yaml.safe_load((ROOT / "recipes" / f"two_stage_{name}.yaml").read_text())
        for name in ("1_perception", "2_staging")
    )
    assert first["merge"]
    assert second["model_name_or_path"] == f"{first['output_dir']}/merged"


@pytest.mark.parametrize(
    ("name", "kind", "processes"),
    [
        ("one_gpu", "NO", 1),
        ("ddp", "MULTI_GPU", 8),
        ("fsdp", "FSDP", 8),
        ("deepspeed_zero3", "DEEPSPEED", 8),
        ("multi_node", "MULTI_GPU", 16),
    ],
)
def test_accelerate_reads_every_configuration(name, kind, processes):
    """Its own loader reads them, and every plugin option exists."""
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.utils import FullyShardedDataParallelPlugin

    path = ROOT / "recipes" / "accelerate" / f"{name}.yaml"
    config = load_config_from_file(str(path))
    assert (config.distributed_type.value, config.num_processes) == (kind, processes)
    assert config.mixed_precision == "bf16"
    known = {field.name for field in fields(FullyShardedDataParallelPlugin)}
    known |= {"version", "auto_wrap_policy", "offload_params", "state_dict_type"}
    for option in config.fsdp_config or {}:
        assert option.removeprefix("fsdp_") in known, option
    if config.deepspeed_config:
        assert json.loads(json.dumps(config.deepspeed_config))["zero_stage"] == 3
