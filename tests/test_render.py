"""Pictures: what is drawn where, how tall, and always the same."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from psgvlm.image_spec import PRESETS
from psgvlm.render import GRID_FIVE, GRID_SECOND, HEAT, LEVELS, draw, palette, to_png, to_rgb
from psgvlm.signals import Trace

SQUARE = PRESETS["square"]
RATE = 100.0


def one(samples, spec=SQUARE, onset_s=0.0, rate_hz=RATE, lane=0):
    """Draw one epoch with a single lane filled."""
    traces: list[Trace | None] = [None] * len(spec.lanes)
    traces[lane] = Trace(np.asarray(samples, np.float32), rate_hz)
    return next(draw(traces, spec, [onset_s]))


def ink_rows(image, column):
    """Rows with ink in a column, faint edges of the line included."""
    return np.flatnonzero((image[:, column] % LEVELS > 0) & (image[:, column] < HEAT))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_draws_its_declared_size(name):
    spec = PRESETS[name]
    rng = np.random.default_rng(0)
    traces = [Trace(rng.normal(0, 20, 3000).astype(np.float32), RATE) for _ in spec.lanes]
    image = next(draw(traces, spec, [0.0]))
    assert image.shape == (spec.height, spec.width)
    assert image.dtype == np.uint8
    assert len(np.unique(image)) > 10


@given(
    seed=st.integers(0, 2**32 - 1),
    spread_uv=st.floats(0, 20),
    spikes=st.lists(st.tuples(st.integers(0, 2999), st.floats(-70, 70))),
)
def test_ink_covers_the_trace_and_nothing_else(seed, spread_uv, spikes):
    """In every column the lit span is the trace's own extent there, within a pixel at each end."""
    samples = np.random.default_rng(seed).normal(0, spread_uv, 3000).clip(-70, 70)
    for position, value in spikes:
        samples[position] = value
    image = one(samples)
    height = SQUARE.lane_px()
    position = np.arange(29990) / 10  # ten points a sample, the samples among them
    y = height / 2 - np.interp(position, np.arange(3000), samples) * height / 2 / SQUARE.eeg_uv
    starts = np.searchsorted(position, np.arange(SQUARE.width) * 3000 / SQUARE.width)
    top, bottom = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    reach = SQUARE.line_px / 2
    for column in range(1, SQUARE.width - 1):
        rows = ink_rows(image, column)
        assert rows[0] <= top[column] - reach + 1
        assert rows[-1] + 1 >= bottom[column] + reach - 1
        # The round pen reaches sideways, into neighbouring columns.
        assert rows[0] >= top[column - 1 : column + 2].min() - reach - 1
        assert rows[-1] + 1 <= bottom[column - 1 : column + 2].max() + reach + 1


def test_height_and_time_of_a_peak():
    samples = np.zeros(3000)
    samples[1200:1301] = 75 * np.hanning(101)  # peak of 75 µV at 12.5 s
    spec = replace(SQUARE, eeg_uv=100.0, line_px=1.0)
    image = one(samples, spec)
    height = spec.lane_px()
    tops = [rows[0] if len(rows := ink_rows(image, c)) else height for c in range(spec.width)]
    expected_row = height / 2 - 75 * (height / 2) / 100 - spec.line_px / 2
    assert abs(min(tops) - expected_row) <= 1
    highest = np.flatnonzero(np.array(tops) == min(tops))
    assert abs(highest.mean() + 0.5 - 12.5 * spec.width / 30) <= 1


def test_a_spike_of_one_sample_is_never_lost():
    spec = replace(PRESETS["compact"], grid=False)
    for position in range(1000, 1040):
        samples = np.zeros(30 * 2000)
        samples[position] = 60.0
        image = one(samples, spec, rate_hz=2000.0)
        column = int(position / 2000 * spec.width / 30)
        top = min(ink_rows(image, c)[0] for c in (column - 1, column, column + 1) if c >= 0)
        height = spec.lane_px()
        assert top <= height / 2 - 60 / spec.eeg_uv * height / 2 + 1


