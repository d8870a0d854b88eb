"""Command lines of the project, run in a process of their own as a user runs them."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def command(*words, cwd=ROOT) -> subprocess.CompletedProcess:
    """Run a command line of the project as a user would, in a process of its own."""
    return subprocess.run(
        [sys.executable, *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=280
    )


def refused(done, *parts):
    """The command failed with one line that says all of `parts`."""
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert str(part) in lines[0]
