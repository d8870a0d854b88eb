"""A recording drawn stretch by stretch is the recording drawn as a whole."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from recordings import montage, noise, signal, with_gap, write_edf

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS, ImageSpec
from psgvlm.images import raster
from psgvlm.nights import stretches
from psgvlm.nights.stretches import Stretches
from psgvlm.recordings.lanes import find_lanes
from psgvlm.recordings.recording import Recording
from psgvlm.signals import traces as signals

CORE = ("C4-M1", "E1-M2", "E2-M1", "chin")


def opened(path, spec):
    recording = Recording(path, gaps=True)
    return recording, find_lanes(recording.labels, spec.montage), spec


@pytest.mark.parametrize("image", ["square", "folded,scale=robust", "square,context_s=20",
                                   "spectral", "paper"])  # fmt: skip
def test_the_pictures_are_those_of_the_whole_record(raw, image, monkeypatch):
    """At MASS' rate, which is no whole number; half an hour in fifteen stretches."""
    monkeypatch.setattr(stretches, "STRETCH_S", 120.0)
    spec = ImageSpec.parse(image)
    edf = next((raw / "mass").rglob("* PSG.edf"))
    recording, lanes, spec = opened(edf, spec)
    onsets_s = 30.0 * np.arange(int(recording.duration_s // 30))
    traces = signals.prepare(recording, lanes, spec)
    whole = np.array(list(raster.draw(traces, spec, onsets_s)), int)
    drawn = np.array(list(Stretches(recording, lanes, spec).draw(onsets_s)), int)
    # Rounding moves an ink's density by a shade, in one of a hundred thousand pixels.
    differing = whole != drawn
    assert differing.mean() < 1e-5
    shades = np.minimum(abs(whole - drawn), abs(whole % raster.LEVELS - drawn % raster.LEVELS))
    assert (shades[differing] <= 1).all()


def test_margins_are_as_long_as_they_must_be(raw, monkeypatch):
    """Without them the pictures at the beginning of a stretch are others."""
    monkeypatch.setattr(stretches, "STRETCH_S", 120.0)
    edf = next((raw / "shhs").rglob("*.edf"))
    recording, lanes, spec = opened(edf, PRESETS["square"])
    cut = Stretches(recording, lanes, spec)
    onsets_s = 30.0 * np.arange(12)
    found = np.array(list(cut.draw(onsets_s)))
    cut.margin_s = 0.0
    bare = np.array(list(cut.draw(onsets_s)))
    assert set(np.flatnonzero((found != bare).any(axis=(1, 2)))) >= {4, 8}


def test_any_epoch_alone(raw):
    edf = next((raw / "shhs").rglob("*.edf"))
    cut = Stretches(*opened(edf, PRESETS["square"]))
    among = list(cut.draw(30.0 * np.arange(40)))
    for row, alone in zip((25, 3), cut.draw([30.0 * 25, 90.0]), strict=True):
        assert (alone == among[row]).all()


def test_gaps_are_ends(tmp_path):
    spec = replace(PRESETS["square"], eeg_hz=(0.3, 4.0))
    recording, lanes, spec = opened(with_gap(tmp_path / "gap.edf"), spec)
    (whole, *_) = signals.prepare(recording, lanes, spec)
    (found, *_) = Stretches(recording, lanes, spec).traces(0, 120)
    assert found.first == 0
    np.testing.assert_allclose(found.samples_uv, whole.samples_uv, atol=1e-3)


def test_what_a_lane_does_not_show(tmp_path):
    """Seconds that stand still, or lie at the limits of the file, by epoch; and a missing lane."""
    eeg, chin = noise(240, 100), noise(240, 100, seed=3)
    eeg[4500:10_000] = eeg[4500]  # 45 to 100 s, so all of epoch 2 and parts of 1 and 3
    eeg[15_000:15_050] = eeg[15_000]  # half a second is no stretch
    chin[12_300:13_300] = 500.0  # at the limit from 123 to 133 s
    eyes = noise(240, 50, seed=4)
    signals_ = [signal("C4-M1", eeg, 100), signal("chin", chin, 100), signal("E1-M2", eyes, 50)]
    edf = write_edf(tmp_path / "night.edf", signals_)
    cut = Stretches(*opened(edf, PRESETS["square"]))
    lost_s = cut.lost_s(list(30.0 * np.arange(8)))
    expected = np.zeros((8, 4))
    expected[1:4, 0] = 15, 30, 10
    expected[4, 3] = 10
    expected[:, 2] = 30  # E2
    np.testing.assert_allclose(lost_s, expected, atol=0.02)


def test_lost_across_stretches_is_lost(tmp_path, monkeypatch):
    eeg = noise(600, 100)
    eeg[20_950:21_050] = eeg[20_950]  # a second about 210 s
    edf = write_edf(tmp_path / "night.edf", [signal("C4-M1", eeg, 100)])
    onsets_s = list(30.0 * np.arange(20))
    whole = Stretches(*opened(edf, PRESETS["square"])).lost_s(onsets_s)
    monkeypatch.setattr(stretches, "STRETCH_S", 30.0)
    assert (Stretches(*opened(edf, PRESETS["square"])).lost_s(onsets_s) == whole).all()
    assert whole[6:8, 0].tolist() == [0.5, 0.5]


def test_a_longer_record_takes_no_more_memory(tmp_path):
    peaks = []
    for hours in (1.5, 6):
        edf = write_edf(tmp_path / f"{hours}.edf", montage(CORE, hours * 3600))
        recording, lanes, spec = opened(edf, PRESETS["square"])
        next(Stretches(recording, lanes, spec).draw([0.0]))  # what is compiled and imported
        tracemalloc.start()
        cut = Stretches(recording, lanes, spec)
        onsets_s = 30.0 * np.arange(hours * 120)
        assert sum(1 for _ in cut.draw(onsets_s)) == cut.lost_s(onsets_s).shape[0]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[0] < 40e6


def test_a_rate_that_shows_nothing_names_the_lane(tmp_path):
    edf = write_edf(tmp_path / "slow.edf", [signal("C4-M1", noise(120, 1), 1)])
    with pytest.raises(InputError, match=r"slow\.edf: lane C4-M1 \(C4-M1\): a signal at 1 Hz"):
        Stretches(*opened(edf, replace(PRESETS["square"], eeg_hz=(1.0, 35.0))))
