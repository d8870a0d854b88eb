"""WFDB records: a header and the files of signals that it names."""

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from other_formats import packed, wfdb_header, write_wfdb
from recordings import SECRET, noise

from psgvlm.errors import InputError
from psgvlm.recordings import wfdb_file
from psgvlm.recordings.recording import Recording

COLUMNS = {"C4-M1": noise(60, 200), "E1-M2": noise(60, 200, seed=1)}


@pytest.fixture
def path(tmp_path):
    """A record of a minute with two signals at 200 Hz in one file."""
    return write_wfdb(tmp_path, "slp01a", COLUMNS)


def test_labels_rates_and_samples_are_those_that_were_written(path):
    recording = Recording(path)
    assert recording.labels == ("C4-M1", "E1-M2")
    assert [channel.rate_hz for channel in recording.channels] == [200, 200]
    assert recording.duration_s == 60
    assert recording.clock_s == 23 * 3600 + 7 * 60
    assert recording.notes == ()
    assert recording.annotations() == []
    for label, written in COLUMNS.items():
        assert np.abs(recording.read_uv(label) - written).max() <= 0.00501
        assert recording.limits_uv(label) == (-327.68, 327.67)
    assert recording.files == (path.with_suffix(".dat"), path)


def test_a_record_without_a_time_of_day(tmp_path):
    assert Recording(write_wfdb(tmp_path, "x", COLUMNS, time="")).clock_s is None


@settings(max_examples=25, deadline=None)
@given(start=st.integers(-20, 500), length=st.integers(0, 520), buffer=st.integers(300, 9000))
def test_a_span_holds_the_samples_between_its_times(tmp_path_factory, start, length, buffer):
    """Times are eighths of a second, which are whole samples."""
    path = tmp_path_factory.getbasetemp() / "wfdb" / "span.hea"
    if not path.exists():
        write_wfdb(path.parent, "span", COLUMNS)
    recording = Recording(path)
    whole = recording.read_uv("E1-M2")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wfdb_file, "BUFFER_SAMPLES", buffer)
        span = recording.read_span_uv(["E1-M2"], start / 8, (start + length) / 8)["E1-M2"]
    begin, end = max(0, 25 * start), min(12000, max(0, 25 * (start + length)))
    assert len(span[1]) == max(0, end - begin)
    assert (span[1] == whole[begin:end]).all()


@pytest.mark.parametrize("form", ["16", "24", "32", "61", "80", "160", "212", "310", "311"])
def test_every_format_gives_what_was_stored_also_in_pieces(tmp_path, monkeypatch, form):
    samples = np.random.default_rng(0).integers(-127, 127, (900, 2))
    (tmp_path / "x.dat").write_bytes(packed(samples.reshape(-1), form))
    signals = [(f"x.dat {form}", "1/uV", label) for label in ("C4", "E1")]
    (tmp_path / "x.hea").write_text(wfdb_header("x", signals, 900, 50))
    monkeypatch.setattr(wfdb_file, "BUFFER_SAMPLES", 142)
    recording = Recording(tmp_path / "x.hea")
    for column, label in enumerate(recording.labels):
        assert (recording.read_uv(label) == samples[:, column]).all()
    first, span = recording.read_span_uv(["E1"], 3.37, 11.01)["E1"]
    assert first == 168
    assert (span == samples[168:551, 1]).all()


def test_a_compressed_file_gives_what_wfdb_wrote(tmp_path):
    import wfdb

    samples = np.stack([noise(20, 100), noise(20, 100, seed=1)], axis=1)
    wfdb.wrsamp(
        "x", 100, ["uV", "uV"], ["C4", "E1"], samples, fmt=["516", "516"], write_dir=str(tmp_path)
    )
    recording = Recording(tmp_path / "x.hea")
    assert np.abs(recording.read_uv("E1") - samples[:, 1]).max() < 0.01
    first, span = recording.read_span_uv(["E1"], 3.37, 11.01)["E1"]
    assert first == 337
    assert (span == recording.read_uv("E1")[337:1101]).all()


