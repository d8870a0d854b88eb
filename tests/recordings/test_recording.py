"""Opening recordings: labels, rates, units, gaps, annotations, and damaged or unusual files."""

import datetime
import math

import edfio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_recordings import real_recording
from recordings import SECRET, montage, noise, patch, patch_signal, signal, with_gap, write_edf

from psgvlm.errors import InputError
from psgvlm.recordings import edf
from psgvlm.recordings.recording import Recording, microvolts


@pytest.fixture
def path(tmp_path):
    """An EDF file of two minutes with two channels at different rates."""
    x = noise(120, 100)
    slow = noise(120, 8, seed=1)
    return write_edf(tmp_path / "night.edf", [signal("C4-M1", x, 100), signal("chin", slow, 8)])


def test_labels_rates_and_samples_are_those_that_edfio_wrote(path):
    recording = Recording(path)
    assert recording.labels == ("C4-M1", "chin")
    assert [channel.rate_hz for channel in recording.channels] == [100, 8]
    assert [channel.n_samples for channel in recording.channels] == [12000, 960]
    assert recording.duration_s == 120
    assert recording.notes == ()
    for label, written in zip(recording.labels, edfio.read_edf(path).signals, strict=True):
        assert np.abs(recording.read_uv(label) - written.data).max() < 1e-3
    assert recording.read_uv("C4-M1").dtype == np.float32


def test_a_channel_read_through_a_small_buffer_is_the_same(path, monkeypatch):
    recording = Recording(path)
    monkeypatch.setattr(edf, "BUFFER_BYTES", 5000)
    for label, written in zip(recording.labels, edfio.read_edf(path).signals, strict=True):
        assert np.abs(recording.read_uv(label) - written.data).max() < 1e-3


def seconds(least, most):
    """Times in whole microseconds: smaller steps would be lost to rounding in the sums below."""
    return st.integers(least * 10**6, most * 10**6).map(lambda number: number / 1e6)


@settings(max_examples=30, deadline=None)
@given(start_s=seconds(-20, 130), length_s=seconds(0, 150), record_s=st.sampled_from((1, 40, 120)))
def test_a_span_holds_the_samples_between_its_times(tmp_path_factory, start_s, length_s, record_s):
    """Times are rounded outwards to samples, for data records of any length."""
    path = tmp_path_factory.getbasetemp() / f"span{record_s}.edf"
    if not path.exists():
        lanes = [signal("C4-M1", noise(120, 100), 100), signal("chin", noise(120, 8, seed=1), 8)]
        write_edf(path, lanes, data_record_duration=record_s)
    recording = Recording(path)
    spans = recording.read_span_uv(["chin", "C4-M1"], start_s, start_s + length_s)
    for label, rate_hz in (("C4-M1", 100), ("chin", 8)):
        first, samples = spans[label]
        whole = recording.read_uv(label)
        assert (samples == whole[first : first + len(samples)]).all()
        begin = min(max(0, math.floor(start_s * rate_hz)), len(whole))
        end = min(max(0, math.ceil((start_s + length_s) * rate_hz)), len(whole))
        assert len(samples) == max(0, end - begin)
        assert first == begin or not len(samples)


@pytest.mark.parametrize(
    ("field", "clock_s"),
    [(b"00.00.00", 0), (b"23.59.59", 86399), (b"07:30:00", 27000), (b"24.00.00", None),
     (b"12.60.00", None), (b"??.??.??", None), (b"        ", None)],
)  # fmt: skip
def test_the_time_of_day_at_which_the_record_begins(path, field, clock_s):
    assert Recording(patch(path, 176 - 8, b"03.02.01" + field)).clock_s == clock_s


def test_a_real_recording_reads_as_edfio_reads_it():
    path = real_recording("nox_a1_2min.edf")
    recording = Recording(path)
    other = edfio.read_edf(path, header_encoding="latin-1").signals
    assert len(recording.channels) == len(other) == 89
    assert recording.labels[1] == "1 Impédance"
    assert recording.duration_s == 120
    volts = [i for i, channel in enumerate(recording.channels) if channel.unit == "V"]
    assert len(volts) > 30
    for i in volts:
        mine = recording.read_uv(recording.labels[i])
        assert np.abs(mine - 1e6 * other[i].data).max() <= 1e-4 * max(1, np.abs(mine).max())


@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("uV", 1),
        ("µV", 1),
        ("μV", 1),
        ("?V", 1),
        ("microV", 1),
        ("muV", 1),
        ("UV", 1),
        ("mV", 1000.0),
        ("V", 1000000.0),
        ("Volt", 1000000.0),
        ("nV", 0.001),
        ("", 1),
        ("Ohm", None),
        ("%", None),
        ("kV", None),
    ],
)
def test_units(unit, factor):
    assert microvolts(unit) == factor


