"""Load a vision-language model with its processor and its image spec."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psgvlm import chat, files
from psgvlm.errors import InputError
from psgvlm.hub import repo_files, untrusted
from psgvlm.hub.untrusted import SAFE_LOADING
from psgvlm.image_spec import FILE_NAME, ImageSpec
from psgvlm.models import adapter_files
from psgvlm.stages import STAGES


class ModelError(InputError):
    """A model cannot be loaded."""


@dataclass(frozen=True)
class StagingModel:
    """A model that stages epochs, with everything it needs.

    Attributes
    ----------
    model : transformers.PreTrainedModel
        The vision-language model, with its adapter if it has one.
    processor : transformers.ProcessorMixin
        The model's processor of images and texts.
    spec : ImageSpec
        How the model's images are drawn.
    neighbours : int
        How many neighbouring epochs the model is shown on either side of an epoch.
    """

    model: Any
    processor: Any
    spec: ImageSpec
    neighbours: int = 0


def load(name: str, device: str | None = None) -> StagingModel:
    """Load a fine-tuned model, or an adapter and its base model, to stage with it.

    Parameters
    ----------
    name : str
        A folder that `psgvlm train` wrote, or a Hub id.
    device : str, optional
        Where the model runs, such as "cpu" or "cuda". Default: cuda if there is one.

    Returns
    -------
    StagingModel
        The model in evaluation mode, with its processor and its image spec.

    Raises
    ------
    InputError
        If the model has no `image_spec.json`, or holds files that may run code. `ModelError`, a
        kind of InputError, if it cannot be loaded.
    """
    untrusted.check_files(name)
    spec = repo_files.load_image_spec(name, "model")
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        processor = AutoProcessor.from_pretrained(name, trust_remote_code=False)
        model = AutoModelForImageTextToText.from_pretrained(name, dtype="auto", **SAFE_LOADING)
    except (OSError, ValueError) as error:
        base = _base(name)
        raise ModelError(
            f"{name}: cannot be loaded as a vision-language model or adapter "
            f"({str(error).splitlines()[0]}); expected a folder that psgvlm train wrote"
            + (f", and its base model {base} on this machine or on the Hub" if base else "")
        ) from error
    return StagingModel(
        model.to(device).eval(), processor, spec, adapter_files.load_neighbours(name)
    )


def _base(name: str) -> str | None:
    """Return the name of an adapter's base model; None if it is a complete model."""
    path = repo_files.find(name, "adapter_config.json")
    try:
        return path and str(files.read_json(path)["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def load_base(name: str | None, revision: str | None = None, **options):
    """Load a base model and its processor, to fine-tune it.

    `options` are passed to `from_pretrained`. Raise InputError if the model cannot be loaded, or is
    no vision-language model.
    """
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, ProcessorMixin
    from transformers.utils import find_adapter_config_file

    if not name:
        raise InputError(
            "no base model; expected its name, or from_scratch: true",
            parameter="model_name_or_path",
        )
    try:
        # Ask for one file first: if the Hub cannot be reached, each file takes half a minute.
        AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
        if find_adapter_config_file(name, revision=revision):
            # PEFT would load the pickles of an adapter. Pickles of other models are not loaded, so
            # these models may have some beside their safetensors.
            untrusted.check_files(name)
        processor = AutoProcessor.from_pretrained(name, revision=revision, trust_remote_code=False)
        if not isinstance(processor, ProcessorMixin):
            raise ValueError(f"it has only a {type(processor).__name__}, which takes no images")
        model = AutoModelForImageTextToText.from_pretrained(
            name, revision=revision, **SAFE_LOADING, **options
        )
    except InputError:
        raise
    except (OSError, ValueError, ImportError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"{name}: cannot be loaded as a vision-language model ({reason}); expected an "
            "image-text-to-text model: a folder or a Hub id"
        ) from error
    if processor.tokenizer.pad_token is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    end_turns(processor, turn_ends(model, processor))
    return model, processor


def write_merged(adapter: str | Path, dtype: str = "auto") -> Path:
    """Write base model and adapter as one model into the adapter's folder `merged`; return it.

    The base model is loaded again for this, without quantization.
    """
    from peft import PeftConfig, PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor

    base = PeftConfig.from_pretrained(adapter).base_model_name_or_path
    base = AutoModelForImageTextToText.from_pretrained(base, dtype=dtype, **SAFE_LOADING)
    folder = Path(adapter) / "merged"
    PeftModel.from_pretrained(base, adapter).merge_and_unload().save_pretrained(folder)
    AutoProcessor.from_pretrained(adapter).save_pretrained(folder)
    for name in (FILE_NAME, adapter_files.NEIGHBOURS, "training.json"):
        shutil.copyfile(Path(adapter) / name, folder / name)
    return folder


def turn_ends(model, processor) -> set[int]:
    """Return the tokens that end the model's text."""
    ends = model.generation_config.eos_token_id
    ends = {ends} if isinstance(ends, int) else set(ends or ())
    return ends | {processor.tokenizer.eos_token_id}


def end_turns(processor, ends: set[int]) -> None:
    """Make the chat template end the assistant's turn, if it does not, as Vicuna's does not.

    Otherwise training would not teach the model to stop. The processor saves the new template.
    """
    turns = chat.prompt("") + chat.completion(STAGES[0])
    text = processor.apply_chat_template(turns, tokenize=False)
    tokens = processor.tokenizer(text, add_special_tokens=False)["input_ids"]
    if not ends & set(tokens[-3:]):  # some templates write white space after the end
        processor.chat_template += "{% if not add_generation_prompt %}{{ eos_token }}{% endif %}"
