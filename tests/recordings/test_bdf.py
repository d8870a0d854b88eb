"""BDF and BDF+ recordings: 24 bits a sample, read as EDF is."""

import edfio
import numpy as np
import pytest
from other_formats import bdf_signal, write_bdf
from recordings import SECRET, noise, patch_signal

from psgvlm.errors import InputError
from psgvlm.recordings import edf
from psgvlm.recordings.recording import Recording

NOTED = [edfio.EdfAnnotation(30 * i, 30, f"Sleep stage {s}") for i, s in enumerate("W12R")]


@pytest.fixture
def path(tmp_path):
    """A BDF+ file of two minutes with two channels at different rates and four stages."""
    # An electrode's offset of tens of mV is usual in BDF, and needs the 24 bits.
    x, slow = noise(120, 100) + 31_000, noise(120, 8, seed=1)
    signals = [bdf_signal("C4-M1", x, 100), bdf_signal("chin", slow, 8)]
    return write_bdf(tmp_path / "night.bdf", signals, NOTED)


def test_labels_rates_samples_and_annotations_are_those_that_edfio_wrote(path):
    recording = Recording(path)
    assert recording.labels == ("C4-M1", "chin")
    assert [channel.rate_hz for channel in recording.channels] == [100, 8]
    assert recording.duration_s == 120
    assert recording.notes == ()
    for label, written in zip(recording.labels, edfio.read_bdf(path).signals, strict=True):
        assert np.abs(recording.read_uv(label) - written.data).max() < 0.01
        assert recording.limits_uv(label) == (-262144, 262144)
    assert [(a.onset_s, a.duration_s, a.text) for a in recording.annotations()] == [
        (note.onset, note.duration, note.text) for note in NOTED
    ]


def test_small_differences_on_a_large_offset_are_kept(path):
    written = edfio.read_bdf(path).signals[0].data
    read = Recording(path).read_uv("C4-M1").astype(float)
    assert np.abs((read - read.mean()) - (written - written.mean())).max() < 0.01


def test_mne_reads_the_same_samples(path):
    import mne

    raw = mne.io.read_raw_bdf(path, verbose="ERROR")
    mine = Recording(path).read_uv("C4-M1")
    assert np.abs(raw.get_data(["C4-M1"])[0] * 1e6 - mine).max() < 0.1


@pytest.mark.parametrize("record_s", [1, 40, 120])
def test_spans_and_small_buffers_give_the_same_samples(tmp_path, monkeypatch, record_s):
    signals = [bdf_signal("C4-M1", noise(120, 100), 100), bdf_signal("chin", noise(120, 8), 8)]
    path = write_bdf(tmp_path / "x.bdf", signals, NOTED, data_record_duration=record_s)
    whole = Recording(path).read_uv("C4-M1")
    monkeypatch.setattr(edf, "BUFFER_BYTES", 1500)
    monkeypatch.setattr(edf, "WIDE_RECORD_BYTES", 500)
    recording = Recording(path)
    assert (recording.read_uv("C4-M1") == whole).all()
    assert [a.text for a in recording.annotations()] == [note.text for note in NOTED]
    first, span = recording.read_span_uv(["C4-M1"], 37.5, 90)["C4-M1"]
    assert first == 3750
    assert (span == whole[3750:9000]).all()


def test_the_first_bytes_say_what_a_file_is_not_its_suffix(path):
    renamed = path.rename(path.with_suffix(".edf"))
    assert Recording(renamed).labels == ("C4-M1", "chin")


def test_a_digital_range_beyond_24_bits_is_a_fault_of_that_channel(path):
    patch_signal(path, "dmax", 1, "9999999")
    recording = Recording(path)
    assert len(recording.read_uv("C4-M1")) == 12000
    with pytest.raises(InputError, match="not within 24 bits"):
        recording.read_uv("chin")


def test_a_truncated_file_keeps_its_whole_data_records(path):
    whole = Recording(path).read_uv("C4-M1")
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    recording = Recording(path)
    assert recording.duration_s == 119
    assert (recording.read_uv("C4-M1") == whole[:-100]).all()
    assert len(recording.notes) == 1


def test_gaps_of_a_discontinuous_file_are_kept(tmp_path):
    path = write_bdf(tmp_path / "gap.bdf", [bdf_signal("C4", noise(120, 50), 50)], ())
    content = path.read_bytes().replace(b"BDF+C", b"BDF+D", 1)
    for second in range(119, 59, -1):
        old = f"+{second}\x14\x14\x00".encode()
        new = f"+{second + 45}\x14\x14\x00".encode()
        content = content.replace(old + b"\x00" * (len(new) - len(old)), new, 1)
    path.write_bytes(content)
    assert Recording(path, gaps=True).segments == ((0, 60), (105, 165))


def test_a_status_channel_is_no_voltage_and_loses_nothing(path, tmp_path):
    signals = [bdf_signal("C4", noise(60, 100), 100), bdf_signal("Status", noise(60, 100), 100)]
    path = write_bdf(tmp_path / "x.bdf", signals)
    patch_signal(path, "unit", 1, "Boolean")
    recording = Recording(path)
    assert len(recording.read_uv("C4")) == 6000
    with pytest.raises(InputError, match="'Boolean', which is not a voltage") as caught:
        recording.read_uv("Status")
    assert not any(word in str(caught.value) for word in SECRET)
