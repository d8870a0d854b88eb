"""EDF headers as recorders really write them: what a field says wrongly must not lose a night."""

import shutil

import edfio
import numpy as np
import pytest
from recordings import SECRET, montage, noise, patch, patch_signal, signal, with_gap, write_edf

from psgvlm.errors import InputError
from psgvlm.recordings.edf import EdfFile
from psgvlm.recordings.recording import Recording

NOTED = [edfio.EdfAnnotation(30 * i, 30, f"Sleep stage {s}") for i, s in enumerate("W12R")]
STAGES = [(30 * i, 30, f"Sleep stage {s}") for i, s in enumerate("W12R")]


@pytest.fixture
def path(tmp_path):
    """An EDF+ file of two minutes with two channels at different rates and four stages."""
    signals = [signal("C4-M1", noise(120, 100), 100), signal("chin", noise(120, 8, seed=1), 8)]
    return write_edf(tmp_path / "night.edf", signals, NOTED)


def assert_whole(path):
    """The recording is what edfio wrote, whatever else its header says."""
    recording = Recording(path)
    assert recording.labels == ("C4-M1", "chin")
    assert recording.duration_s == 120
    assert np.abs(recording.read_uv("C4-M1") - noise(120, 100)).max() < 0.02
    assert recording.annotations() == STAGES
    return recording


### The first 256 bytes


def test_nuls_instead_of_blanks(path):
    content = path.read_bytes()
    path.write_bytes(content[:256].replace(b" ", b"\0") + content[256:])
    assert_whole(path)


def test_bytes_behind_a_nul_are_no_part_of_a_field(path):
    patch(path, 236, b"120\0\xff7\0\0")
    patch(path, 244, b"1\0 garb")
    patch_signal(path, "pmin", 0, b"-500\0\x01\x02")
    patch_signal(path, "label", 0, b"C4-M1\0\xfe\xfdold")
    patch_signal(path, "unit", 0, b"uV\0mV")
    assert_whole(path)


@pytest.mark.parametrize(
    "version",
    [
        *(b"0       ", b"0\0\0\0\0\0\0\0", b"       0", b"0\0      ", b"0\xa0\x80\xff\n   "),
        *(b"        ", b"\0\0\0\0\0\0\0\0"),
    ],
)
def test_the_version_in_every_form(path, version):
    assert_whole(patch(path, 0, version))


@pytest.mark.parametrize("version", [b"1       ", b"0 or so ", b"        "])
def test_another_version_or_none_in_a_header_that_contradicts_itself(path, version):
    patch(path, 184, b"512     ")
    if version == b"1       ":
        patch(path, 184, b"1024    ")
    with pytest.raises(InputError, match="not an EDF file"):
        Recording(patch(path, 0, version))


@pytest.mark.parametrize("clock", [b"22.10.75", b"24.00.00", b"99.99.99", b"2A.00.00"])
def test_a_start_that_is_no_time_of_day_is_unknown_and_noted(path, clock):
    recording = assert_whole(patch(path, 176, clock))
    assert recording.clock_s is None
    assert len(recording.notes) == 1


@pytest.mark.parametrize(
    ("clock", "clock_s"), [(b"9.05.07 ", 32707), (b"22.10.5\0", 79805), (b"22:10:05", 79805)]
)
def test_a_start_without_zeros(path, clock, clock_s):
    recording = assert_whole(patch(path, 176, clock))
    assert recording.clock_s == clock_s
    assert recording.notes == ()


def test_words_in_the_start_are_not_quoted(path):
    recording = assert_whole(patch(path, 176, b"Jane Doe"))
    assert recording.clock_s is None
    assert "Jane" not in " ".join(recording.notes)


@pytest.mark.parametrize("date", [b"00.00.00", b"        ", b"31.02.99", b"\0\0\0\0\0\0\0\0"])
def test_the_date_is_never_read(path, date):
    assert assert_whole(patch(path, 168, date)).notes == ()


def test_a_header_with_all_personal_fields_and_times_blanked(path):
    recording = assert_whole(patch(path, 8, b" " * 176))
    assert recording.clock_s is None
    assert recording.notes == ()


@pytest.mark.parametrize("field", [b"1280    ", b"256     ", b"0       ", b"many    ", b"        "])
def test_header_bytes_that_are_wrong(path, field):
    recording = assert_whole(patch(path, 184, field))
    assert len(recording.notes) == 1
    assert "header" in recording.notes[0]


@pytest.mark.parametrize("count", [b"2   ", b"4   ", b"9   "])
def test_a_number_of_signals_that_is_wrong(path, count):
    (note,) = assert_whole(patch(path, 252, count)).notes
    assert "3 signals" in note


