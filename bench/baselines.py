"""How well each baseline stages the held-out subjects of a corpus, and how long it takes.

    python bench/baselines.py RAW CORPUS --model ADAPTER --seconds 300 --out FILE

With what `make demo` leaves, `demo/raw demo/corpus --model demo/adapter`: three simulated cohorts
of 16 subjects, 2 h each. Prints a table, and writes the figures as JSON. A network stops to train
after so many seconds at the latest, so its figures are those of this machine.
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
from psgvlm.models import vlm
from psgvlm.stages import STAGES


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("raw", type=Path, help="the raw folder, or one with each cohort's")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", help="adapter, for vision-only and zero-shot")
    parser.add_argument("--only", nargs="+", choices=baselines.NAMES, default=baselines.NAMES)
    parser.add_argument("--seconds", type=float, default=300.0, help="of training, a network")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON to write")
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
        if name in baselines.OF_A_MODEL and model is None:
            print(f"{name}: left out, no --model")
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
        found = {
            "nights": {split: len(part) for split, part in nights.items()},
            "cpus": os.cpu_count(),
            "machine": platform.machine(),
            "seconds_allowed": args.seconds,
            "baselines": figures,
        }
        args.out.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


def measure(baseline, nights: dict) -> dict:
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
    for name, of in figures.items():
        print(
            f"| {name} | {of['kappa']:.3f} | {of['kappa_by_night']['median']:.3f} "
            f"| {of['accuracy']:.3f} | {of['macro_f1']:.3f} | {of['log_loss']:.3f} "
            f"| {of['fit_s']:.0f} | {of['ms_per_epoch']:.1f} |"
        )


if __name__ == "__main__":
    errors.run(main)
