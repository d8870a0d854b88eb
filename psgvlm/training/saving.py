"""What a training run writes: weights by their own names, on a disk that may fail.

Imports torch: import this module where training starts.
"""

from contextlib import contextmanager
from functools import partial
from pathlib import Path

from safetensors import SafetensorError
from transformers import PreTrainedModel

from psgvlm.errors import InputError


@contextmanager
def own_names(model):
    """Save weights by the names of the model's own modules, as the trainer reads them back.

    transformers saves under a family's names of old, and a checkpoint under those would be read
    back as nothing: the run would go on, or end, with weights of no checkpoint, after a warning.
    """
    if not isinstance(model, PreTrainedModel):  # an adapter keeps its names
        yield
        return
    model.save_pretrained = partial(model.save_pretrained, save_original_format=False)
    try:
        yield
    finally:
        del model.save_pretrained


@contextmanager
def saving(folder: str | Path):
    """Turn what a full disk raises, which in safetensors and torch is no OSError, into a line."""
    try:
        yield
    except (OSError, SafetensorError, RuntimeError) as error:
        good = last_checkpoint(Path(folder))
        left = f"the last good checkpoint is {good}: " if good else ""
        raise InputError(
            f"{folder}: the model cannot be saved ({str(error).splitlines()[0]}); {left}make room "
            "on the disk and go on with --resume_from_checkpoint true"
        ) from error


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end: the trainer's state is written last."""
    whole = [path.parent for path in Path(folder).glob("checkpoint-*/trainer_state.json")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
