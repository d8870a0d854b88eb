"""Command lines of the project, run as a user runs them, and what a refused one must say."""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 280


def python(*words, cwd=ROOT, **options) -> subprocess.CompletedProcess:
    """Run `python WORDS` in a new process."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd, capture_output=True, text=True, timeout=TIMEOUT_S, **options,
    )  # fmt: skip


def command(
    *words, cwd=ROOT, processes=1, environment=None, setup=""
) -> subprocess.CompletedProcess:
    """Run `python WORDS` in a fork of a process that has imported the slow libraries already.

    Parameters
    ----------
    *words
        A script, `-m` and a module, or `-c` and code; and their arguments.
    cwd : path
        The folder to run in.
    processes : int
        In how many processes that work together, as `accelerate launch --multi_gpu` starts them.
    environment : dict, optional
        Environment variables to add. Libraries that read them while they are imported do not see
        them: see `setup`.
    setup : str
        Python code to run first.

    Returns
    -------
    subprocess.CompletedProcess
    """
    words = [str(word) for word in words]
    with tempfile.TemporaryDirectory() as folder:
        outputs = {name: Path(folder) / name for name in ("stdout", "stderr")}
        for output in outputs.values():
            output.touch()
        status = _warm_python().run(
            words=words, folder=cwd, environment=environment or {}, setup=setup,
            processes=processes, port=_free_port(), **outputs,
        )  # fmt: skip
        texts = [output.read_text() for output in outputs.values()]
        return subprocess.CompletedProcess(words, status, *texts)


def full_disk(size: int) -> str:
    """Return a `setup` for `command` that stands in for a full disk.

    No file can become larger than `size` bytes.
    """
    return f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


class _WarmPython:
    """One process of `warm_python.py`, which runs one command at a time."""

    def __init__(self):
        script = Path(__file__).with_name("warm_python.py")
        self._process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()
        atexit.register(self._process.communicate)  # ends the process: its input ends

    def run(self, **request) -> int:
        """Run a command as `warm_python.py` reads it, and return its exit status."""
        with self._lock:
            print(json.dumps(request, default=str), file=self._process.stdin, flush=True)
            child = int(self._process.stdout.readline())
            killer = threading.Timer(TIMEOUT_S, os.killpg, (child, signal.SIGKILL))
            killer.start()
            try:
                return int(self._process.stdout.readline())
            finally:
                killer.cancel()


_warm_python = cache(_WarmPython)


def refused(done: subprocess.CompletedProcess, *parts) -> None:
    """Assert that a command failed with one line that contains all of `parts`."""
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert str(part) in lines[0]
