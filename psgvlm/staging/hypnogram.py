"""The hypnogram and the hypnodensity of a night, drawn."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from psgvlm.stages import EPOCH_S, STAGES

# Dark for deep, warm for awake and dreaming; told apart in greys too.
COLOURS = {"W": "#f2b134", "N1": "#a8d5e5", "N2": "#4f9ac6", "N3": "#1b4079", "R": "#c8553d"}
LEVEL = {"W": 4, "R": 3, "N1": 2, "N2": 1, "N3": 0}
BESIDE = {"loc": "upper left", "bbox_to_anchor": (1, 1), "frameon": False}


def draw(
    path: str | Path,
    onsets_s: np.ndarray,
    probabilities: np.ndarray,
    scored: Sequence[str | None] | None = None,
) -> None:
    """A PNG of the most probable stages over the probabilities, which have shape (n, 5).

    A scorer's stages lie behind in grey; epochs of NaN are left out.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.4), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    edges_h = np.append(onsets_s, onsets_s[-1] + EPOCH_S) / 3600
    known = np.isfinite(probabilities).all(axis=1)
    answers = np.nan_to_num(probabilities).argmax(axis=1)
    stages = [STAGES[i] if k else None for i, k in zip(answers, known, strict=True)]
    steps(top, edges_h, stages, scored)
    density(bottom, edges_h, probabilities)
    bottom.set(xlabel="hours from the start of the record", xlim=(edges_h[0], edges_h[-1]))
    # No creation date: the same night gives the same bytes.
    figure.savefig(path, dpi=130, metadata={"Software": None})


def steps(axes, edges, stages: Sequence[str | None], scored: Sequence | None = None) -> None:
    """Stages as steps, REM thick and red; epochs of `None` are gaps. `edges` has one more entry."""
    if scored is not None:
        axes.stairs(
            _levels(scored), edges, baseline=None, color="0.72", linewidth=5, label="scorer"
        )
    levels = _levels(stages)
    axes.stairs(levels, edges, baseline=None, color="0.15", linewidth=1.1, label="model")
    rem = np.where(levels == LEVEL["R"], levels, np.nan)
    axes.stairs(rem, edges, baseline=None, color=COLOURS["R"], linewidth=3)
    axes.set_yticks(list(LEVEL.values()), list(LEVEL))
    axes.set_ylim(-0.4, 4.4)
    axes.grid(axis="x", color="0.9")
    if scored is not None:
        axes.legend(**BESIDE)
    axes.spines[["top", "right"]].set_visible(False)


def density(axes, edges, probabilities: np.ndarray) -> None:
    """Probabilities of shape (n, 5) as areas, one on another; epochs of NaN are gaps."""
    floor = np.zeros(len(probabilities))
    for stage in ("N3", "N2", "N1", "R", "W"):
        upper = floor + probabilities[:, STAGES.index(stage)]
        axes.stairs(upper, edges, baseline=floor, fill=True, color=COLOURS[stage], label=stage)
        floor = upper
    axes.set(ylim=(0, 1), ylabel="probability")
    axes.legend(**BESIDE, reverse=True)
    axes.spines[["top", "right"]].set_visible(False)


def _levels(stages: Sequence[str | None]) -> np.ndarray:
    return np.array([np.nan if stage is None else LEVEL[stage] for stage in stages])
