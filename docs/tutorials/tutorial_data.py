"""What the tutorials start from: a night, raw cohorts, a corpus of them, and a trained model.

A tutorial's first, hidden cell calls `enter`, which makes these once and changes into their folder.
Readers use their own files instead.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

CHECKOUT = Path(__file__).parents[2]
WRITTEN = ("night", "report", "small")  # by the tutorials, which start without them
STEPS = 120  # of training, if `make demo` has left no model


def enter() -> None:
    """Change into the folder with RAW, CORPUS, ADAPTER and night.edf; make them if needed.

    The folder is the environment variable PSGVLM_TUTORIALS, or docs/_build/tutorials.
    """
    folder = Path(os.environ.get("PSGVLM_TUTORIALS", CHECKOUT / "docs" / "_build" / "tutorials"))
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["HF_DATASETS_CACHE"] = str(folder / "cache")
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TQDM_DISABLE"] = "1"  # bars do not belong on a page
    with FileLock(folder / "lock"):
        make(folder)
    for name in WRITTEN:
        shutil.rmtree(folder / name, ignore_errors=True)
    os.chdir(folder)


def make(folder: Path) -> None:
    """Make what is missing: from the results of `make demo` if there are any, or anew."""
    link(CHECKOUT / "recipes", folder / "recipes")
    demo = CHECKOUT / "demo"
    if not (folder / "ADAPTER").exists() and (demo / "results.json").exists():
        for source, name in (("raw", "RAW"), ("corpus", "CORPUS"), ("adapter", "ADAPTER")):
            link(demo / source, folder / name)
    if not (folder / "RAW").exists():
        run("simulate", folder / "RAW", "--subjects", 5, "--hours", 1, "--seed", 3)
    if not (folder / "CORPUS").exists():
        for cohort in ("isruc", "mass", "shhs"):
            words = (cohort, folder / "RAW" / cohort, "--out", folder / "CORPUS")
            run("build", *words, "--image", "folded", "--split", "60/20/20")
    if not (folder / "ADAPTER").exists():
        words = ("--config", CHECKOUT / "recipes" / "tiny.yaml", "--max_steps", STEPS)
        run("train", *words, "--dataset_name", folder / "CORPUS", "--output_dir", folder / "new")
        (folder / "new").rename(folder / "ADAPTER")
    if not (folder / "night.edf").exists():
        link(next((folder / "RAW" / "mass").rglob("*PSG.edf")), folder / "night.edf")


def link(source: Path, path: Path) -> None:
    """Let `path` be a link to `source`, unless it is there already."""
    if not path.exists():
        path.symlink_to(source.resolve())


def run(name: str, *words: object) -> None:
    """Run a sub-command of psgvlm."""
    command = [sys.executable, "-m", "psgvlm", name, *map(str, words)]
    subprocess.run(command, check=True, capture_output=True)
