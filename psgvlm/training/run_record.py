"""The record of a training run beside its model: `training.json` and `config.yaml`."""

import hashlib
import json
import platform
import subprocess
from dataclasses import asdict, fields
from importlib.metadata import version
from pathlib import Path

from psgvlm import chat, files
from psgvlm.errors import InputError
from psgvlm.hub import repo_files
from psgvlm.models import devices
from psgvlm.training.options import TrainingOptions
from psgvlm.training.trained_parts import ModelParts

FILE_NAME = "training.json"
PACKAGES = ("psgvlm", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "numpy")
FIELD_TYPES = {"subjects": list, "base_cohorts": list, "fingerprint": dict, "config": str | None}
SECRETS = ("hub_token", "push_to_hub_token")


def write(
    trainer,
    options: TrainingOptions,
    digests: dict[str, str],
    subjects: list[str],
    base_record: dict,
) -> None:
    """Write `training.json`: what was trained on what, for how long, how fast, and how it went.

    Parameters
    ----------
    trainer : StagingTrainer
        The trainer after training.
    options : TrainingOptions
        The options of the run.
    digests : dict
        The `corpus_digests`.
    subjects : list of str
        The `subject_hashes` of the subjects trained on.
    base_record : dict
        The record of the base model, empty if it has none. Its subjects and its cohorts are added,
        because the weights learnt from them, too.
    """
    script, _, model, staging = options
    parts = ModelParts(trainer.model).counts()
    log = trainer.state.log_history
    end = next(entry for entry in reversed(log) if "train_runtime" in entry)
    report = {
        "dataset": public_name(script.dataset_name),
        "config": script.dataset_config,
        "fingerprint": digests,
        "subjects": sorted({*subjects, *(base_record.get("subjects") or ())}),
        "base_cohorts": trained_cohorts(base_record) or [],
        "image_spec": trainer.spec.name,
        "base_model": None if staging.from_scratch else public_name(model.model_name_or_path),
        "lora": model.use_peft,
        **asdict(staging),
        "seed": trainer.args.seed,
        "processes": trainer.args.world_size,
        "device": devices.name(trainer.args.device),
        "steps": trainer.state.global_step,
        "epochs": trainer.state.epoch,
        "parameters": sum(count["parameters"] for count in parts.values()),
        "trainable_parameters": sum(count["trained"] for count in parts.values()),
        "parts": parts,
        "train_seconds": end["train_runtime"],
        **trainer.throughput,
        "best": {"step": trainer.state.best_global_step, "value": trainer.state.best_metric},
        "loss": [entry["loss"] for entry in log if "loss" in entry],
        "evaluations": [entry for entry in log if "eval_kappa" in entry],
        "versions": {name: version(name) for name in PACKAGES},
        "commit": git_commit(),
        "python": platform.python_version(),
    }
    path = Path(trainer.args.output_dir) / FILE_NAME
    files.write_text(path, json.dumps(report, indent=2) + "\n")


def write_options(folder: str | Path, *options) -> None:
    """Write `config.yaml`: every option of the run.

    Secrets are left out. Of a path on this machine only the last part is kept.
    """
    import yaml

    values = {}
    for dataclass in options:
        for field in fields(dataclass):
            if field.init and field.name not in SECRETS:
                values[field.name] = _as_yaml(getattr(dataclass, field.name))
    path = Path(folder) / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, yaml.safe_dump(values, sort_keys=True, allow_unicode=True))


def corpus_digests(corpus: str) -> dict[str, str]:
    """Return each configuration's digest from the corpus' card; empty if it has no card."""
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


def subject_hash(cohort: str, name: str) -> str:
    """Return the hash that stands for a subject, so that a model carries no list of names."""
    return hashlib.sha256(f"{cohort}\n{name}".encode()).hexdigest()[:16]


def subject_hashes(rows) -> list[str]:
    """Return the hash of every subject of a dataset's rows, sorted."""
    pairs = rows.select_columns(["cohort", "subject"]).to_pandas().drop_duplicates()
    return sorted(subject_hash(*pair) for pair in pairs.itertuples(index=False))


def read(adapter: str | Path) -> dict:
    """Return the content of `training.json` beside an adapter; empty if it has none.

    `adapter` is a folder or a Hub id. Raise InputError if the file is not the record of a run.
    """
    if (path := repo_files.find(adapter, FILE_NAME)) is None:
        return {}
    try:
        record = files.read_json(path)
        if not isinstance(record, dict) or any(
            name in record and not _has_type(record[name], kind)
            for name, kind in FIELD_TYPES.items()
        ):
            raise ValueError("no record of a run")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); expected the file that psgvlm train writes"
        ) from error
    return record


def _has_type(value, kind) -> bool:
    """Return whether a value has a type, and whether everything it holds is a string."""
    items = [*value, *value.values()] if isinstance(value, dict) else value
    return isinstance(value, kind) and all(isinstance(item, str) for item in items or ())


def read_base(name: str | None) -> dict:
    """Return the record of a base model; also empty if its Hub cannot be reached."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return read(name) if name else {}
    except InputError as error:
        if isinstance(error.__cause__, LocalEntryNotFoundError):
            return {}
        raise


def trained_cohorts(record: dict) -> list[str] | None:
    """Return the cohorts that a run and the runs before it trained on.

    `record` is what `read` returned. Return None if it does not say.
    """
    config = record.get("config")
    configs = [config] if config else record.get("fingerprint", {})
    # Training on a whole corpus takes its configurations for staging alone.
    cohorts = {cohort for cohort, task in map(chat.cohort_and_task, configs)
               if config or task == "staging"}  # fmt: skip
    return sorted({*cohorts, *record.get("base_cohorts", [])}) if cohorts else None


def check_unseen(adapter: str, people: set[tuple[str, str]]) -> None:
    """Raise InputError if an adapter was trained on one of these subjects.

    `people` are pairs of a cohort and a subject's name. Print a note if the adapter has no record
    of its subjects.
    """
    record = read(adapter)
    if "subjects" not in record:
        print(f"note: {adapter} has no record of its subjects; overlap could not be checked")
        return
    known = set(record["subjects"])
    if seen := sorted(person for person in people if subject_hash(*person) in known):
        cohort, name = seen[0]
        raise InputError(
            f"{adapter} was trained on {len(seen)} of the {len(people)} subjects, such as {name} "
            f"of {cohort}; expected subjects that it has not seen: choose another split, or allow "
            "these",
            parameter="allow_seen_subjects",
        )


def git_commit() -> str | None:
    """Return the commit of this checkout, with `-dirty` if it has changes; None outside of one."""
    words = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run([*words, "--abbrev=40"], capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def public_name(name: str) -> str:
    """Return a Hub id as it is, and of a path only its last part, which reveals no machine."""
    return Path(name).name if Path(name).exists() else name


def _as_yaml(value):
    """Return a value as YAML can hold it: enums by their value, paths by their last part."""
    value = getattr(value, "value", value)
    if isinstance(value, str) and Path(value).is_absolute():
        return Path(value).name
    if isinstance(value, dict):
        return {key: _as_yaml(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_yaml(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
