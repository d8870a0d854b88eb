"""The picture of a night's stages and probabilities."""

import numpy as np
from PIL import Image

from psgvlm.staging.hypnogram import COLOURS, draw

P = np.array(
    [
        [0.9, 0.1, 0.0, 0.0, 0.0],
        [0.2, 0.5, 0.2, 0.0, 0.1],
        [0.0, 0.1, 0.8, 0.1, 0.0],
        [0.0, 0.0, 0.3, 0.7, 0.0],
        [0.1, 0.1, 0.0, 0.0, 0.8],
    ]
)
ONSETS_S = 37.4 + 30 * np.arange(5)


def test_picture_shows_the_stages_and_repeats_byte_for_byte(tmp_path):
    draw(tmp_path / "a.png", ONSETS_S, P)
    draw(tmp_path / "b.png", ONSETS_S, P)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    pixels = np.asarray(Image.open(tmp_path / "a.png").convert("RGB")).reshape(-1, 3)
    counts = {
        tuple(c): n for c, n in zip(*np.unique(pixels, axis=0, return_counts=True), strict=True)
    }
    area = {stage: counts[tuple(bytes.fromhex(c[1:]))] for stage, c in COLOURS.items()}
    # The hypnodensity's areas are the mean probabilities.
    share = np.array([area[stage] for stage in ("W", "N1", "N2", "N3")], float)
    expected = P[:, :4].sum(axis=0)
    assert np.allclose(share / share.sum(), expected / expected.sum(), atol=0.05)


def test_epochs_without_probabilities_and_a_scorer(tmp_path):
    p = P.copy()
    p[2] = np.nan
    draw(tmp_path / "h.png", ONSETS_S, p, ["W", "N1", None, "N3", "R"])
    assert Image.open(tmp_path / "h.png").size == (1300, 572)
