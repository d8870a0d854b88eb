"""TRL's trainer, adapted to staging: its loss, its measurements, and what it saves.

This module imports torch and TRL: import it where training starts.
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
from psgvlm.metrics.sleep_staging import figures
from psgvlm.models import devices, inference
from psgvlm.models.vlm import StagingModel, turn_ends
from psgvlm.stages import STAGES
from psgvlm.training.options import MEASURES
from psgvlm.training.sampling import BalancedSampler
from psgvlm.training.saving import own_names, saving

_NO_AUGMENTATION = Augmentation()
_PROCESS_GROUPS = []  # keeps them alive until the process ends, see StagingTrainer.end


@dataclass
class AnswerCollator(DataCollatorForVisionLanguageModeling):
    """TRL's collator, with the loss on exactly the answer and the token that ends its turn.

    `ends` are the tokens that end a turn. Raise InputError for a row that lacks its answer or the
    end of its turn.
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
                    "answer and a token that ends the turn. Either the corpus has a row without an "
                    "answer, or the model's chat template does not write conversations"
                )
            labels[end[0] + 1 :] = -100  # some templates write white space after it
        return batch


@dataclass
class ThroughputMeter:
    """The time and the work of training since this object was made.

    Attributes
    ----------
    images : int
        The images that were trained on.
    tokens : float
        The trainer's count of tokens when this object was made.
    waited_s : float
        The seconds spent waiting for data.
    aside_s : float
        The seconds spent measuring and saving, which do not count as training.
    start : float
        When this object was made, by `time.perf_counter`.
    """

    images: int = 0
    tokens: float = 0.0
    waited_s: float = 0.0
    aside_s: float = 0.0
    start: float = field(default_factory=time.perf_counter)

    def figures(self, tokens: float) -> dict[str, float]:
        """Return images and tokens per second, the share of time spent waiting, peak memory.

        `tokens` is the trainer's count of tokens now.
        """
        spent = max(time.perf_counter() - self.start - self.aside_s, 1e-9)
        return {
            "images_per_second": self.images / spent,
            "tokens_per_second": (tokens - self.tokens) / spent,
            "waiting_share": self.waited_s / spent,
            "peak_memory_gib": devices.peak_memory_gib(),
        }


