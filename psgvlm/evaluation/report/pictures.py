"""The pictures of a report."""

from pathlib import Path

import numpy as np

from psgvlm.evaluation import predictions, sleep_agreement
from psgvlm.evaluation.report.cells import looking
from psgvlm.models import calibration
from psgvlm.signals.damage import DAMAGES
from psgvlm.stages import STAGES
from psgvlm.staging import hypnogram

LINES = ("#1b4079", "#c8553d", "#4f9ac6", "#f2b134", "#5b8c5a", "#7a4988", "#888888", "#222222")


def draw(out: Path, frame, measured: dict) -> dict:
    """Draw all into `out`; returns what was drawn: a file name, or by model, or a list of nights.

    `nights` holds, for each model, `(which, recording, file)` from best to worst kappa.
    """
    contenders, models = measured["contenders"], measured["about"]["models"]
    tables = {name: part for name, part in frame.groupby("model", sort=False)}
    drawn = {"confusion": "confusion.png", "reliability": "reliability.png"}
    confusions(looking(contenders), out / "confusion.png")
    panels = {name: predictions.probabilities(tables[name]) for name in models}
    for name in models:
        if (temperature := contenders[name]["temperature"]) is not None:
            panels[f"{name}, calibrated"] = calibration.scale(panels[name], temperature)
    calibration.draw(panels, predictions.scored(tables[models[0]]), out / "reliability.png")
    drawn |= {"bland_altman": {}, "nights": {}}
    for number, name in enumerate(models, 1):
        file = f"bland_altman_{number}.png"
        sleep_agreement.draw(sleep_agreement.by_night(tables[name]), out / file)
        drawn["bland_altman"][name] = file
        drawn["nights"][name] = []
        for which, recording in chosen(contenders[name]["recordings"]).items():
            file = f"hypnogram_{number}_{which}.png"
            night(tables[name], *recording.split("/", 1), out / file)
            drawn["nights"][name].append((which, recording, file))
    if measured["damage"]:
        drawn["damage"] = "damage.png"
        seen = {kind: looking(lines) for kind, lines in measured["damage"].items()}
        curves(seen, out / "damage.png")
    if len(measured["cohorts"]) > 1:
        drawn["matrix"] = "matrix.png"
        matrix(looking(measured["matrix"]), out / "matrix.png")
    if "lanes" in measured["variants"]:
        drawn["lanes"] = "lanes.png"
        lanes(measured["variants"]["lanes"], out / "lanes.png")
    return drawn


