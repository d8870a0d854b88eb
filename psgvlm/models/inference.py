"""Turn images into probabilities of the five stages, read from the model's output distribution.

No text is generated: the model computes how probable each of the five answers is.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, islice

import numpy as np

from psgvlm import chat
from psgvlm.errors import InputError
from psgvlm.models import devices, picture_cache
from psgvlm.models.vlm import StagingModel
from psgvlm.stages import STAGES


class NotFinite(InputError):
    """The model's output for an epoch is not finite. `row` counts the epochs that it was given."""

    def __init__(self, row: int):
        super().__init__(
            "the model's output is not finite; expected numbers: its weights may be damaged"
        )
        self.row = row


def probabilities(
    model: StagingModel, epochs: Iterable[list], batch_size: int = 32, lockstep: bool = False
) -> Iterator[np.ndarray]:
    """Yield the probabilities of the five stages for each epoch.

    Each epoch costs one pass over prompt and images, and one more token for each beginning that
    several answers share, such as the "N" of N1, N2 and N3 if the tokenizer splits them.

    Parameters
    ----------
    model : StagingModel
        The model, its processor and its image spec.
    epochs : iterable of list
        The RGB PIL images of each epoch: its own, with the model's number of neighbours before and
        after it, in the order of time.
    batch_size : int
        How many epochs the model takes at a time.
    lockstep : bool
        See `StageClassifier`.

    Yields
    ------
    numpy.ndarray
        Probabilities of W, N1, N2, N3 and R; float64 of shape (5,), with a sum of 1.

    Raises
    ------
    NotFinite
        If the model's output is not finite.
    InputError
        If an epoch has the wrong number of images, or if one epoch alone needs too much memory.
    """
    return StageClassifier(model, batch_size, lockstep).probabilities(epochs)


class StageClassifier:
    """Computes the probabilities of one night after another, and remembers what works.

    If the architecture allows it, an image that several epochs show is encoded only once (see
    `picture_cache`). The first epoch is computed with and without this; if the results differ, all
    epochs are computed without it. If a batch is too large for the memory, this batch and all later
    ones are halved.

    Parameters
    ----------
    model : StagingModel
        The model, its processor and its image spec.
    batch_size : int
        How many epochs the model takes at a time. The attribute of this name shrinks if the memory
        is too small.
    lockstep : bool
        Pass every batch to the model as a whole, without the two adaptations above. Several
        processes that share a model's weights need this, because all of them have to call the model
        equally often.
    """

    def __init__(self, model: StagingModel, batch_size: int = 32, lockstep: bool = False):
        self.model, self.batch_size, self.lockstep = model, batch_size, lockstep
        self.answers = answer_tokens(model.processor, model.spec.prompt)
        # Whether each image is encoded only once; None until the first epoch decides it.
        self.encodes_once = None if not lockstep and picture_cache.is_supported(model) else False

    def probabilities(self, epochs: Iterable[list]) -> Iterator[np.ndarray]:
        """Yield the probabilities of each epoch, as the function of this name does."""
        import torch  # takes a second, which --help should not have to wait for

        epochs, done = iter(epochs), 0
        first = list(islice(epochs, 1))
        if first and self.encodes_once is None:
            with torch.inference_mode():
                self.encodes_once = self._agrees_with_cache(first)
        epochs = chain(first, epochs)
        cache = self._new_cache() if self.encodes_once else None
        batches = iter(lambda: list(islice(epochs, self.batch_size)), [])
        prepared = ((batch, cache and cache.prepare(batch)) for batch in batches)
        for batch, pictures in read_ahead(prepared):
            with torch.inference_mode():
                scores = self._scores(batch, cache, pictures)
            if not (finite := torch.isfinite(scores).all(dim=1)).all():
                raise NotFinite(done + int((~finite).nonzero()[0]))
            done += len(batch)
            # The softmax is over the five answers alone: other texts do not count.
            yield from torch.softmax(scores.double(), dim=1).cpu().numpy()

    def _new_cache(self) -> picture_cache.PictureCache:
        return picture_cache.PictureCache(self.model, partial(inputs_of, self.model))

    def _scores(self, batch: list[list], cache, prepared):
        """Return the log-probabilities of the answers, shape (n_epochs, 5)."""
        import torch

        if cache is None:
            return torch.cat(self._in_pieces(batch, self._without_cache))
        keys, new_pictures = prepared
        cache.keep_only(keys)
        for group in new_pictures:
            self._in_pieces(group.pictures, partial(cache.encode, group=group))
        return torch.cat(self._in_pieces(keys, lambda piece: self._score(cache.inputs(piece))))

    def _agrees_with_cache(self, epoch: list[list]) -> bool:
        """Return whether an epoch gets the same scores with and without the cache of images."""
        import torch

        (expected,) = self._in_pieces(epoch, self._without_cache)
        cache = self._new_cache()
        try:
            scores = self._scores(epoch, cache, cache.prepare(epoch))
        except InputError:
            raise
        # A faulty epoch or model has raised its error above. These errors come from families whose
        # images cannot be encoded one by one.
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        else:
            rounding = 1e-2 if self.model.model.dtype == torch.float32 else 0.5
            if torch.allclose(scores, expected, rtol=0, atol=rounding, equal_nan=True):
                return True
            reason = "its images depend on one another"
        print(f"note: this model's images are encoded again for every epoch ({reason})")
        return False

    def _without_cache(self, epochs: list[list]):
        return self._score(inputs_of(self.model, epochs))

    def _score(self, inputs):
        return log_probabilities(self.model, inputs, self.answers)

    def _in_pieces(self, items: list, run: Callable) -> list:
        """Call `run` with as many items at a time as the memory holds; return all results."""
        results, at = [], 0
        while at < len(items):
            piece = items[at:] if self.lockstep else items[at : at + self.batch_size]
            try:
                results.append(run(piece))
                at += len(piece)
                continue
            except RuntimeError as error:
                if self.lockstep or not devices.out_of_memory(error):
                    raise
                if len(piece) == 1:
                    raise InputError(
                        f"out of memory on {self.model.model.device} with one epoch at a time; "
                        "expected a device with more memory, the device cpu, or a corpus drawn in "
                        "fewer pixels",
                        parameter="device",
                    ) from error
            # Release memory outside of `except`: its traceback still refers to the large tensors.
            self.batch_size = len(piece) // 2
            devices.release_memory()
        return results


