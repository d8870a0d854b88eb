"""The PNG encoder: every decoder reads the same image back, and wrong input is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from psgvlm.errors import InputError
from psgvlm.images import png

PALETTE = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)


def chunks(content: bytes):
    """Yield kind and content of every chunk; check its length and its checksum."""
    assert content[:8] == png.SIGNATURE
    start = 8
    while start < len(content):
        (length,) = struct.unpack(">I", content[start : start + 4])
        kind, body = content[start + 4 : start + 8], content[start + 8 : start + 8 + length]
        (check,) = struct.unpack(">I", content[start + 8 + length : start + 12 + length])
        assert check == zlib.crc32(kind + body)
        yield kind, body
        start += 12 + length
    assert start == len(content)


@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    colours=st.integers(1, 256),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_image_reads_back(height, width, colours, seed):
    image = np.random.default_rng(seed).integers(0, colours, (height, width), np.uint8)
    content = png.encode(image, PALETTE)
    picture = Image.open(io.BytesIO(content))
    picture.verify()
    picture = Image.open(io.BytesIO(content))
    assert picture.size == (width, height)
    assert (np.asarray(picture.convert("RGB")) == PALETTE[image]).all()
    assert [kind for kind, _ in chunks(content)] == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]


def test_another_decoder_reads_it_too():
    matplotlib = pytest.importorskip("matplotlib.image")
    image = np.random.default_rng(1).integers(0, 256, (48, 64), np.uint8)
    values = matplotlib.imread(io.BytesIO(png.encode(image, PALETTE)), format="png")
    assert (np.round(values[..., :3] * 255) == PALETTE[image]).all()


def test_the_same_image_gives_the_same_bytes_for_any_memory_layout():
    image = np.random.default_rng(2).integers(0, 9, (40, 60), np.uint8)
    wide = np.zeros((40, 120), np.uint8)
    wide[:, ::2] = image
    content = png.encode(image, PALETTE)
    assert content == png.encode(image.copy(), PALETTE)
    assert content == png.encode(np.asfortranarray(image), PALETTE)
    assert content == png.encode(wide[:, ::2], PALETTE)


def test_only_the_colours_up_to_the_last_one_used_are_stored():
    image = np.array([[0, 4]], np.uint8)
    stored = dict(chunks(png.encode(image, PALETTE)))
    assert stored[b"PLTE"] == PALETTE[:5].tobytes()


def test_wrong_shapes_types_and_colours_are_refused():
    for image in (np.zeros((2, 2)), np.zeros((2, 2, 3), np.uint8), np.zeros((0, 5), np.uint8)):
        with pytest.raises(InputError, match=r"expected .*\(height, width\)"):
            png.encode(image, PALETTE)
    with pytest.raises(InputError, match=r"colour 9; expected at most 3"):
        png.encode(np.full((2, 2), 9, np.uint8), PALETTE[:4])
    with pytest.raises(InputError, match=r"expected .*\(1 to 256, 3\)"):
        png.encode(np.zeros((2, 2), np.uint8), PALETTE.astype(float))
