"""Which part of an image each input tile and each image token of a model stands for.

Processors resize, cut and pad an image into tiles. The place of a tile is measured instead of being
computed from the processor's rules: the processor is given an image whose red grows to the right
and whose green grows downwards, and lines fitted to the colours of a tile give its place.
Each family turns the patches of a tile into image tokens in its own way: LLaVA keeps their order,
LLaVA-NeXT packs them, and Idefics3 (SmolVLM) and Qwen-VL merge squares of patches into a token;
Qwen-VL also orders its patches by these squares.
"""

from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.models import inference
from psgvlm.models.vlm import StagingModel

FAMILIES = ("llava", "llava_next", "idefics3", "qwen2_vl", "qwen2_5_vl", "qwen3_vl")
SOLID = 0.9  # the least blue, from 0 to 1, of a pixel of the image; padding has less


@dataclass(frozen=True)
class Tile:
    """The place of a tile in pixels of the image; it may reach beyond the image."""

    left: float
    top: float
    right: float
    bottom: float

    def paint(self, values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Spread a grid of values over the pixels of an image of this size (height, width).

        The sum of the values is kept, except for what lies outside the image.
        """
        rows = _shares(values.shape[0], self.top, self.bottom, size[0])
        columns = _shares(values.shape[1], self.left, self.right, size[1])
        return rows.T @ values @ columns


def _shares(cells: int, start: float, stop: float, pixels: int) -> np.ndarray:
    """Return how much of each cell of a tile falls on each pixel, shape (cells, pixels)."""
    edges = np.linspace(start, stop, cells + 1)
    pixel = np.arange(pixels)
    low = np.maximum(edges[:-1, None], pixel)
    high = np.minimum(edges[1:, None], pixel + 1)
    return (high - low).clip(0) / (stop - start) * cells


def family(model: StagingModel) -> str:
    """Return the model's family. Raise InputError if its image tokens cannot be located."""
    name = model.model.config.model_type
    if name not in FAMILIES:
        raise InputError(
            f"models of type {name}: it is not known which pixels their image tokens stand for; "
            f"expected one of {', '.join(FAMILIES)}: explain by ablation, which does not need it",
            "method",
        )
    return name


def arrays(model: StagingModel, inputs, values):
    """Return the tiles of the epoch's own image, a tensor of shape (n_tiles, 3, height, width).

    `values` has the shape of `inputs["pixel_values"]` of one epoch. Repeated values are summed:
    Qwen's processor repeats an image as the frames of a video.
    """
    shown = 2 * model.neighbours + 1
    if family(model).startswith("qwen"):
        vision = model.model.config.vision_config
        merge, patch = vision.spatial_merge_size, vision.patch_size
        _, high, wide = inputs["image_grid_thw"][model.neighbours].tolist()
        values = values.chunk(shown)[model.neighbours]
        # Rows and columns of squares, rows and columns in a square, colours, frames, pixels.
        parts = (high // merge, wide // merge, merge, merge, 3, -1, patch, patch)
        values = values.reshape(parts).sum(dim=5).permute(4, 0, 2, 5, 1, 3, 6)
        return values.reshape(1, 3, high * patch, wide * patch)
    if family(model) == "idefics3":
        return values[0].chunk(shown)[model.neighbours]
    values = values[model.neighbours]
    return values if values.ndim == 4 else values[None]


def locate(model: StagingModel) -> list[Tile]:
    """Return the places of the tiles of `arrays` in an image of the model's image spec."""
    from PIL import Image

    width, height = model.spec.size
    ramp = np.empty((height, width, 3), np.uint8)
    ramp[..., 0] = np.round(np.arange(width) * 255 / (width - 1))
    ramp[..., 1] = np.round(np.arange(height) * 255 / (height - 1))[:, None]
    ramp[..., 2] = 255
    pictures = [Image.fromarray(ramp)] * (2 * model.neighbours + 1)
    inputs = inference.inputs_of(model, [pictures])
    values = inputs["pixel_values"].float()
    frames = 1
    if family(model).startswith("qwen"):
        frames = model.model.config.vision_config.temporal_patch_size
    tiles = arrays(model, inputs, values).cpu().numpy() / frames
    processor = model.processor.image_processor
    mean, sd = (np.reshape(x, (3, 1, 1)) for x in (processor.image_mean, processor.image_std))
    colours = tiles * sd + mean
    return [_place(*tile, width, height) for tile in colours]


def _place(red, green, blue, width: int, height: int) -> Tile:
    """Return the place of a tile, given its colours, from 0 to 1, of the image of `locate`."""
    solid = blue > SOLID
    left, right = _line(red, solid, width)
    top, bottom = _line(green.T, solid.T, height)
    return Tile(left, top, right, bottom)


def _line(colour, solid, pixels: int) -> tuple[float, float]:
    """Return where a tile's first column starts and its last one ends, by a fitted line."""
    columns = np.flatnonzero(solid.any(axis=0))
    seen = np.array([colour[solid[:, c], c].mean() for c in columns]) * (pixels - 1) + 0.5
    # Resampling distorts the colours at the edges of the image.
    columns, seen = (columns[2:-2], seen[2:-2]) if len(columns) > 8 else (columns, seen)
    slope, start = np.polyfit(columns + 0.5, seen, 1)
    return float(start), float(start + slope * colour.shape[1])


def tokens_on(model: StagingModel, inputs, values: np.ndarray) -> list[np.ndarray]:
    """Return values of the image tokens of the epoch's own image as a grid over each tile.

    `values` has one value for each token, in their order.
    """
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

    # Pack the patches' numbers as the model packs their features; -1 stands for the end of a row.
    indices = torch.arange(count * side * side, dtype=torch.float64).reshape(count, -1, 1)
    packed, _ = model.model.model.pack_image_features(
        [indices], inputs["image_sizes"][model.neighbours, None],
        config.vision_feature_select_strategy, torch.full((1,), -1.0, dtype=torch.float64),
    )  # fmt: skip
    index = packed[0][:, 0].long().numpy()
    grid = np.zeros(count * side * side)
    np.add.at(grid, index[index >= 0], values[index >= 0])
    return list(grid.reshape(count, side, side))
