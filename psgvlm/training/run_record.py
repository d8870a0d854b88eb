"""What a training run was: `training.json` and `config.yaml` beside the model."""

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

FILE_NAME = "training.json"
PACKAGES = ("psgvlm", "torch", "transformers", "trl", "peft", "accelerate", "datasets", "numpy")
KINDS = {"subjects": list, "base_cohorts": list, "fingerprint": dict, "config": str | None}
SECRETS = ("hub_token", "push_to_hub_token")


def write(
    trainer,
    script,
    model,
    staging,
    parts: dict[str, dict],
    digests: dict,
    subjects: list[str],
    before: dict,
) -> None:
    """`training.json`: what was trained on what, how long, how fast, and how it went.

    `script`, `model` and `staging` are the run's options, `parts` the counts of `tuning.Anatomy`,
    `digests` the `corpus_digests`, `subjects` the `subject_hashes` of who was trained on; those
    of the base model, if its record `before` knows them, are added, as are its `cohorts`.
    """
    subjects = sorted({*subjects, *(before.get("subjects") or ())})
    log = trainer.state.log_history
    end = next(entry for entry in reversed(log) if "train_runtime" in entry)
    report = {
        "dataset": public(script.dataset_name),
        "config": script.dataset_config,
        "fingerprint": digests,
        "subjects": subjects,
        "base_cohorts": cohorts(before) or [],
        "image_spec": trainer.spec.name,
        "base_model": None if staging.from_scratch else public(model.model_name_or_path),
        "lora": model.use_peft,
        **asdict(staging),
        "seed": trainer.args.seed,
        "processes": trainer.args.world_size,
        "device": devices.name(trainer.args.device),
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
    path = Path(trainer.args.output_dir) / FILE_NAME
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


def corpus_digests(corpus: str) -> dict[str, str]:
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


def subject_hash(cohort: str, name: str) -> str:
    """A subject as an adapter remembers them: a hash, so that no list of names is handed on."""
    return hashlib.sha256(f"{cohort}\n{name}".encode()).hexdigest()[:16]


def subject_hashes(corpus) -> list[str]:
    """Every `subject` of a dataset's rows, sorted."""
    pairs = corpus.select_columns(["cohort", "subject"]).to_pandas().drop_duplicates()
    return sorted(subject_hash(*pair) for pair in pairs.itertuples(index=False))


def read(adapter: str | Path) -> dict:
    """What `training.json` beside an adapter holds; empty where there is none."""
    if (path := repo_files.find(adapter, FILE_NAME)) is None:
        return {}
    try:
        record = files.read_json(path)
        if not isinstance(record, dict) or any(
            name in record and not _is(record[name], kind) for name, kind in KINDS.items()
        ):
            raise ValueError("no record of a run")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); expected what train_sft.py wrote"
        ) from error
    return record


def _is(value, kind) -> bool:
    """Whether a value is of a kind, and what it holds, names and texts, are strings."""
    held = [*value, *value.values()] if isinstance(value, dict) else value
    return isinstance(value, kind) and all(isinstance(item, str) for item in held or ())


def read_base(name: str | None) -> dict:
    """The same of a base model; empty, too, where the Hub that has it cannot be asked now."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return read(name) if name else {}
    except InputError as error:
        if isinstance(error.__cause__, LocalEntryNotFoundError):
            return {}
        raise


def cohorts(record: dict) -> list[str] | None:
    """The cohorts that a run of this record (of `read`), and those before it, trained on.

    `None` where the record does not tell.
    """
    config = record.get("config")
    names = [config] if config else record.get("fingerprint", {})
    # Of a corpus as a whole, training takes the configurations for staging.
    found = {cohort for cohort, task in map(chat.cohort_and_task, names)
             if config or task == "staging"}  # fmt: skip
    return sorted({*found, *record.get("base_cohorts", [])}) if found else None


def check_unseen(adapter: str, people: set[tuple[str, str]]) -> None:
    """Refuse to measure on subjects (cohort, name) that an adapter was trained on.

    Says so where the adapter does not know whom it was trained on.
    """
    record = read(adapter)
    if "subjects" not in record:
        print(f"note: {adapter} does not know whom it was trained on; nobody could be looked for")
        return
    known = set(record["subjects"])
    if seen := sorted(person for person in people if subject_hash(*person) in known):
        cohort, name = seen[0]
        raise InputError(
            f"{adapter} was trained on {len(seen)} of the {len(people)} subjects, such as {name} "
            f"of {cohort}; expected subjects that it has not seen: choose another split, or say "
            "--allow-seen-subjects"
        )


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
