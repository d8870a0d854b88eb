"""Palette pictures as PNG, put together by hand (https://www.w3.org/TR/png-3/): four chunks.

Line art is long runs of the ground, which deflate finds by itself: the row filters that a general
encoder tries make it slower and the file larger. isal's deflate at its fast level takes a fifth of
the time of zlib's, for files no larger.
"""

import struct

import numpy as np
from isal import igzip_lib, isal_zlib

from psgvlm.errors import InputError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LEVEL = 1
WINDOW_BITS = 12  # 4 KiB, some rows: what is alike is near, and told in fewer bits


def encode(image: np.ndarray, palette: np.ndarray) -> bytes:
    """An 8-bit palette PNG, the same bytes for the same picture (and the same version of isal).

    `image` is uint8 of shape (height, width), indices into `palette`, uint8 RGB of shape
    (colours, 3) with 1 to 256 colours; colours after the last one used are left out. Raises
    `InputError` for another shape or type, and where an index has no colour.
    """
    _check(image, palette)
    height, width = image.shape
    used = int(image.max()) + 1
    if used > len(palette):
        raise InputError(f"a picture uses colour {used - 1} of a palette of {len(palette)}")
    rows = np.empty((height, width + 1), np.uint8)
    rows[:, 0], rows[:, 1:] = 0, image  # a row begins with its filter: 0, none
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
    """One zlib stream, in one call: isal's streaming ones have, once in a million pictures, given
    other bytes for the same pixels. The least memory makes isal begin a Huffman code more often;
    other lanes have other colours, so that is a twentieth smaller than one code for all."""
    return igzip_lib.compress(
        pixels, LEVEL, igzip_lib.COMP_ZLIB, igzip_lib.MEM_LEVEL_MIN, WINDOW_BITS
    )


def _check(image: np.ndarray, palette: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 2 or not image.size:
        raise InputError(
            f"a picture of {image.dtype}, shape {image.shape}; expected uint8 (height, width)"
        )
    if palette.dtype != np.uint8 or palette.shape[1:] != (3,) or not 1 <= len(palette) <= 256:
        raise InputError(
            f"a palette of {palette.dtype}, shape {palette.shape}; expected uint8 (1 to 256, 3)"
        )


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = isal_zlib.crc32(content, isal_zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(content)), kind, content, struct.pack(">I", check)))
