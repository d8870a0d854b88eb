"""Pictures of the documentation that are drawn from bench/results or by psgvlm itself."""

import csv
import io
import itertools
import math
import tempfile
from pathlib import Path
from statistics import mean

from benchmark_tables import drawing_label, read
from matplotlib.figure import Figure
from psgvlm.builders import simulate

import psgvlm
from psgvlm.image_spec import PRESETS
from psgvlm.stages import EPOCH_S


def layouts() -> bytes:
    """Draw κ of every drawing: a dot for each seed, a bar at their mean, the best on top."""
    kappas = {
        drawing_label(name, drawing): [run["kappa"] for run in drawing["seeds"].values()]
        for name, drawing in read("layouts")["layouts"].items()
    }
    order = sorted(kappas, key=lambda label: mean(kappas[label]))
    figure = Figure(figsize=(9, 0.36 * len(order) + 0.8), layout="constrained")
    axes = figure.add_subplot(xlim=(0, 1), xlabel="κ on held-out simulated subjects")
    for place, label in enumerate(order):
        axes.plot(kappas[label], [place] * len(kappas[label]), "o", color="#3070b0", markersize=5)
        axes.plot([mean(kappas[label])], [place], "|", color="black", markersize=16)
    axes.set_yticks(range(len(order)), order, fontsize=9)
    axes.grid(axis="x", color="#dddddd")
    axes.set_axisbelow(True)
    return _saved(figure, "svg")


def presets() -> bytes:
    """Draw the same simulated epoch of N2 in every preset."""
    with tempfile.TemporaryDirectory() as folder:
        path, epoch = example_night(Path(folder))
        images = {name: psgvlm.draw(path, spec)[epoch] for name, spec in PRESETS.items()}
    figure = Figure(figsize=(12, 12.6), layout="constrained")
    grid = figure.add_gridspec(3, 6)
    places = {
        "wide": grid[0, :],
        "compact": grid[1, :4],
        "square": grid[1, 4:],
        "folded": grid[2, :2],
        "spectral": grid[2, 2:4],
        "paper": grid[2, 4:],
    }
    for name, place in places.items():
        axes = figure.add_subplot(place)
        axes.imshow(images[name], interpolation="lanczos")
        axes.set_title(name, fontsize=14)
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_color("#cccccc")
    return _saved(figure, "png")


def example_night(folder: Path) -> tuple[Path, int]:
    """Simulate a quarter of an hour of sleep; return the recording and an epoch that is N2."""
    simulate.write_recording("mass", folder, 0.25, 7, 0)
    (path,) = folder.rglob("*PSG.edf")
    with next(folder.rglob("*.stages.csv")).open() as file:
        rows = list(csv.DictReader(file))
    # The scorer's epochs do not start with the recording: an epoch of the recording lies across
    # two of them, and both have to be N2.
    onset_s = next(
        float(row["onset_s"])
        for row, following in itertools.pairwise(rows)
        if row["stage"] == following["stage"] == "N2"
    )
    return path, math.ceil(onset_s / EPOCH_S)


def _saved(figure: Figure, kind: str) -> bytes:
    """Return the figure as a file's bytes, the same at every build."""
    import matplotlib

    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "psgvlm"}):
        figure.savefig(stream, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return stream.getvalue()
