"""Images to probabilities of the five stages, read from the model's own distribution of answers."""

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
    """The model's output for the epoch number `row`, of those it was given, is no number."""

    def __init__(self, row: int):
        super().__init__("the model's output is not finite; expected numbers: is it damaged?")
        self.row = row


def probabilities(
    model: StagingModel, epochs: Iterable[list], batch_size: int = 32, lockstep: bool = False
) -> Iterator[np.ndarray]:
    """Yield each epoch's probabilities of W, N1, N2, N3, R: float64 of shape (5,), summing to 1.

    An epoch is a list of RGB PIL images: its own, with the model's `context` of neighbours on
    either side. It costs one pass over prompt and images, and one token more for each beginning
    that some answers share ("N" of N1, N2, N3 where the tokenizer splits them); no text is
    generated. `StageClassifier` says how, and what `lockstep` is.
    """
    return StageClassifier(model, batch_size, lockstep).probabilities(epochs)


class StageClassifier:
    """Scores one night after the other, and keeps what it learnt about the model meanwhile.

    A picture that several epochs show goes through processor and vision tower once (see `sight`),
    where the architecture allows it: the first epoch is scored both ways, and where they do not
    agree all are scored the plain way. A batch too large for the memory is halved, and so are those
    after it. With `lockstep` every batch is passed as it comes, whole: for a model whose weights
    several processes share, which have to pass it as often.
    """

    def __init__(self, model: StagingModel, batch_size: int = 32, lockstep: bool = False):
        self.model, self.batch_size, self.lockstep = model, batch_size, lockstep
        self.answers = answer_tokens(model.processor, model.spec.prompt)
        # Whether a picture is encoded once; `None` until the first epoch tells.
        self.once = None if not lockstep and picture_cache.allowed(model) else False

    def probabilities(self, epochs: Iterable[list]) -> Iterator[np.ndarray]:
        """As the function of this name."""
        # A second of imports that `--help` need not wait for.
        import torch

        epochs, done = iter(epochs), 0
        first = list(islice(epochs, 1))
        if first and self.once is None:
            with torch.inference_mode():
                self.once = self._agree(first)
        epochs = chain(first, epochs)
        night = self._sight() if self.once else None
        batches = iter(lambda: list(islice(epochs, self.batch_size)), [])
        for batch, made in ahead((batch, night and night.prepare(batch)) for batch in batches):
            with torch.inference_mode():
                scores = self._scores(batch, night, made)
            if not (finite := torch.isfinite(scores).all(dim=1)).all():
                raise NotFinite(done + int((~finite).nonzero()[0]))
            done += len(batch)
            # Over the five answers alone: what the model would say beside them does not count.
            yield from torch.softmax(scores.double(), dim=1).cpu().numpy()

    def _sight(self) -> picture_cache.Sight:
        return picture_cache.Sight(self.model, partial(inputs_of, self.model))

    def _scores(self, batch: list[list], night, made):
        """Log-probabilities of the answers, shape (n_epochs, 5)."""
        import torch

        if night is None:
            return torch.cat(self._pieces(batch, self._plain))
        shown, new = made
        night.forget(shown)
        for group in new:
            self._pieces(group.pictures, partial(night.look, group=group))
        return torch.cat(self._pieces(shown, lambda piece: self._score(night.inputs(piece))))

    def _agree(self, epoch: list[list]) -> bool:
        """Whether an epoch gets the same scores both ways, but for rounding."""
        import torch

        (plain,) = self._pieces(epoch, self._plain)
        night = self._sight()
        try:
            found = self._scores(epoch, night, night.prepare(epoch))
        # What is wrong with the epoch or the model was raised above: this is how one family of
        # many says that its pictures cannot be taken apart.
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        else:
            rounding = 1e-2 if self.model.model.dtype == torch.float32 else 0.5
            if torch.allclose(found, plain, rtol=0, atol=rounding, equal_nan=True):
                return True
            reason = "its pictures depend on one another"
        print(f"note: this model's pictures are encoded anew for every epoch ({reason})")
        return False

    def _plain(self, epochs: list[list]):
        return self._score(inputs_of(self.model, epochs))

    def _score(self, inputs):
        return log_probabilities(self.model, inputs, self.answers)

    def _pieces(self, items: list, run: Callable) -> list:
        """What `run` makes of the items, in pieces that the memory holds."""
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
                        "expected a device that holds model and epoch: a larger one, --device "
                        "cpu, or a corpus drawn in fewer pixels"
                    ) from error
            # Outside `except`, whose traceback holds what was too large.
            self.batch_size = len(piece) // 2
            devices.release_memory()
        return results


