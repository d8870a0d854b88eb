"""What `train_sft.py` does around TRL's trainer: the corpus it draws from, checks, the report."""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

from psgvlm import chat
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.stages import STAGES

BALANCES = ("none", "sqrt", "uniform")


def load_split(name: str, split: str, config: str | None = None):
    """One split's scored epochs, of a folder or a Hub id.

    If no configuration is named, those of staging, of all cohorts: the others hold the same epochs.
    Raises `InputError` where there are none, or where a subject is in two splits.
    """
    from datasets import concatenate_datasets, get_dataset_config_names, load_dataset
    from datasets.exceptions import DatasetNotFoundError

    try:
        configs = [config] if config else _staging(name, get_dataset_config_names(name))
        corpora = {part: load_dataset(name, part) for part in configs}
        parts = [corpora[part][split] for part in configs]
    except (ValueError, KeyError, DatasetNotFoundError, FileNotFoundError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{name}: no split {split!r} of {config or 'its configurations'} ({reason}); "
            "expected a corpus that python -m builders wrote"
        ) from error
    for part, splits in corpora.items():
        check_subjects(f"{name}, {part}", splits)
    corpus = concatenate_datasets(parts)
    stages = corpus.data.column("stage")
    if stages.null_count:
        corpus = corpus.select(np.flatnonzero(stages.is_valid().to_numpy()))
    if not len(corpus):
        raise InputError(f"{name}: split {split!r} holds no scored epoch; expected stages")
    return corpus


def _staging(name: str, configs: list[str]) -> list[str]:
    found = [config for config in configs if chat.cohort_and_task(config)[1] == "staging"]
    if not found:
        raise InputError(
            f"{name}: no configuration for staging; expected one, or the name of another "
            f"({', '.join(configs)}) as --dataset_config or --config"
        )
    return found


def check_subjects(name: str, splits: dict) -> None:
    """Refuse a corpus whose splits share a subject: its results would be worthless.

    `splits` are datasets by the split's name; only their column `subject` is read.
    """
    place: dict[str, str] = {}
    for split, dataset in splits.items():
        for subject in dataset.unique("subject"):
            if (other := place.setdefault(subject, split)) != split:
                raise InputError(
                    f"{name}: subject {subject} is in the splits {other} and {split}; expected "
                    "each in one: build the corpus again with python -m builders"
                )


def balanced(corpus, how: str, seed: int):
    """As many rows as the corpus has, drawn so that the stages come as `how` says, shuffled.

    A stage's rows are gone through in full before any of them comes again.
    """
    if how not in BALANCES:
        raise InputError(f"--balance {how}: expected one of {', '.join(BALANCES)}")
    rng = np.random.default_rng(seed)
    labels = np.array(corpus["stage"])
    counts = np.bincount(labels, minlength=len(STAGES))
    if (counts > 0).sum() < 2:
        raise InputError(
            f"the corpus' train split holds {len(labels)} epochs of {(counts > 0).sum()} stage(s); "
            "expected at least two stages"
        )
    weights = counts ** {"none": 1.0, "sqrt": 0.5, "uniform": 0.0}[how] * (counts > 0)
    wanted = np.floor(len(labels) * weights / weights.sum()).astype(int)
    drawn = []
    for stage, n in enumerate(wanted):
        rows = np.flatnonzero(labels == stage)
        rounds = [rng.permutation(rows) for _ in range(-(-n // len(rows)) if len(rows) else 0)]
        drawn.append(np.concatenate([*rounds, np.array([], int)])[:n])
    return corpus.select(rng.permutation(np.concatenate(drawn)))


def load_base(model_config, quantization_config):
    """The base model and processor that TRL's ModelConfig names."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    name = model_config.model_name_or_path
    if not name:
        raise InputError("no base model; expected --model_name_or_path NAME or --from_scratch true")
    try:
        processor = AutoProcessor.from_pretrained(name, revision=model_config.model_revision)
        model = AutoModelForImageTextToText.from_pretrained(
            name,
            revision=model_config.model_revision,
            dtype=model_config.dtype,
            attn_implementation=model_config.attn_implementation,
            quantization_config=quantization_config,
        )
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"{name}: cannot be loaded as a vision-language model ({reason})"
        ) from error
    return model, processor


def write_report(trainer, spec: ImageSpec, script, staging) -> None:
    """`training.json` beside the model: what was trained on what, how long, how fast."""
    log = trainer.state.log_history
    end = next(entry for entry in reversed(log) if "train_runtime" in entry)
    report = {
        "dataset": Path(script.dataset_name).name,
        "config": script.dataset_config,
        "image_spec": spec.name,
        "balance": staging.balance,
        "from_scratch": staging.from_scratch,
        "seed": trainer.args.seed,
        "steps": trainer.state.global_step,
        "parameters": sum(p.numel() for p in trainer.model.parameters()),
        "trainable_parameters": sum(
            p.numel() for p in trainer.model.parameters() if p.requires_grad
        ),
        "train_seconds": end["train_runtime"],
        "images_per_second": end["train_samples_per_second"],
        "loss": [entry["loss"] for entry in log if "loss" in entry],
        "versions": {
            name: version(name)
            for name in ("psgvlm", "torch", "transformers", "trl", "peft", "datasets", "numpy")
        },
        "python": platform.python_version(),
    }
    path = Path(trainer.args.output_dir) / "training.json"
    path.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
