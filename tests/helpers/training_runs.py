"""Training runs of a few steps in this process, since importing TRL takes longer than they do."""

import json
from pathlib import Path

from psgvlm.commands import train as train_command

CPU = {
    **{"use_cpu": True, "bf16": False, "activation_checkpointing": False},
    **{"dataloader_pin_memory": False, "logging_steps": 1, "save_strategy": "no"},
    **{"per_device_train_batch_size": 4, "dataset_config": "mass"},
}
FULL = {"from_scratch": True, "learning_rate": 2e-3}
LORA = {"use_peft": True, "tune": "language", "learning_rate": 1e-2}


def words(corpus, out, **options) -> list[str]:
    """Return the command line of a run on the CPU."""
    options = {"dataset_name": corpus, "output_dir": out, **CPU, **options}
    return [str(word).lower() if word in (True, False) else str(word)
            for name, value in options.items() for word in (f"--{name}", value)]  # fmt: skip


def train(corpus, out: Path, *more, **options) -> dict:
    """Run `psgvlm train` and return its `training.json`."""
    train_command.main([*more, *words(corpus, out, **options)])
    return json.loads((out / "training.json").read_text())
