"""Fixtures for many tests: simulated cohorts, a corpus built from them, and a trained model."""

import os
import tempfile
from pathlib import Path

import pytest
from commands import command
from filelock import FileLock
from hypothesis import settings

# The tests do not reach the Hugging Face Hub; the hub on loopback gives its own address. `datasets`
# writes its Arrow copies into a temporary folder. Both variables are read while the libraries are
# imported, so they are set first.
CACHE = tempfile.TemporaryDirectory(prefix="psgvlm-tests-")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_CACHE"] = CACHE.name

# `make test` tries the same examples every time, so that a failure comes from a change of the code.
# `make test-slow` looks for new ones, and for more of them.
settings.register_profile("same", derandomize=True, max_examples=40)
settings.load_profile("same")

# The files that take longest, for `make test` to start with them. If one of them came last, a
# single process would work on it while the others had nothing left to do.
LONGEST = (
    *("project/test_readme.py", "project/test_tutorials.py"),
    *("project/test_readme.py", "project/test_tutorials.py", "training/test_trainer.py"),
    *("builders/test_killed.py", "builders/test_build.py"),
    *("hub/test_hub_users.py", "evaluation/test_eval.py", "app/test_page.py"),
    *("builders/test_corpus_tasks.py", "recordings/test_fuzz_readers.py"),
    *("evaluation/test_resume.py", "staging/test_stage.py", "signals/test_findings.py"),
)


def pytest_collection_modifyitems(items):
    """Sort the tests of the longest files to the start; all others keep their order."""
    folder = Path(__file__).parent
    place = {folder / name: index for index, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(LONGEST)))


@pytest.fixture
def drawn(monkeypatch):
    """The recordings that the last build in this process has drawn, in a list.

    If `stop_after` is set, a build is interrupted after that many recordings, as by Ctrl-C.
    """
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
    """A function `once(name, make)`, which makes a folder once for all of pytest's processes."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # the folder that holds the folders of all processes

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
    """Raw simulated cohorts: three subjects each, and half an hour for each recording."""

    def make(folder):
        words = ("simulate", folder, "--subjects", 3, "--hours", 0.5, "--seed", 7, "--workers", 2)
        done = command("-m", "builders", *words)
        assert done.returncode == 0, done.stderr

    return once("raw", make)


@pytest.fixture(scope="session")
def corpus(raw, once):
    """A corpus of the three cohorts with the image spec `square`."""

    def make(folder):
        for cohort in ("isruc", "mass", "shhs"):
            words = (cohort, raw / cohort, "--out", folder / "corpus", "--image", "square")
            done = command("-m", "builders", *words)
            assert done.returncode == 0, done.stderr

    return once("corpus", make) / "corpus"


@pytest.fixture(scope="session")
def adapter(corpus, once):
    """The tiny model after two training steps: complete, although it has learned nothing."""

    def make(folder):
        words = ("--config", "recipes/tiny.yaml", "--dataset_name", corpus, "--max_steps", 2)
        words += ("--output_dir", folder / "tiny", "--per_device_train_batch_size", 4)
        done = command("train_sft.py", *words)
        assert done.returncode == 0, done.stderr

    return once("adapter", make) / "tiny"


@pytest.fixture
def two_processes():
    """A lock for tests with `accelerate launch` on two processes, which all use the same port."""
    with FileLock(Path(tempfile.gettempdir()) / "psgvlm-tests-two-processes.lock"):
        yield
