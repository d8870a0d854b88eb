"""Measure adapters against the scorers of corpora, on subjects they were not trained on.

    python eval.py --model ADAPTER --dataset CORPUS --out report/
    python eval.py --model A --model B --dataset C1 C2 --baselines yasa majority --raw RAW --out report/
    python eval.py --model ADAPTER --dataset CORPUS --raw RAW --damage white lost=0.3,0.7 --out report/

Writes metrics.json, predictions.parquet (damaged.parquet), report.md with its pictures, and
report.html, the same in one file.
"""  # noqa: E501

import argparse
import time
from pathlib import Path

from psgvlm import errors


def options() -> argparse.Namespace:
    from psgvlm import baselines, robustness

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--model", required=True, action="append", help="adapter: a folder or a Hub id")
    add("--dataset", required=True, nargs="+", help="corpora: folders or Hub ids")
    add("--config", help="one configuration of the corpora; default: all")
    add("--split", default="test")
    add("--out", type=Path, required=True, help="folder for the report")
    add("--batch-size", type=int, default=32)
    add("--device", help="cpu, cuda ...; default: cuda where there is one")
    add("--baselines", nargs="+", default=[], choices=baselines.NAMES)
    add("--damage", nargs="*", metavar="KIND", help="damage raw signals; default: "
        + " ".join(robustness.USUAL))  # fmt: skip
    add("--raw", type=Path, help="raw folder of the corpora, to read signals from")
    args = parser.parse_args()
    on_signals = [name for name in args.baselines if name in ("yasa", *baselines.NETWORKS)]
    if args.raw is None and (on_signals or args.damage is not None):
        what = "--damage" if args.damage is not None else f"--baselines {on_signals[0]}"
        raise errors.InputError(f"{what} reads signals; expected --raw, the corpora's raw folder")
    args.damage = {} if args.damage is None else robustness.points(args.damage)
    return args


def main() -> int:
    args = options()

    from builders import raw_nights
    from psgvlm import baselines, contenders, report, robustness, scoring, training, vlm
    from psgvlm.baselines.night import of_split

    ### Adapters and corpora, drawn alike
    models = {
        name: vlm.load(folder, args.device)
        for name, folder in zip(contenders.names(args.model), args.model, strict=True)
    }
    for folder, model in zip(args.model, models.values(), strict=True):
        for corpus in args.dataset:
            vlm.check_same_images(folder, model.spec, corpus)
    spec = next(iter(models.values())).spec

    def nights(split, context=0, raw=None):
        found = []
        for corpus in args.dataset:
            rows = training.load_split(corpus, split, args.config, spec, context)
            found += raw_nights.nights(rows, corpus, raw) if raw else of_split(rows, spec)
        contenders.check_once(found)
        return found

    ### Every contender on the same nights
    tables, cost, staging = [], {}, []
    for name, model in models.items():
        shown = nights(args.split, model.context)
        staging.append(contenders.Adapter(name, model, args.batch_size))
        table, cost[name] = contenders.stage(staging[-1], shown)
        cost[name]["image_tokens"] = scoring.image_tokens(model, shown[0].rows[0]["images"])
        tables.append(table)
    opened = nights(args.split, raw=args.raw) if args.baselines or args.damage else []
    for baseline in contenders.make_baselines(args.baselines, models):
        start = time.perf_counter()
        parts = [
            nights(split, raw=args.raw if baseline.name in baselines.NETWORKS else None)
            for split in ("train", "validation")
        ]
        baseline.fit(*parts)
        fit_s = time.perf_counter() - start
        staging.append(baseline)
        table, cost[baseline.name] = contenders.stage(baseline, opened)
        cost[baseline.name]["fit_s"] = fit_s
        tables.append(table)
    frame = contenders.joined(tables)
    damaged = robustness.stage(staging, opened, args.damage, frame) if args.damage else None

    ### Report
    about = {
        "models": list(models),
        "split": args.split,
        "image_spec": spec.name,
        "device": contenders.device(model),
        "cost": cost,
    }
    pooled = report.write(args.out, frame, about, damaged)["pooled"]
    print(
        f"kappa {pooled['kappa']:.3f}, macro-F1 {pooled['macro_f1']:.3f}, accuracy "
        f"{pooled['accuracy']:.3f} over {pooled['epochs']} epochs; {args.out / 'report.md'}"
    )
    return 0


if __name__ == "__main__":
    errors.run(main)