def test_signals_of_several_rates(tmp_path):
    """Three samples of the first signal and one of the second lie in each frame."""
    fast, slow = np.arange(3000), np.arange(1000)
    frames = np.concatenate([fast.reshape(1000, 3), slow.reshape(1000, 1)], axis=1)
    (tmp_path / "x.dat").write_bytes(frames.astype("<i2").tobytes())
    signals = [("x.dat 16x3", "1/uV", "C4"), ("x.dat 16", "1(100)/mV", "SaO2")]
    (tmp_path / "x.hea").write_text(wfdb_header("x", signals, 1000, 50))
    recording = Recording(tmp_path / "x.hea")
    assert [channel.rate_hz for channel in recording.channels] == [150, 50]
    assert recording.duration_s == 20
    assert (recording.read_uv("C4") == fast).all()
    assert (recording.read_uv("SaO2") == (slow - 100) * 1000).all()
    spans = recording.read_span_uv(["SaO2", "C4"], 10, 10.1)
    assert spans["C4"][0] == 1500 and len(spans["C4"][1]) == 15
    assert spans["SaO2"][0] == 500 and len(spans["SaO2"][1]) == 5


def test_a_file_of_signals_may_begin_with_bytes_of_its_own(path):
    """The Challenge of 2018 has MATLAB files, whose head is skipped."""
    file = path.with_suffix(".dat")
    file.write_bytes(b"MATLAB's head is " + bytes(7) + file.read_bytes())
    path.write_text(path.read_text().replace("slp01a.dat 16 ", "slp01a.dat 16+24 "))
    recording = Recording(path)
    assert recording.notes == ()
    assert np.abs(recording.read_uv("E1-M2") - COLUMNS["E1-M2"]).max() <= 0.00501


def test_a_header_with_another_end_of_its_name_is_refused_by_saying_so(path):
    with pytest.raises(InputError, match=r"rename it to \.hea"):
        Recording(path.rename(path.with_suffix(".HEA")))


def test_a_signal_whose_file_is_missing_is_refused_alone(path):
    text = path.read_text().replace(
        "slp01a.dat 16 100/uV 16 0 0 0 0 E1", "b.dat 16 100/uV 16 0 0 0 0 E1"
    )
    stored = np.frombuffer(path.with_suffix(".dat").read_bytes(), "<i2").reshape(-1, 2)[:, 0]
    path.with_suffix(".dat").write_bytes(stored.tobytes())
    path.write_text(text)
    recording = Recording(path)
    assert len(recording.read_uv("C4-M1")) == 12000
    with pytest.raises(InputError, match=r"channel 'E1-M2' is in b\.dat, which is not there"):
        recording.read_uv("E1-M2")


def test_a_record_without_its_file_of_signals_is_refused_by_name(path):
    path.with_suffix(".dat").unlink()
    with pytest.raises(InputError, match=r"slp01a\.dat, which is not there") as caught:
        Recording(path)
    assert str(path) in str(caught.value)


def test_a_truncated_file_of_signals_is_noted(path):
    whole = Recording(path).read_uv("C4-M1")
    file = path.with_suffix(".dat")
    file.write_bytes(file.read_bytes()[: 4 * 5000 + 3])
    recording = Recording(path)
    assert recording.duration_s == 25
    assert (recording.read_uv("C4-M1") == whole[:5000]).all()
    assert "5000" in recording.notes[0] and "12000" in recording.notes[0]


def test_a_file_that_is_much_shorter_than_the_others_loses_only_its_signals(tmp_path):
    for name, n_frames in (("a", 12000), ("b", 9000), ("c", 11900)):
        (tmp_path / f"{name}.dat").write_bytes(np.arange(n_frames, dtype="<i2").tobytes())
    signals = [(f"{name}.dat 16", "1/uV", name) for name in "abc"]
    (tmp_path / "x.hea").write_text(wfdb_header("x", signals, 12000))
    recording = Recording(tmp_path / "x.hea")
    assert recording.duration_s == 59.5
    assert len(recording.read_uv("a")) == len(recording.read_uv("c")) == 11900
    with pytest.raises(InputError, match="channel 'b' ends after 9000 of 12000 frames"):
        recording.read_uv("b")


