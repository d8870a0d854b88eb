"""Compare the stages of adapters with the scores of corpora, on subjects not trained on.

  psgvlm eval --model ADAPTER --dataset CORPUS --out report/
  psgvlm eval --model A --model B --dataset C1 C2 --out report/ \\
      --baselines yasa vision-only --damage white lost=0.3,0.7 --raw RAW
  accelerate launch --multi_gpu --num_processes 2 eval.py --model ADAPTER ...

Writes report.html (one file that opens offline), report.md with its pictures, metrics.json and
predictions.parquet (with damaged.parquet and variants.parquet). A run that is stopped continues
where it was when the same command is given again. Several processes share the nights.
"""

import argparse
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from psgvlm import errors
from psgvlm.evaluation import baseline_names, robustness


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "psgvlm eval", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add(
        "--model",
        required=True,
        action="append",
        help="an adapter: a folder or a Hub id; repeat the option for several",
    )
    add("--dataset", required=True, nargs="+", help="one or more corpora: folders or Hub ids")
    add("--config", help="one configuration of the corpora (default: all for staging)")
    add("--split", default="test", help="the split to stage (default: test)")
    add("--out", type=Path, required=True, help="the folder of the report")
    add("--batch-size", type=int, default=32, help="epochs per batch (default: 32)")
    add("--device", help="a torch device such as cpu or cuda (default: cuda if available)")
    add(
        "--baselines",
        nargs="+",
        default=[],
        choices=baseline_names.NAMES,
        metavar="NAME",
        help="baselines to compare with:\n" + ", ".join(baseline_names.NAMES),
    )
    add(
        "--damage",
        nargs="*",
        metavar="KIND",
        help="also stage nights with damaged signals (needs --raw): kinds of damage, with or\n"
        "without numbers, such as white or lost=0.3,0.7\n"
        f"(without a kind: {' '.join(robustness.DEFAULT_KINDS)})",
    )
    add(
        "--ablate-lanes",
        dest="variants",
        action="append_const",
        const="lanes",
        default=[],
        help="also stage pictures with fewer lanes: EEG, then + EOG, + EMG, + ECG",
    )
    add(
        "--prompts",
        dest="variants",
        action="append_const",
        const="prompts",
        default=[],
        help="also ask the question in four other wordings",
    )
    add("--raw", type=Path, metavar="RAW", help="the folder of the raw recordings")
    add(
        "--calibrate",
        action="store_true",
        help="fit a temperature on the validation split and write it beside each adapter",
    )
    add(
        "--smooth",
        action="store_true",
        help="also smooth each adapter's nights by the train split's changes of stage",
    )
    add(
        "--allow-seen-subjects",
        action="store_true",
        help="do not refuse subjects that an adapter was trained on",
    )
    return parser


def _parse(words: list[str] | None) -> argparse.Namespace:
    """Read the options; refuse those that do not go together."""
    args = _parser().parse_args(words)
    reads_signals = [name for name in args.baselines if name in baseline_names.READ_SIGNALS]
    if args.raw is None and (reads_signals or args.damage is not None):
        option = "--damage" if args.damage is not None else f"--baselines {reads_signals[0]}"
        raise errors.InputError(f"{option} reads signals; give the raw recordings with --raw")
    if args.calibrate and args.split == "validation":
        raise errors.InputError("--calibrate fits on the validation split; stage another --split")
    args.damage = {} if args.damage is None else robustness.parse_damage(args.damage)
    return args


@dataclass
class _Evaluation:
    """What the phases share: the options, the models, the nights, and the results so far."""

    args: argparse.Namespace
    folders: dict[str, str]  # the folder or Hub id of each model, by the model's name
    nights: object  # a function that returns nights: nights(split, neighbours=0, raw=None)
    run: str  # the identity of the run (see report.run_id)
    processes: object = None
    models: dict = field(default_factory=dict)
    answers: object = None
    baselines: list = field(default_factory=list)
    contenders: list = field(default_factory=list)  # models and baselines, for damaged nights
    tables: list = field(default_factory=list)
    varied: list = field(default_factory=list)
    cost: dict = field(default_factory=dict)
    temperatures: dict = field(default_factory=dict)