def read_ahead(items: Iterable) -> Iterator:
    """Yield the same items; a thread makes the next one while the caller works on the current."""
    items, end = iter(items), object()
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(next, items, end)
        while (item := waiting.result()) is not end:
            waiting = thread.submit(next, items, end)
            yield item


def answer_tokens(processor, prompt: str) -> list[tuple[int, ...]]:
    """Return the token ids of each stage's answer, in the order W, N1, N2, N3, R.

    They are the tokens that training sees, without the end of the turn, which all five share. Raise
    InputError if the tokens of one answer are the beginning of another's, because the two could not
    be compared.
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
                    "expected five answers of which none begins another: use another base model"
                )
    return tokens


def render_prompt(processor, prompt: str, images: int = 1) -> str:
    """Return the question as the model reads it, up to where its answer starts."""
    return processor.apply_chat_template(
        chat.prompt(prompt, images), tokenize=False, add_generation_prompt=True
    )


def image_tokens(model: StagingModel, images: list) -> int | None:
    """Return how many tokens an epoch's images take; None if the model does not mark them."""
    token = getattr(model.model.config, "image_token_id", None)
    if token is None:
        return None
    return int((inputs_of(model, [images])["input_ids"] == token).sum())


def log_probabilities(model: StagingModel, inputs, answers: list[tuple[int, ...]]):
    """Return the log-probability of each answer after the prompt.

    The answers form a trie whose root is the prompt. The prompt is computed once. Each further node
    that is not the end of an answer costs one more token on top of the prompt's keys and values.

    Parameters
    ----------
    model : StagingModel
        The model.
    inputs : mapping
        The result of `inputs_of`.
    answers : list of tuple of int
        The result of `answer_tokens`.

    Returns
    -------
    torch.Tensor
        Shape (n_epochs, 5).
    """
    import torch
    from transformers import DynamicCache

    scores = torch.zeros(len(inputs["input_ids"]), 5)
    cache = None
    if max(map(len, answers)) > 1:
        cache = DynamicCache(config=model.model.config.get_text_config(decoder=True))
        cache.activate_past_recording()  # so that crop also works with a sliding window

    def visit(beginning: tuple[int, ...], step: dict) -> None:
        output = model.model(
            **step, past_key_values=cache, use_cache=cache is not None, logits_to_keep=1
        )
        logits = output.logits[:, -1].float()
        next_token = torch.log_softmax(logits, dim=1)
        depth, longer = len(beginning), []
        for index, answer in enumerate(answers):
            if answer[:depth] == beginning:
                scores[:, index] += next_token[:, answer[depth]].cpu()
                longer += [answer[: depth + 1]] if len(answer) > depth + 1 else []
        for node in sorted(set(longer)):
            visit(node, _next_step(model, inputs, node))
            cache.crop(-1)

    visit((), dict(inputs))
    visit = None  # the function refers to itself, and would keep the batch in memory
    return scores


def inputs_of(model: StagingModel, epochs: list[list]):
    """Return the model's inputs for some epochs: their prompts and images, tokenized and padded.

    Each epoch is a list of RGB PIL images. Raise InputError if an epoch has another number of
    images than the model was trained with.
    """
    count = 2 * model.neighbours + 1
    if wrong := [len(images) for images in epochs if len(images) != count]:
        raise InputError(
            f"an epoch of {wrong[0]} images; expected {count}, as the model was trained: its own "
            f"and {model.neighbours} neighbours on either side"
        )
    text = render_prompt(model.processor, model.spec.prompt, count)
    return model.processor(
        images=epochs,
        text=[text] * len(epochs),
        return_tensors="pt",
        padding=True,
        padding_side="left",
        add_special_tokens=False,  # the chat template has written them
    ).to(model.model.device, model.model.dtype)


def _next_step(model: StagingModel, inputs, node: tuple[int, ...]) -> dict:
    """Return the inputs for the last token of a node, after the prompt and the tokens before it."""
    import torch

    prompt = inputs["attention_mask"]
    mask = torch.cat([prompt, prompt.new_ones(len(prompt), len(node))], dim=1)
    step = {"input_ids": prompt.new_full((len(prompt), 1), node[-1]), "attention_mask": mask}
    # Qwen's and Gemma's processors mark image tokens; 0 marks text.
    for name in inputs.keys() & {"token_type_ids", "mm_token_type_ids"}:
        step[name] = torch.zeros_like(step["input_ids"])
    # Qwen counts an image's positions by rows and columns, so later text has smaller positions than
    # its index; `rope_deltas` is the difference.
    for module in model.model.modules():
        if getattr(module, "rope_deltas", None) is not None:
            position = mask.sum(dim=1, keepdim=True) - 1 + module.rope_deltas
            step["position_ids"] = position.expand(3, *position.shape)
    return step
