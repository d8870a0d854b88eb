"""What a picture costs: how many image tokens each family of vision-language models makes of it.

The rules are those of transformers' processors with the settings that the named models are
published with; markers around and between tiles are not counted. No model is needed.
"""

import math


def _llava(width: int, height: int) -> int:
    """CLIP at 336 px in patches of 14; the processor crops a picture to its middle square."""
    return 24 * 24


def _llava_next(width: int, height: int) -> int:
    """A small copy, and the tiles of 336 px that fit best, without their padding; a mark a row."""
    grids = ((1, 2), (2, 1), (2, 2), (1, 3), (3, 1))  # rows and columns of tiles

    def fit(grid):
        high, wide = 336 * grid[0], 336 * grid[1]
        scale = min(wide / width, high / height)
        useful = min(int(width * scale) * int(height * scale), width * height)
        return useful, useful - high * wide  # most of the picture, then least waste

    rows, columns = (24 * n for n in max(grids, key=fit))
    if width / height > columns / rows:
        rows -= (rows - int(round(height * columns / width, 7))) // 2 * 2
    else:
        columns -= (columns - int(round(width * rows / height, 7))) // 2 * 2
    return 24 * 24 + rows * columns + rows


def _idefics(side: int, tokens: int):
    """The picture's longer side is made 4 tiles long whatever it was, and a small copy added."""

    def count(width: int, height: int) -> int:
        short = int(4 * side / (max(width, height) / min(width, height)))
        return (4 * math.ceil((short + short % 2) / side) + 1) * tokens

    return count


def _qwen(patch: int, least: int, most: int):
    """Both sides are rounded to whole cells of 2 x 2 patches, a token each."""
    cell = 2 * patch

    def count(width: int, height: int) -> int:
        wide, high = (round(side / cell) * cell for side in (width, height))
        if wide * high > most:
            shrink = math.sqrt(width * height / most)
            wide, high = (
                max(cell, math.floor(side / shrink / cell) * cell) for side in (width, height)
            )
        elif wide * high < least:
            grow = math.sqrt(least / (width * height))
            wide, high = (math.ceil(side * grow / cell) * cell for side in (width, height))
        return wide * high // cell**2

    return count


FAMILIES = {
    "LLaVA-1.5": _llava,
    "LLaVA-NeXT": _llava_next,
    "SmolVLM-256M, 500M": _idefics(512, 64),
    "SmolVLM-2.2B": _idefics(384, 81),
    "Idefics3": _idefics(364, 169),
    "Qwen2.5-VL": _qwen(14, 56 * 56, 28 * 28 * 16384),
    "Qwen3-VL": _qwen(16, 256 * 256, 4096 * 4096),
    "Gemma 3": lambda width, height: 256,  # squeezed into a square of 896 px
}


def image_tokens(width: int, height: int) -> dict[str, int]:
    """Image tokens that each family spends on a picture of this size in pixels."""
    return {family: count(width, height) for family, count in FAMILIES.items()}
