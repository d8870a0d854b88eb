"""The options of a training run, from a recipe and the command line: TRL's and this project's."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from psgvlm.errors import InputError
from psgvlm.image_spec import FILE_NAME
from psgvlm.images.augment import Augmentation
from psgvlm.training import sampling, trained_parts

MEASURES = ("kappa", "macro_f1", "accuracy", "balanced_accuracy", "log_loss")


@dataclass
class StagingArguments:
    """The options that this project adds to those of TRL."""

    from_scratch: bool = field(
        default=False, metadata={"help": "train the tiny model from random weights"}
    )
    tune: str = field(
        default="all",
        metadata={"help": "the parts to train: all, or some of language,connector,vision"},
    )
    balance: str = field(
        default="none",
        metadata={
            "help": "how often each stage is drawn: as often as it occurs (none), equally often "
            "(uniform), or by the square root of its count (sqrt)"
        },
    )
    augment: str = field(
        default="",
        metadata={
            "help": "random changes of the training images, such as "
            "gain=1.5,lane_dropout=0.1,shift_s=1,noise=5,colour=0.1; empty changes nothing"
        },
    )
    neighbours: int = field(
        default=0, metadata={"help": "how many neighbouring epochs to show on either side"}
    )
    eval_subjects: int = field(
        default=8,
        metadata={"help": "how many validation subjects to measure during training; 0 takes all"},
    )
    eval_epochs: int = field(
        default=1000,
        metadata={"help": "how many of their epochs to use, evenly spaced; 0 takes all"},
    )
    early_stopping_patience: int | None = field(
        default=None,
        metadata={"help": "stop after this many evaluations without improvement"},
    )
    i_am_allowed: list[str] = field(
        default_factory=list,
        metadata={"help": "statements that permit pushing the model: MASS, NSRR, CONSENT"},
    )
    merge: bool = field(
        default=False,
        metadata={"help": "also write base model and adapter as one model into OUTPUT/merged"},
    )


class TrainingOptions(NamedTuple):
    """All options of a run: TRL's ScriptArguments, SFTConfig and ModelConfig, and this project's.

    The first three are `Any`, because their types are TRL's, which is slow to import.
    """

    script: Any
    config: Any
    model: Any
    staging: StagingArguments


# TRL's options that most runs set. They are listed by --help; --help_all lists the others, too.
_USUAL = {
    "config": "the recipe: a YAML file of options; options on the command line override it",
    "dataset_name": "the corpus: a folder that psgvlm build wrote, or a Hub id",
    "dataset_config": "one configuration of the corpus; default: all for staging",
    "model_name_or_path": "the base model: a folder or a Hub id",
    "output_dir": "the folder for checkpoints and the trained model",
    "use_peft": "train a LoRA adapter (true), or the weights themselves; default: false",
    "resume_from_checkpoint": "a checkpoint to go on from; true takes the last one",
}


def quick_parser() -> argparse.ArgumentParser:
    """Return a parser of the usual options that does not need TRL, for --help and early checks."""
    parser = argparse.ArgumentParser(
        prog="psgvlm train",
        usage="psgvlm train --config RECIPE --dataset_name CORPUS [OPTION VALUE ...]",
        description="Fine-tune a vision-language model on a corpus.",
        epilog="Every option of TRL's ScriptArguments, SFTConfig and ModelConfig can be given, on "
        "the command line or in the recipe; --help_all lists them. On several GPUs: "
        "accelerate launch train_sft.py with the same options.",
    )
    parser.add_argument("--help_all", action="store_true", help="list every option of TRL, too")
    usual = parser.add_argument_group("usual options")
    for name, text in _USUAL.items():
        usual.add_argument(f"--{name}", metavar="X", help=text)
    own = parser.add_argument_group("options of psgvlm")
    for option in fields(StagingArguments):
        help_text = option.metadata["help"]
        if option.default not in ("", None, MISSING):
            help_text += f"; default: {str(option.default).lower()}"
        values = {"nargs": "*"} if option.type == list[str] else {"nargs": "?", "const": "true"}
        own.add_argument(f"--{option.name}", metavar="X", help=help_text, **values)
    return parser


def check_early(words: list[str] | None = None) -> None:
    """Refuse wrong options and paths that can be recognised before torch and TRL are imported.

    `words` is the command line, by default that of the process. Raise InputError.
    """
    words = [_with_underscores(word) for word in (sys.argv[1:] if words is None else words)]
    given, _ = quick_parser().parse_known_args(words)
    values = _read_recipe(given.config) | {k: v for k, v in vars(given).items() if v is not None}
    if values.get("help_all"):
        return
    corpus = values.get("dataset_name")
    if not corpus:
        raise InputError(
            "no corpus given; expected a folder that psgvlm build wrote, or a Hub id",
            parameter="dataset_name",
        )
    if Path(corpus).is_dir() and not (spec := Path(corpus) / FILE_NAME).is_file():
        raise InputError(f"{spec}: no such file; expected a corpus that psgvlm build wrote")
    trained_parts.chosen_parts(str(values.get("tune", "all")))
    sampling.check_balance(str(values.get("balance", "none")))
    Augmentation.parse(str(values.get("augment") or ""))


def _with_underscores(word: str) -> str:
    """Write the name of an option as TRL does: `--use-peft` is the same as `--use_peft`."""
    name, equals, value = word.partition("=")
    if not name.startswith("--"):
        return word
    return f"--{name[2:].replace('-', '_')}{equals}{value}"


def _read_recipe(path: str | None) -> dict:
    """Return the options of a recipe; none if there is no recipe."""
    import yaml

    if path is None:
        return {}
    with as_input_error():
        recipe = yaml.safe_load(Path(path).read_text("utf-8"))
    if not isinstance(recipe, dict):
        raise InputError(f"recipe or options: {path} holds no options; expected NAME: VALUE lines")
    return recipe


def parse(words: list[str] | None = None) -> TrainingOptions:
    """Read and check the options of a run.

    Parameters
    ----------
    words : list of str, optional
        The command line without the program's name; by default, that of the process.

    Raises
    ------
    InputError
        If an option is unknown, or would train something else than what was asked for.
    """
    from trl import ModelConfig, ScriptArguments, SFTConfig, TrlParser

    parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig, StagingArguments))
    parser.error = _raise  # argparse would print the usage, which is hundreds of lines, and exit
    # TRL's default max_length cuts rows off after 1024 tokens. The test split must not be used to
    # choose a model, so training measures itself on the validation split.
    parser.set_defaults(max_length=None, dataset_test_split="validation", report_to="none")
    # The terms of some cohorts forbid public models. A model is pushed once, when it is complete.
    parser.set_defaults(hub_private_repo=True, hub_strategy="end")
    words = sys.argv[1:] if words is None else words
    words = ["--help" if _with_underscores(word) == "--help_all" else word for word in words]
    with as_input_error():
        parsed = parser.parse_args_and_config(words, fail_with_unknown_args=True)
    options = TrainingOptions(*parsed)
    _check_length(options.config)
    if options.staging.neighbours:
        options.config.remove_unused_columns = False  # neighbours are found by these columns
    if (options.model.load_in_4bit or options.model.load_in_8bit) and not options.model.use_peft:
        raise InputError("a quantized base model cannot be trained itself; expected use_peft: true")
    _check_evaluation(options.config, options.staging)
    _check_push(options.config)
    return options


@contextmanager
def as_input_error() -> Iterator[None]:
    """Turn what argparse, TRL and PEFT raise about options into an InputError."""
    import yaml

    try:
        yield
    except InputError:
        raise
    except (ValueError, OSError, ImportError, yaml.YAMLError) as error:
        raise InputError(f"recipe or options: {error}; see psgvlm train --help") from error


def _raise(message: str) -> None:
    raise ValueError(message)


def _check_length(config) -> None:
    if config.max_length is not None:
        raise InputError(
            f"max_length: {config.max_length} would cut off the end of each row, which is the "
            "answer; expected no max_length. To spend fewer tokens on an image, draw the corpus in "
            "fewer pixels"
        )


def _check_evaluation(config, staging: StagingArguments) -> None:
    """Check the options that choose the best checkpoint; choose by kappa unless one is named."""
    if staging.early_stopping_patience and not config.load_best_model_at_end:
        raise InputError("early_stopping_patience needs load_best_model_at_end: true")
    if not config.load_best_model_at_end:
        return
    # transformers fills in "loss", which is not measured here.
    if config.metric_for_best_model in (None, "loss"):
        config.metric_for_best_model = "kappa"
    if (name := config.metric_for_best_model.removeprefix("eval_")) not in MEASURES:
        raise InputError(f"metric_for_best_model: {name}: expected one of {', '.join(MEASURES)}")
    config.greater_is_better = name != "log_loss"


def _check_push(config) -> None:
    """Refuse to let transformers push by itself, which would include checkpoints and pickles."""
    if not config.push_to_hub:
        return
    if not config.hub_model_id:
        raise InputError("push_to_hub needs a repository; expected hub_model_id: ORG/NAME")
    if config.hub_strategy != "end":
        raise InputError(
            f"hub_strategy: {config.hub_strategy.value} would push an incomplete model; expected "
            "no hub_strategy, because a model is pushed once, when it is complete"
        )


def checkpoint(config) -> str | None:
    """Return the checkpoint to go on from; None starts from the beginning.

    The option `resume_from_checkpoint` gives its path, or `true` for the last complete one.
    """
    from psgvlm.training.saving import last_checkpoint

    wanted = str(config.resume_from_checkpoint)
    if wanted.lower() in ("none", "false"):
        return None
    if wanted.lower() != "true":
        if not (Path(wanted) / "trainer_state.json").is_file():
            raise InputError(
                f"{wanted}: not a complete checkpoint; expected OUTPUT/checkpoint-N, or true"
            )
        return wanted
    last = last_checkpoint(config.output_dir)
    print(f"going on from {last}" if last else "no checkpoint yet: starting from the beginning")
    return last and str(last)
