"""Images to probabilities of the five stages, read from the model's own distribution of answers."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from psgvlm import chat
from psgvlm.errors import InputError
from psgvlm.stages import STAGES
from psgvlm.vlm import StagingModel


def probabilities(
    model: StagingModel, images: Iterable, batch_size: int = 32
) -> Iterator[np.ndarray]:
    """Yield each image's probabilities of W, N1, N2, N3, R: float64 of shape (5,), summing to 1.

    `images` are RGB PIL images. The prompt is run once, and once more for each beginning that some
    answers share ("N" of N1, N2, N3 where the tokenizer splits them); no text is generated.
    """
    # A second of imports that `--help` need not wait for.
    import torch

    answers = answer_tokens(model.processor, model.spec.prompt)
    images = iter(images)
    while batch := list(islice(images, batch_size)):
        with torch.inference_mode():
            scores = _log_probabilities(model, batch, answers)
        # Over the five answers alone: what the model would say beside them does not count.
        yield from torch.softmax(scores.double(), dim=1).cpu().numpy()


def answer_tokens(processor, prompt: str) -> list[tuple[int, ...]]:
    """Each stage's answer as token ids, in the order W, N1, N2, N3, R, as training saw them.

    The end of turn, common to all five, is left out. Raises `InputError` where one answer's tokens
    begin another's: they could not be compared.
    """
    asked = render_prompt(processor, prompt)
    answers = []
    for stage in STAGES:
        turns = chat.prompt(prompt) + chat.completion(stage)
        text = processor.apply_chat_template(turns, tokenize=False).removeprefix(asked)
        answers.append(processor.tokenizer(text, add_special_tokens=False)["input_ids"])
    while len({answer[-1] for answer in answers}) == 1 and min(map(len, answers)) > 1:
        answers = [answer[:-1] for answer in answers]
    tokens = [tuple(answer) for answer in answers]
    for one in range(5):
        for other in range(5):
            if one != other and tokens[other][: len(tokens[one])] == tokens[one]:
                raise InputError(
                    f"the tokenizer writes {STAGES[one]} as the beginning of {STAGES[other]}; "
                    "expected five answers that can be told apart: use another base model"
                )
    return tokens


def render_prompt(processor, prompt: str) -> str:
    """The question as the model reads it, up to where its answer starts."""
    return processor.apply_chat_template(
        chat.prompt(prompt), tokenize=False, add_generation_prompt=True
    )


def generate(model: StagingModel, images: list, max_new_tokens: int = 8) -> list[str]:
    """Let the model answer in its own words, greedily; `chat.read_answer` reads the stage."""
    inputs = _inputs(model, images)
    tokens = model.model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
    answers = tokens[:, inputs["input_ids"].shape[1] :]
    return model.processor.batch_decode(answers, skip_special_tokens=True)


def _log_probabilities(model: StagingModel, images: list, answers: list[tuple[int, ...]]):
    """Log-probability of each answer's tokens after the prompt, shape (n_images, 5)."""
    import torch

    inputs = _inputs(model, images)
    scores = torch.zeros(len(images), 5)
    for beginning in sorted({answer[:k] for answer in answers for k in range(len(answer))}):
        logits = model.model(**_extended(inputs, beginning), logits_to_keep=1).logits[:, -1]
        if not torch.isfinite(logits).all():
            raise InputError("the model's output is not finite; expected numbers: is it damaged?")
        following = torch.log_softmax(logits.float(), dim=1)
        for index, answer in enumerate(answers):
            if answer[: len(beginning)] == beginning:
                scores[:, index] += following[:, answer[len(beginning)]].cpu()
    return scores


def _inputs(model: StagingModel, images: list):
    text = render_prompt(model.processor, model.spec.prompt)
    return model.processor(
        images=[[image] for image in images],
        text=[text] * len(images),
        return_tensors="pt",
        padding=True,
        padding_side="left",
        add_special_tokens=False,  # the template has written them already
    ).to(model.model.device, model.model.dtype)


def _extended(inputs, tokens: tuple[int, ...]) -> dict:
    """The inputs with text tokens after the prompt."""
    import torch

    more = dict(inputs)
    shape = (len(inputs["input_ids"]), len(tokens))
    ids = inputs["input_ids"].new_tensor(tokens).expand(shape)
    more["input_ids"] = torch.cat([inputs["input_ids"], ids], dim=1)
    ones = inputs["attention_mask"].new_ones(shape)
    more["attention_mask"] = torch.cat([inputs["attention_mask"], ones], dim=1)
    # Qwen's and Gemma's processors mark which tokens are image and which are text (0).
    for name in more.keys() & {"token_type_ids", "mm_token_type_ids"}:
        more[name] = torch.cat([more[name], more[name].new_zeros(shape)], dim=1)
    return more