class StagingTrainer(SFTTrainer):
    """An SFTTrainer that measures agreement with the scorer, and how fast it trains.

    `evaluate` computes the probabilities of the stages and generates no text.

    Parameters
    ----------
    model, processor
        A vision-language model and its processor.
    spec : ImageSpec
        How the corpus is drawn.
    sampler : BalancedSampler
        The order of the rows of `train_dataset`.
    neighbours : int
        How many neighbouring epochs each row shows on either side.
    augmentation : Augmentation
        The random changes of the training images.
    cohorts : frozenset of str
        The cohorts that this run and the runs before it learnt from. The terms of these cohorts
        apply to the model when it is pushed.
    **options
        Options of TRL's SFTTrainer. `eval_dataset` holds scored epochs.
    """

    def __init__(
        self,
        model,
        processor,
        spec: ImageSpec,
        sampler: BalancedSampler,
        neighbours: int = 0,
        augmentation: Augmentation = _NO_AUGMENTATION,
        cohorts: frozenset[str] = frozenset(),
        **options,
    ):
        self.cohorts = cohorts  # needed by init_hf_repo, which super().__init__ calls
        ends = frozenset(turn_ends(model, processor))
        model.enable_input_require_grads = partial(_input_gradients, model)
        super().__init__(
            model,
            processing_class=processor,
            data_collator=AnswerCollator(processor, completion_only_loss=True, ends=ends),
            **options,
        )
        self.spec, self.sampler = spec, sampler
        self.neighbours, self.augmentation = neighbours, augmentation
        self.meters = {"run": ThroughputMeter(), "log": ThroughputMeter()}

    def check_first_batch(self) -> None:
        """Raise InputError for rows without an answer before training starts.

        Without this the error would come from a process of the data loader, as a long traceback.
        """
        rows = range(min(len(self.train_dataset), self.args.per_device_train_batch_size))
        self.data_collator([self.train_dataset[row] for row in rows])

    ### Training

    def train(self, *args, **options):
        """Train as Trainer does, and store the figures of the whole run in `throughput`."""
        self.meters = {"run": ThroughputMeter(), "log": ThroughputMeter()}
        try:
            result = super().train(*args, **options)
            self.throughput = self.meters["run"].figures(self._total_train_tokens)
            return result
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not devices.out_of_memory(error):
                raise
            raise InputError(
                f"out of memory on {self.args.device} with batches of "
                f"{self.args.per_device_train_batch_size}; lower per_device_train_batch_size and "
                "raise gradient_accumulation_steps by the same factor, or set "
                "activation_checkpointing: true, or load_in_4bit: true with use_peft: true, or "
                "draw the corpus in fewer pixels"
            ) from error

    def get_train_dataloader(self):
        # TRL accepts only a `Dataset`, so images are augmented between the dataset and the loader.
        rows = self.train_dataset
        self.train_dataset = AugmentedRows(rows, self.spec, self.augmentation, self.args.seed)
        try:
            return super().get_train_dataloader()
        finally:
            self.train_dataset = rows

    def _get_train_sampler(self, train_dataset=None):
        return self.sampler

    def _run_epoch(self, model, epoch, *args, **options):
        # When a run with several processes is resumed, accelerate does not call set_epoch on our
        # sampler, so we set the round here.
        self.sampler.round = epoch
        return super()._run_epoch(model, epoch, *args, **options)

    def get_batch_samples(self, epoch_iterator, num_batches, device):
        return super().get_batch_samples(self._timed(epoch_iterator), num_batches, device)

    def _timed(self, batches: Iterator) -> Iterator:
        """Yield the same batches, and add the waiting time and the images to the meters."""
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
    def _aside(self) -> Iterator[None]:
        """Do not count the time within as training."""
        start = time.perf_counter()
        yield
        for meter in self.meters.values():
            meter.aside_s += time.perf_counter() - start

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            logs |= self.meters["log"].figures(self._total_train_tokens)
            self.meters["log"] = ThroughputMeter(tokens=self._total_train_tokens)
        super().log(logs, start_time)

    ### Measuring

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix="eval"):
        """Measure the agreement with the scorer; each process takes its share of the rows."""
        rows = self.eval_dataset if eval_dataset is None else eval_dataset
        with self._aside():
            self.model.eval()
            model = StagingModel(self.model, self.processing_class, self.spec, self.neighbours)
            # Each process takes equally many rows, a few of them twice: with sharded weights, all
            # processes have to call the model equally often.
            world, rank = self.args.world_size, self.args.process_index
            mine = [(at * world + rank) % len(rows) for at in range(ceil(len(rows) / world))]
            images = (rows[row]["images"] for row in mine)
            size = self.args.per_device_eval_batch_size
            answers = inference.probabilities(model, images, size, lockstep=True)
            p_by_row = dict(gather_object(list(zip(mine, answers, strict=True))))
            p = np.array([p_by_row[row] for row in range(len(rows))])
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
        # A tied weight is stored under only one of its names.
        if lost := sorted(name for name in missing if id(weights.get(name)) not in loaded):
            raise InputError(
                f"the checkpoint lacks {lost[0]} and {len(lost) - 1} other weights of the model; "
                "expected a checkpoint of this run: train from the beginning in another folder",
                parameter="output_dir",
            )

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        # An internal call pushes nothing. The files that belong beside the weights are not written
        # yet.
        super().save_model(output_dir, _internal_call=True)
        # This file is a pickle and holds local paths; `config.yaml` holds the same options.
        (Path(output_dir or self.args.output_dir) / "training_args.bin").unlink(missing_ok=True)

    def init_hf_repo(self, *args, **options) -> None:
        """Create the repository before training, so that a refusal costs no training time."""
        self.hub_model_id, self.push_in_progress = self.args.hub_model_id, None
        if self.is_world_process_zero():
            empty = release.Release(Path(self.args.output_dir), "model", (), (), self.cohorts)
            with hub_errors.as_input_error("push_to_hub", "training has not started"):
                hub = release.HubRepository(empty, self.hub_model_id, self.args.hub_token)
                hub.create(self.args.hub_private_repo is False)

    def end(self) -> None:
        """Leave the group of processes, if there is one. Call this last."""
        if torch.distributed.is_initialized():
            # Without this reference DDP's reducer frees the group while it holds the interpreter's
            # lock. The group's own thread may be waiting for that lock: the process never ends.
            _PROCESS_GROUPS.append(torch.distributed.group.WORLD)
        self.accelerator.end_training()

    def create_model_card(self, *args, **options) -> None:
        """Write no card: TRL's describes a text generator. `model_card` writes the right one."""


def _input_gradients(model) -> None:
    """Let gradients start at the input of the trained parts, as activation checkpointing requires.

    transformers lets them start at the input of every part. A frozen vision tower would then be
    computed twice and differentiated for nothing, and most of SmolVLM's work is in its tower.
    """
    trained = any(weight.requires_grad for weight in model.get_encoder("image").parameters())
    PreTrainedModel.enable_input_require_grads(model if trained else model.get_decoder())


def agreement(p: np.ndarray, stages: np.ndarray) -> dict[str, float]:
    """Return the `MEASURES` of probabilities (n, 5) against the scored stages (n,), as indices."""
    scored = [STAGES[index] for index in stages]
    matrix = figures.confusion(scored, [STAGES[index] for index in p.argmax(axis=1)])
    return {
        **{name: float(figures.FIGURES[name](matrix)) for name in MEASURES if name != "log_loss"},
        "log_loss": figures.log_loss(p, stages),
    }
