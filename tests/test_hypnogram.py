"""A night's stages: the csv's values, the picture's bytes."""

import csv

import numpy as np
from PIL import Image

from psgvlm.hypnogram import COLOURS, Hypnogram

P = np.array(
    [
        [0.9, 0.1, 0.0, 0.0, 0.0],
        [0.2, 0.5, 0.2, 0.0, 0.1],
        [0.0, 0.1, 0.8, 0.1, 0.0],
        [0.0, 0.0, 0.3, 0.7, 0.0],
        [0.1, 0.1, 0.0, 0.0, 0.8],
    ]
)


def night():
    return Hypnogram(37.4 + 30 * np.arange(5), P)


def test_csv(tmp_path):
    night().to_csv(tmp_path / "h.csv")
    text = (tmp_path / "h.csv").read_text()
    assert text.splitlines()[0] == "epoch,onset_s,stage,p_W,p_N1,p_N2,p_N3,p_R"
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["stage"] for row in rows] == ["W", "N1", "N2", "N3", "R"]
    assert [float(row["onset_s"]) for row in rows] == [37.4, 67.4, 97.4, 127.4, 157.4]
    assert float(rows[1]["p_N1"]) == 0.5


def test_late_onsets_keep_their_tenths(tmp_path):
    Hypnogram(np.array([123457.4]), P[:1]).to_csv(tmp_path / "h.csv")
    assert "0,123457.4,W" in (tmp_path / "h.csv").read_text()


def test_picture_shows_the_stages_and_repeats_byte_for_byte(tmp_path):
    night().to_png(tmp_path / "a.png")
    night().to_png(tmp_path / "b.png")
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
    Hypnogram(30.0 * np.arange(5), p).to_png(tmp_path / "h.png", ["W", "N1", None, "N3", "R"])
    assert Image.open(tmp_path / "h.png").size == (1300, 572)
