"""Three published models with random weights and the sizes of their configurations.

The numbers come from `config.json` and `preprocessor_config.json` of the repositories on the
Hugging Face Hub that the functions name. Their tokenizers would have to be downloaded, so the small
tokenizer of the tests replaces them. It needs about as many tokens for the prompt, and one or two
for an answer.
"""

# ruff: noqa: E402
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "helpers")]

import tiny_vlms

# For each family: the tiny model of the tests with the same modules, and the preset of its recipe.
TINY = {
    "smolvlm_500m": "idefics3",
    "qwen2_5_vl_3b": "qwen2_5_vl",
    "llava_next_7b": "llava_next",
}
IMAGE = {"smolvlm_500m": "compact", "qwen2_5_vl_3b": "compact", "llava_next_7b": "paper"}


def smolvlm_500m():
    """HuggingFaceTB/SmolVLM-500M-Instruct."""
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    model, processor = tiny_vlms.idefics3()
    processor.image_processor = Idefics3ImageProcessorPil(
        size={"longest_edge": 2048}, max_image_size={"longest_edge": 512}
    )
    processor.image_seq_len = 64
    text = sizes(960, 2560, num_hidden_layers=32, num_attention_heads=15, vocab_size=49280)
    text |= {"num_key_value_heads": 5, "head_dim": 64, "max_position_embeddings": 8192}
    vision = sizes(768, 3072, num_hidden_layers=12, num_attention_heads=12)
    vision |= {"image_size": 512, "patch_size": 16}
    return sized(model.config, text, vision, scale_factor=4, tie_word_embeddings=False), processor


def qwen2_5_vl_3b():
    """Qwen/Qwen2.5-VL-3B-Instruct."""
    model, processor = tiny_vlms.qwen2_5_vl()
    processor.image_processor.size = {"shortest_edge": 56 * 56, "longest_edge": 28 * 28 * 16384}
    text = sizes(2048, 11008, num_hidden_layers=36, num_attention_heads=16, vocab_size=151936)
    text |= {"num_key_value_heads": 2, "head_dim": 128, "max_position_embeddings": 128000}
    text["rope_parameters"] = {"rope_type": "default", "rope_theta": 1e6}
    text["rope_parameters"]["mrope_section"] = [16, 24, 24]
    vision = sizes(1280, 3420, depth=32, num_heads=16, out_hidden_size=2048)
    vision["fullatt_block_indexes"] = [7, 15, 23, 31]
    return sized(model.config, text, vision), processor


def llava_next_7b():
    """llava-hf/llava-v1.6-vicuna-7b-hf; its vision tower is openai/clip-vit-large-patch14-336."""
    model, processor = tiny_vlms.llava_next()
    grid = [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
    pictures = processor.image_processor
    pictures.size, pictures.crop_size = {"shortest_edge": 336}, {"height": 336, "width": 336}
    pictures.image_grid_pinpoints = grid
    processor.num_additional_image_tokens = (
        1  # CLIP's class token, which the language model does not get
    )
    processor.vision_feature_select_strategy = "default"
    text = sizes(4096, 11008, num_hidden_layers=32, num_attention_heads=32, vocab_size=32064)
    text |= {"num_key_value_heads": 32, "head_dim": 128, "max_position_embeddings": 4096}
    vision = sizes(1024, 4096, num_hidden_layers=24, num_attention_heads=16, projection_dim=768)
    vision |= {"model_type": "clip_vision_model", "image_size": 336, "patch_size": 14}
    options = {"vision_feature_layer": -2, "vision_feature_select_strategy": "default"}
    options |= {"image_grid_pinpoints": grid, "tie_word_embeddings": False}
    return sized(model.config, text, vision, **options), processor


FAMILIES = {made.__name__: made for made in (smolvlm_500m, qwen2_5_vl_3b, llava_next_7b)}


def sizes(hidden_size: int, intermediate_size: int, **others) -> dict:
    return {"hidden_size": hidden_size, "intermediate_size": intermediate_size, **others}


def sized(config, text: dict, vision: dict, **options):
    """Return the configuration of the tiny model, including its tokens, in another size."""
    values = config.to_dict() | options
    text = values["text_config"] | text
    text["tie_word_embeddings"] = options.get("tie_word_embeddings", True)
    text.pop("layer_types", None)  # it has an item for each layer, so it is made again
    if vision.get("model_type", "") == values["vision_config"].get("model_type", ""):
        vision = values["vision_config"] | vision
    return type(config)(**values | {"text_config": text, "vision_config": vision})


def build(family: str, device: str, attention: str):
    """Return model and processor: the real size in bfloat16, or on a CPU a tiny one in float32."""
    import torch
    from transformers import AutoModelForImageTextToText, set_seed

    set_seed(0)
    if device == "cpu":
        model, processor = tiny_vlms.FAMILIES[TINY[family]]()
        model.set_attn_implementation(attention)
        return model, processor
    config, processor = FAMILIES[family]()
    options = {"attn_implementation": attention, "dtype": torch.bfloat16}
    with torch.device(device):
        return AutoModelForImageTextToText.from_config(config, **options), processor
