"""Exactly the chosen parts are trained, in every family, as weights and as an adapter."""

import re

import pytest
from tiny_vlms import FAMILIES
from torch import nn

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.models import tiny
from psgvlm.training import trained_parts

# The modules of each part in each family, copied by hand from its source.
PLACES = {
    "idefics3": {
        "vision": r"model\.vision_model\.",
        "connector": r"model\.connector\.",
        "language": r"model\.text_model\.|lm_head\.",
    },
    "llava_next": {
        "vision": r"model\.vision_tower\.",
        "connector": r"model\.multi_modal_projector\.|model\.image_newline",
        "language": r"model\.language_model\.|lm_head\.",
    },
    "qwen2_5_vl": {
        "vision": r"model\.visual\.(blocks|patch_embed)\.",
        "connector": r"model\.visual\.merger\.",
        "language": r"model\.language_model\.|lm_head\.",
    },
    "qwen3_vl": {
        "vision": r"model\.visual\.(blocks|patch_embed|pos_embed)\.",
        "connector": r"model\.visual\.(merger|deepstack_merger_list)\.",
        "language": r"model\.language_model\.|lm_head\.",
    },
    "tiny": {
        "vision": r"model\.vision_tower\.",
        "connector": r"model\.multi_modal_projector\.",
        "language": r"model\.language_model\.|lm_head\.",
    },
}


def build(family):
    return (tiny.build_tiny(PRESETS["square"]) if family == "tiny" else FAMILIES[family]())[0]


def parts_of(names, family):
    """Return the parts of these names in the base model, by the table above."""
    return {part for name in names for part, at in PLACES[family].items() if re.match(at, name)}


@pytest.mark.parametrize("family", PLACES)
@pytest.mark.parametrize("tune", ["language", "connector", "vision", "language,connector", "all"])
def test_only_weights_of_the_chosen_parts_are_trained(family, tune):
    model = build(family)
    chosen = trained_parts.chosen_parts(tune)
    parts = trained_parts.ModelParts(model)
    parts.freeze_all_but(chosen)
    trained = [name for name, p in model.named_parameters() if p.requires_grad]
    frozen = [name for name, p in model.named_parameters() if not p.requires_grad]
    assert parts_of(trained, family) == chosen
    assert parts_of(frozen, family) == set(trained_parts.PARTS) - chosen
    counts = parts.counts()
    for part, count in counts.items():
        assert count["trained"] == (count["parameters"] if part in chosen else 0)
    assert sum(count["parameters"] for count in counts.values()) == model.num_parameters()


@pytest.mark.parametrize("family", PLACES)
@pytest.mark.parametrize("tune", ["language", "connector", "vision", "all"])
def test_an_adapter_covers_only_the_chosen_parts(family, tune):
    """A frozen vision tower stays frozen although it has a q_proj like the language model."""
    from peft import LoraConfig, get_peft_model

    model = build(family)
    chosen = trained_parts.chosen_parts(tune)
    targets = trained_parts.ModelParts(model).linear_layers(chosen)
    linear = {
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and name != "lm_head" and parts_of([name + "."], family)
    }
    wanted = {name for name in linear if parts_of([name + "."], family) <= chosen}
    modules = {name for name, _ in model.named_modules()}
    assert {name for name in modules if re.fullmatch(targets, name)} == wanted
    tuned = get_peft_model(model, LoraConfig(target_modules=targets))
    parts = trained_parts.ModelParts(tuned)
    parts.check_frozen(chosen)
    names = [name for name, p in model.named_parameters() if p.requires_grad]
    assert len(names) == 2 * len(wanted)
    assert parts_of(names, family) == chosen
    counts = parts.counts()
    assert {part for part, count in counts.items() if count["trained"]} == chosen
    assert "vision" in chosen or counts["vision"]["trained"] == 0


@pytest.mark.parametrize(
    "options", [{"target_modules": ["q_proj"]}, {"target_modules": "all-linear"}]
)
def test_targets_by_leaf_name_that_reach_the_frozen_tower_are_refused(options):
    from peft import LoraConfig, get_peft_model

    tuned = get_peft_model(build("idefics3"), LoraConfig(**options))
    with pytest.raises(InputError, match=r"vision_model.* belongs to vision, and only language"):
        trained_parts.ModelParts(tuned).check_frozen({"language"})


def test_modules_to_save_are_counted_and_checked():
    from peft import LoraConfig, get_peft_model

    options = LoraConfig(
        target_modules=r".*language.*v_proj", modules_to_save=["multi_modal_projector"]
    )
    tuned = get_peft_model(build("llava_next"), options)
    with pytest.raises(InputError, match="belongs to connector"):
        trained_parts.ModelParts(tuned).check_frozen({"language"})
    trained_parts.ModelParts(tuned).check_frozen({"language", "connector"})


@pytest.mark.parametrize("tune", ["eyes", "", "language,", "all,vision"])
def test_parts_that_do_not_exist(tune):
    with pytest.raises(InputError, match=f"in {tune!r}; .*language,connector,vision"):
        trained_parts.chosen_parts(tune)


def test_a_model_of_unknown_structure_is_refused():
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    text = LlamaForCausalLM(LlamaConfig(**sizes, vocab_size=32, num_attention_heads=2))
    with pytest.raises(InputError, match=r"LlamaForCausalLM: .*cannot be told apart"):
        trained_parts.ModelParts(text)
    strange = build("idefics3")
    strange.model.gate = nn.Linear(2, 2)
    with pytest.raises(InputError, match=r"no part holds model\.gate\.weight"):
        trained_parts.ModelParts(strange)


def test_the_summary_names_every_part():
    parts = trained_parts.ModelParts(build("tiny"))
    parts.freeze_all_but({"connector"})
    lines = trained_parts.summary(parts.counts()).splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["language", "0"],
        ["connector", "33,024"],
        ["vision", "0"],
    ]
