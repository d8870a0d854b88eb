"""How a model was made, as its card tells it: from `training.json` and `config.yaml` beside it."""

from pathlib import Path

from psgvlm.evaluation.report.cells import number_text
from psgvlm.staging.document import Heading, Table, Text
from psgvlm.training import run_record

# Without these there is nothing to tell.
NEEDED = {"dataset", "image_spec", "base_model", "steps", "parameters", "trainable_parameters"}
NEEDED |= {"train_seconds"}


def base(training: dict, adapter: Path) -> dict:
    """The YAML's part on where the model comes from."""
    lora = (adapter / "adapter_config.json").is_file()
    of = {"base_model": training["base_model"]} if training["base_model"] else {}
    return {**of, "library_name": "peft" if lora else "transformers"}


def made(training: dict, adapter: Path) -> str:
    """What it is, as the beginning of a sentence."""
    if not (base := training["base_model"]):
        return "A model trained from random weights"
    if (adapter / "adapter_config.json").is_file():
        return f"An adapter of {base}"
    return f"{base}, fine-tuned to a model"


def blocks(training: dict, adapter: Path) -> list:
    """Recipe and cost, a line for each thing that is known of it."""
    options = _options(adapter)
    rows = [
        ["corpus", training["dataset"]],
        ["cohorts", ", ".join(run_record.trained_cohorts(training) or [])],
        ["subjects", _count(training.get("subjects"))],
        ["steps of optimisation", f"{training['steps']:,}"],
        ["passes over the corpus", number_text(training.get("epochs"), 2)],
        ["epochs a step", _batch(training, options)],
        ["learning rate", _learning_rate(options)],
        ["LoRA", _lora(training, options)],
        ["parts trained", training.get("tune")],
        ["parameters", _parameters(training)],
        ["draws of stages", training.get("balance")],
        ["augmentation", training.get("augment")],
        ["neighbours on either side", training.get("neighbours")],
        ["seed", training.get("seed")],
        ["device", _device(training)],
        ["time", f"{training['train_seconds']:,.0f} s"],
        ["images/s", number_text(training.get("images_per_second"), 1)],
        ["peak memory", _unit(training.get("peak_memory_gib"), "GiB")],
        ["versions", _versions(training)],
    ]
    shown = [[name, str(value)] for name, value in rows if value not in (None, "", "–")]
    return [
        Heading("How it was trained"),
        Table(["", "what"], shown, words=(1,)),
        Text(
            "`config.yaml` has every option of the run, `training.json` its losses and what it "
            "was, `image_spec.json` how images must be drawn."
        ),
    ]


def _options(adapter: Path) -> dict:
    """What `config.yaml` says; nothing where a run left none."""
    import yaml

    path = adapter / "config.yaml"
    found = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else {}
    return found if isinstance(found, dict) else {}


def _count(found: list | None) -> str | None:
    return None if found is None else str(len(found))


def _batch(training: dict, options: dict) -> int | None:
    sizes = [options.get("per_device_train_batch_size"), options.get("gradient_accumulation_steps")]
    sizes.append(training.get("processes"))
    return None if None in sizes else sizes[0] * sizes[1] * sizes[2]


def _learning_rate(options: dict) -> str | None:
    if (rate := options.get("learning_rate")) is None:
        return None
    told = [f"{rate:g}", options.get("lr_scheduler_type"), options.get("optim")]
    return ", ".join(map(str, filter(None, told)))


def _lora(training: dict, options: dict) -> str | None:
    if not training.get("lora") or options.get("lora_r") is None:
        return None
    told = f"rank {options['lora_r']}, α {options['lora_alpha']}"
    return f"{told}, dropout {options['lora_dropout']}"


def _parameters(training: dict) -> str:
    whole = f"{training['trainable_parameters']:,} of {training['parameters']:,} trained"
    parts = ", ".join(f"{name} {of['trained']:,}" for name, of in training.get("parts", {}).items())
    return f"{whole} ({parts})" if parts else whole


def _device(training: dict) -> str | None:
    device, processes = training.get("device"), training.get("processes", 1)
    return f"{processes} × {device}" if device and processes > 1 else device


def _unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{value:.1f} {unit}"


def _versions(training: dict) -> str | None:
    told = [f"{name} {version}" for name, version in training.get("versions", {}).items()]
    told += [f"commit {training['commit']}"] if training.get("commit") else []
    return ", ".join(told)
