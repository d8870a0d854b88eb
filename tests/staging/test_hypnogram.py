"""Hypnogram and hypnodensity: their geometry, and the pictures of them."""

import numpy as np
from PIL import Image

from psgvlm.stages import STAGES
from psgvlm.staging.hypnogram import COLOURS, STAGES_FROM_TOP, areas, bouts, draw, time_of_day

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


def test_bouts_are_the_runs_of_equal_stages():
    stages = ["W", "W", None, "N2", "N2", "N2", "W"]
    assert bouts(stages) == [(0, 2, "W"), (2, 3, None), (3, 6, "N2"), (6, 7, "W")]
    assert bouts([]) == []


def test_areas_stack_the_probabilities_from_n3_up_to_wake():
    p = P.copy()
    p[2] = np.nan
    edges = areas(p)
    assert list(edges) == list(reversed(STAGES_FROM_TOP))
    for stage, (lower, upper) in edges.items():
        np.testing.assert_allclose(upper - lower, p[:, STAGES.index(stage)])
    assert (edges["N3"][0] == 0).all()
    np.testing.assert_allclose(edges["W"][1], [1, 1, np.nan, 1, 1])


def test_time_of_day():
    assert [time_of_day(s) for s in (0, 59.9, 86399, 86400 + 3661)] == [
        *("00:00:00", "00:00:59", "23:59:59", "01:01:01"),
    ]


def test_epochs_without_probabilities_and_a_scorer(tmp_path):
    p = P.copy()
    p[2] = np.nan
    draw(tmp_path / "h.png", ONSETS_S, p, ["W", "N1", None, "N3", "R"])
    assert Image.open(tmp_path / "h.png").size == (1300, 572)
