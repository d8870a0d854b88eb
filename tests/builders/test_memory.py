"""The memory of a worker is bounded for a whole night, and does not grow in twenty nights."""

import subprocess
import sys

import edfio
import pytest
from commands import ROOT
from recordings import noise

LABELS = [
    "F4-M1",
    "C4-M1",
    "O2-M1",
    "E1-M2",
    "E2-M1",
    "chin",
    "ECG",
    "F3-M2",
    "C3-M2",
    "O1-M2",
    "leg1",
    "leg2",
]

# This runs in a process of its own, because the memory that pytest once took would count, too.
WORKER = """
import sys
from pathlib import Path
from psgvlm.builders.build import drawing
from psgvlm.builders.build.drawing import Task
from psgvlm.builders.build.examine import Choices
from psgvlm.builders.readers import find_nights, folder
from psgvlm.image_spec import PRESETS

def resident_mb():
    status = Path("/proc/self/status").read_text()
    return [int(status.split(name)[1].split()[0]) / 1024 for name in ("VmRSS:", "VmHWM:")]

(night,) = find_nights(folder, Path(sys.argv[1]))
for _ in range(int(sys.argv[3])):
    part = Path(sys.argv[1]) / "part"
    spec = PRESETS[sys.argv[2]]
    drawing.draw_night(Task(folder.__name__, night, spec, Choices(), "key", part))
    print(*resident_mb())
"""


def worker(raw, image: str, nights: int) -> list[list[float]]:
    """Return the MB in use after each night, and the most so far."""
    done = subprocess.run(
        [sys.executable, "-c", WORKER, raw, image, str(nights)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [[float(value) for value in line.split()] for line in done.stdout.splitlines()]


def write_night(path, hours: float, rate_hz: int = 256):
    samples = noise(hours * 3600, rate_hz)
    signals = [
        edfio.EdfSignal(
            samples, rate_hz, label=label, physical_dimension="uV", physical_range=(-500, 500)
        )
        for label in LABELS
    ]
    edfio.Edf(signals).write(path)
    (path.with_suffix(".txt")).write_text("N2\n" * int(hours * 120))


pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def test_a_night_takes_less_than_400_mb(tmp_path):
    """A night of 8 hours with 12 channels at 256 Hz, including imports and compiled code."""
    write_night(tmp_path / "night.edf", 8)
    ((_, most),) = worker(tmp_path, "wide", 1)
    assert most < 400


def test_the_memory_does_not_grow_from_the_third_night_to_the_twentieth(tmp_path):
    write_night(tmp_path / "night.edf", 0.5)
    taken = [now for now, _ in worker(tmp_path, "compact", 20)]
    assert max(taken[3:]) < taken[2] + 5
