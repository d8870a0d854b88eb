"""The options of a training run, from a recipe and the command line: TRL's and this project's."""

from contextlib import contextmanager
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.images.augment import Augmentation


def parse(own: type, words: list[str] | None = None) -> tuple:
    """TRL's ScriptArguments, SFTConfig and ModelConfig and the dataclass `own`, checked.

    Raises `InputError` for what is unknown, or would train something else than what was asked for.
    """
    from trl import ModelConfig, ScriptArguments, SFTConfig, TrlParser

    parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig, own))
    parser.error = _refuse  # argparse would print the usage, hundreds of lines, and exit
    # TRL's default cuts rows off after 1024 tokens; and what is tested on must not be chosen by.
    parser.set_defaults(max_length=None, dataset_test_split="validation", report_to="none")
    # Some corpora may be shown to nobody else; and a model is pushed whole, at the end, or not.
    parser.set_defaults(hub_private_repo=True, hub_strategy="end")
    with told():
        script, config, model, staging = parser.parse_args_and_config(
            words, fail_with_unknown_args=True
        )
    if not script.dataset_name:
        raise InputError("no corpus given; expected --dataset_name CORPUS, a folder or a Hub id")
    if config.max_length is not None:
        raise InputError(
            f"max_length: {config.max_length} would cut rows off, the answer first, and the loss "
            "would be that of nothing; expected no max_length: to spend fewer tokens on an image, "
            "draw the corpus smaller"
        )
    Augmentation.parse(staging.augment)  # refused here, before anything is loaded
    if staging.neighbours:
        config.remove_unused_columns = False  # by them an epoch's neighbours are found
    if (model.load_in_4bit or model.load_in_8bit) and not model.use_peft:
        raise InputError("a quantized base model cannot be trained itself; expected use_peft: true")
    _check_evaluation(config, staging)
    _check_push(config)
    return script, config, model, staging


@contextmanager
def told():
    """What argparse, TRL and PEFT have to say of the options, as one line."""
    import yaml

    try:
        yield
    except (ValueError, OSError, ImportError, yaml.YAMLError) as error:
        raise InputError(f"recipe or options: {error}; see python train_sft.py --help") from error


def _refuse(message: str) -> None:
    raise ValueError(message)


def _check_evaluation(config, staging) -> None:
    """Keep the best model by kappa, where nothing else was said."""
    from psgvlm.training.trainer import MEASURES

    if staging.early_stopping_patience and not config.load_best_model_at_end:
        raise InputError("early_stopping_patience needs load_best_model_at_end: true")
    if not config.load_best_model_at_end:
        return
    # "loss" is what transformers fills in; it is not measured here.
    if config.metric_for_best_model in (None, "loss"):
        config.metric_for_best_model = "kappa"
    if (name := config.metric_for_best_model.removeprefix("eval_")) not in MEASURES:
        raise InputError(f"metric_for_best_model: {name}: expected one of {', '.join(MEASURES)}")
    config.greater_is_better = name != "nll"


def _check_push(config) -> None:
    """Refuse what transformers would push by itself, checkpoints and their pickles among it."""
    if not config.push_to_hub:
        return
    if not config.hub_model_id:
        raise InputError("push_to_hub: where to is not said; expected hub_model_id: ORG/NAME")
    if config.hub_strategy != "end":
        raise InputError(
            f"hub_strategy: {config.hub_strategy.value} would push what is not finished; expected "
            "none: a model is pushed whole, at the end"
        )


def checkpoint(config) -> str | None:
    """Where to go on from: the path that was given, or with `true` the last whole checkpoint.

    `None`, a start from the beginning, where there is none yet.
    """
    from psgvlm.training.saving import last_checkpoint

    wanted = str(config.resume_from_checkpoint)
    if wanted.lower() in ("none", "false"):
        return None
    if wanted.lower() != "true":
        if not (Path(wanted) / "trainer_state.json").is_file():
            raise InputError(
                f"{wanted}: no whole checkpoint; expected OUTPUT/checkpoint-N, or true"
            )
        return wanted
    found = last_checkpoint(config.output_dir)
    print(f"going on from {found}" if found else "no checkpoint yet: starting from the beginning")
    return found and str(found)
