"""The identity of an image: a hash of its pixels, whatever PNG encoder wrote them."""

import io

import numpy as np


def pixel_hash(image: np.ndarray, palette: np.ndarray) -> str:
    """Return a hash of the pixels of a palette image.

    Two images have the same hash if their size, their palette and their pixels are the same. PNG
    files of the same image differ with the encoder and its version; this hash does not. It tells
    images apart, but it is no protection against somebody who makes a false image on purpose.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width)
        Indices into `palette`.
    palette : ndarray of uint8, shape (colours, 3)
        RGB colours. Colours after the last one that the image uses do not count.

    Returns
    -------
    str
        32 hexadecimal digits (XXH3, 128 bits).

    Examples
    --------
    >>> palette = np.array([[255, 255, 255], [0, 0, 0]], np.uint8)
    >>> pixel_hash(np.array([[0, 1]], np.uint8), palette)
    'e816e528dbb63be03e58aeeaeb8c7741'
    """
    import xxhash

    height, width = image.shape
    used = palette[: int(image.max()) + 1]
    digest = xxhash.xxh3_128(f"{width} {height} {len(used)}\n".encode())
    digest.update(np.ascontiguousarray(used))
    digest.update(np.ascontiguousarray(image))
    return digest.hexdigest()


def png_pixel_hash(png: bytes) -> str:
    """Decode a PNG and return the hash of its pixels, as `pixel_hash` gives it.

    A PNG without a palette is hashed as RGB, so its hash differs from that of every palette image.

    Parameters
    ----------
    png : bytes
        The content of a PNG file.

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    OSError, SyntaxError, ValueError
        If Pillow cannot decode the file.
    """
    import xxhash
    from PIL import Image

    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        if picture.mode == "P":
            indices = np.asarray(picture)
            colours = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
            return pixel_hash(indices, colours)
        rgb = picture.convert("RGB")
        return xxhash.xxh3_128(f"{rgb.size} RGB\n".encode() + rgb.tobytes()).hexdigest()
