"""A tiny vision-language model with random weights, which needs no download."""

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.stages import STAGES

# ChatML, which most open models use. The image stands where the message has it.
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>{% if not loop.last or add_generation_prompt %}\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build_tiny(spec: ImageSpec, seed: int = 0):
    """Make a LLaVA with about a million random parameters, and its processor.

    It learns to stage from scratch on a laptop's CPU. Its vision tower takes square images, in
    patches of 1/12 of their width. Raise InputError if the spec's images have another form.
    """
    if spec.width != spec.height or spec.width % 12:
        raise InputError(
            f"the tiny model takes square images whose side is a multiple of 12, and {spec.name!r} "
            f"is {spec.width}x{spec.height}; draw the corpus with the preset square or folded"
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
        # The white ground becomes 0, so that an empty patch adds nothing.
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
    """Train a byte-level BPE on the prompt: it can write any text, and the prompt in few tokens."""
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
    # Each answer is one token: inference needs one pass, and there is one decision to learn.
    tokenizer.add_tokens([AddedToken(stage, single_word=True) for stage in STAGES])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<|endoftext|>", eos_token="<|im_end|>"
    )