def test_a_header_that_is_longer_than_its_signals_need(path):
    content = path.read_bytes()
    path.write_bytes(content[:1024] + bytes(512) + content[1024:])
    (note,) = assert_whole(patch(path, 184, b"1536    ")).notes
    assert "1536" in note


@pytest.mark.parametrize("field", [b"-1      ", b"        "])
def test_an_unknown_number_of_data_records(path, field):
    assert_whole(patch(path, 236, field))


def test_more_and_fewer_data_records_than_promised(path):
    assert Recording(patch(path, 236, b"100     ")).duration_s == 100
    recording = assert_whole(patch(path, 236, b"200     "))
    assert "200" in recording.notes[0]


def test_no_data_records_promised(path):
    (note,) = assert_whole(patch(path, 236, b"0       ")).notes
    assert "120" in note


@pytest.mark.parametrize(("offset", "field"), [(236, b"119.5   "), (252, b"2.5 ")])
def test_counts_that_are_no_whole_numbers_are_refused(path, offset, field):
    with pytest.raises(InputError, match="whole number"):
        Recording(patch(path, offset, field))


def test_bytes_after_the_last_data_record_are_noted(path):
    with path.open("ab") as file:
        file.write(b"garbage")
    (note,) = assert_whole(path).notes
    assert "7 bytes" in note


### The fields of one signal


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[
            ("dmin", "32767"),
            ("dmax", "70000"),
            ("dmax", "32,767"),
            ("dmin", ""),
            ("pmin", "500"),
            ("pmax", "high"),
        ],
        *[("samples", ""), ("samples", "eight"), ("samples", "8,5"), ("samples", "-8")],
    ],
)
def test_a_fault_of_one_channel_does_not_lose_the_others(path, field, value):
    patch_signal(path, field, 1, value)
    recording = assert_whole(path)
    assert recording.channel("chin").fault
    with pytest.raises(InputError, match="channel 'chin' has"):
        recording.read_uv("chin")


def test_two_numbers_of_samples_that_are_no_numbers_are_refused(path):
    patch_signal(path, "samples", 0, "")
    patch_signal(path, "samples", 1, "")
    with pytest.raises(InputError, match="samples of signal 1: not a number"):
        Recording(path)


def test_inverted_ranges_give_the_same_volts(path):
    """By the formula of the specification, as MNE does."""
    import mne

    def invert(field, limit):
        patch_signal(path, f"{field}min", 0, str(limit))
        patch_signal(path, f"{field}max", 0, str(-limit if field == "p" else -limit - 1))

    whole = Recording(path).read_uv("C4-M1")
    invert("p", 500)
    inverted = Recording(path).read_uv("C4-M1")
    assert np.abs(inverted + whole).max() < 0.02
    raw = mne.io.read_raw_edf(path, verbose="ERROR", include=["C4-M1"])
    assert np.abs(raw.get_data()[0] * 1e6 - inverted).max() < 0.02
    assert Recording(path).limits_uv("C4-M1") == (-500, 500)
    invert("d", 32767)
    assert np.abs(Recording(path).read_uv("C4-M1") - whole).max() < 0.02


def test_a_digital_maximum_of_two_to_the_fifteen(path):
    whole = Recording(path).read_uv("C4-M1")
    patch_signal(path, "dmax", 0, "32768")
    assert np.abs(Recording(path).read_uv("C4-M1") - whole).max() < 0.02


def test_dummy_signals_keep_their_faults_to_themselves(tmp_path):
    path = write_edf(tmp_path / "x.edf", montage(["C4-M1", "-", "--"], 60))
    for index, (low, high) in ((1, ("0", "0")), (2, ("1", "1"))):
        for field in ("pmin", "dmin"):
            patch_signal(path, field, index, low)
        for field in ("pmax", "dmax"):
            patch_signal(path, field, index, high)
    recording = Recording(path)
    assert [bool(channel.fault) for channel in recording.channels] == [False, True, True]
    assert len(recording.read_uv("C4-M1")) == 6000


def test_numbers_that_only_python_reads_are_none(path):
    patch_signal(path, "pmax", 1, "5_00")
    assert Recording(path).channel("chin").fault


def test_a_label_whose_last_character_is_cut(path):
    patch_signal(path, "label", 1, "Kanal links übü".encode()[:16])
    assert Recording(path).labels[1] == "Kanal links üb"
    patch_signal(path, "label", 1, "Kanal gelesen é".encode("latin-1"))
    assert Recording(path).labels[1] == "Kanal gelesen é"


### Data records


