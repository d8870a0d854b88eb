"""The training of a model as its card describes it, from `training.json` and `config.yaml`."""

from pathlib import Path

from psgvlm.evaluation.report.cells import number_text
from psgvlm.staging.document import Heading, Table, Text
from psgvlm.training import run_record

# A card cannot be written without these entries of training.json.
NEEDED = {"dataset", "image_spec", "base_model", "steps", "parameters", "trainable_parameters"}
NEEDED |= {"train_seconds"}


def base_metadata(training: dict, adapter: Path) -> dict:
    """Return the card's YAML on the base model and on the library that loads the model."""
    lora = (adapter / "adapter_config.json").is_file()
    base = {"base_model": training["base_model"]} if training["base_model"] else {}
    return {**base, "library_name": "peft" if lora else "transformers"}


def describe(training: dict, adapter: Path) -> str:
    """Return what the model is, as a sentence without its full stop."""
    if not (base := training["base_model"]):
        return "A model trained from random weights"
    if (adapter / "adapter_config.json").is_file():
        return f"An adapter of {base}"
    return f"A fine-tuned {base}"


def blocks(training: dict, adapter: Path) -> list:
    """Return the card's section on the training: a row for each known fact."""
    options = _options(adapter)
    rows = [
        ["corpus", training["dataset"]],
        ["cohorts", ", ".join(run_record.trained_cohorts(training) or [])],
        ["subjects", _count(training.get("subjects"))],
        ["optimiser steps", f"{training['steps']:,}"],
        ["passes over the corpus", number_text(training.get("epochs"), 2)],
        ["sleep epochs per step", _batch(training, options)],
        ["learning rate", _learning_rate(options)],
        ["LoRA", _lora(training, options)],
        ["trained parts", training.get("tune")],
        ["parameters", _parameters(training)],
        ["balance of stages", training.get("balance")],
        ["augmentation", training.get("augment")],
        ["neighbours on each side", training.get("neighbours")],
        ["seed", training.get("seed")],
        ["device", _device(training)],
        ["time", f"{training['train_seconds']:,.0f} s"],
        ["images/s", number_text(training.get("images_per_second"), 1)],
        ["peak memory", _unit(training.get("peak_memory_gib"), "GiB")],
        ["versions", _versions(training)],
    ]
    known = [[name, str(value)] for name, value in rows if value not in (None, "", "–")]
    return [
        Heading("Training"),
        Table(["", "value"], known, words=(1,)),
        Text(
            "`config.yaml` holds every option of the training, `training.json` holds its losses "
            "and figures, and `image_spec.json` says how images must be drawn."
        ),
    ]


def _options(adapter: Path) -> dict:
    """Return the content of `config.yaml`; empty if there is none."""
    import yaml

    path = adapter / "config.yaml"
    content = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else {}
    return content if isinstance(content, dict) else {}


def _count(subjects: list | None) -> str | None:
    return None if subjects is None else str(len(subjects))


def _batch(training: dict, options: dict) -> int | None:
    sizes = [options.get("per_device_train_batch_size"), options.get("gradient_accumulation_steps")]
    sizes.append(training.get("processes"))
    return None if None in sizes else sizes[0] * sizes[1] * sizes[2]


def _learning_rate(options: dict) -> str | None:
    if (rate := options.get("learning_rate")) is None:
        return None
    parts = [f"{rate:g}", options.get("lr_scheduler_type"), options.get("optim")]
    return ", ".join(map(str, filter(None, parts)))


def _lora(training: dict, options: dict) -> str | None:
    if not training.get("lora") or options.get("lora_r") is None:
        return None
    rank = f"rank {options['lora_r']}, α {options['lora_alpha']}"
    return f"{rank}, dropout {options['lora_dropout']}"


def _parameters(training: dict) -> str:
    total = f"{training['trainable_parameters']:,} of {training['parameters']:,} trained"
    counts = training.get("parts", {}).items()
    parts = ", ".join(f"{name} {count['trained']:,}" for name, count in counts)
    return f"{total} ({parts})" if parts else total


def _device(training: dict) -> str | None:
    device, processes = training.get("device"), training.get("processes", 1)
    return f"{processes} × {device}" if device and processes > 1 else device


def _unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{value:.1f} {unit}"


def _versions(training: dict) -> str | None:
    versions = [f"{name} {version}" for name, version in training.get("versions", {}).items()]
    versions += [f"commit {training['commit']}"] if training.get("commit") else []
    return ", ".join(versions)
