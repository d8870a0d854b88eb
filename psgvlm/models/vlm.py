"""Vision-language models: loading one with its processor and its image spec."""

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
    """A model that stages epochs, its processor, how its images are drawn, and which it takes.

    With `neighbours` it is shown as many neighbouring epochs on either side.
    """

    model: Any
    processor: Any
    spec: ImageSpec
    neighbours: int = 0


def load(name: str, device: str | None = None) -> StagingModel:
    """Load an adapter (or a whole fine-tuned model) from a folder or the Hub, for inference.

    Raises `InputError` where it has no `image_spec.json`: without it nobody knows how to draw.
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
            f"({str(error).splitlines()[0]}); expected a folder that train_sft.py wrote"
            + (f", and its base model {base} on this machine or on the Hub" if base else "")
        ) from error
    return StagingModel(
        model.to(device).eval(), processor, spec, adapter_files.load_neighbours(name)
    )


def _base(name: str) -> str | None:
    """The base model that an adapter names, `None` for a whole model."""
    path = repo_files.find(name, "adapter_config.json")
    try:
        return path and str(files.read_json(path)["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def load_base(name: str | None, revision: str | None = None, **options):
    """A base model to be fine-tuned and its processor; `options` are for `from_pretrained`.

    Raises `InputError` for what is no vision-language model, or cannot be had.
    """
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, ProcessorMixin
    from transformers.utils import find_adapter_config_file

    if not name:
        raise InputError("no base model; expected --model_name_or_path NAME or --from_scratch true")
    try:
        # One file first: a hub that cannot be reached is asked for each of them half a minute.
        AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
        if find_adapter_config_file(name, revision=revision):
            # Other models may have pickles too, beside what is taken; an adapter's would be taken.
            untrusted.check_files(name)
        processor = AutoProcessor.from_pretrained(name, revision=revision, trust_remote_code=False)
        if not isinstance(processor, ProcessorMixin):
            raise ValueError(f"a {type(processor).__name__} alone, nothing that takes images")
        model = AutoModelForImageTextToText.from_pretrained(
            name, revision=revision, **SAFE_LOADING, **options
        )
    except (OSError, ValueError, ImportError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"{name}: cannot be loaded as a vision-language model ({reason}); expected one of the "
            "Hub's image-text-to-text models or such a folder"
        ) from error
    if processor.tokenizer.pad_token is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    end_turns(processor, turn_ends(model, processor))
    return model, processor


def write_merged(adapter: str | Path, dtype: str = "auto") -> Path:
    """Write base model and adapter as one model into the adapter's folder `merged`; returns it.

    The base model is loaded anew, unquantized.
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
    """The tokens at which the model stops to write."""
    ends = model.generation_config.eos_token_id
    ends = {ends} if isinstance(ends, int) else set(ends or ())
    return ends | {processor.tokenizer.eos_token_id}


def end_turns(processor, ends: set[int]) -> None:
    """Let the chat template end the assistant's turn where it does not, as Vicuna's.

    Otherwise nothing would teach the model to stop. The processor is saved with the template.
    """
    turns = chat.prompt("") + chat.completion(STAGES[0])
    text = processor.apply_chat_template(turns, tokenize=False)
    tokens = processor.tokenizer(text, add_special_tokens=False)["input_ids"]
    if not ends & set(tokens[-3:]):  # a template may write white space after it
        processor.chat_template += "{% if not add_generation_prompt %}{{ eos_token }}{% endif %}"
