"""Measure which image layout a model learns most from, with the same tiny model on each layout.

    python bench/layouts.py --work WORK [--steps 300] [--seeds 0 1 2] [--only folded ...]

The subjects are simulated, and each recording is multiplied by a gain of its own between 0.4 and
2.5. So the height of a wave says little about the stage across subjects; its shape and rhythm must.
Every layout gets the same subjects, splits, steps and batch. Since all images are cut into 12 x 12
patches, it also gets the same number of image tokens. The layouts with neighbours show three images
for each question; one gets a third of the steps, the other one all of them. Each run consists of
the commands that a user would type, and runs that WORK already holds are not repeated. The script
writes bench/results/layouts.json and prints a table; the documentation draws a chart of it.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from psgvlm import errors
from psgvlm.files import list_files

RESULTS = Path(__file__).parent / "results" / "layouts.json"
SUBJECTS, HOURS, SEED, SPLIT = "16", "2", "1", "60/10/30"
MAX_GAIN = 2.5
# name: (the --image option of the builder, what is special about the layout)
LAYOUTS = {
    "paper": ("paper", "EEG, EOG, EMG, ECG in one strip, each epoch to its own extremes"),
    "paper, fixed": ("paper,scale=fixed", "the same at fixed µV"),
    "wide": (
        "wide,width=336,height=336",
        "three EEG lanes instead of one, 56-px lanes at ±125 µV, a 1-px line",
    ),
    "strip": ("square", "C4-M1, E1, E2, chin in one strip, 84-px lanes at ±75 µV"),
    "strip, finer": ("square,width=672,height=672", "the same at twice the resolution"),
    "folded twice": ("folded,fold=2", "two rows of 15 s, 42-px lanes at ±60 µV"),
    "folded": ("folded", "three rows of 10 s, 28-px lanes at ±60 µV"),
    "folded, thin": ("folded,line_px=1", "a line of 1 px instead of 1.5"),
    "folded, thick": ("folded,line_px=2.5", "a line of 2.5 px"),
    "folded, context": ("folded", "with the epoch before and the one after, a third of the steps"),
    "folded, context, longer": ("folded", "the same with all the steps: thrice the computing"),
    "folded, flat": ("folded,eeg_uv=120,eog_uv=150,emg_uv=60", "at ±120 µV: waves half as tall"),
    "folded, robust": ("folded,scale=robust", "each lane to a measure of its whole record"),
    "spectral": ("spectral", "the strip above a 0-20 Hz spectrogram"),
}
# The share of the steps for the layouts with neighbours.
CONTEXT = {"folded, context": 1 / 3, "folded, context, longer": 1}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="the folder for corpora and runs")
    parser.add_argument("--steps", type=int, default=300, help="training steps; default: 300")
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[0, 1, 2],
        help="seeds to train with; default: 0 1 2",
    )
    parser.add_argument(
        "--only", nargs="+", choices=LAYOUTS, default=list(LAYOUTS), help="default: all"
    )
    args = parser.parse_args()

    raw = args.work / "raw"
    if not (raw / "done").is_file():
        run("-m", "builders", "simulate", raw, "--subjects", SUBJECTS, "--hours", HOURS,
            "--seed", SEED)  # fmt: skip
        for path in list_files(raw, (".edf", ".rec")):
            multiply(path, gain(path.name))
        (raw / "done").touch()
    # Seeds are the outer loop, so that an interrupted run has as many seeds of every layout.
    for seed in args.seeds:
        for name in args.only:
            measure(name, seed, args)
    figures = collect(args)
    RESULTS.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(table(figures))
    return 0


def gain(name: str) -> float:
    """Return the factor of a recording, the same on any machine; its logarithm is uniform."""
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64
    return MAX_GAIN ** (2 * share - 1)


def multiply(path: Path, factor: float) -> None:
    """Multiply the signals of an EDF file, by changing the physical extremes in its header."""
    with path.open("r+b") as file:
        header = file.read(256)
        count = int(header[252:256])
        labels = [file.read(16).strip() for _ in range(count)]
        start = 256 + count * (16 + 80 + 8)
        file.seek(start)
        extremes = [file.read(8) for _ in range(2 * count)]
        for index, value in enumerate(extremes):
            if labels[index % count] != b"EDF Annotations":
                extremes[index] = f"{float(value) * factor:.6f}"[:8].encode().ljust(8)
        file.seek(start)
        file.write(b"".join(extremes))


def measure(name: str, seed: int, args: argparse.Namespace) -> None:
    """Build the corpus, train, and evaluate on the test split, unless that is done already."""
    image, _ = LAYOUTS[name]
    corpus = args.work / image.replace(",", "-") / "corpus"
    trained = args.work / "runs" / slug(name) / f"steps-{args.steps}-seed-{seed}"
    words = ["--seed", seed, "--max_steps", round(args.steps * CONTEXT.get(name, 1))]
    if name in CONTEXT:
        words += ["--neighbours", 1]
    if not (corpus / "README.md").is_file():
        for cohort in ("isruc", "mass", "shhs"):
            run("-m", "builders", cohort, args.work / "raw" / cohort, "--out", corpus,
                "--image", image, "--split", SPLIT)  # fmt: skip
    if not (trained / "training.json").is_file():
        run("train_sft.py", "--config", "recipes/tiny.yaml", "--dataset_name", corpus,
            "--output_dir", trained, *words)  # fmt: skip
    if not (trained / "report" / "metrics.json").is_file():
        run("eval.py", "--model", trained, "--dataset", corpus, "--out", trained / "report")


def slug(name: str) -> str:
    return name.replace(", ", "-").replace(" ", "-")


def run(*command) -> None:
    words = [str(word) for word in command]
    print("$ python " + " ".join(words), flush=True)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": "."}
    status = subprocess.run([sys.executable, *words], env=environment, check=False).returncode
    if status:
        raise errors.InputError(f"the command above ended with status {status}")


def collect(args: argparse.Namespace) -> dict:
    """Return the figures of all runs in the work folder that have the steps asked for."""
    layouts = {}
    for name, (image, what) in LAYOUTS.items():
        runs = {}
        folder = args.work / "runs" / slug(name)
        for path in sorted(folder.glob(f"steps-{args.steps}-seed-*/report/metrics.json")):
            pooled = json.loads(path.read_text("utf-8"))["pooled"]
            kept = {key: pooled[key] for key in ("kappa", "macro_f1", "accuracy", "epochs")}
            runs[path.parts[-3].rpartition("-")[2]] = kept
        if runs:
            layouts[name] = {"image": image, "what": what, "seeds": runs}
    return {
        "steps": args.steps,
        "subjects_a_cohort": int(SUBJECTS),
        "hours": float(HOURS),
        "split": SPLIT,
        "gain": [round(1 / MAX_GAIN, 3), MAX_GAIN],
        "layouts": layouts,
    }


def table(figures: dict) -> str:
    """Return a table with the kappa of every layout: the mean over seeds, and of each seed."""
    lines = ["| layout | `--image` | κ, mean | κ of each seed | macro-F1, mean |"]
    lines.append("|---|---|---:|---|---:|")
    for name, layout in figures["layouts"].items():
        runs = layout["seeds"].values()
        kappas = [run["kappa"] for run in runs]
        f1 = statistics.mean(run["macro_f1"] for run in runs)
        each = ", ".join(f"{kappa:.2f}" for kappa in kappas)
        lines.append(
            f"| {name}: {layout['what']} | `{layout['image']}` | {statistics.mean(kappas):.2f} "
            f"| {each} | {f1:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    errors.run(main)
