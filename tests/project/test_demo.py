"""The demonstration, as `make demo` runs it: the tiny model learns to stage simulated subjects."""

import json
import shutil
import subprocess
import sys

import pytest
from commands import ROOT


@pytest.mark.slow
def test_the_demonstration_learns(tmp_path):
    """In a copy of the project, so that a user's demo/ is left alone."""
    copy = tmp_path / "psgvlm"
    ignored = shutil.ignore_patterns(".git", ".venv", "demo", "tests", ".*_cache", ".hypothesis")
    shutil.copytree(ROOT, copy, ignore=ignored)
    done = subprocess.run([sys.executable, "demo.py"], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = json.loads((copy / "demo" / "results.json").read_text())
    assert figures["held_out"]["kappa"] >= 0.70
    assert figures["held_out"]["epochs"] > 1000
    assert set(figures["kappa"]) == {"adapter", "yasa", "vision-only", "majority"}
    assert set(figures["damaged_kappa"]) == {"lost", "white"}
    for name in figures["kappa"]:
        assert name in done.stdout
    assert figures["staged_night"]["kappa"] >= 0.60
    for name in ("release/psg-images", "release/psgvlm-tiny"):
        assert "simulated recordings" in (copy / "demo" / name / "README.md").read_text()
    for name in ("epoch.png", "night/night.png", "night/report.html", "report/report.html"):
        assert str(name) in done.stdout
        assert (copy / "demo" / name).is_file()
