"""Augmented images, compared with images of a changed signal, and what must not change."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.images import raster
from psgvlm.images.augment import Augmentation, AugmentedRows, augment
from psgvlm.signals.traces import Trace

RATE_HZ = 256


def drawn(spec, gain=1.0, shift_s=0.0, only=None):
    """Return the RGB image of an epoch with smooth waves, different ones in each lane."""
    t = np.arange(0, 90, 1 / RATE_HZ) - 30 - shift_s
    inside = (t >= 0) & (t < 30)
    traces = []
    for index, name in enumerate(spec.lanes):
        wave = np.where(inside, 20 * gain * np.sin(2 * np.pi * (0.21 + 0.1 * index) * t), np.nan)
        shown = only is None or name in only
        traces.append(Trace(wave.astype(np.float32), RATE_HZ) if shown else None)
    return raster.to_rgb(next(raster.draw(traces, spec, [30.0])), spec)


def rng(seed=0):
    return np.random.default_rng(seed)


class Drawn:
    """A random generator that returns known numbers."""

    def __init__(self, uniform):
        self._uniform = uniform

    def random(self, n):
        return np.full(n, 0.5)

    def uniform(self, low, high, size=None):
        return self._uniform if size is None else np.full(size, self._uniform)


@pytest.mark.parametrize("name", PRESETS)
def test_nothing_changes_by_default(name):
    spec = PRESETS[name]
    picture = drawn(spec)
    assert not Augmentation()
    assert np.array_equal(augment(picture, spec, Augmentation(), rng()), picture)


@pytest.mark.parametrize("name", ["square", "folded"])
@pytest.mark.parametrize("at", [1.0, -1.0])
def test_a_shift_is_that_of_the_signal(name, at):
    """Ink that leaves is lost, no ink enters, and the rows of a folded image are continuous."""
    spec = PRESETS[name]
    shift_s = 84 * spec.shown_s / spec.width / spec.fold  # whole pixels
    moved = augment(drawn(spec), spec, Augmentation(shift_s=shift_s), Drawn(at))
    wanted = drawn(spec, shift_s=at * shift_s)
    differ = (abs(moved.astype(int) - wanted).max(axis=2) > 8).mean()
    assert differ < 0.002  # only where the edge of a row cuts a stroke
    assert (abs(drawn(spec).astype(int) - wanted).max(axis=2) > 8).mean() > 0.02


@pytest.mark.parametrize("at", [1.0, -1.0])
def test_a_gain_makes_waves_as_tall_as_the_signals_gain_does(at):
    spec = replace(PRESETS["square"], line_px=2.0)
    varied = augment(drawn(spec), spec, Augmentation(gain=1.8), Drawn(at))
    wanted = drawn(spec, gain=1.8**at)
    for picture, other in ((varied, wanted), (wanted, varied)):
        tops = [_span(lane) for lane in _lanes(picture, spec)]
        assert tops == pytest.approx([_span(lane) for lane in _lanes(other, spec)], abs=3)
    assert np.array_equal(varied[0, 0], wanted[0, 0])


def _lanes(picture, spec):
    return [picture[i * spec.lane_px() : (i + 1) * spec.lane_px()] for i in range(len(spec.lanes))]


def _span(lane):
    """Return the distance in rows from the first to the last row with ink."""
    rows = np.flatnonzero((lane < 128).any(axis=(1, 2)))
    return rows[-1] - rows[0]


@pytest.mark.parametrize("name", PRESETS)
def test_a_lost_lane_looks_like_a_missing_lane(name):
    """Even with a dropout of 1, one lane stays."""
    spec = PRESETS[name]
    for seed in range(3):
        picture = augment(drawn(spec), spec, Augmentation(lane_dropout=1.0), rng(seed))
        alone = [np.array_equal(picture, drawn(spec, only=[lane])) for lane in spec.lanes]
        assert sum(alone) == 1


def test_lanes_are_lost_as_often_as_said():
    spec = PRESETS["wide"]
    whole, generator = drawn(spec), rng(4)
    lost = 0
    for _ in range(60):
        picture = augment(whole, spec, Augmentation(lane_dropout=0.25), generator)
        lost += sum(
            not np.array_equal(a, b)
            for a, b in zip(_lanes(picture, spec), _lanes(whole, spec), strict=True)
        )
    assert 0.17 < lost / 60 / len(spec.lanes) < 0.33


def test_noise_has_the_size_asked_for_and_colour_keeps_the_ground():
    spec = PRESETS["square"]
    grey = np.full((336, 336, 3), 128, np.uint8)
    noisy = augment(grey, spec, Augmentation(noise=6.0), rng())
    assert noisy.std() == pytest.approx(6, rel=0.03)
    picture = drawn(spec)
    jittered = augment(picture, spec, Augmentation(colour=0.5), rng())
    empty = (picture == 255).all(axis=2)
    assert (jittered[empty] == 255).all()
    assert not np.array_equal(jittered, picture)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(sorted(PRESETS)),
    st.floats(1, 10),
    st.floats(0, 1),
    st.floats(0, 15),
    st.floats(0, 128),
    st.integers(0, 2**32 - 1),
)
def test_the_same_seed_gives_the_same_picture(name, gain, dropout, shift_s, noise, seed):
    spec, how = PRESETS[name], Augmentation(gain, dropout, shift_s, noise, 0.3)
    picture = rng(1).integers(0, 256, (spec.height, spec.width, 3)).astype(np.uint8)
    once, again = (augment(picture, spec, how, rng(seed)) for _ in range(2))
    assert once.dtype == np.uint8
    assert once.shape == picture.shape
    assert np.array_equal(once, again)


def test_an_augmentation_is_parsed_from_a_text():
    read = Augmentation.parse("gain=1.5, lane_dropout=0.1")
    assert read == Augmentation(gain=1.5, lane_dropout=0.1)
    assert Augmentation.parse("") == Augmentation()
    for text in ("gain", "gain=two", "rotate=3", "gain=0.5", "noise=nan", "shift_s=400"):
        with pytest.raises(InputError, match="expected"):
            Augmentation.parse(text)


def test_rows_are_augmented_by_seed_and_draw():
    """A row that is drawn twice is augmented in two ways; its images are augmented alike."""
    spec = PRESETS["square"]
    picture = Image.fromarray(drawn(spec))
    rows = [{"images": [picture, picture], "stage": stage} for stage in (2, 3)]

    def shown(seed=0, number=0, place=0, how="gain=2,noise=3"):
        varied = AugmentedRows(rows, spec, Augmentation.parse(how), seed)
        assert len(varied) == 2
        row = varied[place, number]
        assert row["stage"] == 2 + place
        one, other = map(np.asarray, row["images"])
        assert np.array_equal(one, other)
        return one

    assert np.array_equal(shown(), shown())
    assert np.array_equal(shown(), shown(place=1))
    assert np.array_equal(shown(how=""), np.asarray(picture))
    for other in ({"seed": 1}, {"number": 1}, {"how": ""}):
        assert not np.array_equal(shown(), shown(**other))
