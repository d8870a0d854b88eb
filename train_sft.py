"""Fine-tune a vision-language model on a corpus of epochs, with TRL's SFTTrainer.

    accelerate launch train_sft.py --config recipes/tiny.yaml --dataset_name CORPUS

Every option of TRL's ScriptArguments, SFTConfig and ModelConfig is one here too, on the command
line or in the recipe; LoRA is `--use_peft true`, and without it the weights themselves are trained.
Beside the model stand its processor, the corpus' `image_spec.json`, a card, and what the run was:
`training.json`, `config.yaml`.
"""

from dataclasses import dataclass, field

from psgvlm import errors


@dataclass
class StagingArguments:
    """What this project adds to TRL's options."""

    from_scratch: bool = field(
        default=False, metadata={"help": "train the tiny model from random weights"}
    )
    tune: str = field(
        default="all",
        metadata={"help": "what is trained: all, or some of language, connector, vision (a,b)"},
    )
    balance: str = field(
        default="none",
        metadata={"help": "draw stages as they come (none), equally often (uniform), or by sqrt"},
    )
    augment: str = field(
        default="",
        metadata={"help": "vary pictures: gain=1.5,lane_dropout=0.1,shift_s=1,noise=5,colour=0.1"},
    )
    neighbours: int = field(
        default=0, metadata={"help": "neighbouring epochs shown on each side of the epoch"}
    )
    eval_subjects: int = field(
        default=8, metadata={"help": "validation subjects to measure by while training; 0: all"}
    )
    eval_epochs: int = field(
        default=1000, metadata={"help": "epochs of theirs, at even steps; 0: all"}
    )
    early_stopping_patience: int | None = field(
        default=None, metadata={"help": "stop after so many evaluations without a better one"}
    )
    i_am_allowed: list[str] = field(
        default_factory=list,
        metadata={"help": "agreements that allow to push what was learnt: MASS, NSRR, CONSENT"},
    )
    merge: bool = field(
        default=False, metadata={"help": "write base model and adapter as one into OUTPUT/merged"}
    )


def main(words: list[str] | None = None) -> int:
    from psgvlm.training import options

    script, config, model_config, staging = options.parse(StagingArguments, words)

    from psgvlm.model_card import push
    from transformers import EarlyStoppingCallback
    from trl import get_peft_config, get_quantization_config

    from psgvlm import model_card
    from psgvlm.corpus import loading
    from psgvlm.hub import permission, release
    from psgvlm.images.augment import Augmentation
    from psgvlm.models import adapter_files, inference, tiny, vlm
    from psgvlm.training import run_record, trained_parts
    from psgvlm.training.sampling import Draws
    from psgvlm.training.saving import saving
    from psgvlm.training.trainer import StagingTrainer

    ### Corpus
    opened = loading.open_corpus(script.dataset_name, script.dataset_config)
    spec = opened.spec
    digests = run_record.corpus_digests(script.dataset_name)
    corpus = opened.split(script.dataset_train_split, staging.neighbours)
    order = Draws(corpus["stage"], staging.balance, config.seed)
    subjects = run_record.subject_hashes(corpus)
    before = {}
    if not staging.from_scratch:
        before = run_record.read_base(model_config.model_name_or_path)
    cohorts = frozenset(corpus.unique("cohort")) | {*(run_record.cohorts(before) or ())}
    public, allowed = config.hub_private_repo is False, staging.i_am_allowed
    if config.push_to_hub:
        permission.check("push_to_hub", cohorts, public, allowed)
    held_out = None
    if config.eval_strategy != "no":
        unseen = opened.split(script.dataset_test_split, staging.neighbours)
        held_out = loading.validation_sample(
            unseen, staging.eval_subjects, staging.eval_epochs, config.seed
        )

    ### Model
    if staging.from_scratch:
        model, processor = tiny.build_tiny(spec, config.seed)
    else:
        model, processor = vlm.load_base(
            model_config.model_name_or_path,
            model_config.model_revision,
            dtype=model_config.dtype,
            attn_implementation=model_config.attn_implementation,
            quantization_config=get_quantization_config(model_config),
        )
    inference.answer_tokens(processor, spec.prompt)  # refuses answers that cannot be told apart
    chosen = trained_parts.chosen_parts(staging.tune)
    anatomy = trained_parts.Anatomy(model)
    adapter = get_peft_config(model_config)
    if adapter is None:
        anatomy.freeze_all_but(chosen)
    elif adapter.target_modules is None:
        adapter.target_modules = anatomy.linear_layers(chosen)

    ### Train
    stopping = staging.early_stopping_patience
    with options.told():
        trainer = StagingTrainer(
            model,
            processor,
            spec,
            order,
            staging.neighbours,
            Augmentation.parse(staging.augment),
            cohorts,
            args=config,
            train_dataset=corpus,
            eval_dataset=held_out,
            peft_config=adapter,
            callbacks=[EarlyStoppingCallback(stopping)] if stopping else None,
        )
    anatomy = trained_parts.Anatomy(trainer.model)
    anatomy.check_frozen(chosen)
    parts = anatomy.counts()
    trainer.accelerator.print(trained_parts.summary(parts))
    trainer.check_first_batch()
    trainer.train(resume_from_checkpoint=options.checkpoint(config))

    ### Save
    with saving(config.output_dir):
        trainer.save_model(config.output_dir)
        if trainer.accelerator.is_main_process:
            spec.save(config.output_dir)
            adapter_files.save_neighbours(config.output_dir, staging.neighbours)
            run_record.write(
                trainer, script, model_config, staging, parts, digests, subjects, before
            )
            run_record.write_options(config.output_dir, script, config, model_config, staging)
            model_card.write(config.output_dir)
            if staging.merge and adapter is not None:
                model_card.write(vlm.write_merged(config.output_dir, model_config.dtype))
    if config.push_to_hub and trainer.accelerator.is_main_process:
        out, name = config.output_dir, config.hub_model_id
        whole = push.prepare(out, cohorts)
        so_far = f"nothing is lost: python -m model_card push {out} {name}"
        release.push(whole, name, public, allowed, token=config.hub_token, so_far=so_far)
    trainer.end()
    return 0


if __name__ == "__main__":
    errors.run(main)