@pytest.mark.parametrize("record_s", [0.1, 0.5, 0.7, 7, 30, 120])
def test_rates_are_exact_for_data_records_of_any_length(tmp_path, record_s):
    seconds = 120 if record_s != 0.7 else 119
    whole = noise(seconds, 100)[: round(seconds // record_s * record_s * 100)]
    path = write_edf(
        tmp_path / "x.edf", [signal("C4", whole, 100)], NOTED, data_record_duration=record_s
    )
    recording = Recording(path)
    assert recording.channel("C4").rate_hz == 100
    assert np.abs(recording.read_uv("C4") - whole).max() < 0.02
    first, span = recording.read_span_uv(["C4"], 30, 60)["C4"]
    assert (first, len(span)) == (3000, 3000)
    assert recording.annotations() == STAGES


### Annotations


def with_annotation_signals(path, at, tals, records=1, record_s=1):
    """Write an EDF+ of one EEG signal and annotation signals at some places among the signals.

    `tals` holds the bytes of each annotation signal in each data record.
    """
    names = ["C4-M1"]
    for place in at:
        names.insert(place, "EDF Annotations")
    widths = [8 if name == "C4-M1" else 60 for name in names]
    fields = [
        [name.ljust(16) for name in names], [" " * 80] * len(names), ["uV      "] * len(names),
        ["-500    "] * len(names), ["500     "] * len(names), ["-32768  "] * len(names),
        ["32767   "] * len(names), [" " * 80] * len(names), [f"{w:<8}" for w in widths],
        [" " * 32] * len(names),
    ]  # fmt: skip
    head = f"{'0':8}{'X X X X':80}{'Startdate X X X X':80}01.01.8522.00.00"
    head += f"{256 * (len(names) + 1):<8}{'EDF+C':44}{records:<8}{record_s:<8}{len(names):<4}"
    body = b""
    for record in range(records):
        texts = iter(tals)
        for name, width in zip(names, widths, strict=True):
            text = next(texts)[record] if name != "C4-M1" else b"\x01\x00" * width
            body += text.ljust(2 * width, b"\0")
    path.write_bytes((head + "".join(map("".join, fields))).encode() + body)
    return path


def test_several_annotation_signals_before_between_and_after(tmp_path):
    tals = [
        [b"+0\x14\x14\0", b"+1\x14\x14\0"],
        [b"+0.5\x1530\x14Sleep stage W\x14\0", b""],
        [b"", b"+1.5\x1530\x14Sleep stage R\x14Snore\x14\0"],
    ]
    path = with_annotation_signals(tmp_path / "x.edf", (0, 2, 2), tals, records=2)
    recording = Recording(path)
    assert recording.labels == ("C4-M1",)
    assert len(set(recording.read_uv("C4-M1"))) == 1
    assert recording.annotations() == [
        *((0.5, 30, "Sleep stage W"), (1.5, 30, "Sleep stage R"), (1.5, 30, "Snore")),
    ]


@pytest.mark.parametrize(
    ("tal", "expected"),
    [
        (b"+30\x1530\x14N1\x14\0", (30, 30, "N1")),
        (b"30\x1530\x14N1\x14\0", (30, 30, "N1")),  # without the sign
        (b"-30\x1530\x14N1\x14\0", (-30, 30, "N1")),
        (b"+30,5\x150,5\x14N1\x14\0", (30.5, 0.5, "N1")),
        (b"+30\x14N1\x14\0", (30, 0, "N1")),
        (b"+30\x15\x14N1\x14\0", (30, 0, "N1")),
        (b"+30\x15+30\x14N1\x14\0", (30, 30, "N1")),
        (b"+30.\x1530.\x14N1\x14\0", (30, 30, "N1")),
        (b"+30\x1530\x14N1\0", (30, 30, "N1")),  # without the last separator
    ],
)
@pytest.mark.parametrize("timekeeping", [b"+0\x14\x14\0", b""])
def test_annotations_as_programs_write_them(tmp_path, tal, expected, timekeeping):
    """The first annotation of a record keeps the time only if it has no text."""
    path = with_annotation_signals(tmp_path / "x.edf", (1,), [[timekeeping + tal]])
    assert Recording(path).annotations() == [expected]


def test_a_discontinuous_record_without_its_onset_is_refused(tmp_path):
    """The onset of an event is not the onset of the data record it lies in."""
    tals = [[b"+0\x14\x14\0", b"+40\x1530\x14Sleep stage R\x14\0"]]
    path = with_annotation_signals(tmp_path / "x.edf", (1,), tals, records=2)
    path.write_bytes(path.read_bytes().replace(b"EDF+C", b"EDF+D", 1))
    with pytest.raises(InputError, match="1 onsets for 2 data records"):
        Recording(path, gaps=True)


@pytest.mark.parametrize(
    ("gap_after", "gap_s", "segments"),
    [(60, 45, ((0, 60), (105, 165))), (60, 0, ((0, 120),)), (1, 118, ((0, 1), (119, 238)))],
)
def test_gaps_that_the_header_denies(tmp_path, gap_after, gap_s, segments):
    """Annotations and scores count the time of day, so the samples after a gap would be shifted."""
    path = with_gap(tmp_path / "x.edf", gap_after, gap_s)
    path.write_bytes(path.read_bytes().replace(b"EDF+D", b"EDF+C", 1))
    recording = Recording(path, gaps=True)
    assert recording.segments == segments
    assert len(recording.notes) == len(segments) - 1


def test_onsets_that_most_data_records_deny_are_not_believed(tmp_path):
    """Here the duration of a data record is wrong, or the onsets are: nobody knows which."""
    tals = [[f"+{2 * record}\x14\x14\0".encode() for record in range(40)]]
    path = with_annotation_signals(tmp_path / "x.edf", (1,), tals, records=40)
    assert Recording(path).segments == ((0, 40),)


def test_a_clock_that_drifts_makes_no_gaps(tmp_path):
    tals = [[f"+{1.02 * record:.3f}\x14\x14\0".encode() for record in range(100)]]
    path = with_annotation_signals(tmp_path / "x.edf", (1,), tals, records=100)
    assert Recording(path).segments == ((0, 100),)


def test_the_time_of_day_is_that_of_the_first_sample(tmp_path):
    path = with_annotation_signals(
        tmp_path / "x.edf", (1,), [[b"+7200\x14\x14\0+7230\x1530\x14N1\x14\0"]]
    )
    assert Recording(path).clock_s == 0
    assert Recording(path).annotations() == [(30, 30, "N1")]
    assert EdfFile(path).clock_s == 22 * 3600
    assert EdfFile(path).annotations(from_header=True)[0].onset_s == 7230


def test_annotations_beside_signals_in_records_of_0_seconds(path, tmp_path):
    """A file of scores may hold a dummy signal."""
    scores = with_annotation_signals(tmp_path / "x.edf", (1,), [[b"+0\x14\x14\0+1\x14N1\x14\0"]])
    patch(scores, 244, b"0       ")
    assert EdfFile(scores).annotations() == [(1, 0, "N1")]
    with pytest.raises(InputError, match="lasts 0 s"):
        Recording(scores)


def test_an_annotation_signal_of_no_samples_is_none(path, tmp_path):
    content = write_edf(tmp_path / "x.edf", montage(["C4", "E1"], 60)).read_bytes()
    file = tmp_path / "x.edf"
    patch_signal(file, "label", 1, "EDF Annotations")
    patch_signal(file, "samples", 1, "0")
    records = np.frombuffer(content[768:], "<i2").reshape(60, 2, 100)[:, 0]
    file.write_bytes(file.read_bytes()[:768] + records.tobytes())
    assert Recording(file).annotations() == []
    assert len(Recording(file).read_uv("C4")) == 6000


### Files that are no recordings


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b"Sleep stage W\r\nSleep stage 1\r\n" * 20, "text"),
        ("Schlafprofil\n".encode("utf-16"), "UTF-16"),
        (b"<?xml version='1.0'?><a/>", "XML"),
        (b"<!DOCTYPE html><html>log in", "web page"),
        (b"PK\x03\x04" + bytes(300), "ZIP"),
        (b"\x1f\x8b\x08" + bytes(300), "gzip"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        (b"/annex/objects/MD5E-s1--d.edf\n", "git-annex"),
        (bytes(4096), "zeros"),
        (b"\x80\x81\x82" * 400, "without EDF's version"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_by_what_it_is(tmp_path, content, kind):
    (tmp_path / "x.edf").write_bytes(content)
    with pytest.raises(InputError, match=rf"x\.edf: not an EDF file \(.*{kind}"):
        Recording(tmp_path / "x.edf")


def test_what_a_text_says_is_not_quoted(tmp_path):
    (tmp_path / "x.edf").write_text(f"Patient: {SECRET[0]}\n" * 30)
    with pytest.raises(InputError, match="text") as caught:
        Recording(tmp_path / "x.edf")
    assert SECRET[0] not in str(caught.value)


def test_a_link_whose_file_was_not_downloaded_says_so(tmp_path):
    (tmp_path / "x.edf").symlink_to(tmp_path / ".git/annex/objects/x.edf")
    with pytest.raises(InputError, match="link to a file that is not there"):
        Recording(tmp_path / "x.edf")


@pytest.mark.parametrize("name", ["night.rec", "night.REC", "night.EDF", "night.Bdf", "night"])
def test_the_suffix_does_not_matter(path, tmp_path, name):
    assert_whole(shutil.copy(path, tmp_path / name))
