"""Pictures of the documentation that are drawn from bench/results or by psgvlm itself."""

import io
from statistics import mean

from benchmark_tables import read
from matplotlib.figure import Figure


def layouts() -> bytes:
    """Draw κ of every drawing: a dot for each seed, a bar at their mean, the best on top."""
    kappas = {
        drawing["image"] if name in ("paper", "wide") else name: [
            run["kappa"] for run in drawing["seeds"].values()
        ]
        for name, drawing in read("layouts")["layouts"].items()
    }
    order = sorted(kappas, key=lambda name: mean(kappas[name]))
    figure = Figure(figsize=(9, 0.36 * len(order) + 0.8), layout="constrained")
    axes = figure.add_subplot(xlim=(0, 1), xlabel="κ on held-out simulated subjects")
    for place, name in enumerate(order):
        axes.plot(kappas[name], [place] * len(kappas[name]), "o", color="#3070b0", markersize=5)
        axes.plot([mean(kappas[name])], [place], "|", color="black", markersize=16)
    axes.set_yticks(range(len(order)), order, fontsize=8)
    axes.grid(axis="x", color="#dddddd")
    axes.set_axisbelow(True)
    return _saved(figure, "svg")


def _saved(figure: Figure, kind: str) -> bytes:
    """Return the figure as a file's bytes, the same at every build."""
    import matplotlib

    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "psgvlm"}):
        figure.savefig(stream, format=kind, metadata={"Date": None} if kind == "svg" else None)
    return stream.getvalue()
