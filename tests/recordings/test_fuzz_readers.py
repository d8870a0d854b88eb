"""Damaged files: a reader returns scores and lanes, or raises InputError, and nothing else.

Bits are flipped and files are cut. No other error may be raised, no reader may hang, and memory
stays within bounds.
"""

import shutil
import tracemalloc
from pathlib import Path

import edfio
import pytest
from damaged_files import CUTS, FLIPS, HEADS, MAX_BYTES, damage
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psgvlm.builders.build.examine import Choices, examine
from psgvlm.builders.readers import folder, isruc, mass, shhs
from recordings import (
    montage,
    with_gap,
    write_edf,
    write_isruc,
    write_mass,
    write_profusion,
    write_shhs,
    write_xlsx,
)

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS

STAGES = ("W", "N1", "N2", "N3")
FUZZ = settings(
    # An example reads a whole recording. `make test` tries the same ones each time, and
    # `make test-slow` more, and new ones.
    max_examples=40 if settings.default.derandomize else 120,
    deadline=20_000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def assert_survives(reader, raw):
    """Read and filter every night below `raw`; only InputError may be raised."""
    tracemalloc.start()
    try:
        for night in reader.find(raw):
            seen = examine(reader, night, PRESETS["wide"], Choices())
            seen.night.traces()
    except InputError as error:
        assert str(raw) in str(error)
        assert "Doe" not in str(error)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < MAX_BYTES


def read_damaged(reader, sound: Path, names, work: Path, which, heads, flips, cut):
    """Damage one of the named files in a copy of the sound tree, and read it."""
    raw = work / "raw"
    shutil.rmtree(raw, ignore_errors=True)
    shutil.copytree(sound, raw)
    path = raw / names[which % len(names)]
    path.write_bytes(damage(path.read_bytes(), heads, flips, cut))
    assert_survives(reader, raw)


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """An undamaged recording of every cohort, of a few hundred kB each."""
    root = tmp_path_factory.mktemp("sound")
    write_isruc(root / "isruc" / "1", "1", STAGES, second=STAGES, marks=STAGES)
    write_xlsx(root / "isruc" / "1" / "1_2.xlsx", STAGES, header=False)
    write_mass(root / "mass", "01-02-0001", ("W", "2", "3", "R"), epoch_s=20.0)
    write_shhs(root / "shhs", "shhs1-200001", (0, 1, 2, 5))
    own = root / "folder"
    labels = ["F4-M1", "C4-M1", "chin"]
    noted = [edfio.EdfAnnotation(30 * i, 30, "Sleep stage 2") for i in range(4)]
    write_edf(own / "a.edf", montage(labels, 120), noted)
    return root


@pytest.fixture(scope="module")
def gaps(tmp_path_factory):
    root = tmp_path_factory.mktemp("gaps")
    with_gap(root / "a.edf")
    return root


def test_the_sound_trees_are_read(trees, gaps):
    for reader in (isruc, mass, shhs, folder):
        (night,) = reader.find(trees / reader.__name__.split(".")[-1])
        assert examine(reader, night, PRESETS["wide"], Choices()).night.epochs.size
    (night,) = folder.find(gaps)
    assert len(examine(folder, night, PRESETS["wide"], Choices()).night.epochs) == 3


@FUZZ
@given(which=st.integers(0, 4), heads=HEADS, flips=FLIPS, cut=CUTS)
@example(which=0, heads=[], flips=[], cut=0.0)
def test_isruc(trees, tmp_path, which, heads, flips, cut):
    names = ("1/1.rec", "1/1_1.txt", "1/1_2.txt", "1/1_1.xlsx", "1/1_2.xlsx")
    read_damaged(isruc, trees / "isruc", names, tmp_path, which, heads, flips, cut)


@FUZZ
@given(which=st.integers(0, 1), heads=HEADS, flips=FLIPS, cut=CUTS)
def test_mass(trees, tmp_path, which, heads, flips, cut):
    names = ("01-02-0001 PSG.edf", "01-02-0001 Base.edf")
    read_damaged(mass, trees / "mass", names, tmp_path, which, heads, flips, cut)


@FUZZ
@given(which=st.integers(0, 2), heads=HEADS, flips=FLIPS, cut=CUTS)
def test_shhs(trees, tmp_path, which, heads, flips, cut):
    base = trees / "shhs"
    names = sorted(str(path.relative_to(base)) for path in base.rglob("*.*") if path.is_file())
    assert len(names) == 3
    read_damaged(shhs, base, names, tmp_path, which, heads, flips, cut)


@FUZZ
@given(heads=HEADS, flips=FLIPS, cut=CUTS)
def test_folder(trees, tmp_path, heads, flips, cut):
    read_damaged(folder, trees / "folder", ["a.edf"], tmp_path, 0, heads, flips, cut)


@FUZZ
@given(heads=HEADS, flips=FLIPS, cut=CUTS)
def test_gaps(gaps, tmp_path, heads, flips, cut):
    read_damaged(folder, gaps, ["a.edf"], tmp_path, 0, heads, flips, cut)


NUMBER = st.one_of(
    st.integers(-(10**8), 10**8).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(lambda x: f"{x:.1g}"),
    st.sampled_from(["1e-99", "1e99", "0", "-1", "0.00001", "9" * 8, "", "1_0", "nan", "0x10"]),
)


@FUZZ
@given(
    numbers=st.lists(
        st.tuples(st.sampled_from([184, 236, 244, 252, *range(256, 1280, 8)]), NUMBER), max_size=4
    )
)
def test_header_fields_of_any_number(trees, tmp_path, numbers):
    """Flipped bits seldom make another number, so whole fields are replaced by numbers."""
    content = bytearray((trees / "folder" / "a.edf").read_bytes())
    for place, number in numbers:
        width = 4 if place == 252 else 8
        content[place : place + width] = number.encode()[:width].ljust(width)
    raw = tmp_path / "raw"
    raw.mkdir(exist_ok=True)
    (raw / "a.edf").write_bytes(content)
    assert_survives(folder, raw)


TEXT = st.one_of(
    st.sampled_from(["0", "5", "W", "N2", "REM", "?", "30", "1e9", "nan", "-1", "stage", "onset"]),
    st.text(max_size=6),
)


@FUZZ
@given(
    name=st.sampled_from(["a.txt", "a.csv", "a_events.tsv", "a.xml"]),
    cells=st.lists(st.lists(TEXT, max_size=4), max_size=6),
    head=st.sampled_from(["", "stage\n", "onset_s,stage\n", "onset\tduration\tstage\n"]),
)
def test_stage_files_of_any_text(trees, tmp_path, name, cells, head):
    raw = tmp_path / "raw"
    shutil.rmtree(raw, ignore_errors=True)
    shutil.copytree(trees / "folder", raw)
    glue = "\t" if name.endswith("tsv") else ","
    text = head + "\n".join(glue.join(row) for row in cells)
    (raw / name).write_text(text, "utf-8", errors="replace", newline="")
    assert_survives(folder, raw)


def test_a_small_file_that_claims_long_times_stays_within_memory(tmp_path, trees):
    """The scores last 31 days many times; the record has a gap of an hour in every second."""
    path = write_profusion(tmp_path / "x" / "a.xml", (2,) * 4)
    shutil.copy(trees / "folder" / "a.edf", tmp_path / "x" / "a.edf")
    event = (
        "<ScoredEvent><EventType>Stages|Stages</EventType><EventConcept>Wake|0</EventConcept>"
        "<Start>0</Start><Duration>2600000</Duration></ScoredEvent>"
    )
    events = event * 7500
    path.write_text(f"<PSGAnnotation><ScoredEvents>{events}</ScoredEvents></PSGAnnotation>")
    assert path.stat().st_size > 1_000_000
    assert_survives(folder, tmp_path / "x")
    content = with_gap(tmp_path / "y" / "a.edf", gap_s=0).read_bytes()
    for second in range(119, 9, -1):
        old, new = f"+{second}\x14\x14\x00".encode(), f"+{second * 3600}\x14\x14\x00".encode()
        content = content.replace(old + bytes(len(new) - len(old)), new, 1)
    (tmp_path / "y" / "a.edf").write_bytes(content)
    assert_survives(folder, tmp_path / "y")
