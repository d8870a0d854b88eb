"""The demonstration that `make demo` runs: from raw signals to a staged night, all simulated.

Each step is a command that a user would type. This script runs the commands, measures their times
and prints the results. It writes everything into demo/, and the figures into demo/results.json.
"""

import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

from psgvlm import errors

DEMO = Path("demo")
RAW, CORPUS, ADAPTER = DEMO / "raw", DEMO / "corpus", DEMO / "adapter"
REPORT, NIGHT, RELEASE = DEMO / "report", DEMO / "night", DEMO / "release"
BASELINES = ("yasa", "vision-only", "majority")
DAMAGE = ("lost=0.5", "white=10,0")
NOTE = "Made from simulated recordings in the layouts of the cohorts below, not from real sleep."
EXPLAINED = "40,120,200"  # epochs of the staged night to explain
ALLOWED = ("--i-am-allowed", "MASS", "NSRR")  # real recordings of these cohorts would need it
SUBJECTS, HOURS, SEED = "16", "2", "1"


def main() -> int:
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir()
    seconds = {}
    seconds["simulate"] = run(
        *["simulate", RAW, "--subjects", SUBJECTS, "--hours", HOURS, "--seed", SEED]
    )
    seconds["build"] = sum(
        run("build", cohort, RAW / cohort, "--out", CORPUS, "--image", "folded")
        for cohort in ("isruc", "mass", "shhs")
    )
    seconds["train"] = run(
        *["train", "--config", "recipes/tiny.yaml"],
        *["--dataset_name", CORPUS, "--output_dir", ADAPTER],
    )
    seconds["eval"] = run(
        *["eval", "--model", ADAPTER, "--dataset", CORPUS, "--out", REPORT],
        *["--raw", RAW, "--baselines", *BASELINES, "--damage", *DAMAGE, "--calibrate"],
    )
    edf = held_out_night()
    seconds["stage"] = run("stage", edf, "--model", ADAPTER, "--out", NIGHT, "--explain", EXPLAINED)
    save_epoch_picture()
    seconds["cards"] = run("card", CORPUS, "--note", NOTE) + run(
        "card", ADAPTER, "--report", REPORT, "--corpus", CORPUS, "--note", NOTE
    )
    seconds["release"] = sum(
        run("push", folder, f"ORG/{name}", "--into", RELEASE / name, *ALLOWED)
        for folder, name in ((CORPUS, "psg-images"), (ADAPTER, "psgvlm-tiny"))
    )
    print_results(results(seconds, edf.stem))
    return 0


def run(*words) -> float:
    """Run one command of psgvlm, print it as a user types it, and return its seconds."""
    words = [str(word) for word in words]
    print("\n$ " + shlex.join(["psgvlm", *words]), flush=True)
    environment = {**os.environ, "HF_DATASETS_CACHE": str(DEMO / "cache"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-m", "psgvlm", *words]
    start = time.monotonic()
    finished = subprocess.run(command, env=environment, check=False)
    if finished.returncode:
        raise errors.InputError(f"the command above ended with status {finished.returncode}")
    return time.monotonic() - start


def held_out_night() -> Path:
    """Return the EDF file of an SHHS test subject; its scores are in another folder."""
    from datasets import load_dataset

    recording = load_dataset(str(CORPUS), "shhs", split="test")[0]["recording"]
    return next((RAW / "shhs").rglob(f"{recording}.edf"))


def save_epoch_picture() -> None:
    """Save the image of one N2 epoch of the test split."""
    from datasets import load_dataset

    test = load_dataset(str(CORPUS), "isruc", split="test")
    row = test["stage"].index(test.features["stage"].str2int("N2"))
    test[row]["images"][0].save(DEMO / "epoch.png")


def results(seconds: dict[str, float], recording: str) -> dict:
    """Return the figures of the run, and write them to results.json."""
    from sklearn.metrics import cohen_kappa_score

    measured = json.loads((REPORT / "metrics.json").read_text("utf-8"))
    pooled = measured["pooled"]
    with (NIGHT / "hypnogram.csv").open() as file:
        staged = {float(row["onset_s"]): row["stage"] for row in csv.DictReader(file)}
    with (RAW / "truth" / "shhs" / f"{recording}.stages.csv").open() as file:
        truth = {float(row["onset_s"]): row["stage"] for row in csv.DictReader(file)}
    both = sorted(staged.keys() & truth.keys())
    figures = {
        "held_out": {key: pooled[key] for key in ("kappa", "macro_f1", "accuracy", "epochs")},
        "kappa": {
            name: contender["summary"]["pooled"]["kappa"]
            for name, contender in measured["contenders"].items()
        },
        "damaged_kappa": {
            kind: {
                name: {point["severity"]: point["kappa"]["value"] for point in points}
                for name, points in lines.items()
            }
            for kind, lines in measured["damage"].items()
        },
        "staged_night": {
            "epochs": len(staged),
            "kappa": cohen_kappa_score([truth[s] for s in both], [staged[s] for s in both]),
        },
        "seconds": {**seconds, "total": sum(seconds.values())},
    }
    (DEMO / "results.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    return figures


def print_results(figures: dict) -> None:
    """Print the figures as tables, and where to look."""
    held_out, night = figures["held_out"], figures["staged_night"]
    print(f"\nHeld-out simulated subjects, {held_out['epochs']} epochs")
    for key, name in (("kappa", "κ"), ("macro_f1", "macro-F1"), ("accuracy", "accuracy")):
        print(f"  {name:10} {held_out[key]:6.3f}")
    print("κ with its 95 % interval over subjects")
    for name, kappa in figures["kappa"].items():
        print(f"  {name:12} {kappa['value']:6.3f}  ({kappa['low']:.3f} to {kappa['high']:.3f})")
    for kind, lines in figures["damaged_kappa"].items():
        print(f"κ with the raw signals damaged: {kind}")
        for name, kappas in lines.items():
            text = ", ".join(f"{severity}: {kappa:.3f}" for severity, kappa in kappas.items())
            print(f"  {name:12} {text}")
    print(f"One night staged without its scores, {night['epochs']} epochs")
    print(f"  {'κ':10} {night['kappa']:6.3f}")
    print("Seconds")
    for name, value in figures["seconds"].items():
        print(f"  {name:10} {value:6.0f}")
    print("\nLook at")
    for what, path in (
        ("the night", NIGHT / "report.html"),
        ("hypnogram", NIGHT / "night.png"),
        ("heat maps", NIGHT / "explained" / "explanations.html"),
        ("an epoch", DEMO / "epoch.png"),
        ("report", REPORT / "report.html"),
        ("cards", CORPUS / "README.md"),
        ("", ADAPTER / "README.md"),
        ("for the Hub", RELEASE),
        ("figures", DEMO / "results.json"),
    ):
        print(f"  {what:11} {path}")


if __name__ == "__main__":
    errors.run(main)