@pytest.mark.parametrize(
    ("unit", "limit"), [("mV", 0.5), ("V", 0.0005), ("nV", 500_000), ("", 500)]
)
def test_samples_are_microvolts_whatever_the_unit(tmp_path, unit, limit):
    x = noise(60, 100)
    file = write_edf(tmp_path / "x.edf", [signal("C4", x * limit / 500, 100, unit, limit)])
    assert np.abs(Recording(file).read_uv("C4") - x).max() < 0.02


def test_a_micro_sign_in_latin_1_and_labels_that_are_not_ascii(path):
    patch_signal(path, "unit", 0, "µV".encode("latin-1"))
    patch_signal(path, "label", 1, "Kinn größer".encode("latin-1"))
    recording = Recording(path)
    assert recording.channels[0].unit == "µV"
    assert microvolts(recording.channels[0].unit) == 1
    assert recording.labels[1] == "Kinn größer"
    patch_signal(path, "label", 1, "Impédance".encode())
    assert Recording(path).labels[1] == "Impédance"


def test_a_decimal_comma_in_the_header_is_read(path):
    whole = Recording(path).read_uv("C4-M1")
    patch_signal(path, "pmin", 0, "-500,0")
    patch_signal(path, "pmax", 0, "500,0")
    assert np.array_equal(Recording(path).read_uv("C4-M1"), whole)


def test_a_rate_that_is_not_a_whole_number(tmp_path):
    x = noise(40, 25.6016)[:1024]
    file = write_edf(
        tmp_path / "x.edf", [signal("C4", x, 1024 / 39.9975)], data_record_duration=39.9975
    )
    assert Recording(file).channels[0].rate_hz == pytest.approx(25.6016, abs=1e-6)


### Damaged files that can be used


def test_a_truncated_file_keeps_its_whole_data_records(path):
    whole = Recording(path).read_uv("C4-M1")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size - 216 * 30 - 17)  # 216 bytes a second
    recording = Recording(path)
    assert recording.duration_s == 89
    assert np.array_equal(recording.read_uv("C4-M1"), whole[: 89 * 100])
    assert recording.notes == (
        "truncated: 89 whole data records of the 120 that its header promises",
    )


def test_an_unknown_number_of_data_records_is_counted(path):
    patch(path, 236, b"-1      ")
    assert Recording(path).duration_s == 120


def test_a_channel_that_is_not_read_may_be_broken(path):
    patch_signal(path, "pmax", 1, "-500")
    recording = Recording(path)
    assert len(recording.read_uv("C4-M1")) == 12000
    with pytest.raises(InputError, match="channel 'chin' has a physical minimum equal"):
        recording.read_uv("chin")


### Files and channels that are refused


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("dmax", "40000", "has a digital range of -32768 to 40000, not within 16 bits"),
        ("dmin", "32767", "has a digital range of 32767 to 32767"),
        ("pmax", "-500", r"has a physical minimum equal to its maximum \(-500\)"),
        ("pmin", "Jane_Q", "has a range that is not a number"),
        ("pmin", "1e999", "has a range that is not a number"),
        ("unit", "Ohm", "is in 'Ohm', which is not a voltage"),
        ("label", "chin", "0 signals are labelled 'C4-M1'"),
    ],
)
def test_a_channel_whose_header_makes_no_sense_is_refused(path, field, value, reason):
    patch_signal(path, field, 0, value)
    with pytest.raises(InputError, match=reason) as caught:
        Recording(path).read_uv("C4-M1")
    assert str(path) in str(caught.value)
    assert "Jane" not in str(caught.value)


def test_the_second_channel_of_one_label_is_read_by_its_number(path):
    first, second, *_ = Recording(path).labels
    wanted = [Recording(path).read_uv(label) for label in (first, second)]
    patch_signal(path, "label", 1, first)
    recording = Recording(path)
    assert recording.labels[:2] == (first, f"{first}#2")
    assert len(set(recording.labels)) == len(recording.labels)
    for label, samples in zip(recording.labels, wanted, strict=False):
        assert (recording.read_uv(label) == samples).all()