def main(words: list[str] | None = None) -> int:
    """Evaluate as the options say."""
    evaluation = _open_inputs(_parse(words))
    _load_models(evaluation)
    _stage_with_models(evaluation)
    _stage_with_baselines(evaluation)
    frame, damaged = _stage_damaged(evaluation)
    _end_processes(evaluation)
    if evaluation.answers.is_main:
        _write_report(evaluation, frame, damaged)
    return 0


def _open_inputs(args: argparse.Namespace) -> _Evaluation:
    """Open corpora and recordings; refuse what cannot be compared before anything is staged."""
    from psgvlm.corpus import loading
    from psgvlm.evaluation import contenders, report
    from psgvlm.hub import repo_files
    from psgvlm.models import adapter_files
    from psgvlm.training import run_record

    folders = dict(zip(contenders.model_names(args.model), args.model, strict=True))
    for folder in args.model:
        spec = repo_files.load_image_spec(folder, "model")
        for corpus in args.dataset:
            adapter_files.check_same_images(folder, spec, corpus)
    corpora = [loading.open_corpus(name, args.config) for name in args.dataset]
    nights = cache(partial(_nights, corpora))
    subjects = {(night.rows["cohort"][0], night.rows["subject"][0]) for night in nights(args.split)}
    if not args.allow_seen_subjects:
        for folder in args.model:
            run_record.check_unseen(folder, subjects)
    if args.raw:
        nights(args.split, raw=args.raw)  # refuse a missing recording before staging anything
    run = report.run_id(args.model, args.dataset, args.config, args.split)
    report.check_same_run(args.out, run)
    return _Evaluation(args, folders, nights, run)


def _nights(corpora: list, split: str, neighbours: int = 0, raw: Path | None = None) -> list:
    """Return the nights of a split of all corpora, with recordings open if `raw` is given."""
    from psgvlm.evaluation import contenders, corpus_nights

    nights = []
    for corpus in corpora:
        rows = corpus.split(split, neighbours)
        if raw:
            nights += corpus_nights.with_signals(rows, corpus.name, raw)
        else:
            nights += corpus_nights.nights_of_split(rows, corpus.spec)
    contenders.check_recordings_once(nights)
    return nights


def _load_models(evaluation: _Evaluation) -> None:
    """Join the other processes, load the models and make the baselines."""
    from psgvlm.evaluation import contenders
    from psgvlm.evaluation.answers import AnswerStore
    from psgvlm.models import devices, vlm

    args = evaluation.args
    processes = evaluation.processes = devices.processes(args.device)
    device = args.device if processes.num_processes == 1 else str(processes.device)
    for name, folder in evaluation.folders.items():
        evaluation.models[name] = vlm.load(folder, device)
    evaluation.baselines = contenders.make_baselines(args.baselines, evaluation.models)
    evaluation.answers = AnswerStore(args.out, evaluation.run, processes)


def _stage_with_models(evaluation: _Evaluation) -> None:
    """Stage the nights with each model, also varied, calibrated and smoothed if asked."""
    from psgvlm.evaluation import contenders, variants
    from psgvlm.models import inference
    from psgvlm.training import run_record

    args, answers = evaluation.args, evaluation.answers
    for name, model in evaluation.models.items():
        contender = contenders.ModelContender(name, model, args.batch_size)
        nights = evaluation.nights(args.split, model.neighbours)
        frame, cost = contenders.stage_nights(contender, nights, answers=answers)
        cost["image_tokens"] = inference.image_tokens(model, nights[0].rows[0]["images"])
        evaluation.cost[name] = cost
        evaluation.tables.append(frame)
        evaluation.contenders.append(contender)
        if args.variants:
            varied = variants.stage_variants(contender, nights, args.variants, frame, answers)
            evaluation.varied.append(varied)
        if args.calibrate:
            _calibrate(evaluation, contender)
        if args.smooth:
            balance = run_record.read(evaluation.folders[name]).get("balance", "none")
            train = evaluation.nights("train")
            evaluation.tables.append(contenders.smoothed(frame, train, balance))


