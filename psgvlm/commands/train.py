"""`psgvlm train`: fine-tune a vision-language model on a corpus, with TRL's SFTTrainer.

Every option of TRL's ScriptArguments, SFTConfig and ModelConfig can be given, on the command line
or in a recipe. `use_peft: true` trains a LoRA adapter; otherwise the weights themselves are
trained. The output folder receives the model, its processor, the corpus' `image_spec.json`, a card,
and the record of the run: `training.json` and `config.yaml`.
"""

from typing import Any, NamedTuple

from psgvlm.errors import InputError
from psgvlm.training import options
from psgvlm.training.options import TrainingOptions


class Data(NamedTuple):
    """The rows to train and to measure on, and what the run's record says about them.

    `rows` and `held_out` are datasets (`held_out` is None if nothing is measured), `sampler` is the
    order of `rows`, `cohorts` are those that this run and the runs before it learnt from, and
    `base_record` is the `training.json` of the base model.
    """

    spec: Any
    rows: Any
    sampler: Any
    held_out: Any
    digests: dict[str, str]
    subjects: list[str]
    cohorts: frozenset[str]
    base_record: dict


def main(words: list[str] | None = None) -> int:
    """Train as the command line `words` says; return the exit status."""
    options.check_early(words)
    given = options.parse(words)
    data = open_data(given)
    model, processor = load_model(given, data.spec)
    trainer = make_trainer(given, data, model, processor)
    trainer.train(resume_from_checkpoint=options.checkpoint(given.config))
    save(given, data, trainer)
    if given.config.push_to_hub and trainer.accelerator.is_main_process:
        push(given, data)
    trainer.end()
    return 0


def open_data(given: TrainingOptions) -> Data:
    """Open the corpus, and check that its terms allow to push the model if that was asked for."""
    from psgvlm.corpus import loading
    from psgvlm.hub import permission
    from psgvlm.training import run_record
    from psgvlm.training.sampling import BalancedSampler

    script, config, model, staging = given
    try:
        corpus = loading.open_corpus(script.dataset_name, script.dataset_config)
    except InputError as error:
        if error.parameter == "config":  # here --config is the recipe
            error.parameter = "dataset_config"
        raise
    rows = corpus.split(script.dataset_train_split, staging.neighbours)
    sampler = BalancedSampler(rows["stage"], staging.balance, config.seed)
    base_record = {} if staging.from_scratch else run_record.read_base(model.model_name_or_path)
    earlier = run_record.trained_cohorts(base_record) or ()
    cohorts = frozenset(rows.unique("cohort")).union(earlier)
    if config.push_to_hub:
        public = config.hub_private_repo is False
        permission.check("push_to_hub", cohorts, public, staging.i_am_allowed)
    held_out = None
    if config.eval_strategy != "no":
        unseen = corpus.split(script.dataset_test_split, staging.neighbours)
        held_out = loading.validation_sample(
            unseen, staging.eval_subjects, staging.eval_epochs, config.seed
        )
    return Data(
        corpus.spec,
        rows,
        sampler,
        held_out,
        run_record.corpus_digests(script.dataset_name),
        run_record.subject_hashes(rows),
        cohorts,
        base_record,
    )


def load_model(given: TrainingOptions, spec) -> tuple:
    """Load the base model and its processor, or make the tiny model from random weights."""
    from trl import get_quantization_config

    from psgvlm.models import inference, tiny, vlm

    if given.staging.from_scratch:
        model, processor = tiny.build_tiny(spec, given.config.seed)
    else:
        model, processor = vlm.load_base(
            given.model.model_name_or_path,
            given.model.model_revision,
            dtype=given.model.dtype,
            attn_implementation=given.model.attn_implementation,
            quantization_config=get_quantization_config(given.model),
        )
    inference.answer_tokens(processor, spec.prompt)  # raises if it cannot tell answers apart
    return model, processor


def make_trainer(given: TrainingOptions, data: Data, model, processor):
    """Make the trainer of the chosen parts, and check its first batch."""
    from transformers import EarlyStoppingCallback
    from trl import get_peft_config

    from psgvlm.images.augment import Augmentation
    from psgvlm.training.trained_parts import ModelParts, chosen_parts, summary
    from psgvlm.training.trainer import StagingTrainer

    staging = given.staging
    chosen = chosen_parts(staging.tune)
    parts = ModelParts(model)
    adapter = get_peft_config(given.model)
    if adapter is None:
        parts.freeze_all_but(chosen)
    elif adapter.target_modules is None:
        adapter.target_modules = parts.linear_layers(chosen)
    patience = staging.early_stopping_patience
    with options.as_input_error():
        trainer = StagingTrainer(
            model,
            processor,
            data.spec,
            data.sampler,
            staging.neighbours,
            Augmentation.parse(staging.augment),
            data.cohorts,
            args=given.config,
            train_dataset=data.rows,
            eval_dataset=data.held_out,
            peft_config=adapter,
            callbacks=[EarlyStoppingCallback(patience)] if patience else None,
        )
    parts = ModelParts(trainer.model)
    parts.check_frozen(chosen)
    trainer.accelerator.print(summary(parts.counts()))
    trainer.check_first_batch()
    return trainer


def save(given: TrainingOptions, data: Data, trainer) -> None:
    """Write the model and every file that belongs beside it."""
    from psgvlm import model_card
    from psgvlm.models import adapter_files, vlm
    from psgvlm.training import run_record
    from psgvlm.training.saving import saving

    folder = given.config.output_dir
    with saving(folder):
        trainer.save_model(folder)
        if not trainer.accelerator.is_main_process:
            return
        data.spec.save(folder)
        adapter_files.save_neighbours(folder, given.staging.neighbours)
        run_record.write(trainer, given, data.digests, data.subjects, data.base_record)
        run_record.write_options(folder, *given)
        model_card.write(folder)
        if given.staging.merge and given.model.use_peft:
            model_card.write(vlm.write_merged(folder, given.model.dtype))


def push(given: TrainingOptions, data: Data) -> None:
    """Push the complete model to the Hub."""
    from psgvlm.hub import release
    from psgvlm.model_card import push as card_push

    folder, name = given.config.output_dir, given.config.hub_model_id
    release.push(
        card_push.prepare(folder, data.cohorts),
        name,
        given.config.hub_private_repo is False,
        given.staging.i_am_allowed,
        token=given.config.hub_token,
        so_far=f"the model is saved, to push it again: psgvlm push {folder} {name}",
    )
