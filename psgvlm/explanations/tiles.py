"""Which part of a picture each of a model's inputs and image tokens stands for.

Processors resize, cut and pad a picture into tiles. Where a tile lies is not computed from their
rules but seen: they are given a picture whose red grows to the right and whose green grows
downwards, and a line through each gives the tile's place. How a tile's patches become image tokens
is the model's own: LLaVA's are in order, LLaVA-NeXT packs them, Idefics3 (SmolVLM) takes squares of
them for one, Qwen-VL too, and orders its patches so.
"""

from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.models import inference
from psgvlm.models.vlm import StagingModel

FAMILIES = ("llava", "llava_next", "idefics3", "qwen2_vl", "qwen2_5_vl", "qwen3_vl")
SOLID = 0.9  # of blue 255; padding has less


@dataclass(frozen=True)
class Tile:
    """Where a tile lies in the picture, in the picture's pixels; it may reach beyond."""

    left: float
    top: float
    right: float
    bottom: float

    def paint(self, values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Values of a grid over the tile, spread over the pixels of a picture of (height, width).

        The sum is kept but for what lies outside of the picture.
        """
        rows = _shares(values.shape[0], self.top, self.bottom, size[0])
        columns = _shares(values.shape[1], self.left, self.right, size[1])
        return rows.T @ values @ columns


def _shares(cells: int, start: float, stop: float, pixels: int) -> np.ndarray:
    """How much of each of a tile's cells falls on each pixel, shape (cells, pixels)."""
    edges = np.linspace(start, stop, cells + 1)
    pixel = np.arange(pixels)
    low = np.maximum(edges[:-1, None], pixel)
    high = np.minimum(edges[1:, None], pixel + 1)
    return (high - low).clip(0) / (stop - start) * cells


def family(model: StagingModel) -> str:
    """The model's family. Raises `InputError` where its image tokens cannot be placed."""
    name = model.model.config.model_type
    if name not in FAMILIES:
        raise InputError(
            f"models of type {name}: it is not known which pixels their image tokens stand for; "
            f"expected one of {', '.join(FAMILIES)}: explain by ablation, which needs no such map"
        )
    return name


def arrays(model: StagingModel, inputs, values):
    """A tensor like one epoch's `inputs["pixel_values"]`, as its own image's tiles: (n, 3, h, w).

    What a processor repeats, as Qwen's does for the moments of a film, is summed.
    """
    shown = 2 * model.neighbours + 1
    if family(model).startswith("qwen"):
        vision = model.model.config.vision_config
        merge, patch = vision.spatial_merge_size, vision.patch_size
        _, high, wide = inputs["image_grid_thw"][model.neighbours].tolist()
        values = values.chunk(shown)[model.neighbours]
        # Rows and columns of squares of patches, those of each square, colours, moments, pixels.
        parts = (high // merge, wide // merge, merge, merge, 3, -1, patch, patch)
        values = values.reshape(parts).sum(dim=5).permute(4, 0, 2, 5, 1, 3, 6)
        return values.reshape(1, 3, high * patch, wide * patch)
    if family(model) == "idefics3":
        return values[0].chunk(shown)[model.neighbours]
    values = values[model.neighbours]
    return values if values.ndim == 4 else values[None]


def locate(model: StagingModel) -> list[Tile]:
    """Where the tiles of `arrays` lie in a picture of the model's image spec."""
    from PIL import Image

    width, height = model.spec.size
    ramp = np.empty((height, width, 3), np.uint8)
    ramp[..., 0] = np.round(np.arange(width) * 255 / (width - 1))
    ramp[..., 1] = np.round(np.arange(height) * 255 / (height - 1))[:, None]
    ramp[..., 2] = 255
    pictures = [Image.fromarray(ramp)] * (2 * model.neighbours + 1)
    inputs = inference.inputs_of(model, [pictures])
    values = inputs["pixel_values"].float()
    moments = 1
    if family(model).startswith("qwen"):
        moments = model.model.config.vision_config.temporal_patch_size
    tiles = arrays(model, inputs, values).cpu().numpy() / moments
    processor = model.processor.image_processor
    mean, sd = (np.reshape(x, (3, 1, 1)) for x in (processor.image_mean, processor.image_std))
    colours = tiles * sd + mean
    return [_place(*tile, width, height) for tile in colours]


def _place(red, green, blue, width: int, height: int) -> Tile:
    """A tile's place, from the colours that it has of the picture of `locate`, 0 to 1."""
    solid = blue > SOLID
    left, right = _line(red, solid, width)
    top, bottom = _line(green.T, solid.T, height)
    return Tile(left, top, right, bottom)


def _line(colour, solid, pixels: int) -> tuple[float, float]:
    """Where a tile's first column starts and its last one ends, by a line through its columns."""
    columns = np.flatnonzero(solid.any(axis=0))
    seen = np.array([colour[solid[:, c], c].mean() for c in columns]) * (pixels - 1) + 0.5
    # Resampling bends the ramp at the picture's own edges.
    columns, seen = (columns[2:-2], seen[2:-2]) if len(columns) > 8 else (columns, seen)
    slope, start = np.polyfit(columns + 0.5, seen, 1)
    return float(start), float(start + slope * colour.shape[1])


def tokens_on(model: StagingModel, inputs, values: np.ndarray) -> list[np.ndarray]:
    """Values of an epoch's own image tokens, in order, as a grid over each of its tiles."""
    name = family(model)
    config = model.model.config
    if name.startswith("qwen"):
        merge = config.vision_config.spatial_merge_size
        _, high, wide = inputs["image_grid_thw"][model.neighbours].tolist()
        return [values.reshape(high // merge, wide // merge)]
    side = config.vision_config.image_size // config.vision_config.patch_size
    if name == "llava":
        return [values.reshape(side, side)]
    count = len(arrays(model, inputs, inputs["pixel_values"]))
    if name == "idefics3":
        side //= config.scale_factor
        return list(values.reshape(count, side, side))
    import torch

    # The number of each patch, packed as the model packs its features; ends of rows are -1.
    numbers = torch.arange(count * side * side, dtype=torch.float64).reshape(count, -1, 1)
    packed, _ = model.model.model.pack_image_features(
        [numbers], inputs["image_sizes"][model.neighbours, None],
        config.vision_feature_select_strategy, torch.full((1,), -1.0, dtype=torch.float64),
    )  # fmt: skip
    number = packed[0][:, 0].long().numpy()
    grid = np.zeros(count * side * side)
    np.add.at(grid, number[number >= 0], values[number >= 0])
    return list(grid.reshape(count, side, side))
