"""Damaged recordings in every format: a channel is read, or InputError is raised, nothing else."""

import tracemalloc
import warnings

import edfio
import pytest
from damaged_files import CUTS, FLIPS, HEADS, MAX_BYTES, damage
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from other_formats import (
    bdf_signal,
    wfdb_header,
    write_bdf,
    write_dod,
    write_psg_utils,
    write_wfdb,
)
from recordings import SECRET, noise

from psgvlm.errors import InputError
from psgvlm.recordings.recording import Recording

FUZZ = settings(
    max_examples=60 if settings.default.derandomize else 400,
    deadline=20_000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def assert_survives(path):
    """Read all of a recording; only InputError may be raised, and it names the file."""

    def read(function, *arguments):
        try:
            return function(*arguments)
        except InputError as error:
            assert str(path.parent) in str(error)
            assert not any(word in str(error) for word in SECRET)

    tracemalloc.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if recording := read(lambda: Recording(path, gaps=True)):
                read(recording.annotations)
                for label in dict.fromkeys(recording.labels):
                    read(recording.read_uv, label)
                    read(recording.limits_uv, label)
                    read(recording.read_span_uv, [label], 3.3, 7)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MAX_BYTES


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """An undamaged recording in every format, of a few hundred kB each."""
    folder = tmp_path_factory.mktemp("sound")
    signals = [bdf_signal("C4-M1", noise(60, 100), 100), bdf_signal("E1", noise(60, 10), 10)]
    noted = [edfio.EdfAnnotation(30 * i, 30, "Sleep stage 2") for i in range(2)]
    write_bdf(folder / "a.bdf", signals, noted)
    write_dod(folder / "dod.h5", 30, 100)
    write_psg_utils(folder / "utils.h5", 30, 100)
    columns = {"C4-M1": noise(20, 200), "E1-M2": noise(20, 200, seed=1)}
    write_wfdb(folder, "one", columns)
    write_wfdb(folder, "two", {"C4-M1": columns["C4-M1"]})
    layout = [("~ 0", "100/uV", "E1-M2"), ("~ 0", "100/uV", "C4-M1")]
    (folder / "lay.hea").write_text(wfdb_header("lay", layout, 0))
    (folder / "all.hea").write_text("all/4 2 200 12000\nlay 0\none 4000\n~ 4000\ntwo 4000\n")
    return folder


@pytest.mark.parametrize("name", ["a.bdf", "dod.h5", "utils.h5", "one.hea", "all.hea"])
def test_the_sound_files_are_read(sound, name):
    recording = Recording(sound / name, gaps=True)
    assert len(recording.read_uv(recording.labels[-1]))
    assert_survives(sound / name)


def copy_damaged(sound, work, name, content):
    for path in sound.iterdir():
        (work / path.name).write_bytes(path.read_bytes())
    (work / name).write_bytes(content)
    return work / name


@pytest.mark.parametrize("name", ["a.bdf", "dod.h5", "utils.h5", "one.hea", "all.hea", "lay.hea"])
@FUZZ
@given(heads=HEADS, flips=FLIPS, cut=CUTS)
@example(heads=[], flips=[], cut=0.0)
@example(heads=[], flips=[], cut=0.99)
def test_damaged_bytes(sound, tmp_path, name, heads, flips, cut):
    content = damage((sound / name).read_bytes(), heads, flips, cut)
    copy_damaged(sound, tmp_path, name, content)
    assert_survives(tmp_path / ("all.hea" if name == "lay.hea" else name))


NUMBER = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.sampled_from(["1e-99", "1e99", "0", "-1", "9" * 400, "", "1_0", "nan", "0x10", "~", "/3"]),
)


@FUZZ
@given(
    name=st.sampled_from(["one.hea", "all.hea"]),
    words=st.lists(st.tuples(st.integers(0, 40), NUMBER), min_size=1, max_size=4),
)
def test_wfdb_headers_of_any_number(sound, tmp_path, name, words):
    """Flipped bits seldom make another number, so whole words are replaced by numbers."""
    text = (sound / name).read_text()
    lines = [line.split(" ") for line in text.splitlines()]
    places = [(i, j) for i, line in enumerate(lines) for j in range(len(line))]
    for place, number in words:
        i, j = places[place % len(places)]
        lines[i][j] = number
    content = "\n".join(" ".join(line) for line in lines).encode()
    assert_survives(copy_damaged(sound, tmp_path, name, content))


@FUZZ
@given(text=st.text(max_size=300), first=st.sampled_from(["", "x 1 100 10\n", "x/2 1 100 10\n"]))
def test_wfdb_headers_of_any_text(tmp_path, text, first):
    (tmp_path / "x.hea").write_text(first + text, "utf-8", errors="replace")
    assert_survives(tmp_path / "x.hea")


@pytest.mark.parametrize("field", [b"99999999", b"25600000", b"2559744 "])
def test_many_header_bytes_in_a_small_edf_are_refused(sound, tmp_path, field):
    """Such a header would describe 100 000 signals, which are not looked for."""
    content = bytearray((sound / "a.bdf").read_bytes())
    content[184:192], content[236:244] = field, b"100     "
    path = copy_damaged(sound, tmp_path, "a.bdf", bytes(content))
    with pytest.raises(InputError, match="header bytes"):
        Recording(path)


@pytest.mark.parametrize("word", ["a" * 500, "1" * 500, "a/" * 250, "~" * 500, " " * 500])
def test_a_long_word_in_a_wfdb_header_does_not_hang(tmp_path, word):
    lines = [word] * 2000
    (tmp_path / "x.hea").write_text("\n".join(lines))
    assert_survives(tmp_path / "x.hea")
    (tmp_path / "x.hea").write_text("x 2000 100 10\n" + "\n".join(lines))
    assert_survives(tmp_path / "x.hea")


def test_a_wfdb_header_of_many_signals_is_refused(tmp_path):
    lines = [f"{number} 16" for number in range(50_000)]
    (tmp_path / "x.hea").write_text("\n".join(["x 50000 100 9", *lines]))
    with pytest.raises(InputError, match="50001 lines"):
        Recording(tmp_path / "x.hea")


def test_a_wfdb_header_of_many_segments_that_repeat_one_stays_small(sound, tmp_path):
    content = b"all/4000 2 200 16000000\n" + b"one 4000\n" * 4000
    path = copy_damaged(sound, tmp_path, "all.hea", content)
    recording = Recording(path)
    assert recording.duration_s == 80_000
    first, span = recording.read_span_uv(["E1-M2"], 79_990, 80_000)["E1-M2"]
    assert (first, len(span)) == (15_998_000, 2000)
