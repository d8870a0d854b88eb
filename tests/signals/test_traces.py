"""Filters, mains hum, derivations, and flat and clipped seconds."""

from dataclasses import replace

import numpy as np
import pytest
from edfio import Edf, EdfSignal
from hypothesis import given
from hypothesis import strategies as st

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.nights.night import Night
from psgvlm.recordings.edf import BUFFER_BYTES
from psgvlm.recordings.lane_search import find_lanes
from psgvlm.recordings.lanes import Derivation, LaneMap
from psgvlm.recordings.recording import Recording
from psgvlm.signals.filters import FLAT_S, MAX_RATE_HZ, band_pass, find_mains
from psgvlm.signals.flat_runs import standing_still
from psgvlm.signals.traces import Quality

EEG_HZ, EMG_HZ = (0.3, 35.0), (10.0, 100.0)


def noise(seconds, rate_hz, uv=20.0, seed=0):
    return np.random.default_rng(seed).normal(0, uv, round(seconds * rate_hz)).astype(np.float32)


def tone(hz, seconds, rate_hz, uv=1.0):
    return (uv * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(
        np.float32
    )


def gain(hz, rate_hz, band_hz):
    """Return the amplitude of a tone after the filter, away from its ends."""
    t = np.arange(int(60 * rate_hz)) / rate_hz
    out = band_pass(np.sin(2 * np.pi * hz * t).astype(np.float32), rate_hz, band_hz)
    middle = out[len(out) // 3 : 2 * len(out) // 3]
    return np.sqrt(2 * np.mean(middle.astype(float) ** 2))


@pytest.mark.parametrize("rate_hz", [100.0, 200.0, 256.016, 1000.0])
def test_an_eeg_filter_passes_its_band_and_no_more(rate_hz):
    for hz in (1.0, 4.0, 10.0, 13.0, 20.0):
        assert abs(gain(hz, rate_hz, EEG_HZ) - 1) < 0.01
    assert gain(0.05, rate_hz, EEG_HZ) < 0.01
    if rate_hz > 140:
        assert gain(65.0, rate_hz, EEG_HZ) < 0.01


def test_an_emg_at_125_hz_passes_what_its_rate_can_hold():
    assert abs(gain(30.0, 125.0, (10.0, 100.0)) - 1) < 0.01
    assert gain(2.0, 125.0, (10.0, 100.0)) < 0.01


def test_the_filter_has_zero_phase():
    t = np.arange(6000) / 200
    pulse = np.exp(-(((t - 15.0) / 0.05) ** 2)).astype(np.float32)
    assert band_pass(pulse, 200.0, EEG_HZ).argmax() == 3000


def test_the_filter_of_an_offset_does_not_ring():
    offset = np.full(6000, 5000.0, np.float32)
    assert np.abs(band_pass(offset, 200.0, EEG_HZ)).max() < 1.0


def test_short_signals_are_filtered_and_slow_ones_refused():
    assert band_pass(np.zeros(0, np.float32), 100.0, EEG_HZ).shape == (0,)
    assert (band_pass(np.ones(1, np.float32), 100.0, EEG_HZ) == 0).all()
    assert np.isfinite(band_pass(np.arange(5, dtype=np.float32), 100.0, EEG_HZ)).all()
    with pytest.raises(InputError, match="1 Hz cannot show 10-100 Hz"):
        band_pass(np.zeros(100, np.float32), 1.0, (10.0, 100.0))


def test_a_lane_is_the_difference_of_two_electrodes(tmp_path):
    """C4 and A1 share a reference signal of 300 µV, which C4 - A1 does not have."""
    t = np.arange(0, 60, 1 / 200)
    wave, shared = 40 * np.sin(2 * np.pi * 10 * t), 300 * np.sin(2 * np.pi * 3 * t)
    signals = [
        EdfSignal(data, 200, label=label, physical_dimension=unit, physical_range=(-1000, 1000))
        for label, data, unit in (("C4", wave + shared, "uV"), ("A1", shared, "uV"))
    ]
    signals.append(EdfSignal(wave[::2] / 1000, 100, label="E1", physical_dimension="mV"))
    path = tmp_path / "night.edf"
    Edf(signals).write(path)
    recording = Recording(path)
    night = Night(recording, PRESETS["square"])
    assert night.lanes.filled_names == ("C4-M1", "E1")
    assert night.sources["C4-M1"] == "C4 - A1"
    assert night.sources["E1"] == "E1"  # its rate is not that of A1
    traces = night.traces()
    middle = slice(2000, 10000)
    assert np.abs(traces[0].samples_uv[middle] - wave[middle]).max() < 0.5
    assert np.abs(traces[1].samples_uv[1000:5000] - wave[::2][1000:5000]).max() < 0.5
    assert traces[1].rate_hz == 100
    assert traces[2:] == [None, None]


@pytest.mark.parametrize("rate_hz", [100.0, 125.0, 256.016, 512.0, 1000.0])
@pytest.mark.parametrize("band_hz", [EEG_HZ, EMG_HZ, (0.3, 70.0)])
@pytest.mark.parametrize("mains_hz", [0, 50])
def test_the_filter_equals_scipys_zero_phase_filter(rate_hz, band_hz, mains_hz):
    """scipy runs second-order sections forwards and backwards in float64, over the whole signal."""
    from scipy.signal import butter, iirnotch, sosfiltfilt, sosfreqz, tf2sos

    x = 400 + noise(700, rate_hz) + np.cumsum(noise(700, rate_hz, 0.5, 1)).astype(np.float32)
    band = (band_hz[0], min(band_hz[1], 0.45 * rate_hz))
    sections = butter(4, band, "bandpass", fs=rate_hz, output="sos")
    if mains_hz and abs(sosfreqz(sections, [mains_hz], fs=rate_hz)[1][0]) ** 2 > 0.01:
        if mains_hz >= 0.49 * rate_hz:
            return
        sections = np.vstack([sections, tf2sos(*iirnotch(mains_hz, 30, fs=rate_hz))])
    wanted = sosfiltfilt(sections, x.astype(float), padlen=int(10 * rate_hz))
    error = np.abs(band_pass(x, rate_hz, band_hz, mains_hz) - wanted)
    edge = int(30 * rate_hz)
    assert error[edge:-edge].max() < 2e-3
    # At the ends both know no more than a mirror image of 10 s.
    assert error.max() < 0.1


@pytest.mark.parametrize("rate_hz", [200.0, 256.0, 4096.0])
def test_a_tone_out_of_band_does_not_alias_into_the_band(rate_hz):
    """Less than 1 % of the tone is left, at any frequency."""
    for hz in (70.0, 90.0, 0.45 * rate_hz):
        out = band_pass(tone(hz, 60, rate_hz, 100.0), rate_hz, EEG_HZ)
        assert np.abs(out[len(out) // 4 : -len(out) // 4]).max() < 1.0


def test_a_trace_keeps_its_true_rate_and_its_shape():
    """Nothing is resampled: 60 Hz is not folded to 40 Hz, and no sample is lost."""
    x = tone(60.0, 60, 256.0, 30.0)
    out = band_pass(x, 256.0, EMG_HZ)
    assert out.shape == x.shape
    spectrum = np.abs(np.fft.rfft(out[2560:-2560] * np.hanning(len(out) - 5120)))
    hz = np.fft.rfftfreq(len(out) - 5120, 1 / 256)
    assert abs(hz[spectrum.argmax()] - 60) < 0.1
    assert spectrum[np.abs(hz - 40) < 5].max() < 1e-3 * spectrum.max()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_divide_the_record_as_a_gap_does(bad):
    left, right = 500 + noise(40, 100), noise(50, 100, seed=1) - 3000
    hole = np.full(300, bad, np.float32)
    out = band_pass(np.concatenate([left, hole, right]), 100.0, EEG_HZ)
    assert np.isnan(out[4000:4300]).all()
    assert (out[:4000] == band_pass(left, 100.0, EEG_HZ)).all()
    assert (out[4300:] == band_pass(right, 100.0, EEG_HZ)).all()
    assert np.isnan(band_pass(hole, 100.0, EEG_HZ)).all()


def test_a_flat_run_divides_the_record_as_a_gap_does():
    left, right = 500 + noise(40, 100), noise(50, 100, seed=1) - 3000
    flat = np.full(int(FLAT_S * 100), -5000.0, np.float32)
    out = band_pass(np.concatenate([left, flat, right]), 100.0, EEG_HZ)
    assert (out[4000:4500] == 0).all()
    assert (out[:4000] == band_pass(left, 100.0, EEG_HZ)).all()
    assert (out[4500:] == band_pass(right, 100.0, EEG_HZ)).all()
    # A clipped wave stands still for a shorter time, so it is filtered with the rest.
    short = np.concatenate([left, flat[:200], right])
    assert np.abs(band_pass(short, 100.0, EEG_HZ)[4000:4200]).max() > 10


@pytest.mark.parametrize("rate_hz", [1.0, 4096.0])
def test_flat_and_saturated_signals_stay_finite_at_any_rate(rate_hz):
    count = round(60 * rate_hz)
    for value in (0.0, 3276.7, -3276.8):
        assert (band_pass(np.full(count, value, np.float32), rate_hz, EEG_HZ) == 0).all()
    out = band_pass(noise(60, rate_hz), rate_hz, EEG_HZ)
    assert out.shape == (count,)
    assert np.isfinite(out).all()
    saturated = np.sign(tone(0.05, 60, rate_hz)) * np.float32(3276.7)
    assert np.isfinite(band_pass(saturated, rate_hz, EEG_HZ)).all()


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, np.nan, np.inf, MAX_RATE_HZ + 1.0])
def test_a_rate_that_no_polygraph_has_is_refused(rate_hz):
    with pytest.raises(InputError, match="expected more than 0 and no more than 20000 Hz"):
        band_pass(np.zeros(100, np.float32), rate_hz, EEG_HZ)


def test_filtering_changes_its_input_only_if_it_is_the_output():
    x = noise(600, 100)
    kept = x.copy()
    out = band_pass(x, 100.0, EEG_HZ)
    assert (x == kept).all()
    assert band_pass(x, 100.0, EEG_HZ, out=x) is x
    assert (x == out).all()


@pytest.mark.parametrize("mains_hz", [50, 60])
@pytest.mark.parametrize("rate_hz", [125.0, 200.0, 256.0, 512.0])
def test_mains_hum_is_found_and_taken_out(mains_hz, rate_hz):
    x = noise(300, rate_hz, 5.0) + tone(mains_hz, 300, rate_hz, 5.0)
    assert find_mains(x, rate_hz) == mains_hz
    out = band_pass(x, rate_hz, EMG_HZ, mains_hz)
    middle = out[len(out) // 4 : -len(out) // 4]
    left = 2 * np.mean(middle * np.exp(-2j * np.pi * mains_hz * np.arange(len(middle)) / rate_hz))
    assert abs(left) < 0.1
    # A tone 5 Hz beside it stays.
    if mains_hz + 10 < 0.4 * rate_hz:
        beside = tone(mains_hz + 5, 60, rate_hz)
        with_notch = band_pass(beside, rate_hz, EMG_HZ, mains_hz)
        assert np.abs(with_notch - band_pass(beside, rate_hz, EMG_HZ))[3000:-3000].max() < 0.15


def test_no_mains_hum_is_found_in_signals_without_it():
    for seed in range(20):
        assert find_mains(noise(120, 256, seed=seed), 256.0) == 0
    assert find_mains(np.zeros(100_000, np.float32), 256.0) == 0
    assert find_mains(np.full(100_000, np.nan, np.float32), 256.0) == 0
    assert find_mains(noise(600, 60), 60.0) == 0
    assert find_mains(noise(1, 256), 256.0) == 0
    assert find_mains(np.zeros(0, np.float32), 256.0) == 0
    # Muscle and spindles are not taken for hum.
    muscle = band_pass(noise(300, 256, 30), 256.0, (20.0, 90.0))
    assert find_mains(muscle + tone(13, 300, 256.0, 40), 256.0) == 0


def test_hum_in_a_third_of_the_night_is_found_beside_samples_that_are_not_finite():
    x = noise(900, 256, 5.0)
    x[: 300 * 256] += tone(60, 300, 256.0, 5.0)
    x[400 * 256 : 500 * 256] = np.nan
    assert find_mains(x, 256.0) == 60


def test_lanes_of_the_same_channels_are_each_filtered_once(tmp_path):
    """Lanes are filtered in place: two that share samples must not be filtered twice."""
    a, b = (noise(1800, 256, 30.0, seed=seed).astype(float) for seed in (1, 2))
    channel = {"physical_dimension": "uV", "physical_range": (-500, 500)}
    pairs = {"E1": a, "M2": b, "C4": a, **{f"more {i}": a for i in range(5)}}
    path = tmp_path / "night.edf"
    Edf([EdfSignal(x, 256, label=label, **channel) for label, x in pairs.items()]).write(path)
    recording = Recording(path)
    named = find_lanes(recording.labels, "core")
    eeg = Derivation("C4", "M2")
    lanes = LaneMap(named.lanes, (eeg, *(Derivation("E1", "M2"),) * 2, None))
    traces = Night(recording, PRESETS["square"], lanes=lanes).traces()
    assert traces[3] is None
    raw = recording.read_uv("E1") - recording.read_uv("M2")
    assert len(raw) * 2 * len(pairs) > BUFFER_BYTES
    for trace in traces[1:3]:
        whole = band_pass(raw, 256.0, PRESETS["square"].eog_hz)
        assert np.abs(trace.samples_uv - whole).max() < 1e-3


@pytest.mark.parametrize("choice", ["auto", "50", "60", "off"])
def test_the_spec_decides_about_mains(tmp_path, choice):
    x = noise(120, 256, 5.0) + tone(50, 120, 256.0, 20.0)
    path = tmp_path / "night.edf"
    channel = {"physical_dimension": "uV", "physical_range": (-500, 500)}
    labels = ("chin", "C4-M1")
    Edf([EdfSignal(x.astype(float), 256, label=name, **channel) for name in labels]).write(path)
    recording = Recording(path)
    spec = replace(PRESETS["square"], emg_hz=EMG_HZ, mains=choice)
    traces = Night(recording, spec).traces()
    mains_hz = {"auto": 50, "off": 0}.get(choice) if choice in ("auto", "off") else int(choice)
    wanted = band_pass(recording.read_uv("chin"), 256.0, EMG_HZ, mains_hz)
    assert (traces[3].samples_uv == wanted).all()
    assert (traces[3].samples_uv.std() > 10) == (choice in ("60", "off"))


def test_quality_counts_flat_and_clipped_seconds(tmp_path):
    a, b = noise(60, 100, seed=1), noise(60, 100, seed=2)
    a[1000:1300] = 7.0  # 3 s that do not move, but not in the difference
    b[2000:2100] = 500.0  # 1 s at the limit, alone
    channel = {"physical_dimension": "uV", "physical_range": (-500, 500)}
    pairs = (("C4", a), ("M1", b), ("E1-M2", a), ("chin", np.zeros(6000)))
    signals = [EdfSignal(x.astype(float), 100, label=label, **channel) for label, x in pairs]
    path = tmp_path / "night.edf"
    Edf(signals).write(path)
    recording = Recording(path)
    eeg, eye, missing, chin = Night(recording, PRESETS["square"]).quality()
    assert eeg == Quality(0.0, 1.0)
    assert eye == Quality(3.0, 0.0)
    assert missing is None
    assert chin == Quality(60.0, 0.0)


@given(
    values=st.lists(st.sampled_from([0.0, 1.0, float("nan")]), max_size=60),
    least=st.integers(2, 9),
)
def test_standing_still_finds_every_run_of_equal_samples(values, least):
    runs, start = [], 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] != values[start]:
            if i - start >= least:
                runs.append([start, i])
            start = i
    assert standing_still(np.array(values, np.float32), float(least)).tolist() == runs
