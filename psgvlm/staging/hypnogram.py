"""Hypnogram and hypnodensity: their colours, their order, their geometry, and how they are plotted.

The page (`psgvlm.app.pictures`) draws the same steps and areas as SVG.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from psgvlm.stages import EPOCH_S, STAGES

# Dark for deep sleep, warm for wake and REM; the five differ in grey, too.
COLOURS = {"W": "#f2b134", "N1": "#a8d5e5", "N2": "#4f9ac6", "N3": "#1b4079", "R": "#c8553d"}
STAGES_FROM_TOP = ("W", "R", "N1", "N2", "N3")
LEVEL = {stage: level for level, stage in enumerate(reversed(STAGES_FROM_TOP))}
LEGEND_BESIDE = {"loc": "upper left", "bbox_to_anchor": (1, 1), "frameon": False}
TICK_STEPS_H = (1 / 60, 1 / 12, 0.25, 0.5, 1, 2, 6, 12)
MAX_TICKS = 16


def bouts(stages: Sequence[str | None]) -> list[tuple[int, int, str | None]]:
    """Return the runs of equal stages as (first epoch, epoch after the last, stage)."""
    found, first = [], 0
    for stage, run in groupby(stages):
        stop = first + len(list(run))
        found.append((first, stop, stage))
        first = stop
    return found


def areas(probabilities: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the lower and upper edge of each stage's area in a hypnodensity, N3 at the bottom.

    `probabilities` has shape (n, 5), in the order of `STAGES`; each edge has shape (n,). Epochs of
    NaN stay NaN.
    """
    edges, lower = {}, np.zeros(len(probabilities))
    for stage in reversed(STAGES_FROM_TOP):
        upper = lower + probabilities[:, STAGES.index(stage)]
        edges[stage] = lower, upper
        lower = upper
    return edges


def draw(
    path: str | Path,
    onsets_s: np.ndarray,
    probabilities: np.ndarray,
    scored: Sequence[str | None] | None = None,
) -> None:
    """Write a PNG of the most probable stages above the probabilities.

    `onsets_s` has shape (n,) and `probabilities` (n, 5); epochs of NaN are left out. If `scored`
    is given, the scorer's stages are drawn behind the model's in grey.
    """
    known = np.isfinite(probabilities).all(axis=1)
    most_probable = np.nan_to_num(probabilities).argmax(axis=1)
    stages = [STAGES[i] if k else None for i, k in zip(most_probable, known, strict=True)]
    figure, bottom = _figure(onsets_s, stages, probabilities, scored)
    bottom.set_xlabel("hours from the start of the record")
    # Without a creation date the same night gives the same bytes.
    figure.savefig(path, dpi=130, metadata={"Software": None})


def plot(
    onsets_s: np.ndarray,
    stages: Sequence[str | None],
    probabilities: np.ndarray,
    clock_s: float | None = None,
):
    """Return a matplotlib figure of stages above probabilities, with the time of day below.

    `clock_s` is the time of day at 0 s, in seconds after midnight; without it the axis counts the
    hours from the start of the record.
    """
    figure, bottom = _figure(onsets_s, stages, probabilities)
    label_time(bottom, (onsets_s[-1] + EPOCH_S) / 3600, clock_s)
    return figure


def _figure(onsets_s, stages, probabilities, scored=None):
    from psgvlm.staging.notebook_figure import NotebookFigure

    figure = NotebookFigure(figsize=(10, 4.4), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    edges_h = np.append(onsets_s, onsets_s[-1] + EPOCH_S) / 3600
    draw_steps(top, edges_h, stages, scored)
    draw_areas(bottom, edges_h, probabilities)
    bottom.set_xlim(edges_h[0], edges_h[-1])
    return figure, bottom


def draw_steps(axes, edges, stages: Sequence[str | None], scored: Sequence | None = None) -> None:
    """Draw stages as steps, with REM thick and red; `None` is a gap.

    `edges` holds the times between epochs and has one entry more than `stages`.
    """
    if scored is not None:
        axes.stairs(
            _levels(scored), edges, baseline=None, color="0.72", linewidth=5, label="scorer"
        )
    levels = _levels(stages)
    axes.stairs(levels, edges, baseline=None, color="0.15", linewidth=1.1, label="model")
    rem = np.where(levels == LEVEL["R"], levels, np.nan)
    axes.stairs(rem, edges, baseline=None, color=COLOURS["R"], linewidth=3)
    axes.set_yticks([LEVEL[stage] for stage in STAGES_FROM_TOP], STAGES_FROM_TOP)
    axes.set_ylim(-0.4, 4.4)
    axes.grid(axis="x", color="0.9")
    if scored is not None:
        axes.legend(**LEGEND_BESIDE)
    axes.spines[["top", "right"]].set_visible(False)


def draw_areas(axes, edges, probabilities: np.ndarray) -> None:
    """Draw probabilities of shape (n, 5) as stacked areas; epochs of NaN are gaps."""
    for stage, (lower, upper) in areas(probabilities).items():
        axes.stairs(upper, edges, baseline=lower, fill=True, color=COLOURS[stage], label=stage)
    axes.set(ylim=(0, 1), ylabel="probability")
    axes.legend(**LEGEND_BESIDE, reverse=True)
    axes.spines[["top", "right"]].set_visible(False)


def label_time(axes, length_h: float, clock_s: float | None) -> None:
    """Put ticks at full hours, or at parts of an hour in a short record.

    The labels are times of day if `clock_s`, the time of day at 0 h in seconds, is known.
    """
    step_h = next((s for s in TICK_STEPS_H if length_h / s <= MAX_TICKS), TICK_STEPS_H[-1])
    if clock_s is None:
        axes.set_xlabel("hours from the start of the record")
        axes.set_xticks(np.arange(0, length_h + 1e-9, step_h))
        return
    start_h = clock_s / 3600
    first, last = start_h / step_h - 1e-9, (start_h + length_h) / step_h + 1e-9
    clock_h = np.arange(np.ceil(first), last) * step_h
    # Half a second is added because a third of an hour is no exact number.
    labels = [time_of_day(3600 * hour + 0.5)[:5] for hour in clock_h]
    axes.set_xticks(clock_h - start_h, labels)
    axes.set_xlabel("time of day")


def time_of_day(seconds: float) -> str:
    """Return seconds after a midnight as `hh:mm:ss`."""
    minutes, seconds = divmod(int(seconds) % 86400, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


def _levels(stages: Sequence[str | None]) -> np.ndarray:
    return np.array([np.nan if stage is None else LEVEL[stage] for stage in stages])
