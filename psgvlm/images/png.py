"""Palette images as PNG files (https://www.w3.org/TR/png-3/), written as four chunks.

Line art consists of long runs of the ground's colour, which deflate compresses well by itself. The
row filters that a general encoder tries would make encoding slower and the file larger. The fast
level of isal's deflate takes a fifth of the time of zlib's and gives files of the same size.
"""

import struct

import numpy as np
from isal import igzip_lib, isal_zlib

from psgvlm.errors import InputError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LEVEL = 1
WINDOW_BITS = 12  # 4 KiB, a few rows: repeats are close together, and short distances take few bits


def encode(image: np.ndarray, palette: np.ndarray) -> bytes:
    """Encode a palette image as an 8-bit PNG.

    The same image gives the same bytes, as long as the version of isal is the same.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width)
        Indices into `palette`.
    palette : ndarray of uint8, shape (colours, 3)
        1 to 256 RGB colours. Colours after the last one that the image uses are left out.

    Returns
    -------
    bytes

    Raises
    ------
    InputError
        If a shape or type is another one, or an index has no colour.
    """
    _check(image, palette)
    height, width = image.shape
    used = int(image.max()) + 1
    if used > len(palette):
        raise InputError(
            f"the image uses colour {used - 1}; expected at most {len(palette) - 1}, the last one "
            "of the palette"
        )
    rows = np.empty((height, width + 1), np.uint8)
    rows[:, 0], rows[:, 1:] = 0, image  # each row begins with the number of its filter; 0 is none
    return b"".join(
        (
            SIGNATURE,
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette[:used].tobytes()),
            _chunk(b"IDAT", _deflated(rows.reshape(-1))),
            _chunk(b"IEND", b""),
        )
    )


def _deflated(pixels: np.ndarray) -> bytes:
    """Return the pixels as one zlib stream.

    The stream is compressed in one call, because isal's streaming functions gave different bytes
    for the same pixels once in a million images. With the least memory isal starts a new Huffman
    code more often. That makes files a twentieth smaller, since each lane has its own colours.
    """
    return igzip_lib.compress(
        pixels, LEVEL, igzip_lib.COMP_ZLIB, igzip_lib.MEM_LEVEL_MIN, WINDOW_BITS
    )


def _check(image: np.ndarray, palette: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 2 or not image.size:
        raise InputError(
            f"the image is {image.dtype} of shape {image.shape}; expected uint8 of shape "
            "(height, width)"
        )
    if palette.dtype != np.uint8 or palette.shape[1:] != (3,) or not 1 <= len(palette) <= 256:
        raise InputError(
            f"the palette is {palette.dtype} of shape {palette.shape}; expected uint8 of shape "
            "(1 to 256, 3)"
        )


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = isal_zlib.crc32(content, isal_zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", check)))
