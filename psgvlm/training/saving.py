"""Saving a model during training: the names of its weights, full disks, complete checkpoints.

This module imports torch: import it where training starts.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from safetensors import SafetensorError
from transformers import PreTrainedModel

from psgvlm.errors import InputError


@contextmanager
def own_names(model) -> Iterator[None]:
    """Save weights by the names of the model's own modules, which the trainer expects.

    transformers saves some families under older names. The trainer does not find these names when
    it loads a checkpoint: it only warns, and goes on with weights that are in no checkpoint.
    """
    if not isinstance(model, PreTrainedModel):  # PEFT saves an adapter by its own names
        yield
        return
    model.save_pretrained = partial(model.save_pretrained, save_original_format=False)
    try:
        yield
    finally:
        del model.save_pretrained


@contextmanager
def saving(folder: str | Path) -> Iterator[None]:
    """Turn the errors of a full disk into an InputError.

    safetensors and torch raise errors of their own then, and no OSError.
    """
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        good = last_checkpoint(Path(folder))
        complete = f"the last complete checkpoint is {good}: " if good else ""
        raise InputError(
            f"{folder}: the model cannot be saved ({str(error).splitlines()[0]}); {complete}make "
            "room on the disk and go on with resume_from_checkpoint: true"
        ) from error


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest complete checkpoint: the trainer's state in it is written last."""
    complete = [path.parent for path in Path(folder).glob("checkpoint-*/trainer_state.json")]
    return max(complete, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
