"""Draw the pictures of a report with matplotlib."""

from pathlib import Path

import numpy as np

from psgvlm.evaluation import predictions, sleep_agreement
from psgvlm.evaluation.report.cells import without_floors
from psgvlm.models import calibration
from psgvlm.signals.damage import DAMAGES
from psgvlm.stages import STAGES
from psgvlm.staging import hypnogram

LINES = ("#1b4079", "#c8553d", "#4f9ac6", "#f2b134", "#5b8c5a", "#7a4988", "#888888", "#222222")


def draw(out: Path, frame, measured: dict) -> dict:
    """Draw all pictures of a report into `out` and return their file names.

    Parameters
    ----------
    out : Path
        The folder of the report.
    frame : pandas.DataFrame
        The predictions of all contenders.
    measured : dict
        The result of `measure.measure_all`.

    Returns
    -------
    dict
        A file name by picture. `bland_altman` holds a file name for each model. `nights` holds, for
        each model, tuples `(which, recording, file)` from the best to the worst kappa.
    """
    contenders, models = measured["contenders"], measured["about"]["models"]
    tables = {name: part for name, part in frame.groupby("model", sort=False)}
    drawn = {"confusion": "confusion.png", "reliability": "reliability.png"}
    draw_confusions(without_floors(contenders), out / "confusion.png")
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
        for which, recording in choose_nights(contenders[name]["recordings"]).items():
            file = f"hypnogram_{number}_{which}.png"
            draw_night(tables[name], *recording.split("/", 1), out / file)
            drawn["nights"][name].append((which, recording, file))
    if measured["damage"]:
        drawn["damage"] = "damage.png"
        curves = {kind: without_floors(lines) for kind, lines in measured["damage"].items()}
        draw_damage(curves, out / "damage.png")
    if len(measured["cohorts"]) > 1:
        drawn["matrix"] = "matrix.png"
        draw_matrix(without_floors(measured["matrix"]), out / "matrix.png")
    if "lanes" in measured["variants"]:
        drawn["lanes"] = "lanes.png"
        draw_lanes(measured["variants"]["lanes"], out / "lanes.png")
    return drawn


def choose_nights(recordings: dict[str, dict]) -> dict[str, str]:
    """Return the recordings of best, median and worst kappa, if there are that many."""
    order = sorted(recordings, key=lambda name: (-recordings[name]["kappa"], name))
    places = {"best": 0, "worst": len(order) - 1, "median": len(order) // 2}
    named = {place: which for which, place in reversed(places.items())}
    return {named[place]: order[place] for place in sorted(named)}


def draw_night(frame, cohort: str, recording: str, path: Path) -> None:
    """Draw a night's hypnogram and hypnodensity over the scorer's stages; gaps stay gaps."""
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


def draw_confusions(contenders: dict[str, dict], path: Path) -> None:
    """Draw each contender's confusion matrix: colour is the share of a row, numbers are epochs."""
    from matplotlib.figure import Figure

    columns = min(4, len(contenders))
    rows = -(-len(contenders) // columns)
    figure = Figure(figsize=(0.6 + 3.2 * columns, 3.3 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(contenders) :]:
        axes.set_axis_off()
    for axes, (name, figures) in zip(grid.flat, contenders.items(), strict=False):
        counts = np.array(figures["pooled"]["confusion"])
        labels = [*STAGES, "invalid"] if counts[:, 5].any() else [*STAGES]
        counts = counts[:, : len(labels)]
        shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] > 0.55 else "0.2"
            axes.text(column, row, count, ha="center", va="center", color=colour, fontsize=8)
        axes.set_title(f"{name}: κ {figures['pooled']['kappa']:.3f}", fontsize=10)
        axes.set_xticks(range(len(labels)), labels, fontsize=8)
        axes.set_yticks(range(len(STAGES)), STAGES, fontsize=8)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    figure.supxlabel("predicted stage", fontsize=10)
    figure.supylabel("scored stage", fontsize=10)
    figure.savefig(path, dpi=130, metadata={"Software": None})


def draw_matrix(rows: dict[str, dict], path: Path) -> None:
    """Draw kappa by contender (rows) and cohort (columns); cohorts seen in training are framed."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    cohorts = list(next(iter(rows.values()))["cells"])
    kappa = [[row["cells"][cohort]["value"] for cohort in cohorts] for row in rows.values()]
    size = (2.6 + 1.5 * len(cohorts), 0.8 + 0.6 * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.imshow(kappa, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for index, row in enumerate(rows.values()):
        for column, cell in enumerate(row["cells"].values()):
            text = f"{cell['value']:.2f}"
            if cell["low"] is not None:
                text += f"\n{cell['low']:.2f} to {cell['high']:.2f}"
            colour = "white" if cell["value"] > 0.55 else "0.1"
            axes.text(column, index, text, ha="center", va="center", color=colour, fontsize=8)
            if cell["seen"]:
                axes.add_patch(Rectangle((column - 0.48, index - 0.46), 0.96, 0.92, fill=False,
                                         edgecolor="#c8553d", linewidth=1.6))  # fmt: skip
    labels = [f"{name}\n{_trained(row['trained_on'])}" for name, row in rows.items()]
    axes.set_yticks(range(len(rows)), labels, fontsize=8)
    tested = [f"tested on {cohort}" for cohort in cohorts]
    axes.set_xticks(range(len(cohorts)), tested, fontsize=9)
    axes.xaxis.tick_top()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    figure.savefig(path, dpi=130, metadata={"Software": None})


def _trained(cohorts: list[str] | None) -> str:
    return "training cohorts not known" if cohorts is None else f"trained on {', '.join(cohorts)}"


def draw_lanes(variants: dict[str, list[dict]], path: Path) -> None:
    """Draw each model's kappa and F1 by stage against the lanes, with 95 % intervals."""
    from matplotlib.figure import Figure

    names = [row["variant"] for row in next(iter(variants.values()))]
    short = [names[0], *(f"+ {name.rpartition(' + ')[2]}" for name in names[1:])]
    panels = {"κ": {name: [row["kappa"] for row in rows] for name, rows in variants.items()}}
    for name, rows in variants.items():
        lines = {stage: [row[f"f1_{stage}"] for row in rows] for stage in STAGES}
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


def draw_damage(damage: dict, path: Path) -> None:
    """Draw kappa and balanced accuracy against severity, one column per kind of damage."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.8 + 3.4 * len(damage), 5.4), layout="constrained")
    grid = figure.subplots(2, len(damage), squeeze=False, sharey="row", sharex="col")
    for (top, bottom), (kind, lines) in zip(grid.T, damage.items(), strict=True):
        for axes, key in ((top, "kappa"), (bottom, "balanced_accuracy")):
            _lines(axes, {name: [point[key] for point in points] for name, points in lines.items()})
        top.set_title(f"{kind}: {DAMAGES[kind].description}", fontsize=10)
        severities = [point["severity"] for point in next(iter(lines.values()))]
        bottom.set_xticks(range(len(severities)), severities, fontsize=8, rotation=30, ha="right")
    grid[0, 0].set_ylabel("κ")
    grid[1, 0].set_ylabel("balanced accuracy")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", frameon=False, fontsize=9)
    figure.savefig(path, dpi=130, metadata={"Software": None})


def _lines(axes, lines: dict[str, list[dict]], colours: dict[str, str] | None = None) -> None:
    """Draw one line per name through its figures, with 95 % intervals as bars side by side."""
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
