"""A build that is killed at random moments gives the same corpus as one that is not."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from builds import content, write_raw
from commands import ROOT

SPLITS = ("--seed=42", "--split=loso")  # in turns, so that rows are also taken from older shards


def start(raw, out, split):
    """Start a build; return it and the time at which it took the lock of the corpus."""
    words = [sys.executable, "-m", "builders", "shhs", raw, "--out", out, "--image", "square"]
    process = subprocess.Popen(
        [*words, "--workers", "2", split],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell may have started pytest with Ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while process.poll() is None and not holds_the_lock(process.pid):
        time.sleep(0.005)
    return process, time.monotonic()


def holds_the_lock(pid):
    with contextlib.suppress(FileNotFoundError, PermissionError):  # it has ended
        for file in Path("/proc", str(pid), "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since it was listed
                if os.readlink(file).endswith("/.build/lock"):
                    return True
    return False


def finished(process, began):
    """Wait until a build ends; return for how many seconds it held the lock."""
    while process.poll() is None and holds_the_lock(process.pid):
        time.sleep(0.005)
    held_s = time.monotonic() - began
    _, said = process.communicate()
    assert process.returncode == 0, said
    return held_s


def kill(process, how):
    """End a build by Ctrl-C, which reaches the whole group, or kill the group or the parent.

    Return False if the build had ended before.
    """
    if how == "parent":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGINT if how == "Ctrl-C" else signal.SIGKILL)
    told, said = process.communicate()
    if "6 nights" in told:
        return False
    assert "Traceback" not in said
    if how == "Ctrl-C":
        # A shell calls both 130. Python sends itself the signal where a library's `exec` saw it.
        assert process.returncode in (130, -signal.SIGINT), said
        assert said.splitlines()[-1] == "error: stopped by the user"
    else:
        assert process.returncode == -signal.SIGKILL
    return True


@pytest.mark.timeout(900)  # half a minute on a quiet machine
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("wanted", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments(wanted, tmp_path):
    raw, out = write_raw(tmp_path / "raw", range(6)), tmp_path / "c"
    whole, held_s = {}, []
    for split in SPLITS:
        process, began = start(raw, tmp_path / split, split)
        held_s.append(finished(process, began))
        whole[split] = content(tmp_path / split)
    rng, kills, builds = random.Random(5), 0, 0
    while kills < wanted:
        process, began = start(raw, out, SPLITS[builds % 2])
        try:
            # A build is quicker when everything is drawn or the machine is less busy, and about two
            # in three are to be killed all the same.
            process.wait(rng.uniform(0, 1.5 * max(held_s[-3:])))
        except subprocess.TimeoutExpired:
            kills += kill(process, ("Ctrl-C", "group", "parent")[kills % 3])
        else:
            held_s.append(finished(process, began))
            assert content(out) == whole[SPLITS[builds % 2]], f"after {kills} kills"
            builds += 1
    finished(*start(raw, out, SPLITS[builds % 2]))
    assert content(out) == whole[SPLITS[builds % 2]]
