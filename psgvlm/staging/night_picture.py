"""A staged night on one page: hypnogram, probabilities, what to look at again, lanes."""

from pathlib import Path

import numpy as np

from psgvlm.stages import EPOCH_S, STAGES
from psgvlm.staging import hypnogram
from psgvlm.staging.lights import Lights
from psgvlm.staging.stager import StagedNight

REVIEW, LIGHT = "#8e2f8c", "#fff3cf"
# Of an epoch's seconds, how many a lane may show nothing in before it counts as partly, or as lost.
PARTLY_S, LOST_S = 3.0, 15.0
LANE = {"recorded": "#dfe6ee", "partly flat": "#e9a23b", "flat or clipped": "#a61e1e"}


def draw(path: str | Path, night: StagedNight, lights: Lights, review_under: float) -> None:
    """A PNG; time of day below where the recording tells it, else hours from its start."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    grid = night.on_grid()
    edges_h = EPOCH_S * np.arange(len(grid) + 1) / 3600
    lanes = list(night.lanes)
    heights = (3.4, 2, 0.3, 0.24 * len(lanes) + 0.1)
    figure = Figure(figsize=(13, 1.4 + sum(heights)), layout="constrained")
    top, middle, marks, bottom = figure.subplots(4, 1, sharex=True, height_ratios=heights)

    hypnogram.steps(top, edges_h, grid)
    off_h, on_h = lights.off_s / 3600, lights.on_s / 3600
    bright = [(a, b) for a, b in ((edges_h[0], off_h), (on_h, edges_h[-1])) if b > a]
    for begin, end in bright:
        top.axvspan(begin, end, color=LIGHT, zorder=0)
    if bright:
        top.legend(handles=[Patch(color=LIGHT, label="lights on")], **hypnogram.BESIDE, fontsize=9)
    p = np.full((len(grid), len(STAGES)), np.nan)
    p[night.epochs] = night.probabilities
    hypnogram.density(middle, edges_h, p)

    rows = night.unsure(review_under)
    looked_at_h = (night.onsets_s[rows] + EPOCH_S / 2) / 3600
    marks.eventplot(looked_at_h, lineoffsets=0.5, linelengths=1, linewidths=1.2, colors=REVIEW)
    marks.set_ylim(0, 1)
    marks.set_yticks([0.5], ["review"])
    marks.annotate(
        f"{len(rows)} of {len(night.epochs)}\nunder {review_under:g}",
        (1, 0.5),
        xytext=(12, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        va="center",
        color=REVIEW,
        fontsize=9,
    )

    lost_s = np.full((len(grid), len(lanes)), np.nan)
    lost_s[night.epochs] = night.lost_s
    colours = list(LANE.values())
    for row, name in enumerate(lanes):
        if night.lanes[name] is None:
            bottom.barh(row, edges_h[-1], 0.7, color="white", edgecolor="0.6", hatch="////")
            continue
        shown = np.digitize(np.nan_to_num(lost_s[:, row]), (PARTLY_S, LOST_S))
        for level, colour in enumerate(colours):
            spans = _runs((shown == level) & np.isfinite(lost_s[:, row]))
            bottom.broken_barh(
                [(edges_h[a], edges_h[b] - edges_h[a]) for a, b in spans],
                (row - 0.35, 0.7),
                color=colour,
                linewidth=0.4,  # one lost epoch of a long night is seen, too
            )
    bottom.set_yticks(range(len(lanes)), lanes)
    bottom.set_ylim(len(lanes) - 0.5, -0.5)
    legend = [Patch(color=colour, label=name) for name, colour in LANE.items()]
    legend += [Patch(facecolor="white", edgecolor="0.6", hatch="////", label="not recorded")]
    bottom.legend(handles=legend, **hypnogram.BESIDE, fontsize=9)

    for axes in (marks, bottom):
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    bottom.set_xlim(edges_h[0], edges_h[-1])
    _tell_time(bottom, night, edges_h[-1])
    figure.suptitle(night.name, x=0.01, ha="left", fontsize=12)
    # No creation date: the same night gives the same bytes.
    figure.savefig(path, dpi=130, metadata={"Software": None})


def _runs(mask: np.ndarray) -> np.ndarray:
    """Where a mask is true: first index and the one after the last, shape (runs, 2)."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return edges.reshape(-1, 2)


def _tell_time(axes, night: StagedNight, hours: float) -> None:
    """Ticks at full hours, or parts of them in a short record."""
    step_h = next((s for s in (1 / 60, 1 / 12, 0.25, 0.5, 1, 2, 6) if hours / s <= 16), 12)
    if night.clock_s is None:
        axes.set_xlabel("hours from the start of the record")
        axes.set_xticks(np.arange(0, hours + 1e-9, step_h))
        return
    start_h = night.clock_s / 3600
    ticks = np.arange(np.ceil(start_h / step_h - 1e-9), (start_h + hours) / step_h + 1e-9) * step_h
    ticks_h = ticks - start_h
    # Half a second of grace: a third of an hour is no round number.
    labels = [night.clock(3600 * tick_h + 0.5)[:5] for tick_h in ticks_h]
    axes.set_xticks(ticks_h, labels)
    axes.set_xlabel("time of day")
