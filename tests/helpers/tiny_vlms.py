"""Tiny models with random weights for the families that the recipes name, without any download.

They are built from their configurations. The modules, their names, the processors and the chat
template are those of the real models, and only the sizes are small. Their tokenizers write an
answer as several tokens, as those of large models do.
"""

from pathlib import Path

from psgvlm.image_spec import PROMPT

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
IDEFICS = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}:"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ ' ' + part['text'] }}{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
# As in Vicuna, no token ends the turn of the assistant.
VICUNA = (
    "{% for message in messages %}{{ message['role'] | upper }}: "
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] + ' ' }}{% endif %}"
    "{% endfor %}{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
END = {"pad_token": "<|endoftext|>", "eos_token": "<|im_end|>"}


def tokenizer(*special_tokens, **options):
    """Return a byte-level BPE tokenizer trained on the prompt, which can write any text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>", *special_tokens],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([PROMPT.split(" Choose")[0]] * 10, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, **END | options)


def language(vocabulary: int, end: int, model_type: str = "llama") -> dict:
    return {
        **{"model_type": model_type, "vocab_size": vocabulary, "hidden_size": 64},
        **{"bos_token_id": None, "eos_token_id": end},
        **{"intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4},
        **{"num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 4096},
        "tie_word_embeddings": True,
    }


def siglip(side: int, patch: int) -> dict:
    return {
        **{"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2},
        **{"num_attention_heads": 4, "image_size": side, "patch_size": patch},
    }


def idefics3():
    """Return an Idefics3, the family of SmolVLM-256M, -500M and -2.2B, and its processor."""
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    tokens = tokenizer(
        *["<image>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>"],
        *[f"<row_{row + 1}_col_{column + 1}>" for row in range(6) for column in range(6)],
        eos_token="<end_of_utterance>",
    )
    side = {"longest_edge": 64}
    processor = Idefics3Processor(
        image_processor=Idefics3ImageProcessorPil(
            size=side, max_image_size=side, do_image_splitting=False
        ),
        tokenizer=tokens,
        image_seq_len=16,
        chat_template=IDEFICS,
    )
    config = Idefics3Config(
        vision_config=siglip(64, 8),
        # The processor has added tokens of its own.
        text_config=language(len(processor.tokenizer), tokens.eos_token_id),
        scale_factor=2,
        image_token_id=processor.tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokens.pad_token_id,
        tie_word_embeddings=True,
    )
    return Idefics3ForConditionalGeneration(config), processor


def llava_next():
    from transformers import LlavaNextConfig, LlavaNextForConditionalGeneration, LlavaNextProcessor
    from transformers.models.llava_next.image_processing_pil_llava_next import (
        LlavaNextImageProcessorPil,
    )

    tokens = tokenizer("<image>")
    grid = [[56, 112], [112, 56]]
    processor = LlavaNextProcessor(
        image_processor=LlavaNextImageProcessorPil(
            size={"shortest_edge": 56},
            crop_size={"height": 56, "width": 56},
            image_grid_pinpoints=grid,
        ),
        tokenizer=tokens,
        patch_size=14,
        vision_feature_select_strategy="full",
        num_additional_image_tokens=0,
        chat_template=VICUNA,
    )
    config = LlavaNextConfig(
        vision_config={
            **{"model_type": "siglip_vision_model", "vision_use_head": False},
            **siglip(56, 14),
        },
        text_config=language(len(tokens), tokens.eos_token_id),
        image_grid_pinpoints=grid,
        image_token_id=tokens.convert_tokens_to_ids("<image>"),
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        pad_token_id=tokens.pad_token_id,
        tie_word_embeddings=True,
    )
    return LlavaNextForConditionalGeneration(config), processor


def qwen2_5_vl():
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    return _qwen(
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        processor=image_only_processors()["qwen2_5_vl"],
        patch=14,
        vision={"depth": 2, "fullatt_block_indexes": [1], "window_size": 112},
        text="qwen2_5_vl_text",
    )


def qwen3_vl():
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    return _qwen(
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        processor=image_only_processors()["qwen3_vl"],
        patch=16,
        vision={"depth": 3, "num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]},
        text="qwen3_vl_text",
    )


def _qwen(config_class, model_class, processor, patch, vision, text):
    from transformers import Qwen2VLImageProcessorPil

    names = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    tokens = tokenizer(*names)
    start, end, image, video = map(tokens.convert_tokens_to_ids, names)
    cell = (2 * patch) ** 2
    made = processor(
        image_processor=Qwen2VLImageProcessorPil(
            patch_size=patch,
            merge_size=2,
            size={"shortest_edge": cell, "longest_edge": 16 * cell},
        ),
        tokenizer=tokens,
        chat_template=CHATML.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>"),
    )
    config = config_class(
        vision_config={
            **{"hidden_size": 64, "intermediate_size": 128, "num_heads": 4},
            **{"out_hidden_size": 64, "patch_size": patch, **vision},
        },
        text_config={
            **language(len(tokens), tokens.eos_token_id, text),
            "rope_parameters": {
                **{"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]}
            },
        },
        **{"vision_start_token_id": start, "vision_end_token_id": end},
        **{"image_token_id": image, "video_token_id": video, "tie_word_embeddings": True},
    )
    return model_class(config), made


def image_only_processors() -> dict:
    """Return Qwen's processors without the part that reads videos; `AutoProcessor` knows them.

    That part needs torchvision, which the tests do not install. All other code is the real one.
    """
    from transformers import (
        AutoProcessor,
        Qwen2_5_VLConfig,
        Qwen2_5_VLProcessor,
        Qwen3VLConfig,
        Qwen3VLProcessor,
    )

    class ImageOnlyQwen2_5VL(Qwen2_5_VLProcessor):
        # transformers reads from this signature which parts a processor has.
        def __init__(self, image_processor=None, tokenizer=None, chat_template=None, **options):
            super().__init__(image_processor, tokenizer, chat_template=chat_template, **options)

    class ImageOnlyQwen3VL(Qwen3VLProcessor):
        def __init__(self, image_processor=None, tokenizer=None, chat_template=None, **options):
            super().__init__(image_processor, tokenizer, chat_template=chat_template, **options)

    AutoProcessor.register(Qwen2_5_VLConfig, ImageOnlyQwen2_5VL, exist_ok=True)
    AutoProcessor.register(Qwen3VLConfig, ImageOnlyQwen3VL, exist_ok=True)
    return {"qwen2_5_vl": ImageOnlyQwen2_5VL, "qwen3_vl": ImageOnlyQwen3VL}


FAMILIES = {
    "idefics3": idefics3,
    "llava_next": llava_next,
    "qwen2_5_vl": qwen2_5_vl,
    "qwen3_vl": qwen3_vl,
}


def save(family: str, folder: Path) -> Path:
    """Write a base model of the family into a folder, as it would come from the Hub."""
    from transformers import set_seed

    set_seed(0)
    model, processor = FAMILIES[family]()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