def _calibrate(evaluation: _Evaluation, contender) -> None:
    """Fit a model's temperature on the validation split and write it beside the adapter."""
    from psgvlm.evaluation import contenders, predictions
    from psgvlm.models import calibration

    name = contender.name
    nights = evaluation.nights("validation", contender.model.neighbours)
    question = f"{name}, validation"
    frame, _ = contenders.stage_nights(contender, nights, question, evaluation.answers)
    p, scored = predictions.probabilities(frame), predictions.scored(frame)
    temperature = evaluation.temperatures[name] = calibration.fit_temperature(p, scored)
    if evaluation.answers.is_main and Path(evaluation.folders[name]).is_dir():
        calibration.save(evaluation.folders[name], temperature, p, scored)


def _stage_with_baselines(evaluation: _Evaluation) -> None:
    """Stage the same nights with each baseline; it is fitted when its first answer is needed."""
    from psgvlm.evaluation import contenders

    args = evaluation.args
    nights = evaluation.nights(args.split, raw=args.raw)
    for baseline in evaluation.baselines:
        raw = args.raw if baseline.name in baseline_names.NETWORKS else None
        lazy = contenders.LazyBaseline(baseline, partial(evaluation.nights, raw=raw))
        frame, cost = contenders.stage_nights(lazy, nights, answers=evaluation.answers)
        evaluation.cost[baseline.name] = cost
        evaluation.tables.append(frame)
        evaluation.contenders.append(lazy)


def _stage_damaged(evaluation: _Evaluation) -> tuple:
    """Return the predictions of the undamaged nights and, if asked, of the damaged nights."""
    from psgvlm.evaluation import contenders

    args = evaluation.args
    frame = contenders.concatenate(evaluation.tables)
    if not args.damage:
        return frame, None
    nights = evaluation.nights(args.split, raw=args.raw)
    return frame, robustness.stage_damaged(
        evaluation.contenders, nights, args.damage, frame, evaluation.answers
    )


def _end_processes(evaluation: _Evaluation) -> None:
    """Wait until every process has answered for its nights, and part from the others."""
    evaluation.processes.wait_for_everyone()
    evaluation.processes.destroy_process_group()


def _write_report(evaluation: _Evaluation, frame, damaged) -> None:
    """Write the report, remove the answers kept meanwhile, and print the first model's figures."""
    from psgvlm.evaluation import contenders, report

    out = evaluation.args.out
    varied = contenders.concatenate(evaluation.varied) if evaluation.varied else None
    measured = report.write(out, frame, _about(evaluation, frame), damaged, varied)
    evaluation.answers.remove()
    pooled = measured["pooled"]
    print(
        f"kappa {pooled['kappa']:.3f}, macro-F1 {pooled['macro_f1']:.3f}, accuracy "
        f"{pooled['accuracy']:.3f} over {pooled['epochs']} epochs; {out / 'report.md'}"
    )


def _about(evaluation: _Evaluation, frame) -> dict:
    """Return what a report says beside the figures: models, corpora, device, cost, training."""
    from psgvlm.evaluation import lineage
    from psgvlm.models import adapter_files, devices
    from psgvlm.training import run_record

    args, folders = evaluation.args, evaluation.folders
    first = next(iter(evaluation.models.values()))
    recorded = all("subjects" in run_record.read(folder) for folder in args.model)
    fitted_on: set[str] = set()
    if evaluation.baselines:
        fitted_on = {night.rows["cohort"][0] for night in evaluation.nights("train")}
    return {
        "models": list(folders),
        "split": args.split,
        "image_spec": first.spec.name,
        "run": evaluation.run,
        "datasets": [run_record.public_name(corpus) for corpus in args.dataset],
        "fingerprints": {
            name: adapter_files.model_fingerprint(folder) for name, folder in folders.items()
        },
        "unseen": recorded and not args.allow_seen_subjects,
        "device": devices.name(first.model.device),
        "processes": evaluation.processes.num_processes,
        "cost": evaluation.cost,
        "temperatures": evaluation.temperatures,
        **lineage.describe(frame["model"].unique(), folders, fitted_on),
    }