def test_a_header_without_a_length_takes_it_from_the_file(path):
    path.write_text(path.read_text().replace(" 12000 23:07:00", ""))
    recording = Recording(path)
    assert recording.duration_s == 60
    first, span = recording.read_span_uv(["E1-M2"], 10, 20)["E1-M2"]
    assert first == 2000
    assert np.abs(span - COLUMNS["E1-M2"][2000:4000]).max() <= 0.00501


def test_samples_marked_as_invalid_are_read_as_zero_and_noted(path):
    file = path.with_suffix(".dat")
    stored = np.frombuffer(file.read_bytes(), "<i2").reshape(-1, 2).copy()
    stored[100:200, 0] = -32768
    file.write_bytes(stored.tobytes())
    recording = Recording(path)
    assert not recording.read_uv("C4-M1")[100:200].any()
    assert recording.read_uv("C4-M1")[:100].any()
    assert any("C4-M1" in note and "invalid" in note for note in recording.notes)


@pytest.mark.parametrize("gain", ["0/uV", ""])
def test_a_signal_without_a_gain_is_noted(path, gain):
    """WFDB's default is 200 units a mV, but nobody has calibrated such a signal."""
    path.write_text(path.read_text().replace("100/uV 16 0 0 0 0 E1-M2", f"{gain} 0 0 0 0 0 E1-M2"))
    notes = Recording(path).notes
    assert len(notes) == 1
    assert "E1-M2" in notes[0] and "C4-M1" not in notes[0] and "gain" in notes[0]


def test_several_segments_with_a_gap(tmp_path):
    for name, start in (("a", 0), ("b", 100)):
        columns = {label: x[20 * start :][:2000] for label, x in COLUMNS.items()}
        write_wfdb(tmp_path, name, columns)
    (tmp_path / "x.hea").write_text("x/4 2 200 8000\na 2000\n~ 2000\nb 2000\na 2000\n")
    with pytest.raises(InputError, match="with 1 gaps"):
        Recording(tmp_path / "x.hea")
    recording = Recording(tmp_path / "x.hea", gaps=True)
    assert recording.segments == ((0, 10), (20, 40))
    e1 = COLUMNS["E1-M2"]
    expected = np.concatenate([e1[:2000], e1[2000:4000], e1[:2000]])
    assert np.abs(recording.read_uv("E1-M2") - expected).max() <= 0.00501
    first, span = recording.read_span_uv(["E1-M2"], 9, 11)["E1-M2"]
    assert first == 1800
    assert np.abs(span - expected[1800:2200]).max() <= 0.00501


def test_segments_that_are_not_named_are_refused(path, tmp_path):
    (tmp_path / "x.hea").write_text("x/2 2 200 24000\nslp01a 12000\n")
    with pytest.raises(InputError, match="promises 2 segments and names 1"):
        Recording(tmp_path / "x.hea")


