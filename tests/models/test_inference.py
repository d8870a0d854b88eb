"""Probabilities of the five answers, compared with one pass for each answer and with generation."""

import numpy as np
import pytest
import torch
from PIL import Image

from psgvlm import chat
from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.models import inference, tiny
from psgvlm.models.vlm import StagingModel
from psgvlm.stages import STAGES

SPEC = PRESETS["square"]


@pytest.fixture(scope="module")
def model():
    base, processor = tiny.build_tiny(SPEC, seed=3)
    return StagingModel(base.eval(), processor, SPEC)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (5, SPEC.height, SPEC.width, 3), np.uint8)
    return [[Image.fromarray(picture)] for picture in pictures]


class SplitTokenizer:
    """The tiny tokenizer, but it splits the names of stages into letters, as larger models do."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def __call__(self, text, **options):
        letters = [self.tokenizer(part, **options)["input_ids"] for part in text[:2].rstrip("<")]
        rest = self.tokenizer(text[len(text[:2].rstrip("<")) :], **options)["input_ids"]
        return {"input_ids": [token for part in letters for token in part] + rest}

    def __getattr__(self, name):
        return getattr(self.tokenizer, name)


def reference(model, images, answers):
    """Compute each answer's probability by a pass of its own over prompt and answer."""
    text = inference.render_prompt(model.processor, SPEC.prompt)
    scores = np.zeros((len(images), 5))
    for row, (image,) in enumerate(images):
        inputs = model.processor(images=[image], text=[text], return_tensors="pt")
        n = inputs["input_ids"].shape[1]
        for column, answer in enumerate(answers):
            ids = torch.cat([inputs["input_ids"], torch.tensor([answer])], dim=1)
            with torch.no_grad():
                logits = model.model(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    pixel_values=inputs["pixel_values"],
                ).logits[0]
            following = torch.log_softmax(logits[n - 1 : -1], dim=1)
            scores[row, column] = sum(following[i, token] for i, token in enumerate(answer))
    exp = np.exp(scores - scores.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_the_probabilities_equal_those_of_one_pass_for_each_answer(model, images, batch_size):
    p = np.array(list(inference.probabilities(model, images, batch_size)))
    assert p.shape == (5, 5)
    assert np.allclose(p.sum(axis=1), 1)
    answers = inference.answer_tokens(model.processor, SPEC.prompt)
    assert [len(answer) for answer in answers] == [1] * 5
    assert np.allclose(p, reference(model, images, answers), atol=1e-4)


def test_answers_that_share_their_first_token(model, images, monkeypatch):
    """N1, N2 and N3 have two tokens each, of which they share the first."""
    monkeypatch.setattr(model.processor, "tokenizer", SplitTokenizer(model.processor.tokenizer))
    answers = inference.answer_tokens(model.processor, SPEC.prompt)
    monkeypatch.undo()
    assert [len(answer) for answer in answers] == [1, 2, 2, 2, 1]
    monkeypatch.setattr(inference, "answer_tokens", lambda *_: answers)
    p = np.array(list(inference.probabilities(model, images, 3)))
    assert np.allclose(p, reference(model, images, answers), atol=1e-4)


def test_the_answers_are_the_tokens_that_training_sees(model):
    tokens = inference.answer_tokens(model.processor, SPEC.prompt)
    decoded = [model.processor.tokenizer.decode(list(answer)) for answer in tokens]
    assert decoded == list(STAGES)


def test_the_best_answer_is_that_of_generation_restricted_to_the_answers(model, images):
    p = np.array(list(inference.probabilities(model, images)))
    answers = [answer[0] for answer in inference.answer_tokens(model.processor, SPEC.prompt)]
    inputs = inference.inputs_of(model, images)
    tokens = model.model.generate(
        **inputs, max_new_tokens=1, do_sample=False, prefix_allowed_tokens_fn=lambda *_: answers
    )
    assert [answers.index(token) for token in tokens[:, -1]] == p.argmax(axis=1).tolist()


def test_answers_that_cannot_be_told_apart_are_refused(model, monkeypatch):
    monkeypatch.setattr(chat, "completion", lambda _: chat_message("N"))
    with pytest.raises(InputError, match="beginning of"):
        inference.answer_tokens(model.processor, SPEC.prompt)


def chat_message(text):
    return [{"role": "assistant", "content": [{"type": "text", "text": text}]}]


def test_numbers_that_are_not_finite_are_refused(images):
    base, processor = tiny.build_tiny(SPEC, seed=5)
    with torch.no_grad():
        base.model.language_model.norm.weight.fill_(float("nan"))
    with pytest.raises(InputError, match="not finite"):
        list(inference.probabilities(StagingModel(base.eval(), processor, SPEC), images[:1]))
