"""How many image tokens each family of vision-language models uses for an image.

The rules are those of the processors in transformers, with the settings that the named models are
published with. Marker tokens around and between tiles do not count. No model is loaded.
"""

import math


def _llava(width: int, height: int) -> int:
    """CLIP at 336 px in patches of 14 px; the processor crops an image to its middle square."""
    return 24 * 24


def _llava_next(width: int, height: int) -> int:
    """A small copy, the best fitting grid of 336-px tiles without padding, and a token per row."""
    grids = ((1, 2), (2, 1), (2, 2), (1, 3), (3, 1))  # rows and columns of tiles

    def fit(grid):
        high, wide = 336 * grid[0], 336 * grid[1]
        scale = min(wide / width, high / height)
        useful = min(int(width * scale) * int(height * scale), width * height)
        return useful, useful - high * wide  # the largest part of the image, then the least padding

    rows, columns = (24 * n for n in max(grids, key=fit))
    if width / height > columns / rows:
        rows -= (rows - int(round(height * columns / width, 7))) // 2 * 2
    else:
        columns -= (columns - int(round(width * rows / height, 7))) // 2 * 2
    return 24 * 24 + rows * columns + rows


def _idefics(side: int, tokens: int):
    """The longer side is resized to 4 tiles whatever its length, and a small copy is added."""

    def count(width: int, height: int) -> int:
        short = int(4 * side / (max(width, height) / min(width, height)))
        return (4 * math.ceil((short + short % 2) / side) + 1) * tokens

    return count


def _qwen(patch: int, least: int, most: int):
    """Both sides are rounded to whole cells of 2 x 2 patches, one token for each cell."""
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
    "Gemma 3": lambda width, height: 256,  # the processor resizes to a square of 896 px
}


def image_tokens(width: int, height: int) -> dict[str, int]:
    """Return how many image tokens each family uses for an image.

    Parameters
    ----------
    width, height : int
        The size of the image in pixels.

    Returns
    -------
    dict of str to int
        The name of each family, and its number of image tokens.

    Examples
    --------
    >>> image_tokens(1008, 336)["LLaVA-NeXT"]
    2328
    """
    return {family: count(width, height) for family, count in FAMILIES.items()}


def token_table(specs) -> str:
    """Return a Markdown table of the image tokens that each family uses for images of the specs."""
    lines = ["| image | " + " | ".join(FAMILIES) + " |", "|---|" + "---:|" * len(FAMILIES)]
    for spec in specs:
        counts = image_tokens(spec.width, spec.height).values()
        lines.append(f"| `{spec.name}` | " + " | ".join(map(str, counts)) + " |")
    return "\n".join(lines)
