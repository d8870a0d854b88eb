"""What a training run was: `training.json` and `config.yaml` beside the model."""

import json
import platform
import subprocess
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("psgvlm", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "numpy")
SECRETS = ("hub_token", "push_to_hub_token")


def write(trainer, script, model, staging, parts: dict[str, dict], digests: dict) -> None:
    """`training.json`: what was trained on what, how long, how fast, and how it went.

    `script`, `model` and `staging` are the run's options, `parts` the counts of `tuning.Anatomy`,
    `digests` the corpus' `fingerprint`.
    """
    log = trainer.state.log_history
    end = next(entry for entry in reversed(log) if "train_runtime" in entry)
    report = {
        "dataset": Path(script.dataset_name).name,
        "config": script.dataset_config,
        "fingerprint": digests,
        "image_spec": trainer.spec.name,
        "base_model": None if staging.from_scratch else public(model.model_name_or_path),
        "lora": model.use_peft,
        **asdict(staging),
        "seed": trainer.args.seed,
        "processes": trainer.args.world_size,
        "device": _device(trainer),
        "steps": trainer.state.global_step,
        "epochs": trainer.state.epoch,
        "parameters": sum(of["parameters"] for of in parts.values()),
        "trainable_parameters": sum(of["trained"] for of in parts.values()),
        "parts": parts,
        "train_seconds": end["train_runtime"],
        **trainer.throughput,
        "best": {"step": trainer.state.best_global_step, "value": trainer.state.best_metric},
        "loss": [entry["loss"] for entry in log if "loss" in entry],
        "evaluations": [entry for entry in log if "eval_kappa" in entry],
        "versions": {name: version(name) for name in PACKAGES},
        "commit": commit(),
        "python": platform.python_version(),
    }
    path = Path(trainer.args.output_dir) / "training.json"
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")


def write_options(folder: str | Path, *options) -> None:
    """`config.yaml`: every option of the run.

    Secrets are left out; of paths on this machine only the last part is kept.
    """
    import yaml

    values = {}
    for dataclass in options:
        for field in fields(dataclass):
            if field.init and field.name not in SECRETS:
                values[field.name] = _plain(getattr(dataclass, field.name))
    path = Path(folder) / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(values, sort_keys=True, allow_unicode=True), "utf-8")


def fingerprint(corpus: str) -> dict[str, str]:
    """The digest of each configuration's files, as the corpus' card gives it; empty without one."""
    from huggingface_hub import DatasetCard
    from huggingface_hub.errors import EntryNotFoundError

    card = Path(corpus) / "README.md"
    if Path(corpus).is_dir() and not card.is_file():
        return {}
    try:
        configs = DatasetCard.load(card if card.is_file() else corpus).data.get("configs") or []
    except EntryNotFoundError:
        return {}
    return {part["config_name"]: part.get("description", "") for part in configs}


def commit() -> str | None:
    """This checkout's commit, `-dirty` with changes of one's own; `None` outside of one."""
    words = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        found = subprocess.run([*words, "--abbrev=40"], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None


def public(name: str) -> str:
    """A Hub id as it is, of a folder the last part alone: paths tell whose machine it was."""
    return Path(name).name if Path(name).exists() else name


def _device(trainer) -> str:
    import torch

    cuda = trainer.args.device.type == "cuda"
    return torch.cuda.get_device_name() if cuda else platform.machine() + " CPU"


def _plain(value):
    """A value as YAML has it: enums by their value, no path of this machine."""
    value = getattr(value, "value", value)
    if isinstance(value, str) and Path(value).is_absolute():
        return Path(value).name
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
