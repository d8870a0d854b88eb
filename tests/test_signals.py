"""Filters and derivations: what passes, what does not, and what happens at the edges."""

import numpy as np
import pytest
from edfio import Edf, EdfSignal

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.montage import find_lanes
from psgvlm.recording import Recording
from psgvlm.signals import band_pass, prepare

EEG_HZ = (0.3, 35.0)


def gain(hz, rate_hz, band_hz):
    """Amplitude of a tone after the filter, in its steady middle."""
    t = np.arange(int(60 * rate_hz)) / rate_hz
    out = band_pass(np.sin(2 * np.pi * hz * t).astype(np.float32), rate_hz, band_hz)
    middle = out[len(out) // 3 : 2 * len(out) // 3]
    return np.sqrt(2 * np.mean(middle.astype(float) ** 2))


@pytest.mark.parametrize("rate_hz", [100.0, 200.0, 256.016, 1000.0])
def test_eeg_band(rate_hz):
    for hz in (1.0, 4.0, 10.0, 13.0, 20.0):
        assert abs(gain(hz, rate_hz, EEG_HZ) - 1) < 0.01
    assert gain(0.05, rate_hz, EEG_HZ) < 0.01
    if rate_hz > 140:
        assert gain(65.0, rate_hz, EEG_HZ) < 0.01


def test_an_emg_at_125_hz_keeps_what_its_rate_can_hold():
    assert abs(gain(30.0, 125.0, (10.0, 100.0)) - 1) < 0.01
    assert gain(2.0, 125.0, (10.0, 100.0)) < 0.01


def test_filter_has_zero_phase():
    t = np.arange(6000) / 200
    pulse = np.exp(-(((t - 15.0) / 0.05) ** 2)).astype(np.float32)
    assert band_pass(pulse, 200.0, EEG_HZ).argmax() == 3000


def test_filter_of_a_drifting_offset_does_not_ring():
    offset = np.full(6000, 5000.0, np.float32)
    assert np.abs(band_pass(offset, 200.0, EEG_HZ)).max() < 1.0


def test_short_and_slow_signals():
    assert band_pass(np.zeros(0, np.float32), 100.0, EEG_HZ).shape == (0,)
    assert (band_pass(np.ones(1, np.float32), 100.0, EEG_HZ) == 0).all()
    assert np.isfinite(band_pass(np.arange(5, dtype=np.float32), 100.0, EEG_HZ)).all()
    with pytest.raises(InputError, match="1 Hz cannot show 10-100 Hz"):
        band_pass(np.zeros(100, np.float32), 1.0, (10.0, 100.0))


def test_a_lane_is_the_difference_of_two_electrodes(tmp_path):
    """C4 - A1 with a shared reference signal of 300 µV gives back the derivation."""
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
    lanes = find_lanes(recording.labels, "core")
    assert lanes.found == ("C4-M1", "E1")
    assert str(lanes.sources[0]) == "C4 - A1"
    traces = prepare(recording, lanes, PRESETS["square"])
    middle = slice(2000, 10000)
    assert np.abs(traces[0].samples_uv[middle] - wave[middle]).max() < 0.5
    assert np.abs(traces[1].samples_uv[1000:5000] - wave[::2][1000:5000]).max() < 0.5
    assert traces[1].rate_hz == 100
    assert traces[2:] == [None, None]
