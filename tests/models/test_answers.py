"""Training and inference see the same tokens, in every family and through its own processor."""

from dataclasses import replace

import numpy as np
import pytest
import tiny_vlms
import torch
from PIL import Image

from psgvlm import chat
from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.models import inference, vlm
from psgvlm.models.tiny import build_tiny
from psgvlm.models.vlm import StagingModel
from psgvlm.stages import STAGES

SPEC = PRESETS["square"]
END = {"idefics3": "<end_of_utterance>", "llava_next": " <|im_end|>"}
# The tokens of an image of 336 x 336 pixels, by each family's rules and the tiny models' sizes.
IMAGE_TOKENS = {
    "idefics3": (64 // 8 // 2) ** 2,  # a picture made 64 px wide, patches of 8 px, by 2 x 2
    "llava_next": 16 + 4 * (4 + 1),  # a copy of 4 x 4 patches, the tiles unpadded, a mark a row
    "qwen2_5_vl": 4 * 4,  # as many cells of 2 x 2 patches as are allowed
    "qwen3_vl": 4 * 4,
    "tiny": 12 * 12,
}
IMAGE = {
    **{"idefics3": "<image>", "llava_next": "<image>", "tiny": "<image>"},
    **{"qwen2_5_vl": "<|image_pad|>", "qwen3_vl": "<|image_pad|>"},
}


@pytest.fixture(scope="module", params=[*tiny_vlms.FAMILIES, "tiny"])
def family(request, tmp_path_factory):
    """Return a base model and its processor as `psgvlm train` loads them."""
    if request.param == "tiny":
        return request.param, *build_tiny(SPEC)
    folder = tiny_vlms.save(request.param, tmp_path_factory.mktemp("base") / request.param)
    return request.param, *vlm.load_base(str(folder))


def rows():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (5, SPEC.height, SPEC.width, 3), np.uint8)
    return [
        {
            "images": [Image.fromarray(picture)],
            "prompt": chat.prompt(SPEC.prompt),
            "completion": chat.completion(stage),
        }
        for picture, stage in zip(pictures, STAGES, strict=True)
    ]


def collator(model, processor, **options):
    from psgvlm.training.trainer import AnswerCollator

    ends = frozenset(vlm.turn_ends(model, processor))
    return AnswerCollator(processor, completion_only_loss=True, ends=ends, **options)


def test_the_loss_covers_exactly_the_answer_and_its_end_of_turn(family):
    name, model, processor = family
    batch = collator(model, processor)(rows())
    for stage, labels in zip(STAGES, batch["labels"], strict=True):
        supervised = processor.tokenizer.decode(labels[labels != -100])
        assert supervised.strip() == f"{stage}{END.get(name, '<|im_end|>')}", name


def test_inference_sees_exactly_the_prompt_tokens_of_training(family):
    name, model, processor = family
    examples = rows()
    images = [row["images"] for row in examples]
    batch = collator(model, processor)(examples)
    asked = inference.inputs_of(StagingModel(model, processor, SPEC), images)
    image = processor.tokenizer.convert_tokens_to_ids(IMAGE[name])
    for row, labels in enumerate(batch["labels"]):
        first = int(torch.nonzero(labels != -100)[0])
        trained = batch["input_ids"][row, :first]
        scored = asked["input_ids"][row][asked["attention_mask"][row] == 1]
        assert trained.tolist() == scored.tolist()
        assert int((scored == image).sum()) == IMAGE_TOKENS[name]
    assert torch.equal(batch["pixel_values"], asked["pixel_values"])


def test_inference_compares_the_answer_tokens_of_training(family):
    _, model, processor = family
    batch = collator(model, processor)(rows())
    ends = vlm.turn_ends(model, processor)
    for answer, labels in zip(
        inference.answer_tokens(processor, SPEC.prompt), batch["labels"], strict=True
    ):
        supervised = [int(token) for token in labels if token != -100]
        assert tuple(supervised[: len(answer)]) == answer
        assert set(supervised[-1:]) <= ends


def test_the_end_of_the_turn_is_added_to_a_template_that_lacks_it(tmp_path):
    """Vicuna's template ends with the answer, so training would not teach the model to stop."""
    model, processor = tiny_vlms.llava_next()
    turns = chat.prompt("?") + chat.completion("N2")
    assert processor.apply_chat_template(turns, tokenize=False).endswith("ASSISTANT: N2 ")
    vlm.end_turns(processor, vlm.turn_ends(model, processor))
    text = processor.apply_chat_template(turns, tokenize=False)
    assert text.endswith("ASSISTANT: N2 <|im_end|>")
    assert inference.render_prompt(processor, "?").endswith("ASSISTANT:")
    vlm.end_turns(processor, vlm.turn_ends(model, processor))
    assert processor.apply_chat_template(turns, tokenize=False) == text


def test_a_tokenizer_without_a_padding_token_uses_its_end_token(tmp_path):
    """The loss covers the end of the turn, and not the same tokens where they pad a batch."""
    model, processor = tiny_vlms.llava_next()
    model.save_pretrained(tmp_path)
    processor.tokenizer.pad_token = None
    processor.save_pretrained(tmp_path)
    model, processor = vlm.load_base(str(tmp_path))
    batch = collator(model, processor)(rows())
    for stage, labels in zip(STAGES, batch["labels"], strict=True):
        assert processor.tokenizer.decode(labels[labels != -100]).strip() == f"{stage} <|im_end|>"


def test_rows_without_an_answer_or_its_end_are_refused():
    model, processor = tiny_vlms.idefics3()
    unanswered = rows()
    unanswered[2]["completion"] = [{"role": "assistant", "content": []}]
    with pytest.raises(InputError, match="expected an answer and a token that ends the turn"):
        collator(model, processor)(unanswered)
    with pytest.raises(InputError, match=r"a row of \d+ tokens whose supervised part is ''"):
        collator(model, processor, max_length=20)(rows())
    with pytest.raises(InputError, match="whose supervised part is ' W<end"):
        replace(collator(model, processor), ends=frozenset({0}))(rows())
