"""Measure how well each baseline stages the test subjects of a corpus, and how long it takes.

    python bench/baselines.py RAW CORPUS --model ADAPTER --seconds 300 --out FILE

After `make demo`, the words `demo/raw demo/corpus --model demo/adapter` measure three simulated
cohorts of 16 subjects with 2 h each. The script prints a table and writes the figures as JSON. A
network stops to train after `--seconds`, so its figures depend on the machine.
"""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from psgvlm import errors
from psgvlm.corpus import loading
from psgvlm.evaluation import baselines, corpus_nights
from psgvlm.evaluation.baseline_names import NAMES, OF_A_MODEL
from psgvlm.models import vlm
from psgvlm.stages import STAGES


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "raw",
        type=Path,
        help="the raw folder, or a folder that holds the raw folder of each cohort",
    )
    parser.add_argument("corpus", type=Path, help="the folder of the corpus")
    parser.add_argument("--model", help="an adapter, needed by vision-only and zero-shot")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument(
        "--seconds",
        type=float,
        default=300.0,
        help="how long a network trains at most, in s; default: 300",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the training; default: 0")
    parser.add_argument("--out", type=Path, help="the JSON file to write")
    args = parser.parse_args()

    model = vlm.load(args.model) if args.model else None
    nights = {
        split: corpus_nights.with_signals(
            loading.load_split(str(args.corpus), split), args.corpus, args.raw
        )
        for split in ("train", "validation", "test")
    }
    figures = {}
    for name in args.only:
        if name in OF_A_MODEL and model is None:
            print(f"{name}: left out, since it needs --model")
            continue
        try:
            baseline = baselines.make(name, model, args.seed, args.seconds)
        except errors.InputError as error:
            print(f"{name}: left out: {error}")
            continue
        figures[name] = measure(baseline, nights)
        print(f"{name}: kappa {figures[name]['kappa']:.3f}", flush=True)
    show(figures)
    if args.out:
        results = {
            "nights": {split: len(part) for split, part in nights.items()},
            "cpus": os.cpu_count(),
            "machine": platform.machine(),
            "seconds_allowed": args.seconds,
            "baselines": figures,
        }
        args.out.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


def measure(baseline, nights: dict) -> dict:
    """Fit a baseline and stage the test nights; return its figures and its times."""
    from sklearn import metrics

    start = time.perf_counter()
    baseline.fit(nights["train"], nights["validation"])
    fitted = time.perf_counter()
    p = [baseline.probabilities(night) for night in nights["test"]]
    end = time.perf_counter()
    scored = [night.stages for night in nights["test"]]
    every = range(len(STAGES))
    kappas = [
        metrics.cohen_kappa_score(one, q.argmax(axis=1), labels=every)
        for one, q in zip(scored, p, strict=True)
    ]
    stages, p = np.concatenate(scored), np.concatenate(p)
    predicted = p.argmax(axis=1)
    recall = metrics.recall_score(stages, predicted, labels=every, average=None, zero_division=0)
    return {
        "kappa": metrics.cohen_kappa_score(stages, predicted),
        "kappa_by_night": {"median": float(np.median(kappas)), "lowest": min(kappas)},
        "accuracy": metrics.accuracy_score(stages, predicted),
        "macro_f1": metrics.f1_score(stages, predicted, average="macro", zero_division=0),
        "recall": dict(zip(STAGES, map(float, recall), strict=True)),
        "log_loss": metrics.log_loss(stages, p, labels=every),
        "epochs": len(stages),
        "passes": len(getattr(baseline, "history", [])),
        "fit_s": fitted - start,
        "ms_per_epoch": 1000 * (end - fitted) / len(stages),
    }


def show(figures: dict) -> None:
    print("\n| baseline | κ | median night | accuracy | macro-F1 | log loss | fit s | ms/epoch |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, figure in figures.items():
        print(
            f"| {name} | {figure['kappa']:.3f} | {figure['kappa_by_night']['median']:.3f} "
            f"| {figure['accuracy']:.3f} | {figure['macro_f1']:.3f} | {figure['log_loss']:.3f} "
            f"| {figure['fit_s']:.0f} | {figure['ms_per_epoch']:.1f} |"
        )


if __name__ == "__main__":
    errors.run(main)
