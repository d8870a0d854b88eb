"""From raw signals to a staged night, on simulated subjects: what `make demo` runs.

Every step is a command that a user would type; this script only runs them one after the other,
takes the time, and prints what came out. All of it lies in demo/, figures in demo/results.json.
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
NOTE = "Of simulated recordings, in the layouts of the cohorts named below, and of no real sleep."
EXPLAINED = "40,120,200"  # epochs of the staged night
ALLOWED = ("--i-am-allowed", "MASS", "NSRR")  # what real recordings of the cohorts would need
SUBJECTS, HOURS, SEED = "16", "2", "1"


def main() -> int:
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir()
    python = sys.executable
    builders = [python, "-m", "builders"]
    seconds = {}
    seconds["simulate"] = step(
        *[*builders, "simulate", RAW, "--subjects", SUBJECTS, "--hours", HOURS, "--seed", SEED]
    )
    seconds["build"] = sum(
        step(*builders, cohort, RAW / cohort, "--out", CORPUS, "--image", "folded")
        for cohort in ("isruc", "mass", "shhs")
    )
    launch = [python, "-m", "accelerate.commands.launch", *ONE_PROCESS, "train_sft.py"]
    seconds["train"] = step(
        *[*launch, "--config", "recipes/tiny.yaml"],
        *["--dataset_name", CORPUS, "--output_dir", ADAPTER],
    )
    seconds["eval"] = step(
        *[python, "eval.py", "--model", ADAPTER, "--dataset", CORPUS, "--out", REPORT],
        *["--raw", RAW, "--baselines", *BASELINES, "--damage", *DAMAGE, "--calibrate"],
    )
    edf = held_out_night()
    seconds["stage"] = step(
        python, "stage.py", edf, "--model", ADAPTER, "--out", NIGHT, "--explain", EXPLAINED
    )
    save_epoch_picture()
    seconds["cards"] = step(*builders, "card", CORPUS, "--note", NOTE) + step(
        *[python, "-m", "model_card", "card", ADAPTER, "--report", REPORT, "--corpus", CORPUS],
        *["--note", NOTE],
    )
    seconds["release"] = sum(
        step(
            python, "-m", module, "push", folder, f"ORG/{name}", "--into", RELEASE / name, *ALLOWED
        )
        for module, folder, name in (
            ("builders", CORPUS, "psg-images"),
            ("model_card", ADAPTER, "psgvlm-tiny"),
        )
    )
    show(results(seconds, edf.stem))
    return 0


# What accelerate would choose by itself, said so that it does not warn.
ONE_PROCESS = ["--num_processes", "1", "--num_machines", "1"]
ONE_PROCESS += ["--mixed_precision", "no", "--dynamo_backend", "no"]


def step(*command) -> float:
    """Run one command of the demonstration, shown as typed; returns its seconds."""
    words = [str(word) for word in command]
    print("\n$ " + shlex.join(["python", *words[1:]]), flush=True)
    environment = {**os.environ, "HF_DATASETS_CACHE": str(DEMO / "cache"), "HF_HUB_OFFLINE": "1"}
    start = time.monotonic()
    finished = subprocess.run(words, env=environment, check=False)
    if finished.returncode:
        raise errors.InputError(f"the command above ended with status {finished.returncode}")
    return time.monotonic() - start


def held_out_night() -> Path:
    """The recording of an SHHS test subject: an EDF alone, its scores lie elsewhere."""
    from datasets import load_dataset

    recording = load_dataset(str(CORPUS), "shhs", split="test")[0]["recording"]
    return next((RAW / "shhs").rglob(f"{recording}.edf"))


def save_epoch_picture() -> None:
    """One N2 epoch of the test split, as the model sees it."""
    from datasets import load_dataset

    test = load_dataset(str(CORPUS), "isruc", split="test")
    row = test["stage"].index(test.features["stage"].str2int("N2"))
    test[row]["images"][0].save(DEMO / "epoch.png")


def results(seconds: dict[str, float], recording: str) -> dict:
    """The figures of the run; also written to results.json."""
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
            name: of["summary"]["pooled"]["kappa"] for name, of in measured["contenders"].items()
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


def show(figures: dict) -> None:
    held_out, night = figures["held_out"], figures["staged_night"]
    print(f"\nHeld-out simulated subjects, {held_out['epochs']} epochs")
    for key, name in (("kappa", "κ"), ("macro_f1", "macro-F1"), ("accuracy", "accuracy")):
        print(f"  {name:10} {held_out[key]:6.3f}")
    print("κ with its 95 % interval over subjects")
    for name, of in figures["kappa"].items():
        print(f"  {name:12} {of['value']:6.3f}  ({of['low']:.3f} to {of['high']:.3f})")
    for kind, lines in figures["damaged_kappa"].items():
        print(f"κ with the raw signals damaged: {kind}")
        for name, kappas in lines.items():
            told = ", ".join(f"{severity}: {kappa:.3f}" for severity, kappa in kappas.items())
            print(f"  {name:12} {told}")
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
