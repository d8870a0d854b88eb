"""The picture of a staged night: hypnogram, probabilities, epochs for review, and lanes."""

import io

import numpy as np

from psgvlm.stages import EPOCH_S
from psgvlm.staging import hypnogram
from psgvlm.staging.lights import Lights
from psgvlm.staging.staged_night import StagedNight

REVIEW, LIGHT = "#8e2f8c", "#fff3cf"
# A lane counts as partly flat, or as lost, if it shows nothing for so many seconds of an epoch.
PARTLY_S, LOST_S = 3.0, 15.0
LANE = {"recorded": "#dfe6ee", "partly flat": "#e9a23b", "flat or clipped": "#a61e1e"}


def png(night: StagedNight, lights: Lights, review_under: float) -> bytes:
    """Return the picture as PNG, with the time of day below if the recording says it."""
    from matplotlib.figure import Figure

    edges_h = EPOCH_S * np.arange(len(night.stages_on_grid()) + 1) / 3600
    heights = (3.4, 2, 0.3, 0.24 * len(night.lanes) + 0.1)
    figure = Figure(figsize=(13, 1.4 + sum(heights)), layout="constrained")
    top, middle, marks, bottom = figure.subplots(4, 1, sharex=True, height_ratios=heights)

    _draw_stages(top, edges_h, night, lights)
    hypnogram.draw_areas(middle, edges_h, night.probabilities_on_grid())
    _draw_review(marks, night, review_under)
    _draw_lanes(bottom, edges_h, night)
    for axes in (marks, bottom):
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    bottom.set_xlim(edges_h[0], edges_h[-1])
    hypnogram.label_time(bottom, edges_h[-1], night.clock_s)
    # A dollar sign in a file's name begins no formula.
    figure.suptitle(night.name, x=0.01, ha="left", fontsize=12, parse_math=False)
    file = io.BytesIO()
    # Without a creation date the same night gives the same bytes.
    figure.savefig(file, dpi=130, metadata={"Software": None})
    return file.getvalue()


def _draw_stages(axes, edges_h: np.ndarray, night: StagedNight, lights: Lights) -> None:
    from matplotlib.patches import Patch

    hypnogram.draw_steps(axes, edges_h, night.stages_on_grid())
    off_h, on_h = lights.off_s / 3600, lights.on_s / 3600
    bright = [(a, b) for a, b in ((edges_h[0], off_h), (on_h, edges_h[-1])) if b > a]
    for begin, end in bright:
        axes.axvspan(begin, end, color=LIGHT, zorder=0)
    if bright:
        legend = [Patch(color=LIGHT, label="lights on")]
        axes.legend(handles=legend, **hypnogram.LEGEND_BESIDE, fontsize=9)


def _draw_review(axes, night: StagedNight, review_under: float) -> None:
    rows = night.rows_for_review(review_under)
    middles_h = (night.onsets_s[rows] + EPOCH_S / 2) / 3600
    axes.eventplot(middles_h, lineoffsets=0.5, linelengths=1, linewidths=1.2, colors=REVIEW)
    axes.set_ylim(0, 1)
    axes.set_yticks([0.5], ["review"])
    axes.annotate(
        f"{len(rows)} of {len(night.epochs)}\nunder {review_under:g}",
        (1, 0.5),
        xytext=(12, 0),
        xycoords="axes fraction",
        textcoords="offset points",
        va="center",
        color=REVIEW,
        fontsize=9,
    )


def _draw_lanes(axes, edges_h: np.ndarray, night: StagedNight) -> None:
    """Draw a bar for each lane whose colour says where the lane is flat, clipped or missing."""
    from matplotlib.patches import Patch

    lanes, colours = list(night.lanes), list(LANE.values())
    lost_s = np.full((len(edges_h) - 1, len(lanes)), np.nan)
    lost_s[night.epochs] = night.lost_s
    for row, name in enumerate(lanes):
        if night.lanes[name] is None:
            axes.barh(row, edges_h[-1], 0.7, color="white", edgecolor="0.6", hatch="////")
            continue
        level = np.digitize(np.nan_to_num(lost_s[:, row]), (PARTLY_S, LOST_S))
        # Epochs in gaps get no colour.
        bouts = hypnogram.bouts(np.where(np.isfinite(lost_s[:, row]), level, -1).tolist())
        for index, colour in enumerate(colours):
            axes.broken_barh(
                [(edges_h[a], edges_h[b] - edges_h[a]) for a, b, of in bouts if of == index],
                (row - 0.35, 0.7),
                color=colour,
                linewidth=0.4,  # so that one lost epoch of a long night can be seen
            )
    axes.set_yticks(range(len(lanes)), lanes)
    axes.set_ylim(len(lanes) - 0.5, -0.5)
    legend = [Patch(color=colour, label=name) for name, colour in LANE.items()]
    legend += [Patch(facecolor="white", edgecolor="0.6", hatch="////", label="not recorded")]
    axes.legend(handles=legend, **hypnogram.LEGEND_BESIDE, fontsize=9)
