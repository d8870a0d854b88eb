"""What many tests share: simulated cohorts, a corpus of them, a model trained for two steps."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

# No test may reach for a hub; the one on loopback names its own address. Arrow copies of corpora
# go to a folder that is thrown away. Both are read when the libraries are first imported.
CACHE = tempfile.TemporaryDirectory(prefix="psgvlm-tests-")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_CACHE"] = CACHE.name

ROOT = Path(__file__).parents[1]


def command(*words, cwd=ROOT) -> subprocess.CompletedProcess:
    """Run a command line of the project as a user would, in a process of its own."""
    return subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=280
    )


@pytest.fixture
def drawn(monkeypatch):
    """Recordings drawn by the last build, in this process; `stop_after` so many as by Ctrl-C."""
    from builders import workers

    class Drawn(list):
        stop_after = None

    drawn = Drawn()

    def run(function, tasks, count):
        drawn.clear()
        for index, task in enumerate(tasks):
            if index == drawn.stop_after:
                raise KeyboardInterrupt
            drawn.append(task.night.recording)
            yield index, function(task)

    monkeypatch.setattr(workers, "run", run)
    return drawn


@pytest.fixture(scope="session")
def raw(tmp_path_factory):
    """Raw cohorts of three simulated subjects each, half an hour long."""
    folder = tmp_path_factory.mktemp("raw")
    words = ("simulate", folder, "--subjects", 3, "--hours", 0.5, "--seed", 7, "--workers", 2)
    done = command("-m", "builders", *words)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def corpus(raw, tmp_path_factory):
    """A corpus of the three cohorts, in the `square` drawing."""
    out = tmp_path_factory.mktemp("corpus") / "corpus"
    for cohort in ("isruc", "mass", "shhs"):
        done = command("-m", "builders", cohort, raw / cohort, "--out", out, "--image", "square")
        assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def adapter(corpus, tmp_path_factory):
    """The tiny model, trained for two steps: it knows nothing, and everything of it works."""
    out = tmp_path_factory.mktemp("adapter") / "tiny"
    words = ("--config", "recipes/tiny.yaml", "--dataset_name", corpus, "--output_dir", out)
    done = command("train_sft.py", *words, "--max_steps", 2, "--per_device_train_batch_size", 4)
    assert done.returncode == 0, done.stderr
    return out
