"""Measure adapters against the scorers of corpora, on subjects they were not trained on.

    python eval.py --model ADAPTER --dataset CORPUS --out report/
    python eval.py --model A --model B --dataset C1 C2 --out report/ \\
        --baselines yasa vision-only --damage white lost=0.3,0.7 --raw RAW
    accelerate launch --multi_gpu --num_processes 2 eval.py --model ADAPTER ...

Writes metrics.json, predictions.parquet (damaged.parquet, variants.parquet), report.md with its
pictures, and report.html, the same in one file. Stopped, it goes on where it was; several processes
share the nights.
"""

import argparse
from functools import partial
from pathlib import Path

from psgvlm import errors


def options(words: list[str] | None) -> argparse.Namespace:
    from psgvlm.evaluation import baselines, robustness, smoothing

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--model", required=True, action="append", help="adapter, a folder or a Hub id; repeat it")
    add("--dataset", required=True, nargs="+", help="corpora: folders or Hub ids")
    add("--config", help="one configuration of the corpora; default: all")
    add("--split", default="test")
    add("--out", type=Path, required=True, help="folder for the report")
    add("--batch-size", type=int, default=32)
    add("--device", help="cpu, cuda ...; default: cuda where there is one")
    add("--baselines", nargs="+", default=[], choices=baselines.NAMES, metavar="NAME",
        help=", ".join(baselines.NAMES))  # fmt: skip
    add("--damage", nargs="*", metavar="KIND", help="damage the raw signals, as in white or "
        "lost=0.3,0.7;\ndefault: " + " ".join(robustness.USUAL))  # fmt: skip
    add("--ablate-lanes", dest="variants", action="append_const", const="lanes", default=[],
        help="also shown fewer lanes: EEG, + EOG, + EMG, + ECG")  # fmt: skip
    add("--prompts", dest="variants", action="append_const", const="prompts", default=[],
        help="also asked in four other wordings")  # fmt: skip
    add("--raw", type=Path, help="the corpora's raw folder, to read signals from")
    add("--calibrate", action="store_true",
        help="fit a temperature on the validation split, write it beside the adapter")  # fmt: skip
    add("--smooth", nargs="+", default=[], choices=smoothing.HOW,
        help="nights smoothed by the train split's changes of stage, as further rows")  # fmt: skip
    add("--allow-seen-subjects", action="store_true", help="measure on training subjects too")
    args = parser.parse_args(words)
    of_signals = [name for name in args.baselines if name in ("yasa", *baselines.NETWORKS)]
    if args.raw is None and (of_signals or args.damage is not None):
        what = "--damage" if args.damage is not None else f"--baselines {of_signals[0]}"
        raise errors.InputError(f"{what} reads signals; expected --raw, the corpora's raw folder")
    if args.calibrate and args.split == "validation":
        raise errors.InputError("--calibrate fits on --split validation; expected another")
    args.damage = {} if args.damage is None else robustness.points(args.damage)
    return args


def main(words: list[str] | None = None) -> int:
    args = options(words)

    from psgvlm.corpus import loading
    from psgvlm.evaluation import (
        answers,
        baselines,
        contenders,
        corpus_nights,
        lineage,
        predictions,
        report,
        robustness,
        variants,
    )
    from psgvlm.evaluation.corpus_nights import of_split
    from psgvlm.models import adapter_files, calibration, devices, inference, vlm
    from psgvlm.training import run_record

    ### Adapters and corpora, drawn alike; nobody seen before
    processes = devices.processes(args.device)
    device = args.device if processes.num_processes == 1 else str(processes.device)
    folders = dict(zip(contenders.names(args.model), args.model, strict=True))
    models = {}
    for name, folder in folders.items():
        models[name] = vlm.load(folder, device)
        for corpus in args.dataset:
            adapter_files.check_same_images(folder, models[name].spec, corpus)
    spec = models[name].spec
    corpora = [loading.open_corpus(name, args.config) for name in args.dataset]

    def nights(split, neighbours=0, raw=None):
        found = []
        for corpus in corpora:
            rows = corpus.split(split, neighbours)
            found += (
                corpus_nights.with_signals(rows, corpus.name, raw) if raw else of_split(rows, spec)
            )
        contenders.check_once(found)
        return found

    tested = nights(args.split)
    people = {(night.rows["cohort"][0], night.rows["subject"][0]) for night in tested}
    if not args.allow_seen_subjects:
        for folder in args.model:
            run_record.check_unseen(folder, people)
    to_fit = contenders.make_baselines(args.baselines, models)
    run = report.run_of(args.model, args.dataset, args.config, args.split)
    report.check_same_run(args.out, run)
    opened = nights(args.split, raw=args.raw) if args.raw else tested

    ### Adapters
    kept = answers.Answers(args.out, run, processes)
    tables, varied, cost, temperatures, fitted = [], [], {}, {}, []
    for name, model in models.items():
        adapter = contenders.Adapter(name, model, args.batch_size)
        shown = nights(args.split, model.neighbours)
        staged, cost[name] = contenders.stage(adapter, shown, answers=kept)
        cost[name]["image_tokens"] = inference.image_tokens(model, shown[0].rows[0]["images"])
        tables.append(staged)
        fitted.append(adapter)
        if args.variants:
            varied.append(variants.stage(adapter, shown, args.variants, staged, kept))
        if args.calibrate:
            shown = nights("validation", model.neighbours)
            table, _ = contenders.stage(adapter, shown, f"{name}, validation", kept)
            p, scored = predictions.probabilities(table), predictions.scored(table)
            temperatures[name] = calibration.fit_temperature(p, scored)
            if kept.leads and Path(folders[name]).is_dir():
                calibration.save(folders[name], temperatures[name], p, scored)
        balance = run_record.read(folders[name]).get("balance", "none")
        for how in args.smooth:
            tables.append(contenders.smoothed(staged, how, nights("train"), balance))

    ### Baselines and damage, on the same nights
    for baseline in to_fit:
        raw = args.raw if baseline.name in baselines.NETWORKS else None
        baseline = contenders.Late(baseline, partial(nights, raw=raw))
        table, cost[baseline.name] = contenders.stage(baseline, opened, answers=kept)
        tables.append(table)
        fitted.append(baseline)
    frame = contenders.joined(tables)
    damaged = robustness.stage(fitted, opened, args.damage, frame, kept) if args.damage else None

    ### Report
    processes.wait_for_everyone()
    processes.destroy_process_group()
    if not kept.leads:
        return 0
    about = {"models": list(models), "split": args.split, "image_spec": spec.name, "run": run}
    about |= {
        "datasets": [run_record.public_name(corpus) for corpus in args.dataset],
        "fingerprints": {
            name: adapter_files.model_fingerprint(folder) for name, folder in folders.items()
        },
        "unseen": not args.allow_seen_subjects
        and all("subjects" in run_record.read(folder) for folder in args.model),
        "device": devices.name(model.model.device),
        "processes": processes.num_processes,
        "cost": cost,
        "temperatures": temperatures,
    }
    fitted_on = {night.rows["cohort"][0] for night in nights("train")} if to_fit else set()
    about |= lineage.tell(frame["model"].unique(), folders, fitted_on)
    varied = contenders.joined(varied) if varied else None
    pooled = report.write(args.out, frame, about, damaged, varied)["pooled"]
    kept.remove()
    print(
        f"kappa {pooled['kappa']:.3f}, macro-F1 {pooled['macro_f1']:.3f}, accuracy "
        f"{pooled['accuracy']:.3f} over {pooled['epochs']} epochs; {args.out / 'report.md'}"
    )
    return 0


if __name__ == "__main__":
    errors.run(main)
