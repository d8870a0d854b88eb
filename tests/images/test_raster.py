"""The rasteriser: what it draws where and how tall, and that it always draws the same."""

import io
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from matplotlib_pictures import draw_reference
from PIL import Image

from psgvlm.image_spec import PRESETS
from psgvlm.images.fidelity import synthetic_trace
from psgvlm.images.raster import (
    GRID_FIVE,
    GRID_SECOND,
    HEAT,
    INK,
    LEVELS,
    SHADE,
    draw,
    lay_out,
    palette,
    to_png,
    to_rgb,
)
from psgvlm.montages import MODALITY
from psgvlm.signals.traces import Trace

SQUARE = PRESETS["square"]
RATE = 100.0


def one(samples, spec=SQUARE, onset_s=0.0, rate_hz=RATE, lane=0):
    """Draw one epoch with only the first lane filled."""
    traces: list[Trace | None] = [None] * len(spec.lanes)
    traces[lane] = Trace(np.asarray(samples, np.float32), rate_hz)
    return next(draw(traces, spec, [onset_s]))


def ink_rows(image, column):
    """Return the rows with ink in a column, including the faint edges of the line."""
    return np.flatnonzero((image[:, column] % LEVELS > 0) & (image[:, column] < HEAT))


def signals_for(spec):
    """Return a synthetic trace for every lane."""
    return [synthetic_trace(MODALITY[name], spec, seed) for seed, name in enumerate(spec.lanes)]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_draws_its_declared_size(name):
    spec = PRESETS[name]
    rng = np.random.default_rng(0)
    traces = [Trace(rng.normal(0, 20, 3000).astype(np.float32), RATE) for _ in spec.lanes]
    image = next(draw(traces, spec, [0.0]))
    assert image.shape == (spec.height, spec.width)
    assert image.dtype == np.uint8
    assert len(np.unique(image)) > 10


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    spread_uv=st.floats(0, 20),
    spikes=st.lists(st.tuples(st.integers(0, 2999), st.floats(-70, 70))),
    name=st.sampled_from(["square", "wide", "compact", "spectral"]),
    line_px=st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0]),
)
@example(seed=0, spread_uv=0.0, spikes=[(2999, -57.0)], name="wide", line_px=2.0)
def test_ink_covers_the_trace_and_nothing_else(seed, spread_uv, spikes, name, line_px):
    """In each column the inked span is the extent of the trace, to within a pixel at each end."""
    samples = np.random.default_rng(seed).normal(0, spread_uv, 3000).clip(-70, 70)
    for position, value in spikes:
        samples[position] = value
    spec = replace(PRESETS[name], grid=False, line_px=line_px)
    image = one(samples, spec)
    height = spec.lane_px()
    position = np.arange(29991) / 10  # ten points per sample, including the samples
    y = height / 2 - np.interp(position, np.arange(3000), samples) * height / 2 / spec.eeg_uv
    starts = np.searchsorted(position, np.arange(spec.width) * 3000 / spec.width)
    top, bottom = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    reach = spec.line_px / 2
    aside = int(np.ceil(reach))
    for column in range(aside, spec.width - aside):
        rows = ink_rows(image, column)
        assert rows[0] <= top[column] - reach + 1
        assert rows[-1] + 1 >= bottom[column] + reach - 1
        # The round pen reaches into the columns beside it.
        near = slice(column - aside, column + aside + 1)
        assert rows[0] >= top[near].min() - reach - 1
        assert rows[-1] + 1 <= bottom[near].max() + reach + 1


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


def test_a_missing_lane_stays_empty_and_changes_no_other():
    rng = np.random.default_rng(1)
    traces = [Trace(rng.normal(0, 20, 3000).astype(np.float32), RATE) for _ in SQUARE.lanes]
    whole = next(draw(traces, SQUARE, [0.0]))
    without = next(draw([traces[0], None, *traces[2:]], SQUARE, [0.0]))
    height = SQUARE.lane_px()
    assert (without[height : 2 * height] == 0).all()
    assert (without[:height] == whole[:height]).all()
    assert (without[2 * height :] == whole[2 * height :]).all()


def test_ink_is_cut_off_at_the_edges_of_its_lane():
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


def test_png_holds_the_image_and_repeats_byte_for_byte():
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


@pytest.mark.parametrize("name", PRESETS)
def test_more_accurate_than_matplotlib(name):
    """Compared with matplotlib at eight times the size, matplotlib itself has larger errors."""
    spec = PRESETS[name]
    traces, onset_s = signals_for(spec), [60.0]
    ours = to_rgb(next(draw(traces, spec, onset_s)), spec).astype(float)
    plain = next(draw_reference(traces, spec, onset_s)).astype(float)
    truth = next(draw_reference(traces, spec, onset_s, supersample=8)).astype(float)
    assert np.abs(ours - truth).mean() < 0.8 * np.abs(plain - truth).mean()


