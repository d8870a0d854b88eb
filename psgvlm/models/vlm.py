"""Vision-language models: loading one with its image spec, and a tiny one made from nothing."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from psgvlm import chat, files
from psgvlm.errors import InputError
from psgvlm.hub import repo_files, untrusted
from psgvlm.hub.untrusted import SAFE
from psgvlm.image_spec import FILE_NAME, ImageSpec
from psgvlm.models.calibration import FILE_NAME as CALIBRATION
from psgvlm.nights import neighbours
from psgvlm.stages import STAGES


class ModelError(InputError):
    """A model cannot be loaded."""


@dataclass(frozen=True)
class StagingModel:
    """A model that stages epochs, its processor, how its images are drawn, and which it takes.

    With `context` it is shown as many neighbouring epochs on either side.
    """

    model: object
    processor: object
    spec: ImageSpec
    neighbours: int = 0


def load(name: str, device: str | None = None) -> StagingModel:
    """Load an adapter (or a whole fine-tuned model) from a folder or the Hub, for inference.

    Raises `InputError` where it has no `image_spec.json`: without it nobody knows how to draw.
    """
    untrusted.check_files(name)
    spec = load_spec(name, "model")
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        processor = AutoProcessor.from_pretrained(name, trust_remote_code=False)
        model = AutoModelForImageTextToText.from_pretrained(name, dtype="auto", **SAFE)
    except (OSError, ValueError) as error:
        base = _base(name)
        raise ModelError(
            f"{name}: cannot be loaded as a vision-language model or adapter "
            f"({str(error).splitlines()[0]}); expected a folder that train_sft.py wrote"
            + (f", and its base model {base} on this machine or on the Hub" if base else "")
        ) from error
    return StagingModel(model.to(device).eval(), processor, spec, neighbours.load(name))


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
            name, revision=revision, **SAFE, **options
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
    base = AutoModelForImageTextToText.from_pretrained(base, dtype=dtype, **SAFE)
    folder = Path(adapter) / "merged"
    PeftModel.from_pretrained(base, adapter).merge_and_unload().save_pretrained(folder)
    AutoProcessor.from_pretrained(adapter).save_pretrained(folder)
    for name in (FILE_NAME, neighbours.FILE_NAME, "training.json"):
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


def load_spec(name: str, kind: str) -> ImageSpec:
    """The `image_spec.json` of a corpus (`kind="dataset"`) or an adapter (`kind="model"`).

    `name` is a folder, or a repository on the Hub.
    """
    path = repo_files.find(name, FILE_NAME, kind)
    if path is None:
        writer = {"dataset": "python -m builders", "model": "train_sft.py"}[kind]
        raise InputError(
            f"{Path(name) / FILE_NAME}: no such file; expected the image spec that {writer} "
            "writes, since without it nobody knows how the images are drawn"
        )
    return ImageSpec.load(path)


def fingerprint(name: str) -> str:
    """What tells one model from another: a hash of its files, in a folder or as the Hub gave them.

    Weights, how its images are drawn, and whatever else lies beside them in JSON but the
    temperature, which changes no answer. A base model that an adapter names is not looked into.
    """
    folder = Path(name) if Path(name).is_dir() else repo_files.find(name, FILE_NAME).parent
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        kind = path.suffix in (".safetensors", ".bin", ".json", ".jinja")
        if kind and path.name != CALIBRATION and path.is_file():
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{path.name} {found}\n".encode())
    return digest.hexdigest()[:16]


def check_same_images(adapter: str, spec: ImageSpec, corpus: str) -> None:
    """Refuse a corpus whose images are drawn otherwise than those the adapter was trained on."""
    if differences := spec.differences(load_spec(corpus, "dataset")):
        raise InputError(
            f"{adapter} and {corpus} do not match: the adapter's images and the corpus' differ in "
            f"{differences}; expected a corpus drawn with the adapter's {FILE_NAME}"
        )


def build_tiny(spec: ImageSpec, seed: int = 0):
    """A LLaVA of about a million random parameters and its processor, without any download.

    It learns the task from scratch on a laptop's CPU. Its vision tower takes square images, in
    patches of 1/12 of their width.
    """
    if spec.width != spec.height or spec.width % 12:
        raise InputError(
            f"the tiny model takes square images whose side is a multiple of 12, and {spec.name!r} "
            f"is {spec.width}x{spec.height}; draw the corpus with --image square or folded"
        )
    from transformers import (
        CLIPImageProcessorPil,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
        set_seed,
    )

    patch, dim = spec.width // 12, 128
    tokenizer = _tiny_tokenizer(spec.prompt)
    side = {"height": spec.height, "width": spec.width}
    processor = LlavaProcessor(
        # White ground becomes 0, so that an empty patch is no input at all.
        image_processor=CLIPImageProcessorPil(
            size=side, do_center_crop=False, image_mean=[1.0] * 3, image_std=[0.25] * 3
        ),
        tokenizer=tokenizer,
        patch_size=patch,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        chat_template=CHAT_TEMPLATE,
    )
    layers = {"hidden_size": dim, "intermediate_size": 2 * dim, "num_attention_heads": 4}
    config = LlavaConfig(
        vision_config={
            **{"model_type": "siglip_vision_model", "vision_use_head": False},
            **{"image_size": spec.width, "patch_size": patch, "num_hidden_layers": 2, **layers},
        },
        text_config={
            **{"model_type": "llama", "vocab_size": len(tokenizer), "num_hidden_layers": 2},
            **{"num_key_value_heads": 2, "head_dim": dim // 4, "max_position_embeddings": 1024},
            **{"tie_word_embeddings": True, **layers},
        },
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    set_seed(seed)
    return LlavaForConditionalGeneration(config), processor


def _tiny_tokenizer(prompt: str):
    """Byte-level BPE trained on the prompt: any text can be written, the prompt in few tokens."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([prompt, "user\n", "assistant\n"] * 10, trainer)
    # An answer is one token: half the passes to score, and one decision to learn.
    tokenizer.add_tokens([AddedToken(stage, single_word=True) for stage in STAGES])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|endoftext|>", eos_token="<|im_end|>"
    )


# ChatML, as most open models write it; the image stands where the message has it.
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>{% if not loop.last or add_generation_prompt %}\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
