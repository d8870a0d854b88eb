"""The hash of an image's pixels: the same for every PNG encoder, another for every other image."""

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from psgvlm.images import png
from psgvlm.images.pixels import pixel_hash, png_pixel_hash

PALETTE = np.random.default_rng(0).permutation(256 * 3).reshape(256, 3).astype(np.uint8)
IMAGES = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(lambda shape: arrays("u1", shape))


def pillow_png(image, palette):
    picture = Image.fromarray(image).convert("L")
    picture.putpalette(palette.tobytes())
    content = io.BytesIO()
    picture.save(content, "PNG", compress_level=9)
    return content.getvalue()


@given(IMAGES)
def test_encoders_do_not_matter(image):
    expected = pixel_hash(image, PALETTE)
    assert len(expected) == 32
    assert png_pixel_hash(png.encode(image, PALETTE)) == expected
    assert png_pixel_hash(pillow_png(image, PALETTE)) == expected
    assert pixel_hash(np.asfortranarray(image), PALETTE) == expected


@given(IMAGES, st.data())
def test_every_pixel_and_every_colour_in_use_matters(image, data):
    before = pixel_hash(image, PALETTE)
    row, column = (data.draw(st.integers(0, size - 1)) for size in image.shape)
    changed = image.copy()
    changed[row, column] ^= data.draw(st.integers(1, 255))
    assert pixel_hash(changed, PALETTE) != before
    palette = PALETTE.copy()
    palette[image[row, column], data.draw(st.integers(0, 2))] ^= 1
    assert pixel_hash(image, palette) != before
    unused = PALETTE[: int(image.max()) + 1]
    assert pixel_hash(image, unused) == before


def test_the_shape_matters():
    pixels = np.arange(12, dtype=np.uint8)
    shapes = [(1, 12), (12, 1), (3, 4), (4, 3), (2, 6)]
    assert len({pixel_hash(pixels.reshape(shape), PALETTE) for shape in shapes}) == len(shapes)


def test_an_image_without_a_palette_has_another_hash():
    image = np.zeros((4, 4), np.uint8)
    content = io.BytesIO()
    Image.fromarray(PALETTE[image]).save(content, "PNG")
    assert png_pixel_hash(content.getvalue()) != pixel_hash(image, PALETTE)