def ahead(items: Iterable) -> Iterator:
    """The same items; a thread makes the next while the caller works on the last."""
    items, end = iter(items), object()
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(next, items, end)
        while (item := waiting.result()) is not end:
            waiting = thread.submit(next, items, end)
            yield item


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


def render_prompt(processor, prompt: str, images: int = 1) -> str:
    """The question as the model reads it, up to where its answer starts."""
    return processor.apply_chat_template(
        chat.prompt(prompt, images), tokenize=False, add_generation_prompt=True
    )


def generate(model: StagingModel, epochs: list[list], max_new_tokens: int = 8) -> list[str]:
    """Let the model answer in its own words, greedily; `chat.read_answer` reads the stage."""
    inputs = inputs_of(model, epochs)
    tokens = model.model.generate(**inputs, max_new_tokens=max_new_tokens, do_sample=False)
    answers = tokens[:, inputs["input_ids"].shape[1] :]
    return model.processor.batch_decode(answers, skip_special_tokens=True)


def image_tokens(model: StagingModel, images: list) -> int | None:
    """How many tokens an epoch's images become; `None` where the model does not say which."""
    token = getattr(model.model.config, "image_token_id", None)
    if token is None:
        return None
    return int((inputs_of(model, [images])["input_ids"] == token).sum())


def log_probabilities(model: StagingModel, inputs, answers: list[tuple[int, ...]]):
    """Log-probability of each answer's tokens after the prompt, a tensor of shape (n_epochs, 5).

    `inputs` are those of `inputs_of`, `answers` those of `answer_tokens`. The answers form a trie.
    Its root is the prompt, which is run once; every node that several tokens or longer answers hang
    from costs one token more, on top of the prompt's keys and values.
    """
    import torch
    from transformers import DynamicCache

    scores = torch.zeros(len(inputs["input_ids"]), 5)
    cache = None
    if max(map(len, answers)) > 1:
        cache = DynamicCache(config=model.model.config.get_text_config(decoder=True))
        cache.activate_past_recording()  # a sliding window, too, has to be taken back

    def visit(beginning: tuple[int, ...], step: dict) -> None:
        output = model.model(
            **step, past_key_values=cache, use_cache=cache is not None, logits_to_keep=1
        )
        logits = output.logits[:, -1].float()
        following = torch.log_softmax(logits, dim=1)
        depth, longer = len(beginning), []
        for index, answer in enumerate(answers):
            if answer[:depth] == beginning:
                scores[:, index] += following[:, answer[depth]].cpu()
                longer += [answer[: depth + 1]] if len(answer) > depth + 1 else []
        for node in sorted(set(longer)):
            visit(node, _one_more(model, inputs, node))
            cache.crop(-1)

    visit((), dict(inputs))
    visit = None  # it refers to itself, and would hold the batch until garbage is collected
    return scores


def inputs_of(model: StagingModel, epochs: list[list]):
    """Prompts and images of some epochs as the model takes them, each a list of RGB PIL images.

    Raises `InputError` where an epoch has not as many images as the model was trained with.
    """
    shown = 2 * model.neighbours + 1
    if odd := [len(images) for images in epochs if len(images) != shown]:
        raise InputError(
            f"an epoch of {odd[0]} images; expected {shown}, as the model was trained: its own "
            f"and {model.neighbours} neighbours on either side"
        )
    text = render_prompt(model.processor, model.spec.prompt, shown)
    return model.processor(
        images=epochs,
        text=[text] * len(epochs),
        return_tensors="pt",
        padding=True,
        padding_side="left",
        add_special_tokens=False,  # the template has written them already
    ).to(model.model.device, model.model.dtype)


def _one_more(model: StagingModel, inputs, node: tuple[int, ...]) -> dict:
    """What the model reads next after the prompt and all but the last of a node's tokens."""
    import torch

    asked = inputs["attention_mask"]
    mask = torch.cat([asked, asked.new_ones(len(asked), len(node))], dim=1)
    step = {"input_ids": asked.new_full((len(asked), 1), node[-1]), "attention_mask": mask}
    # Qwen's and Gemma's processors mark which tokens are image and which are text (0).
    for name in inputs.keys() & {"token_type_ids", "mm_token_type_ids"}:
        step[name] = torch.zeros_like(step["input_ids"])
    # Qwen counts an image's positions by rows and columns, and keeps by how much text comes early.
    for module in model.model.modules():
        if getattr(module, "rope_deltas", None) is not None:
            position = mask.sum(dim=1, keepdim=True) - 1 + module.rope_deltas
            step["position_ids"] = position.expand(3, *position.shape)
    return step