def test_segments_with_different_signals(tmp_path):
    """In a variable layout, the first header names all signals, and a segment may lack some."""
    half = {label: x[:2000] for label, x in COLUMNS.items()}
    write_wfdb(tmp_path, "a", half)
    write_wfdb(tmp_path, "b", {"C4-M1": half["C4-M1"]}, gain=50)
    layout = [("~ 0", "100/uV", "E1-M2"), ("~ 0", "100/uV", "C4-M1")]
    (tmp_path / "lay.hea").write_text(wfdb_header("lay", layout, 0))
    (tmp_path / "x.hea").write_text("x/3 2 200 4000\nlay 0\na 2000\nb 2000\n")
    recording = Recording(tmp_path / "x.hea")
    assert recording.labels == ("E1-M2", "C4-M1")
    twice = np.tile(half["C4-M1"], 2)
    assert np.abs(recording.read_uv("C4-M1") - twice).max() <= 0.0101
    with pytest.raises(InputError, match="missing in 1 of 2 segments"):
        recording.read_uv("E1-M2")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("slp01a 2 200", "?", "not the header of a WFDB record"),
        ("slp01a 2 200", "slp01a 3 200", "promises 3 signals and describes 2"),
        ("2 200 12000", "2 0 12000", "a rate of 0 Hz"),
        ("slp01a.dat 16", "slp01a.dat 99", "format 99"),
        ("slp01a.dat 16", "slp01a.dat 8", "format 8"),
        ("slp01a.dat 16", "../slp01a.dat 16", "not the header"),
        ("slp01a.dat 16", "http://x/slp01a.dat 16", "not the header"),
        ("slp01a 2 200", "slp01a" + "a" * 600 + " 2 200", "a line of"),
        ("slp01a 2 200 12000 23:07:00", "slp01a/9 2 200 12000", "not the header|no such file"),
    ],
)
def test_a_damaged_header_is_refused(path, old, new, reason):
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=reason) as caught:
        Recording(path)
    assert str(path.parent) in str(caught.value)
    assert not any(word in str(caught.value) for word in SECRET)


SLPDB = """slp01a 4 250/0.033333333(94) 1800 23:07:00 19/1/1989
slp01a.dat 212 -200/mV 12 0 -17 59911 0 ECG
slp01a.dat 212 4.77778(-477)/mmHg 12 0 -248 19332 0 BP
slp01a.dat 212 -6430/mV 12 0 252 49594 0 EEG (C4-A1)
slp01a.dat 212 690/l 12 0 -180 912 0 Resp (sum)
# 44 M 89 32-01-89
"""


@pytest.mark.parametrize(
    ("start", "clock_s"),
    [
        ("23:07:00 19/1/1989", 83220),
        ("23:07:00", 83220),
        ("3:07:00.5 1/1/2001", 11220),
        ("23:07:00 19/1/89", 83220),  # as slp32 had it
        ("23:07:00 2006", 83220),
        ("23:07:00 31/02/1989", 83220),
        ("23:75:00 19/1/1989", None),
        ("25.00.00 19/1/1989", None),
        ("19/1/1989", None),
    ],
)
def test_a_header_of_the_mit_bih_database_whatever_its_date(tmp_path, start, clock_s):
    """A gain below 0 turns the sign of a signal, and the date is not read."""
    samples = np.random.default_rng(0).integers(-2000, 2000, (1800, 4))
    (tmp_path / "slp01a.dat").write_bytes(packed(samples.reshape(-1), "212"))
    (tmp_path / "slp01a.hea").write_text(SLPDB.replace("23:07:00 19/1/1989", start))
    recording = Recording(tmp_path / "slp01a.hea")
    assert recording.labels == ("ECG", "BP", "EEG (C4-A1)", "Resp (sum)")
    assert recording.clock_s == clock_s
    assert len(recording.notes) == (clock_s is None)
    expected = samples[:, 2] * 1000 / -6430
    assert np.abs(recording.read_uv("EEG (C4-A1)") - expected).max() < 1e-3
    low, high = recording.limits_uv("EEG (C4-A1)")
    assert low < expected.min() and high > expected.max()
    assert high < 320
    assert recording.channel("BP").unit == "mmHg"


def test_the_content_key_changes_with_the_file_of_signals(path):
    key = Recording(path).content_key()
    assert Recording(path).content_key() == key
    file = path.with_suffix(".dat")
    file.write_bytes(file.read_bytes() + b"\0\0\0\0")
    assert Recording(path).content_key() != key


def test_a_file_of_signals_alone_is_refused_by_naming_its_header(path):
    with pytest.raises(InputError, match=r"slp01a\.hea"):
        Recording(path.with_suffix(".dat"))


def test_a_renamed_header_still_finds_its_file(path, tmp_path):
    other = tmp_path / "night.hea"
    shutil.copy(path, other)
    assert Recording(other).labels == ("C4-M1", "E1-M2")