@pytest.mark.parametrize(
    "change",
    [
        {"eeg_uv": 25.0},
        {"context_s": 30.0, "fold": 3},
        {"scale": "robust", "colour": False},
        {"line_px": 2.0, "grid": True},
    ],
)
def test_every_option_draws_what_matplotlib_draws(change):
    spec = replace(PRESETS["square"], **change)
    traces = signals_for(spec)
    ours = to_rgb(next(draw(traces, spec, [60.0])), spec).astype(float)
    truth = next(draw_reference(traces, spec, [60.0], supersample=4)).astype(float)
    blank = to_rgb(next(draw([None] * 4, spec, [60.0])), spec)
    ink = np.abs(truth - blank).mean()
    assert ink > 5
    assert np.abs(ours - truth).mean() < 0.1 * ink


@settings(deadline=None)
@given(data=st.data(), rate_hz=st.sampled_from([1.0, 9.7, 100.0, 256.016, 4096.0]))
def test_no_signal_is_too_bad_to_be_drawn(data, rate_hz):
    """NaN, infinities, huge and tiny numbers, and traces of any length are drawn."""
    values = st.one_of(
        st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 3.4e38, -3.4e38, 1e-45, 32767.0]),
        st.floats(width=32),
    )
    pattern = data.draw(st.lists(values, max_size=40))
    length = data.draw(st.integers(0, int(35 * rate_hz)))
    samples = np.resize(np.array(pattern, np.float32), length if pattern else 0)
    preset = data.draw(st.sampled_from([*PRESETS.values()]))
    spec = replace(
        preset,
        width=data.draw(st.sampled_from([16, 17, 336])),
        scale=data.draw(st.sampled_from(["fixed", "minmax", "robust"])),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = one(samples, spec, data.draw(st.sampled_from([-100.0, -0.3, 0.0, 20.0])), rate_hz)
    assert image.shape == (spec.height, spec.width)
    assert image.max() < 241
    if not np.isfinite(samples).any() and not spec.spectrogram:
        blank = next(draw([None] * len(spec.lanes), spec, [0.0]))
        assert (image == blank).all()


@settings(deadline=None)
@given(bad=st.sampled_from([np.nan, np.inf, -np.inf]), start=st.integers(400, 2500))
def test_samples_that_are_not_finite_draw_nothing_and_change_nothing_else(bad, start):
    samples = 40 * np.sin(np.arange(3000) / 50)
    whole = one(samples)
    samples[start : start + 100] = bad
    holed = one(samples)
    left, right = (start - 1) * SQUARE.width / 3000, (start + 100) * SQUARE.width / 3000
    columns = np.arange(SQUARE.width)
    away = (columns < left - 2) | (columns > right + 2)
    assert (holed[:, away] == whole[:, away]).all()
    assert (holed[:, (columns > left + 1) & (columns < right - 2)] == 0).all()


def test_bad_samples_do_not_change_the_scale_of_the_good_ones():
    samples = (20 * np.sin(np.arange(3000) / 20)).astype(np.float32)
    for scale in ("minmax", "robust"):
        spec = replace(SQUARE, scale=scale)
        holed = samples.copy()
        holed[2200:2300] = np.resize([np.nan, np.inf, -np.inf], 100)
        (clean,), (bad,) = (
            [lines[0] for _, lines in lay_out([Trace(s, RATE), None, None, None], spec, [0.0])]
            for s in (samples, holed)
        )
        assert bad.px_per_uv == pytest.approx(clean.px_per_uv, rel=0.02)
        assert bad.centre_uv == pytest.approx(clean.centre_uv, abs=0.1)


@settings(deadline=None)
@given(planted_uv=st.floats(10, 120), lane=st.integers(0, 1))
def test_a_wave_is_drawn_at_its_true_height(planted_uv, lane):
    """A wave of 75 µV is drawn 75 µV tall, in every row of every preset with a fixed scale."""
    for spec in (spec for spec in PRESETS.values() if spec.scale == "fixed"):
        half_uv = spec.eeg_uv if MODALITY[spec.lanes[lane]] == "EEG" else spec.eog_uv
        if planted_uv > half_uv - 15:
            continue
        samples = np.repeat([0.0, planted_uv, 0.0], 1000)
        image = one(samples, replace(spec, fold=1, grid=False, spectrogram=0.0), lane=lane)
        height = spec.height // len(spec.lanes)
        column = spec.width // 2
        rows = ink_rows(image, column)
        drawn = lane * height + height / 2 - (rows[0] + rows[-1] + 1) / 2
        assert abs(drawn - planted_uv * height / 2 / half_uv) <= 1


def test_the_robust_scale_is_one_for_the_record_and_ignores_outliers():
    spec = replace(SQUARE, scale="robust")
    rng = np.random.default_rng(3)
    samples = np.concatenate([rng.normal(0, 10, 30000), rng.normal(0, 20, 3000)])
    wild = samples.copy()
    wild[15000:15010] = 1e5
    assert (one(1024 * samples, spec, 30.0) == one(samples, spec, 30.0)).all()

    def lit(samples, onset_s):
        return (one(samples, spec, onset_s) > 0).mean()

    assert abs(lit(wild, 30.0) - lit(samples, 30.0)) < 0.001
    assert lit(samples, 300.0) > 1.5 * lit(samples, 30.0)


def test_context_is_shown_beside_the_epoch_on_a_shaded_ground():
    samples = np.zeros(9000)
    samples[4500] = 60.0  # the middle of the second of three epochs
    spec = replace(SQUARE, context_s=30.0)
    image = one(samples, spec, onset_s=30.0)
    tops = [ink_rows(image, column)[0] for column in range(spec.width)]
    assert abs(int(np.argmin(tops)) - spec.width / 2) <= 1
    assert (image[-1, : spec.width // 3] == SHADE).all()
    assert (image[-1, spec.width // 3 : 2 * spec.width // 3] == 0).all()
    folded = one(samples, replace(spec, fold=3), onset_s=30.0)
    height = folded.shape[0] // 3
    assert (folded[height - 1] == SHADE).all()
    assert (folded[2 * height - 1] == 0).all()


def test_without_colour_the_image_is_the_same_in_grey():
    samples = 40 * np.sin(np.arange(3000) / 30)
    grey = replace(SQUARE, colour=False)
    assert (one(samples, grey) == one(samples)).all()
    for spec in (SQUARE, grey):
        colours = palette(spec).astype(int)
        assert (colours[0] == 255).all()
        assert abs(colours[0] - colours[LEVELS - 1]).max() > 120
        assert spec.colour or (np.ptp(colours, axis=1) == 0).all()


def test_no_two_things_have_the_same_colour():
    """Otherwise an image could not be read back."""
    for preset in PRESETS.values():
        for spec in (preset, replace(preset, colour=not preset.colour)):
            colours = palette(spec)
            lanes = range(len(spec.lanes) if spec.colour else 1)
            inks = [colours[LEVELS * lane + level] for lane in lanes for level in range(1, LEVELS)]
            rest = [colours[entry] for entry in (0, GRID_SECOND, GRID_FIVE, SHADE)]
            assert len({tuple(colour) for colour in inks + rest}) == len(inks) + 4
    assert len(set(INK.values())) == len(INK)


def test_the_same_signal_gives_the_same_bytes_for_any_memory_layout():
    samples = 30 * np.random.default_rng(5).normal(size=6000)
    first = one(samples)
    strided = np.repeat(samples.astype(np.float32), 2)[::2]
    assert (one(samples.astype(np.float32).astype(">f4")) == first).all()
    traces = [Trace(strided, RATE), None, None, None]
    pair = list(draw(traces, SQUARE, [0.0, 30.0]))
    assert (pair[0] == first).all()
    assert (pair[1] == one(samples, onset_s=30.0)).all()


@given(
    st.sampled_from([100.0, 128.0, 200.0, 256.0, 512.0]) | st.floats(32, 520),
    st.integers(0, 3000),
    st.integers(0, 500_000),
    st.sampled_from(["wide", "folded", "paper", "spectral"]),
)
@settings(max_examples=60, deadline=None)
def test_an_image_does_not_depend_on_the_piece_that_its_samples_were_cut_from(
    rate_hz, epoch, before, name
):
    """A piece that holds the epoch gives the pixels of the whole record, at every rate."""
    spec = PRESETS[name]
    rng = np.random.default_rng(epoch)
    onset_s = 30.0 * epoch
    first = max(0, int((onset_s - 2) * rate_hz))  # a spectrogram looks a second back
    samples = rng.normal(0, 40, int(36 * rate_hz)).astype(np.float32)
    piece = Trace(samples, rate_hz, first)
    cut = min(before, first)
    longer = Trace(np.concatenate((np.zeros(cut, np.float32), samples)), rate_hz, first - cut)
    images = [next(draw([trace] * len(spec.lanes), spec, [onset_s])) for trace in (piece, longer)]
    # A longer piece begins earlier; its first added samples lie before the image.
    assert (images[0] == images[1]).all()