def test_a_channel_at_0_hz_is_refused_alone(tmp_path):
    file = write_edf(tmp_path / "x.edf", montage(["C4-M1", "E1"], 60))
    content = bytearray(file.read_bytes())
    patch_signal(file, "samples", 1, "0")
    content[: 256 * 3] = file.read_bytes()[: 256 * 3]
    records = np.frombuffer(bytes(content[256 * 3 :]), "<i2").reshape(60, 2, 100)[:, 0]
    file.write_bytes(bytes(content[: 256 * 3]) + records.tobytes())
    recording = Recording(file)
    assert recording.channel("E1").rate_hz == 0
    assert len(recording.read_uv("C4-M1")) == 6000
    with pytest.raises(InputError, match="channel 'E1' is at 0 Hz"):
        recording.read_uv("E1")


@pytest.mark.parametrize(
    ("offset", "content", "reason"),
    [
        (0, b"Jane Doe", "not an EDF file"),
        (236, b"99999999", "promises 99999999 data records of 1 s; expected no more than 31 days"),
        (236, b"many    ", "number of data records: not a number"),
        (244, b"0       ", "data records last 0 s"),
        (244, b"-1      ", "record duration: -1"),
        (252, b"Doe,", "number of signals: not a number"),
        (252, b"-2  ", "number of signals: -2"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(path, offset, content, reason):
    patch(path, offset, content)
    with pytest.raises(InputError, match=reason) as caught:
        Recording(path)
    assert not any(word in str(caught.value) for word in (*SECRET, "Doe", "Jane"))


@pytest.mark.parametrize(
    ("offset", "content", "expected"),
    [(184, b"512     ", "header bytes: 512; expected 768"),
     (252, b"9999", "header bytes: 768; expected 2560000")],
)  # fmt: skip
def test_header_bytes_that_fit_neither_the_signals_nor_the_file_are_refused(
    path, offset, content, expected
):
    """With one byte less, the length of the file no longer tells which number is right."""
    patch(path, offset, content)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 1)
    with pytest.raises(InputError, match=expected):
        Recording(path)


def test_files_that_are_not_recordings_are_refused(tmp_path, path):
    with pytest.raises(InputError, match="no such file"):
        Recording(tmp_path / "missing.edf")
    with pytest.raises(InputError, match="a folder; expected an EDF"):
        Recording(tmp_path)
    (tmp_path / "loop.edf").symlink_to(tmp_path / "loop.edf")
    with pytest.raises(InputError, match="no such file"):
        Recording(tmp_path / "loop.edf")
    (tmp_path / "empty.edf").touch()
    with pytest.raises(InputError, match=r"not an EDF file \(0 bytes"):
        Recording(tmp_path / "empty.edf")
    with path.open("r+b") as file:
        file.truncate(700)
    with pytest.raises(InputError, match="ends within its header"):
        Recording(path)
    with path.open("r+b") as file:
        file.truncate(768)
    with pytest.raises(InputError, match="no whole data record"):
        Recording(path)
    scores = write_edf(tmp_path / "s.edf", (), [edfio.EdfAnnotation(0, 30, "Sleep stage W")])
    with pytest.raises(InputError, match="holds no signals"):
        Recording(scores)


### Gaps


def test_a_file_with_gaps_is_refused_by_default(tmp_path):
    file = with_gap(tmp_path / "gap.edf")
    with pytest.raises(InputError, match="with 1 gaps"):
        Recording(file)


def test_segments_and_the_places_of_epochs_in_the_stored_samples(tmp_path):
    recording = Recording(with_gap(tmp_path / "gap.edf"), gaps=True)
    assert recording.segments == ((0, 60), (105, 165))
    assert recording.duration_s == 165
    assert recording.stored_s(30, 30) == 30
    assert recording.stored_s(31, 30) is None  # reaches into the gap
    assert recording.stored_s(60, 30) is None
    assert recording.stored_s(90, 30) is None  # begins in the gap
    assert recording.stored_s(105, 30) == 60
    assert recording.stored_s(120, 30) == 75
    assert recording.stored_s(136, 30) is None
    assert recording.stored_s(-1, 30) is None


def test_a_discontinuous_file_without_a_gap_has_one_segment(tmp_path):
    assert Recording(with_gap(tmp_path / "x.edf", gap_s=0)).segments == ((0, 120),)


def test_a_discontinuous_file_without_onsets_is_refused(path):
    patch(path, 192, b"EDF+D")
    with pytest.raises(InputError, match="0 onsets for 120 data records"):
        Recording(path, gaps=True)


def test_data_records_out_of_order_are_refused(tmp_path):
    file = with_gap(tmp_path / "x.edf", gap_s=0)
    file.write_bytes(file.read_bytes().replace(b"+70\x14\x14", b"+10\x14\x14"))
    with pytest.raises(InputError, match="data record 71 starts before"):
        Recording(file, gaps=True)


### Annotations


def test_annotations_count_from_the_first_sample_and_may_be_latin_1(tmp_path):
    noted = [edfio.EdfAnnotation(1.5, 2, "Sleep stage W"), edfio.EdfAnnotation(3, None, "Reveil")]
    half = datetime.time(22, 0, 0, 500_000)
    file = write_edf(tmp_path / "x.edf", montage(["C4"], 60), noted, starttime=half)
    file.write_bytes(file.read_bytes().replace(b"Reveil", b"R\xe9veil"))
    assert Recording(file).annotations() == [(1.5, 2, "Sleep stage W"), (3, 0, "Réveil")]


def test_a_file_without_annotations_has_none(path):
    assert Recording(path).annotations() == []


### Other formats


def test_a_fif_file_is_read_with_mne(tmp_path):
    import mne

    x = np.stack([noise(60, 100), noise(60, 100, seed=1)]) * 1e-6
    raw = mne.io.RawArray(x, mne.create_info(["C4-M1", "E1"], 100, "eeg"), verbose="ERROR")
    raw.set_annotations(mne.Annotations([30], [30], ["Sleep stage R"]))
    raw.save(tmp_path / "night_raw.fif", verbose="ERROR")
    recording = Recording(tmp_path / "night_raw.fif")
    assert recording.labels == ("C4-M1", "E1")
    assert recording.duration_s == 60
    assert recording.channel("E1").rate_hz == 100
    assert np.abs(recording.read_uv("E1") - x[1] * 1e6).max() < 1e-3
    assert recording.annotations() == [(30, 30, "Sleep stage R")]
    assert recording.limits_uv("E1") == (-np.inf, np.inf)


def raw_of(x_uv, rate_hz=100, labels=("C4-M1", "E1"), annotations=(), first=0):
    """Return a Raw of signals in µV; annotations are (onset in s, duration in s, text)."""
    import mne

    info = mne.create_info(list(labels), rate_hz, "eeg")
    raw = mne.io.RawArray(np.asarray(x_uv) * 1e-6, info, first_samp=first, verbose="ERROR")
    raw.set_annotations(
        mne.Annotations(*(zip(*annotations, strict=True) if annotations else ([], [], [])))
    )
    return raw


def test_a_raw_reads_as_its_file_does(tmp_path):
    import mne

    x = np.stack([noise(60, 100), noise(60, 100, seed=1)])
    path = write_edf(
        tmp_path / "night.edf",
        [signal(label, row, 100) for label, row in zip(("C4-M1", "E1"), x, strict=True)],
        annotations=[edfio.EdfAnnotation(30, 30, "Sleep stage R")],
    )
    by_path, by_raw = Recording(path), Recording(mne.io.read_raw_edf(path, verbose="ERROR"))
    assert by_raw.path == path
    assert by_raw.labels == by_path.labels
    assert by_raw.duration_s == by_path.duration_s
    assert by_raw.annotations() == by_path.annotations()
    assert by_raw.clock_s == by_path.clock_s
    for label in by_path.labels:
        assert np.abs(by_raw.read_uv(label) - by_path.read_uv(label)).max() < 1e-3
        first, span = by_raw.read_span_uv([label], 12.5, 20)[label]
        assert first == 1250
        assert np.abs(span - by_path.read_uv(label)[1250:2000]).max() < 1e-3


def test_a_raw_channel_without_a_voltage_is_refused():
    raw = raw_of(np.ones((2, 1000)))
    raw.set_channel_types({"E1": "misc"}, verbose="ERROR")
    recording = Recording(raw)
    assert recording.read_uv("C4-M1") == pytest.approx(1)
    with pytest.raises(InputError, match="'E1' is in 'none', which is not a voltage"):
        recording.read_uv("E1")


def test_annotations_of_a_cropped_raw_count_from_its_first_sample():
    """MNE counts them from the start of the acquisition, with or without a date."""
    raw = raw_of(np.ones((2, 6000)), annotations=[(30, 5, "Sleep stage W")])
    cropped = raw.copy().crop(10, None)
    assert Recording(cropped).annotations() == [(20, 5, "Sleep stage W")]
    raw.set_meas_date(datetime.datetime(2001, 1, 1, 23, tzinfo=datetime.UTC))
    assert Recording(raw.copy().crop(10, None)).annotations() == [(20, 5, "Sleep stage W")]


def test_skipped_samples_of_a_raw_are_a_gap():
    x = np.arange(2 * 12000.0).reshape(2, 12000)
    skips = [(30, 20, "BAD_ACQ_SKIP"), (40, 15.5, "bad_acq_skip 2"), (70, 5, "BAD_movement")]
    recording = Recording(raw_of(x, annotations=skips), gaps=True)
    assert recording.segments == ((0, 30), (55.5, 120))
    assert recording.duration_s == 120
    assert recording.stored_s(0, 30) == 0
    assert recording.stored_s(29, 30) is None  # reaches into the gap
    assert recording.stored_s(60, 30) == pytest.approx(34.5)
    kept = np.delete(x[1], np.s_[3000:5550])
    assert recording.channel("E1").n_samples == len(kept)
    assert np.abs(recording.read_uv("E1") - kept).max() < 1e-2
    first, span = recording.read_span_uv(["E1"], 29, 31)["E1"]  # across the gap
    assert first == 2900
    assert np.abs(span - kept[2900:3100]).max() < 1e-2
    with pytest.raises(InputError, match="with 1 gaps"):
        Recording(raw_of(x, annotations=skips))


def test_a_joint_of_two_raws_ends_a_segment():
    """No sample is missing, but no epoch across the joint was recorded as a whole."""
    import mne

    one, other = raw_of(np.ones((2, 4500))), raw_of(2 * np.ones((2, 7500)))
    joined = mne.concatenate_raws([one, other], verbose="ERROR")
    recording = Recording(joined, gaps=True)
    assert recording.segments == ((0, 45), (45, 120))
    assert [recording.stored_s(30 * i, 30) for i in range(4)] == [0, None, 60, 90]
    assert recording.read_uv("E1").tolist() == pytest.approx([1] * 4500 + [2] * 7500)


def test_a_raw_that_is_one_gap_is_refused():
    with pytest.raises(InputError, match="BAD_ACQ_SKIP"):
        Recording(raw_of(np.ones((2, 1000)), annotations=[(0, 10, "BAD_ACQ_SKIP")]))


def test_a_raw_of_a_file_whose_gaps_mne_drops_is_refused(tmp_path):
    import mne

    path = with_gap(tmp_path / "night.edf")
    assert len(Recording(path, gaps=True).segments) == 2
    with pytest.raises(InputError, match=r"1 gaps, which MNE does not keep.*path of the file"):
        Recording(mne.io.read_raw_edf(path, verbose="ERROR"), gaps=True)


def test_channels_marked_as_bad_are_noted():
    raw = raw_of(np.ones((2, 1000)))
    assert Recording(raw).notes == ()
    raw.info["bads"] = ["E1"]
    (note,) = Recording(raw).notes
    assert "E1" in note and "bad" in note


def test_the_content_key_of_a_raw_changes_with_its_samples_and_gaps():
    x = noise(60, 100)
    key = Recording(raw_of([x, x])).content_key()
    assert Recording(raw_of([x, x])).content_key() == key
    changed = x.copy()
    changed[4321] += 0.5
    assert Recording(raw_of([x, changed])).content_key() != key
    skip = raw_of([x, x], annotations=[(30, 1, "BAD_ACQ_SKIP")])
    assert Recording(skip, gaps=True).content_key() != key


def test_the_content_key_of_a_file_changes_with_the_file_of_its_samples(tmp_path):
    """A BrainVision header stays the same when its samples change."""
    header, samples = tmp_path / "x.vhdr", tmp_path / "x.eeg"
    header.write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\n"
        "DataFile=x.eeg\nMarkerFile=x.vmrk\nDataFormat=BINARY\nDataOrientation=MULTIPLEXED\n"
        "NumberOfChannels=1\nSamplingInterval=10000\n[Binary Infos]\nBinaryFormat=INT_16\n"
        "[Channel Infos]\nCh1=C4,,0.1,µV\n",
        "utf-8",
    )
    (tmp_path / "x.vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n[Common Infos]\nCodepage=UTF-8\n"
        "DataFile=x.eeg\n[Marker Infos]\n"
    )
    samples.write_bytes(np.arange(6000, dtype="<i2").tobytes())
    recording = Recording(header)
    assert recording.files == (header, samples)
    key = recording.content_key()
    samples.write_bytes(np.arange(7000, dtype="<i2").tobytes())
    assert Recording(header).content_key() != key


def test_an_object_that_is_neither_a_path_nor_a_raw_is_refused():
    with pytest.raises(InputError, match=r"ndarray: expected the path.*mne\.io\.Raw"):
        Recording(np.zeros(3))


def test_a_file_that_mne_cannot_read_is_refused_without_quoting_it(tmp_path):
    (tmp_path / "x.vhdr").write_text("Jane Doe")
    with pytest.raises(InputError, match="MNE cannot read it") as caught:
        Recording(tmp_path / "x.vhdr")
    assert "Jane" not in str(caught.value)
