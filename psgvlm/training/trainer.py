"""TRL's trainer as staging needs it: what it learns from, how it is measured, what it saves.

Imports torch and TRL: import this module where training starts.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from pathlib import Path

import numpy as np
import torch
from accelerate.utils import gather_object
from transformers import PreTrainedModel
from trl import SFTTrainer
from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

from psgvlm.errors import InputError
from psgvlm.hub import hub_errors, release
from psgvlm.image_spec import ImageSpec
from psgvlm.images.augment import Augmentation, AugmentedRows
from psgvlm.models import devices, inference
from psgvlm.models.vlm import StagingModel, turn_ends
from psgvlm.stages import STAGES
from psgvlm.training.sampling import Draws
from psgvlm.training.saving import own_names, saving

NOTHING = Augmentation()
_GROUPS = []  # kept until the process ends
MEASURES = ("kappa", "macro_f1", "accuracy", "balanced_accuracy", "nll")


@dataclass
class AnswerCollator(DataCollatorForVisionLanguageModeling):
    """TRL's collator, with the loss on exactly the answer and the token that ends its turn.

    `ends` are the tokens that end a turn. Raises `InputError` for a row without an answer or its
    end: cut off, or never written.
    """

    ends: frozenset[int] = frozenset()

    def torch_call(self, examples: list[dict]) -> dict:
        batch = super().torch_call(examples)
        for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
            end = torch.isin(labels, torch.tensor(sorted(self.ends))).nonzero()
            if not len(end) or not (labels[: end[0]] != -100).any():
                answer = self.processor.tokenizer.decode(labels[labels != -100])
                raise InputError(
                    f"a row of {len(ids)} tokens whose supervised part is {answer!r}; expected an "
                    "answer and a token that ends the turn: the corpus has a row without an "
                    "answer, or the chat template is not one of a conversation"
                )
            labels[end[0] + 1 :] = -100  # the white space that some templates write there
        return batch


@dataclass
class Meter:
    """Time and work since it was made; `aside_s` is spent measuring and saving, not training."""

    images: int = 0
    tokens: float = 0.0
    waited_s: float = 0.0
    aside_s: float = 0.0
    start: float = field(default_factory=time.perf_counter)

    def figures(self, tokens: float) -> dict[str, float]:
        """Images and tokens a second, the share of time spent waiting for data, peak memory."""
        spent = max(time.perf_counter() - self.start - self.aside_s, 1e-9)
        return {
            "images_per_second": self.images / spent,
            "tokens_per_second": (tokens - self.tokens) / spent,
            "waiting_share": self.waited_s / spent,
            "peak_memory_gib": devices.peak_memory_gib(),
        }


class StagingTrainer(SFTTrainer):
    """SFTTrainer that measures with probabilities of the stages, and takes the time of its steps.

    `eval_dataset` holds scored epochs; `evaluate` gives the agreement with their scorer, and no
    text is written for it. Rows of either show so many `neighbours` of an epoch on each side.
    `draws` is the order in which those of `train_dataset` come. `cohorts` are those learnt from, by
    this run and before: what is pushed is under their terms.
    """

    def __init__(
        self,
        model,
        processor,
        spec: ImageSpec,
        draws: Draws,
        neighbours: int = 0,
        augmentation: Augmentation = NOTHING,
        cohorts: frozenset[str] = frozenset(),
        **options,
    ):
        self.cohorts = cohorts  # asked for when the repository is made, which is at once
        ends = frozenset(turn_ends(model, processor))
        model.enable_input_require_grads = partial(_input_gradients, model)
        super().__init__(
            model,
            processing_class=processor,
            data_collator=AnswerCollator(processor, completion_only_loss=True, ends=ends),
            **options,
        )
        self.spec, self.draws = spec, draws
        self.neighbours, self.augmentation = neighbours, augmentation
        self.meters = {"run": Meter(), "log": Meter()}

    def check_first_batch(self) -> None:
        """Refuse rows without an answer before the first step, and not in a loader's worker."""
        rows = range(min(len(self.train_dataset), self.args.per_device_train_batch_size))
        self.data_collator([self.train_dataset[row] for row in rows])

    ### Training

    def train(self, *args, **options):
        """As in Trainer; `throughput` holds the figures of the whole run afterwards."""
        self.meters = {"run": Meter(), "log": Meter()}
        try:
            result = super().train(*args, **options)
            self.throughput = self.meters["run"].figures(self._total_train_tokens)
            return result
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not devices.out_of_memory(error):
                raise
            raise InputError(
                f"out of memory on {self.args.device} with batches of "
                f"{self.args.per_device_train_batch_size}; lower per_device_train_batch_size (and "
                "raise gradient_accumulation_steps as much), or set activation_checkpointing: "
                "true, load_in_4bit: true with use_peft, or draw the corpus in fewer pixels"
            ) from error

    def get_train_dataloader(self):
        # TRL takes nothing but a `Dataset`, so the pictures are varied on their way to the loader.
        rows = self.train_dataset
        self.train_dataset = AugmentedRows(rows, self.spec, self.augmentation, self.args.seed)
        try:
            return super().get_train_dataloader()
        finally:
            self.train_dataset = rows

    def _get_train_sampler(self, train_dataset=None):
        return self.draws

    def _run_epoch(self, model, epoch, *args, **options):
        # accelerate's word of a new round reaches no sampler of a resumed run of two processes.
        self.draws.round = epoch
        return super()._run_epoch(model, epoch, *args, **options)

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        return super().get_batch_samples(self._timed(epoch_iterator), num_batches, device)

    def _timed(self, batches: Iterator) -> Iterator:
        while True:
            start = time.perf_counter()
            batch = next(batches, None)
            waited = time.perf_counter() - start
            if batch is None:
                return
            rows = len(batch["input_ids"]) * self.args.world_size
            for meter in self.meters.values():
                meter.waited_s += waited
                meter.images += rows * (2 * self.neighbours + 1)
            yield batch

    @contextmanager
    def _aside(self):
        start = time.perf_counter()
        yield
        for meter in self.meters.values():
            meter.aside_s += time.perf_counter() - start

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            logs |= self.meters["log"].figures(self._total_train_tokens)
            self.meters["log"] = Meter(tokens=self._total_train_tokens)
        super().log(logs, start_time)

    ### Measuring

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix="eval"):
        """Agreement with the scorer; every process scores its share of the rows."""
        rows = self.eval_dataset if eval_dataset is None else eval_dataset
        with self._aside():
            self.model.eval()
            model = StagingModel(self.model, self.processing_class, self.spec, self.neighbours)
            # As many on each process, so that they pass the model as often; a few twice.
            world, rank = self.args.world_size, self.args.process_index
            mine = [(at * world + rank) % len(rows) for at in range(ceil(len(rows) / world))]
            images = (rows[row]["images"] for row in mine)
            size = self.args.per_device_eval_batch_size
            scored = inference.probabilities(model, images, size, lockstep=True)
            found = dict(gather_object(list(zip(mine, scored, strict=True))))
            p = np.array([found[row] for row in range(len(rows))])
            metrics = {
                f"{metric_key_prefix}_{name}": value
                for name, value in agreement(p, np.array(rows["stage"])).items()
            }
            self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    ### Saving

    def _save_checkpoint(self, model, trial) -> None:
        with self._aside():
            try:
                with saving(self.args.output_dir), own_names(self.model):
                    super()._save_checkpoint(model, trial)
            except InputError:
                half = f"checkpoint-{self.state.global_step}"
                shutil.rmtree(Path(self.args.output_dir) / half, ignore_errors=True)
                raise

    def _issue_warnings_after_load(self, load_result) -> None:
        missing = set(load_result.missing_keys)
        weights = dict(self.model.named_parameters(remove_duplicate=False))
        loaded = {id(weight) for name, weight in weights.items() if name not in missing}
        # A tied weight is stored once, under one of its names.
        if lost := sorted(name for name in missing if id(weights.get(name)) not in loaded):
            raise InputError(
                f"checkpoint without {lost[0]} and {len(lost) - 1} other weights of the model; "
                "expected one of this run: train from the beginning in another --output_dir"
            )

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        # As an internal call, which pushes nothing: what lies beside the weights is not there yet.
        super().save_model(output_dir, _internal_call=True)
        # A pickle, with paths of this machine; `config.yaml` says the same.
        (Path(output_dir or self.args.output_dir) / "training_args.bin").unlink(missing_ok=True)

    def init_hf_repo(self, *args, **options) -> None:
        """Make the repository: before a training that could not be pushed."""
        self.hub_model_id, self.push_in_progress = self.args.hub_model_id, None
        if self.is_world_process_zero():
            nothing = release.Release(Path(self.args.output_dir), "model", (), (), self.cohorts)
            with hub_errors.telling("push_to_hub", "no training was done"):
                hub = release.Hub(nothing, self.hub_model_id, self.args.hub_token)
                hub.make(self.args.hub_private_repo is False)

    def end(self) -> None:
        """Leave the other processes, if there are any: the last thing that a run does."""
        if torch.distributed.is_initialized():
            # Otherwise DDP's reducer frees the group, and holds the interpreter's lock meanwhile,
            # which the group's own thread may be waiting for: a process that never ends.
            _GROUPS.append(torch.distributed.group.WORLD)
        self.accelerator.end_training()

    def create_model_card(self, *args, **options) -> None:
        """None: TRL's takes the adapter for a text generator; `model_card` writes another."""


def _input_gradients(model) -> None:
    """What activation checkpointing asks for, and not of a frozen vision tower.

    transformers starts gradients at the input of every part. A tower of which nothing is trained
    would be computed again and walked back through for nothing; SmolVLM's is most of the work.
    """
    trained = any(weight.requires_grad for weight in model.get_encoder("image").parameters())
    PreTrainedModel.enable_input_require_grads(model if trained else model.get_decoder())


def agreement(p: np.ndarray, stages: np.ndarray) -> dict[str, float]:
    """Of probabilities (n, 5) with the scored stages (n,), as `MEASURES` lists; `nll` in nats."""
    import evaluate

    from psgvlm import metrics

    found = evaluate.load(metrics.SLEEP_STAGING).compute(
        predictions=[STAGES[index] for index in p.argmax(axis=1)],
        references=[STAGES[index] for index in stages],
    )
    nll = -np.log(np.maximum(p[np.arange(len(p)), stages], 1e-12)).mean()
    return {**{name: found[name] for name in MEASURES[:-1]}, "nll": float(nll)}
