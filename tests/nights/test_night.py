"""A night that is drawn block by block is as if it were drawn as a whole; lost seconds; memory."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from recordings import montage, noise, signal, with_gap, write_edf
from whole_record import whole_traces

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS, ImageSpec
from psgvlm.images import raster
from psgvlm.nights import filtered_record
from psgvlm.nights.night import Night
from psgvlm.recordings.lane_search import find_lanes
from psgvlm.recordings.recording import Recording

CORE = ("C4-M1", "E1-M2", "E2-M1", "chin")


def opened(path, spec):
    recording = Recording(path, gaps=True)
    return recording, find_lanes(recording.labels, spec.montage), spec


@pytest.mark.parametrize("image", ["square", "folded,scale=robust", "square,context_s=20",
                                   "spectral", "paper"])  # fmt: skip
def test_images_are_those_of_the_whole_record(raw, image, monkeypatch):
    """At the rate of MASS, which is not a whole number, in blocks of two minutes."""
    monkeypatch.setattr(filtered_record, "BLOCK_S", 120.0)
    spec = ImageSpec.parse(image)
    edf = next((raw / "mass").rglob("* PSG.edf"))
    recording, lanes, spec = opened(edf, spec)
    onsets_s = 30.0 * np.arange(int(recording.duration_s // 30))
    traces = whole_traces(recording, lanes, spec)
    whole = np.array(list(raster.draw(traces, spec, onsets_s)), int)
    drawn = np.array(list(Night(recording, spec).draw()), int)
    # Rounding changes a pixel by one shade, in less than one of a hundred thousand pixels.
    differing = whole != drawn
    assert differing.mean() < 1e-5
    shades = np.minimum(abs(whole - drawn), abs(whole % raster.LEVELS - drawn % raster.LEVELS))
    assert (shades[differing] <= 1).all()


def test_without_margins_the_images_at_the_beginning_of_a_block_differ(raw, monkeypatch):
    monkeypatch.setattr(filtered_record, "BLOCK_S", 120.0)
    edf = next((raw / "shhs").rglob("*.edf"))
    recording, _, spec = opened(edf, PRESETS["square"])
    rows = range(12)
    drawn = np.array(list(Night(recording, spec).draw(rows)))
    night = Night(recording, spec)
    night._record.margin_s = 0.0
    bare = np.array(list(night.draw(rows)))
    assert set(np.flatnonzero((drawn != bare).any(axis=(1, 2)))) >= {4, 8}


def test_an_epoch_drawn_alone_is_as_it_is_among_others(raw):
    edf = next((raw / "shhs").rglob("*.edf"))
    night = Night(edf, PRESETS["square"])
    among = list(night.draw(range(40)))
    for row, alone in zip((25, 3), night.draw([25, 3]), strict=True):
        assert (alone == among[row]).all()


def test_the_filters_do_not_reach_across_gaps(tmp_path):
    spec = replace(PRESETS["square"], eeg_hz=(0.3, 4.0))
    recording, lanes, spec = opened(with_gap(tmp_path / "gap.edf"), spec)
    (whole, *_) = whole_traces(recording, lanes, spec)
    (trace, *_) = Night(recording, spec).traces()
    assert trace.first == 0
    np.testing.assert_allclose(trace.samples_uv, whole.samples_uv, atol=1e-3)


def test_lost_seconds_of_each_epoch_and_lane(tmp_path):
    """A lane stands still, another lies at the limits of the file, a third is missing."""
    eeg, chin = noise(240, 100), noise(240, 100, seed=3)
    eeg[4500:10_000] = eeg[4500]  # 45 to 100 s, so all of epoch 2 and parts of 1 and 3
    eeg[15_000:15_050] = eeg[15_000]  # half a second is too short
    chin[12_300:13_300] = 500.0  # at the limit from 123 to 133 s
    eyes = noise(240, 50, seed=4)
    signals_ = [signal("C4-M1", eeg, 100), signal("chin", chin, 100), signal("E1-M2", eyes, 50)]
    edf = write_edf(tmp_path / "night.edf", signals_)
    lost_s = Night(edf, PRESETS["square"]).lost_s()
    expected = np.zeros((8, 4))
    expected[1:4, 0] = 15, 30, 10
    expected[4, 3] = 10
    expected[:, 2] = 30  # E2
    np.testing.assert_allclose(lost_s, expected, atol=0.02)


def test_lost_seconds_across_two_blocks_are_counted(tmp_path, monkeypatch):
    eeg = noise(600, 100)
    eeg[20_950:21_050] = eeg[20_950]  # a second about 210 s
    edf = write_edf(tmp_path / "night.edf", [signal("C4-M1", eeg, 100)])
    night = Night(edf, PRESETS["square"])
    whole, quality = night.lost_s(), night.quality()
    monkeypatch.setattr(filtered_record, "BLOCK_S", 30.0)
    night = Night(edf, PRESETS["square"])
    assert (night.lost_s() == whole).all()
    assert night.quality() == quality
    assert quality[0].flat_s == 1.0
    assert whole[6:8, 0].tolist() == [0.5, 0.5]


def test_a_longer_record_takes_no_more_memory(tmp_path):
    peaks = []
    for hours in (3, 6):
        edf = write_edf(tmp_path / f"{hours}.edf", montage(CORE, hours * 3600))
        next(Night(edf, PRESETS["square"]).draw([0]))  # compile and import first
        tracemalloc.start()
        night = Night(edf, PRESETS["square"])
        assert sum(1 for _ in night.draw()) == night.lost_s().shape[0] == hours * 120
        night.quality()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[0] < 40e6


def test_a_lane_whose_rate_cannot_show_its_band_stays_empty_with_a_note(tmp_path):
    lanes = [signal("C4-M1", noise(120, 100), 100), signal("chin", noise(120, 1), 1)]
    night = Night(write_edf(tmp_path / "slow.edf", lanes), PRESETS["square"])
    assert night.sources["chin"] is None
    (note,) = (note for note in night.notes if "chin" in note and "1 Hz" in note)
    assert "50 Hz or more" in note
    assert len(list(night.draw())) == 4


def test_an_eeg_whose_rate_is_too_low_is_refused_with_its_rate(tmp_path):
    edf = write_edf(tmp_path / "slow.edf", [signal("C4-M1", noise(120, 20), 20)])
    with pytest.raises(InputError, match=r"slow\.edf: .*C4-M1 is at 20 Hz; expected .* 32 Hz"):
        Night(edf, PRESETS["square"])
