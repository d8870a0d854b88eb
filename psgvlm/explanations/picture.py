"""The picture of an explanation: the epoch with its heat map, and bars for lanes and seconds."""

import io
import textwrap
from pathlib import Path

import numpy as np

from psgvlm.explanations.explanation import Explanation
from psgvlm.images import geometry, raster
from psgvlm.stages import STAGES
from psgvlm.staging.hypnogram import COLOURS

FOR, AGAINST, INK = "#e8743b", "#5fa8d3", "#2b2b2b"
DPI = 90
BLUR_PX = 14  # the gradient of a single pixel is too small to be seen


def draw(explanation: Explanation, image, path: str | Path | io.BytesIO) -> None:
    """Draw an explanation as a PNG.

    Orange speaks for the stage and blue against it. A dashed line marks the threshold above which a
    lane or second stands out.

    Parameters
    ----------
    explanation : Explanation
    image : PIL image
        The epoch's own RGB image.
    path : path or file
        Where to write the PNG.
    """
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
    from PIL import Image

    spec = explanation.spec
    width_in = 7.0 * min(spec.width / spec.height, 1.8)
    height_in = width_in * spec.height / spec.width
    figure = Figure(figsize=(width_in + 3.2, height_in + 2.4), layout="constrained")
    axes = figure.subplot_mosaic(
        [["epoch", "lanes"], ["epoch", "p"], ["seconds", "p"]],
        width_ratios=(width_in, 2.4), height_ratios=(0.55 * height_in, 0.45 * height_in, 1.3),
    )  # fmt: skip
    lines = textwrap.wrap(explanation.sentence, int(11 * (width_in + 3)))
    figure.suptitle("\n".join(lines), x=0.01, ha="left", fontsize=11)

    epoch = axes["epoch"]
    extent = (0, spec.width, spec.height, 0)
    epoch.imshow(heat_colours(explanation.heat, to_rgb(FOR), to_rgb(AGAINST)), extent=extent)
    difference = np.abs(np.asarray(image, float) - raster.blank_image(spec)).max(axis=-1)
    ink = np.full((*difference.shape, 4), (*to_rgb(INK), 0.0))
    ink[..., 3] = difference / (difference.max() or 1)
    epoch.imshow(ink, extent=extent, aspect="auto")
    epoch.set_xticks([])
    middles = (np.arange(len(spec.lanes) * spec.fold) + 0.5) * spec.lane_px()
    epoch.set_yticks(middles, list(spec.lanes) * spec.fold)
    epoch.tick_params(length=0)
    epoch.spines[:].set_color("0.8")

    lanes = range(len(spec.lanes))
    axes["lanes"].barh(lanes, explanation.lanes, color=_colours(explanation.lanes), height=0.6)
    axes["lanes"].set_yticks(lanes, spec.lanes)
    axes["lanes"].invert_yaxis()
    axes["lanes"].axvline(explanation.threshold, color="0.45", linestyle="--", linewidth=1)
    axes["lanes"].axvline(0, color="0.7", linewidth=0.8)
    axes["lanes"].set_xlabel(explanation.unit)

    start_s = geometry.first_second(spec) + np.arange(len(explanation.seconds))
    colours = _colours(explanation.seconds)
    axes["seconds"].bar(start_s, explanation.seconds, width=0.85, align="edge", color=colours)
    axes["seconds"].axhline(explanation.threshold, color="0.45", linestyle="--", linewidth=1)
    axes["seconds"].axhline(0, color="0.7", linewidth=0.8)
    axes["seconds"].set(xlabel="seconds of the epoch", ylabel=explanation.unit)
    axes["seconds"].set_xlim(start_s[0], start_s[-1] + 1)

    colours = [COLOURS[stage] for stage in STAGES]
    axes["p"].bar(STAGES, explanation.probabilities, color=colours)
    if explanation.parts:
        axes["p"].plot(
            STAGES, explanation.probabilities_without_parts, "_", color=INK, ms=14, mew=2
        )
        axes["p"].set_xlabel("– with these parts blank")
    axes["p"].set(ylim=(0, 1.02), ylabel="probability")
    for name in ("lanes", "seconds", "p"):
        axes[name].spines[["top", "right"]].set_visible(False)
    png = io.BytesIO()
    figure.savefig(png, dpi=DPI)
    # 256 colours take a third of the bytes, which matters for the pictures of a whole night.
    picture = Image.open(png).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(path, "PNG", optimize=True, dpi=(DPI, DPI))


def heat_colours(heat: np.ndarray, positive, negative) -> np.ndarray:
    """Return a heat map as RGB from 0 to 1, shape (height, width, 3); white where it is zero."""
    from scipy.ndimage import uniform_filter

    heat = uniform_filter(heat, BLUR_PX, mode="constant")
    # Relative to the 99th percentile, so that one strong patch does not hide all others.
    strength = np.abs(heat) / (np.quantile(np.abs(heat), 0.99) or 1)
    colour = np.where(heat[..., None] > 0, positive, negative)
    return 1 - strength.clip(0, 1)[..., None] ** 0.7 * (1 - colour)


def _colours(values: np.ndarray) -> list[str]:
    return [FOR if value > 0 else AGAINST for value in values]
