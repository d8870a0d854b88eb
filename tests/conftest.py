"""What many tests share: simulated cohorts, a corpus of them, a model trained for two steps."""

import os
import tempfile
from pathlib import Path

import pytest
from commands import command
from filelock import FileLock
from hypothesis import settings

# No test may reach for a hub; the one on loopback names its own address. Arrow copies of corpora
# go to a folder that is thrown away. Both are read when the libraries are first imported.
CACHE = tempfile.TemporaryDirectory(prefix="psgvlm-tests-")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_CACHE"] = CACHE.name

# `make test` tries the same examples every time: what fails is what was changed. `make test-slow`
# looks for others.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")


@pytest.fixture
def drawn(monkeypatch):
    """Recordings drawn by the last build, in this process; `stop_after` so many as by Ctrl-C."""
    from psgvlm.builders.build import workers

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
def once(tmp_path_factory):
    """Make a folder once, for all of pytest's processes: `once(name, make)`."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # each process has a folder of its own in it

    def once(name, make):
        folder = base / f"shared-{name}"
        with FileLock(f"{folder}.lock"):
            if not (done := folder.with_suffix(".done")).exists():
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return once


@pytest.fixture(scope="session")
def raw(once):
    """Raw cohorts of three simulated subjects each, half an hour long."""

    def make(folder):
        words = ("simulate", folder, "--subjects", 3, "--hours", 0.5, "--seed", 7, "--workers", 2)
        done = command("-m", "builders", *words)
        assert done.returncode == 0, done.stderr

    return once("raw", make)


@pytest.fixture(scope="session")
def corpus(raw, once):
    """A corpus of the three cohorts, in the `square` drawing."""

    def make(folder):
        for cohort in ("isruc", "mass", "shhs"):
            words = (cohort, raw / cohort, "--out", folder / "corpus", "--image", "square")
            done = command("-m", "builders", *words)
            assert done.returncode == 0, done.stderr

    return once("corpus", make) / "corpus"


@pytest.fixture(scope="session")
def adapter(corpus, once):
    """The tiny model, trained for two steps: it knows nothing, and everything of it works."""

    def make(folder):
        words = ("--config", "recipes/tiny.yaml", "--dataset_name", corpus, "--max_steps", 2)
        words += ("--output_dir", folder / "tiny", "--per_device_train_batch_size", 4)
        done = command("train_sft.py", *words)
        assert done.returncode == 0, done.stderr

    return once("adapter", make) / "tiny"


@pytest.fixture
def two_processes():
    """Held by a test that trains on two processes: they meet at a port that all would take."""
    with FileLock(Path(tempfile.gettempdir()) / "psgvlm-tests-two-processes.lock"):
        yield