def test_a_missing_lane_stays_empty_and_moves_nothing():
    rng = np.random.default_rng(1)
    traces = [Trace(rng.normal(0, 20, 3000).astype(np.float32), RATE) for _ in SQUARE.lanes]
    whole = next(draw(traces, SQUARE, [0.0]))
    without = next(draw([traces[0], None, *traces[2:]], SQUARE, [0.0]))
    height = SQUARE.lane_px()
    assert (without[height : 2 * height] == 0).all()
    assert (without[:height] == whole[:height]).all()
    assert (without[2 * height :] == whole[2 * height :]).all()


def test_overflow_is_clipped_to_its_lane():
    image = one(np.full(3000, 74.0) + 500 * (np.arange(3000) == 1500), lane=1)
    height = SQUARE.lane_px()
    assert (image[:height] == 0).all()
    assert (image[2 * height :] == 0).all()
    assert image[height].any()


def test_time_outside_the_record_is_blank():
    image = one(np.zeros(1500))  # 15 s of 30
    half = SQUARE.width // 2
    assert len(ink_rows(image, half - 5))
    assert (image[:, half + 3 :] == 0).all()
    assert (one(np.zeros(1)) == 0).all()
    assert (one(np.zeros(0)) == 0).all()


def test_folding_puts_ten_seconds_in_each_row():
    spec = PRESETS["folded"]
    samples = np.zeros(3000)
    samples[1500] = 70.0  # 15 s: in the middle of the second row of 10 s
    image = one(samples, spec)
    height = spec.lane_px()
    for row in range(3):
        lane = image[row * 4 * height : (row * 4 + 1) * height]
        rows = ink_rows(lane, spec.width // 2)
        assert (rows[0] < height / 4) == (row == 1)


def test_an_epoch_is_cut_by_the_true_rate():
    """A second mark every 60 s at 256.016 Hz stands in the same column in epoch 0 and epoch 900."""
    rate_hz = 256.016
    samples = np.zeros(int(27100 * rate_hz), np.float32)
    samples[np.round(np.arange(10, 27100, 60) * rate_hz).astype(int)] = 70.0
    first, late = draw([Trace(samples, rate_hz), None, None, None], SQUARE, [0.0, 27000.0])
    peak = [int(np.argmin([ink_rows(i, c)[0] for c in range(SQUARE.width)])) for i in (first, late)]
    assert abs(peak[0] - 10 * SQUARE.width / 30) <= 1
    assert peak[0] == peak[1]


def test_min_max_scaling_fills_the_lane_whatever_the_gain():
    spec = PRESETS["paper"]
    wave = np.sin(np.arange(3000) / 20)
    assert (one(wave, spec) == one(1024 * wave, spec)).all()
    assert len(np.unique(np.concatenate([ink_rows(one(wave, spec), c) for c in range(336)]))) > 80
    flat = one(np.full(3000, 5.0), spec)
    assert set(ink_rows(flat, 100)) <= {41, 42}


def test_grid_lies_under_the_trace():
    spec = PRESETS["wide"]
    image = one(np.zeros(3000), spec)
    assert image[0, round(spec.width / 30)] == GRID_SECOND
    assert image[0, round(5 * spec.width / 30)] == GRID_FIVE
    middle = image[spec.lane_px() // 2, round(spec.width / 30)]
    assert 0 < middle < LEVELS


@pytest.mark.parametrize("hz", [2.0, 6.0, 10.0, 16.0])
def test_spectrogram_shows_a_tone_at_its_frequency(hz):
    spec = PRESETS["spectral"]
    image = one(20 * np.sin(2 * np.pi * hz * np.arange(3000) / RATE), spec)
    strip = image[spec.lane_px() * len(spec.lanes) :]
    darkest = strip[:, 168].argmax()
    shown_hz = (len(strip) - darkest - 0.5) / len(strip) * 20
    assert abs(shown_hz - hz) <= 0.5


def test_png_holds_the_picture_and_repeats_byte_for_byte():
    rng = np.random.default_rng(2)
    image = one(rng.normal(0, 20, 3000))
    png = to_png(image, SQUARE)
    assert png == to_png(image.copy(), SQUARE)
    decoded = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    assert (decoded == to_rgb(image, SQUARE)).all()


def test_each_lane_has_a_colour_of_its_own():
    for spec in (PRESETS["square"], PRESETS["wide"]):
        inks = palette(spec)[LEVELS - 1 : LEVELS * len(spec.lanes) : LEVELS]
        assert len({tuple(ink) for ink in inks}) == len(spec.lanes)