def chosen(recordings: dict[str, dict]) -> dict[str, str]:
    """The nights of best, median and worst kappa; fewer where there are fewer than three."""
    order = sorted(recordings, key=lambda name: (-recordings[name]["kappa"], name))
    places = {"best": 0, "worst": len(order) - 1, "median": len(order) // 2}
    named = {place: which for which, place in reversed(places.items())}
    return {named[place]: order[place] for place in sorted(named)}


def night(frame, cohort: str, recording: str, path: Path) -> None:
    """One night's hypnogram and hypnodensity with the scorer's stages behind; gaps stay gaps."""
    rows = frame[(frame["cohort"] == cohort) & (frame["recording"] == recording)]
    rows = rows.sort_values("epoch")
    epochs = rows["epoch"].to_numpy()
    grid = np.arange(epochs[0], epochs[-1] + 1)
    at = epochs - epochs[0]
    p = np.full((len(grid), len(STAGES)), np.nan)
    p[at] = rows[predictions.PROBABILITIES].to_numpy()
    scored: list[str | None] = [None] * len(grid)
    for index, stage in zip(at, rows["stage"], strict=True):
        scored[index] = stage
    onsets_s = rows["onset"].iloc[0] + hypnogram.EPOCH_S * (grid - grid[0])
    hypnogram.draw(path, onsets_s, p, scored)


def confusions(contenders: dict[str, dict], path: Path) -> None:
    """A matrix each, rows the scored stages: shares of a row in colour, epochs as numbers."""
    from matplotlib.figure import Figure

    columns = min(4, len(contenders))
    rows = -(-len(contenders) // columns)
    figure = Figure(figsize=(0.6 + 3.2 * columns, 3.3 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(contenders) :]:
        axes.set_axis_off()
    for axes, (name, of) in zip(grid.flat, contenders.items(), strict=False):
        counts = np.array(of["pooled"]["confusion"])
        labels = [*STAGES, "invalid"] if counts[:, 5].any() else [*STAGES]
        counts = counts[:, : len(labels)]
        shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.55 else "0.2"
            axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
        axes.set_title(f"{name}: κ {of['pooled']['kappa']:.3f}", fontsize=10)
        axes.set_xticks(range(len(labels)), labels, fontsize=8)
        axes.set_yticks(range(len(STAGES)), STAGES, fontsize=8)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    figure.supxlabel("answer", fontsize=10)
    figure.supylabel("scored", fontsize=10)
    figure.savefig(path, dpi=130, metadata={"Software": None})


def matrix(crossed: dict[str, dict], path: Path) -> None:
    """Kappa as a heat table: a row a contender, a column a cohort; what it has seen is framed."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    cohorts = list(next(iter(crossed.values()))["cells"])
    kappa = [[of["cells"][cohort]["value"] for cohort in cohorts] for of in crossed.values()]
    size = (2.6 + 1.5 * len(cohorts), 0.8 + 0.6 * len(crossed))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.imshow(kappa, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, of in enumerate(crossed.values()):
        for column, cell in enumerate(of["cells"].values()):
            text = f"{cell['value']:.2f}"
            if cell["low"] is not None:
                text += f"\n{cell['low']:.2f} to {cell['high']:.2f}"
            colour = "white" if cell["value"] > 0.55 else "0.1"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
            if cell["seen"]:
                axes.add_patch(Rectangle((column - 0.48, row - 0.46), 0.96, 0.92, fill=False,
                                         edgecolor="#c8553d", linewidth=1.6))  # fmt: skip
    labels = [f"{name}\n{_trained(of['trained_on'])}" for name, of in crossed.items()]
    axes.set_yticks(range(len(crossed)), labels, fontsize=8)
    tested = [f"tested on {cohort}" for cohort in cohorts]
    axes.set_xticks(range(len(cohorts)), tested, fontsize=9)
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    figure.savefig(path, dpi=130, metadata={"Software": None})


def _trained(cohorts: list[str] | None) -> str:
    return "training not known here" if cohorts is None else f"trained on {', '.join(cohorts)}"


def lanes(variants: dict[str, list[dict]], path: Path) -> None:
    """Kappa of each model, and each model's F1 by stage, against the lanes shown; 95 % bars."""
    from matplotlib.figure import Figure

    names = [of["variant"] for of in next(iter(variants.values()))]
    short = [names[0], *(f"+ {name.rpartition(' + ')[2]}" for name in names[1:])]
    panels = {"κ": {name: [of["kappa"] for of in found] for name, found in variants.items()}}
    for name, found in variants.items():
        lines = {stage: [of[f"f1_{stage}"] for of in found] for stage in STAGES}
        panels[f"{name}: F1 by stage"] = lines
    figure = Figure(figsize=(3.6 * len(panels), 3.4), layout="constrained")
    (grid,) = figure.subplots(1, len(panels), squeeze=False, sharey=True)
    for axes, (title, lines) in zip(grid, panels.items(), strict=True):
        _lines(axes, lines, hypnogram.COLOURS)
        axes.set_title(title, fontsize=10)
        axes.set_xticks(range(len(short)), short, fontsize=9)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=len(lines), fontsize=8,
                    frameon=False, handlelength=0.8, columnspacing=1)  # fmt: skip
    figure.savefig(path, dpi=130, metadata={"Software": None})


def curves(damage: dict, path: Path) -> None:
    """Kappa and balanced accuracy against severity, a column a kind of damage, 95 % bars."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.8 + 3.4 * len(damage), 5.4), layout="constrained")
    grid = figure.subplots(2, len(damage), squeeze=False, sharey="row", sharex="col")
    for (top, bottom), (kind, lines) in zip(grid.T, damage.items(), strict=True):
        for axes, key in ((top, "kappa"), (bottom, "balanced_accuracy")):
            _lines(axes, {name: [point[key] for point in points] for name, points in lines.items()})
        top.set_title(f"{kind}: {DAMAGES[kind].text}", fontsize=10)
        severities = [point["severity"] for point in next(iter(lines.values()))]
        bottom.set_xticks(range(len(severities)), severities, fontsize=8, rotation=30, ha="right")
    grid[0, 0].set_ylabel("κ")
    grid[1, 0].set_ylabel("balanced accuracy")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=9)
    figure.savefig(path, dpi=130, metadata={"Software": None})


def _lines(axes, lines: dict[str, list[dict]], colours: dict[str, str] | None = None) -> None:
    """A line a name through its figures, one a step, with their intervals as bars side by side."""
    for number, (name, figures) in enumerate(lines.items()):
        at = np.arange(len(figures)) + 0.06 * (number - (len(lines) - 1) / 2)
        value = np.array([f["value"] for f in figures])
        ends = [[f[end] if f[end] is not None else f["value"] for f in figures]
                for end in ("low", "high")]  # fmt: skip
        bars = np.abs(np.array(ends) - value)
        colour = (colours or {}).get(name, LINES[number % len(LINES)])
        axes.errorbar(at, value, bars, color=colour, label=name, marker="o", markersize=4,
                      linewidth=1.4, elinewidth=0.8)  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.92")
