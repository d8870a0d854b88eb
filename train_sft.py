"""Fine-tune a vision-language model on a corpus of epochs, with TRL's SFTTrainer.

    accelerate launch train_sft.py --config recipes/tiny.yaml --dataset_name CORPUS

Every option of TRL's ScriptArguments, SFTConfig and ModelConfig is one here too, on the command
line or in the recipe. With `--from_scratch true` the tiny model is made anew instead of loading
`--model_name_or_path`. Beside the adapter stand the processor and the corpus' `image_spec.json`.
"""

from dataclasses import dataclass, field

from psgvlm import errors


@dataclass
class StagingArguments:
    """What this project adds to TRL's options."""

    from_scratch: bool = field(
        default=False, metadata={"help": "train the tiny model from random weights"}
    )
    balance: str = field(
        default="none",
        metadata={
            "help": "draw training epochs so that stages come as in the corpus (none), "
            "by the square root of their counts (sqrt), or equally often (uniform)"
        },
    )


def main() -> int:
    import yaml
    from trl import (
        ModelConfig,
        ScriptArguments,
        SFTConfig,
        SFTTrainer,
        TrlParser,
        get_peft_config,
        get_quantization_config,
    )

    import model_card
    from psgvlm import scoring, training, vlm
    from psgvlm.errors import InputError

    parser = TrlParser((ScriptArguments, SFTConfig, ModelConfig, StagingArguments))
    try:
        script, config, model_config, staging = parser.parse_args_and_config(
            fail_with_unknown_args=True
        )
    except (ValueError, OSError, yaml.YAMLError) as error:
        raise InputError(f"recipe or options: {error}; see python train_sft.py --help") from error
    if not script.dataset_name:
        raise InputError("no corpus given; expected --dataset_name CORPUS, a folder or a Hub id")

    ### Corpus
    spec = vlm.load_spec(script.dataset_name, "dataset")
    corpus = training.load_split(
        script.dataset_name, script.dataset_train_split, script.dataset_config
    )
    corpus = training.balanced(corpus, staging.balance, config.seed)

    ### Model
    if staging.from_scratch:
        model, processor = vlm.build_tiny(spec, config.seed)
    else:
        model, processor = training.load_base(model_config, get_quantization_config(model_config))
    scoring.answer_tokens(processor, spec.prompt)  # refuses answers that cannot be told apart

    ### Train
    config.max_length = None  # shorter ones would cut the answer away, and the loss would be 0
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=corpus,
        processing_class=processor,
        peft_config=get_peft_config(model_config),
    )
    trainer.train(resume_from_checkpoint=config.resume_from_checkpoint)

    ### Save
    trainer.save_model(config.output_dir)
    if trainer.accelerator.is_main_process:
        spec.save(config.output_dir)
        training.write_report(trainer, spec, script, staging)
        model_card.write(config.output_dir)
    return 0


if __name__ == "__main__":
    errors.run(main)
