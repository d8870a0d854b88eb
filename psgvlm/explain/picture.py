"""The picture of an explanation: heat over the epoch's image, beside it lanes and seconds."""

import textwrap
from pathlib import Path

import numpy as np

from psgvlm.explain import places
from psgvlm.explain.explanation import Explanation
from psgvlm.hypnogram import COLOURS
from psgvlm.stages import STAGES

FOR, AGAINST = "#c8553d", "#4f9ac6"


def draw(explanation: Explanation, image, path: str | Path) -> None:
    """Draw an explanation of an epoch's own RGB PIL image into a PNG.

    Red speaks for the stage, blue against it; dashed is what a meaningless change makes.
    """
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure

    spec = explanation.spec
    wide = 7.2 * min(spec.width / spec.height, 2)
    high = wide * spec.height / spec.width
    figure = Figure(figsize=(wide + 2.8, high + 2.5), layout="constrained")
    (main, side), (below, odds) = figure.subplots(
        2, 2, width_ratios=(wide, 2.2), height_ratios=(high, 1.2)
    )
    told = textwrap.wrap(explanation.sentence, int(12 * (wide + 2.4)))
    figure.suptitle("\n".join(told), x=0.01, ha="left", fontsize=11)

    main.imshow(image, extent=(0, spec.width, spec.height, 0))
    heat = np.abs(explanation.heat)
    # So that one glaring patch does not hide all others.
    strength = (heat / (np.quantile(heat, 0.995) or heat.max() or 1)).clip(0, 1)
    overlay = np.zeros((*heat.shape, 4))
    overlay[..., :3] = np.where(explanation.heat[..., None] > 0, to_rgb(FOR), to_rgb(AGAINST))
    overlay[..., 3] = 0.65 * strength
    main.imshow(overlay, extent=(0, spec.width, spec.height, 0))
    main.set_xticks([])
    middles = (np.arange(len(spec.lanes) * spec.fold) + 0.5) * spec.lane_px()
    main.set_yticks(middles, list(spec.lanes) * spec.fold)
    main.tick_params(length=0)

    lanes = range(len(spec.lanes))
    side.barh(lanes, explanation.lanes, color=_colours(explanation.lanes), height=0.6)
    side.set_yticks(lanes, spec.lanes)
    side.invert_yaxis()
    side.axvline(explanation.threshold, color="0.45", linestyle="--", linewidth=1)
    side.set_title("lanes", fontsize=10)
    side.set_xlabel(explanation.unit)

    start_s = places.first_s(spec) + np.arange(len(explanation.seconds))
    colours = _colours(explanation.seconds)
    below.bar(start_s, explanation.seconds, width=0.85, align="edge", color=colours)
    below.axhline(explanation.threshold, color="0.45", linestyle="--", linewidth=1)
    below.set(xlim=(start_s[0], start_s[-1] + 1), xlabel="s of the epoch", ylabel=explanation.unit)

    odds.bar(STAGES, explanation.probabilities, color=[COLOURS[stage] for stage in STAGES])
    odds.plot(STAGES, explanation.left, "_", color="0.15", markersize=13, markeredgewidth=2)
    odds.set_ylim(0, 1)
    odds.set_title("p, and without the parts named (–)", fontsize=9)
    for axes in (side, below, odds):
        axes.spines[["top", "right"]].set_visible(False)
        axes.axhline(0, color="0.7", linewidth=0.8) if axes is below else None
    main.spines[:].set_color("0.8")
    # No creation date: the same explanation gives the same bytes.
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _colours(values: np.ndarray) -> list[str]:
    return [FOR if value > 0 else AGAINST for value in values]
