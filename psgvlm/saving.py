"""What a training run writes: weights by their own names, on a disk or a hub that may fail.

Imports torch: import this module where training starts.
"""

from contextlib import contextmanager
from functools import partial
from pathlib import Path

from huggingface_hub.errors import HFValidationError, HTTPError
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


@contextmanager
def pushing(so_far: str):
    """Turn what a hub raises into a line that tells where things stand: `so_far`."""
    try:
        yield
    except (HTTPError, HFValidationError, OSError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"push_to_hub: {reason}; {so_far}; expected a Hub that can be reached, a token of it "
            "(hf auth login) and hub_model_id: ORG/NAME"
        ) from error


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end: the trainer's state is written last."""
    whole = [path.parent for path in Path(folder).glob("checkpoint-*/trainer_state.json")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
