"""The training bench: its real shapes, without their memory, and its arithmetic."""

import sys

import pytest
import tiny_vlms
import torch
from commands import ROOT
from PIL import Image

sys.path.append(str(ROOT / "bench"))

import families
import train as bench

from psgvlm.images.image_tokens import image_tokens
from psgvlm.training.trained_parts import ModelParts

# As the Hub counts them; the last with its vision tower and connector too.
PUBLISHED = {
    "smolvlm_500m": (507_482_304, "SmolVLM-256M, 500M"),
    "qwen2_5_vl_3b": (3_754_622_976, "Qwen2.5-VL"),
    "llava_next_7b": (7_063_431_168, "LLaVA-NeXT"),
}


@pytest.mark.parametrize("family", families.FAMILIES)
def test_real_shapes(family):
    model, processor = families.build(family, "meta", "sdpa")
    parameters, name = PUBLISHED[family]
    assert sum(weight.numel() for weight in model.parameters()) == parameters
    assert model.dtype == torch.bfloat16
    assert ModelParts(model).linear_layers({"language"})
    side = {"compact": (448, 224), "paper": (336, 336)}[families.IMAGE[family]]
    turns = [{"role": "user", "content": [{"type": "image"}]}]
    text = processor.apply_chat_template(turns, tokenize=False)
    ids = processor(images=[Image.new("RGB", side)], text=[text])["input_ids"][0]
    assert ids.count(model.config.image_token_id) == image_tokens(*side)[name]


def test_work_is_what_torch_counts():
    """Of the language model with LoRA: a frozen tower, 4 for a frozen matrix, 6 for LoRA's."""
    from peft import LoraConfig, get_peft_model
    from torch.utils.flop_counter import FlopCounterMode

    model, processor = tiny_vlms.idefics3()
    targets = ModelParts(model).linear_layers({"language"})
    model = get_peft_model(model, LoraConfig(r=4, target_modules=targets))
    text = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image"}]}], tokenize=False
    )
    batch = processor(images=[Image.new("RGB", (64, 64))], text=[text], return_tensors="pt")
    with FlopCounterMode(display=False) as torch_counts, bench.counted(model) as work:
        model.get_base_model().model(**batch).last_hidden_state.sum().backward()
    counts = {op.__name__: n for op, n in torch_counts.get_flop_counts()["Global"].items()}
    matrices = sum(counts.get(op, 0) for op in ("mm.default", "addmm.default", "mm", "addmm"))
    matrices += counts.get("convolution", 0) + counts.get("convolution.default", 0)
    assert sum(work.values()) == matrices > 0, counts
    tokens = batch["input_ids"].numel()
    (frozen,) = (n for name, n in work.items() if "layers.1.self_attn.q_proj.base_layer" in name)
    (lora,) = (n for name, n in work.items() if "layers.1.self_attn.q_proj.lora_A" in name)
    assert (frozen, lora) == (4 * tokens * 64 * 64, 6 * tokens * 64 * 4)


def test_share_of_the_peak_hours_and_goals():
    assert bench.hours(100)["SHHS"] == pytest.approx(0.7)
    assert bench.hours(100)["MASS"] == pytest.approx(41_000 * 0.8 * 3 / 360_000)
    ours = {"images_per_s": 130.0, "images_per_cpu_s": 9.0, "gflop_per_image": 3956.0}
    row = {"family": "qwen2_5_vl_3b", "workers": 2, "ours": ours | {"waiting_share": 0.06}}
    row["plain"] = {"images_per_s": 100.0, "images_per_cpu_s": 10.0}
    row |= bench.derived(row, "NVIDIA H200")
    assert (row["ratio"], row["peak_share"]) == (1.3, pytest.approx(0.52))
    half = bench.derived(row, "NVIDIA H100 PCIe")["peak_share"]
    assert half == pytest.approx(130 * 3.956 / 756, abs=1e-4)
    assert bench.derived(row, "another")["peak_share"] is None
    told = bench.goals([row], "NVIDIA H200")
    assert [line.rpartition(": ")[2] for line in told] == ["met", "met", "NOT met"]
    row |= bench.derived(row, "CPU")
    assert row["ratio"] == 0.9  # by CPU time
    told = bench.goals([row], "CPU")
    assert [line.rpartition(": ")[2] for line in told] == ["not measured"] * 2 + ["NOT met"]
    lost = {"family": "llava_next_7b", "workers": 2, "ours": None, "plain": None}
    assert bench.derived(lost, "NVIDIA H200") == {"ratio": None, "peak_share": None}
