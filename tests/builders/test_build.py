"""The bytes of a corpus do not depend on how it was built, and only what is new is drawn."""

import io
import itertools
import json
import os
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from builds import build, content, killed, stopped, write_raw
from commands import ROOT, command, full_disk
from datasets import load_dataset
from hypothesis import given
from hypothesis import strategies as st
from psgvlm.builders.build import output, parts, progress, shards, state
from recordings import write_mass, write_shhs

from psgvlm.errors import InputError
from psgvlm.images import raster


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Six subjects of two visits each, a few epochs long."""
    return write_raw(tmp_path_factory.mktemp("raw"), range(12))


@pytest.fixture(scope="module")
def whole(raw, tmp_path_factory):
    """The content of a corpus that one worker process built in one go."""
    out = tmp_path_factory.mktemp("whole") / "corpus"
    assert build(raw, out, "--workers", 1) == 0
    return content(out)


### The same from anywhere


@pytest.mark.parametrize("count", [2, 4])
def test_any_number_of_workers_gives_the_same(raw, whole, tmp_path, count):
    assert build(raw, tmp_path / "c", "--workers", count) == 0
    assert content(tmp_path / "c") == whole


def test_rows_are_in_the_order_of_subject_recording_and_epoch(raw, tmp_path, drawn):
    assert build(raw, tmp_path / "c") == 0
    for path in (tmp_path / "c" / "shhs").glob("*.parquet"):
        rows = pq.read_table(path, columns=["subject", "recording", "epoch"]).to_pylist()
        keys = [tuple(row.values()) for row in rows]
        assert keys == sorted(keys)


def test_sums_are_those_that_sha256sum_checks(raw, tmp_path, drawn):
    out = tmp_path / "c"
    assert build(raw, out) == 0
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=out, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    checked = {line.split(": ")[0] for line in done.stdout.splitlines()}
    assert checked == set(content(out)) - {"SHA256SUMS"}
    (out / "README.md").write_text("changed")
    assert subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=out).returncode == 1


def test_cohorts_in_any_order(raw, tmp_path, drawn):
    for number in range(3):
        write_mass(tmp_path / "mass", f"01-03-000{number}", "W123R")
    cohorts = {"shhs": raw, "mass": tmp_path / "mass"}
    for cohort in ("shhs", "mass"):
        assert build(cohorts[cohort], tmp_path / "one", cohort=cohort) == 0
    for cohort in ("mass", "shhs"):
        assert build(cohorts[cohort], tmp_path / "other", cohort=cohort) == 0
    assert content(tmp_path / "one") == content(tmp_path / "other")


### Only what is missing


def test_a_complete_build_draws_and_writes_nothing(raw, tmp_path, drawn):
    out = tmp_path / "c"
    assert build(raw, out) == 0
    assert len(drawn) == 12
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    drawn.clear()
    assert build(raw, out) == 0
    assert not drawn
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not list((out / output.STATE_FOLDER).glob("*/parts"))


@pytest.mark.parametrize("after", [0, 1, 7, 11])
def test_a_stopped_build_goes_on(raw, whole, tmp_path, drawn, after):
    out = tmp_path / "c"
    stopped(raw, out, drawn, after)
    assert content(out) == {}
    assert build(raw, out) == 0
    assert len(drawn) == 12 - after
    assert content(out) == whole


def test_parts_of_other_settings_are_not_used(raw, whole, tmp_path, drawn):
    """Another image spec or another option of the reader draws every recording again."""
    out = tmp_path / "c"
    stopped(raw, out, drawn, 5, "--trim-wake", 0)
    stopped(raw, out, drawn, 5, "--image", "compact")
    stopped(raw, out, drawn, 5, "--map", "C4-M1=EEG(sec)")
    assert build(raw, out) == 0
    assert len(drawn) == 12
    assert content(out) == whole


def test_a_part_under_another_key_is_not_what_it_says(raw, tmp_path, drawn):
    out = tmp_path / "c"
    stopped(raw, out, drawn, 1)
    (part,) = (out / ".build/shhs/parts").iterdir()
    moved = part.rename(part.with_name("0" * 64))
    with pytest.raises(parts.DamagedFile):
        parts.read(moved, moved.name)


def test_recordings_added_later(raw, whole, tmp_path, drawn):
    some, out = tmp_path / "raw", tmp_path / "c"
    shutil.copytree(raw, some)
    for path in [*some.rglob("*200003*"), *some.rglob("shhs2-200001*")]:
        path.unlink()
    assert build(some, out) == 0
    assert len(drawn) == 9
    shutil.copytree(raw, some, dirs_exist_ok=True)
    assert build(some, out) == 0
    assert sorted(drawn) == ["shhs1-200003", "shhs2-200001", "shhs2-200003"]
    assert content(out) == whole


def test_splits_that_keep_their_rows_keep_their_files(raw, whole, tmp_path, drawn):
    """A second visit of a subject in the training split leaves the other splits as they are."""
    some, out = tmp_path / "raw", tmp_path / "c"
    shutil.copytree(raw, some)
    train = pq.read_table(io.BytesIO(whole["shhs/train-00000-of-00001.parquet"]))
    for path in some.rglob(f"shhs2-{train['subject'][0]}*"):
        path.unlink()
    assert build(some, out) == 0
    files = sorted((out / "shhs").iterdir())
    before = [path.stat().st_ino for path in files]
    shutil.copytree(raw, some, dirs_exist_ok=True)
    assert build(some, out) == 0
    assert len(drawn) == 1
    same = [path.stat().st_ino == old for path, old in zip(files, before, strict=True)]
    assert [path.name.split("-")[0] for path in files] == ["test", "train", "validation"]
    assert same == [True, False, True]
    assert content(out) == whole


def test_recordings_removed_and_changed(raw, tmp_path, drawn):
    some, out = tmp_path / "raw", tmp_path / "c"
    shutil.copytree(raw, some)
    assert build(some, out) == 0
    for path in some.rglob("*200004*"):
        path.unlink()
    write_shhs(some, "shhs1-200002", (2, 2, 5, 5))
    assert build(some, out) == 0
    assert drawn == ["shhs1-200002"]
    again = tmp_path / "again"
    assert build(some, again) == 0
    assert content(out) == content(again)
    assert "200004" not in (out / "README.md").read_text()


@pytest.mark.parametrize("split", [("--split", "40/20/40"), ("--seed", 3), ("--split", "loso")])
def test_another_split_draws_nothing(raw, whole, tmp_path, drawn, split):
    out, again = tmp_path / "c", tmp_path / "again"
    assert build(raw, out) == 0
    drawn.clear()
    assert build(raw, out, *split) == 0
    assert not drawn
    assert build(raw, again, *split) == 0
    assert content(out) == content(again) != whole
    drawn.clear()
    assert build(raw, out) == 0
    assert not drawn
    assert content(out) == whole


def test_an_option_that_changes_no_row_is_on_the_card(raw, whole, tmp_path, drawn):
    out, again = tmp_path / "c", tmp_path / "again"
    build(raw, out)
    drawn.clear()
    wide = ("--split", "70.0/15/15")
    assert build(raw, out, *wide) == build(raw, again, *wide) == 0
    assert len(drawn) == len(list(raw.rglob("*.edf")))  # for the second folder
    assert content(out) == content(again) != whole
    assert "--split 70.0/15/15" in (out / "README.md").read_text()


def test_what_cannot_be_used_is_tried_once(raw, tmp_path, drawn, capsys):
    some, out = tmp_path / "raw", tmp_path / "c"
    shutil.copytree(raw, some)
    edf = next(some.rglob("shhs1-200001.edf"))
    whole_edf = edf.read_bytes()
    edf.write_text("no recording\n" * 100)
    assert build(some, out) == 3
    drawn.clear()
    assert build(some, out) == 3
    assert not drawn
    assert f"skipped shhs1-200001: {edf}: not an EDF" in capsys.readouterr().err
    assert str(tmp_path) not in str(pq.read_table(out / "manifest.parquet").to_pylist())
    edf.write_bytes(whole_edf)
    assert build(some, out) == 0
    assert drawn == ["shhs1-200001"]


def test_what_could_not_be_read_just_now_is_tried_again(raw, tmp_path, drawn):
    """The recording is a link to a disk that is not connected."""
    some, out = tmp_path / "raw", tmp_path / "c"
    shutil.copytree(raw, some)
    xml = next(some.rglob("shhs1-200001-profusion.xml"))
    xml.unlink()
    xml.symlink_to(tmp_path / "away.xml")
    assert build(some, out) == 3
    assert build(some, out) == 3
    assert drawn == ["shhs1-200001"]


def test_where_all_is_skipped_a_corpus_stays_as_it_was(raw, tmp_path, drawn):
    out = tmp_path / "c"
    assert build(raw, out) == 0
    before = content(out)
    with pytest.raises(InputError, match="all 12 recordings were skipped"):
        build(raw, out, "--map", "C4-M1=nothing")
    assert content(out) == before


### Faults of the program, of the disk


def test_a_fault_of_the_program_costs_one_recording(raw, whole, tmp_path, drawn, monkeypatch):
    """The reason has no words of the exception, which may name a person."""
    out = tmp_path / "c"
    real = raster.draw
    calls = []

    def faulty(*args):
        calls.append(1)
        if len(calls) == 4:
            raise ValueError("Jane Doe, born 1961")
        return real(*args)

    monkeypatch.setattr(raster, "draw", faulty)
    assert build(raw, out, "--allow-skips") == 3
    rows = pq.read_table(out / "manifest.parquet").to_pylist()
    (failed,) = [row for row in rows if row["status"] == "failed"]
    assert "unexpected ValueError at test_build.py:" in failed["reason"]
    assert "Jane" not in str(rows)
    monkeypatch.setattr(raster, "draw", real)
    assert build(raw, out) == 0
    assert drawn == [failed["recording"]]
    assert content(out) == whole


@pytest.mark.parametrize("where", [0, 5000, -2000, -20, "short", "empty"])
def test_a_damaged_part_is_drawn_again(raw, whole, tmp_path, drawn, capsys, where):
    out = tmp_path / "c"
    stopped(raw, out, drawn, 6)
    damaged = sorted((out / ".build/shhs/parts").iterdir())[2]
    held = bytearray(damaged.read_bytes())
    if where == "short":
        held = held[:-1000]
    elif where == "empty":
        held = b""
    else:
        held[where] ^= 1
    damaged.write_bytes(held)
    capsys.readouterr()
    assert build(raw, out) == 0
    assert capsys.readouterr().err.count(f"{damaged}: damaged") == 1
    assert content(out) == whole


def test_a_damaged_shard_is_not_copied(raw, whole, tmp_path, drawn, capsys):
    """Its size and time are unchanged, so that only its bytes show the damage."""
    out = tmp_path / "c"
    assert build(raw, out, "--seed", 3) == 0
    shard = out / "shhs" / "train-00000-of-00001.parquet"
    found = shard.stat()
    held = bytearray(shard.read_bytes())
    held[5000] ^= 1
    shard.write_bytes(held)
    os.utime(shard, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert build(raw, out) == 0
    assert f"{shard}: damaged" in capsys.readouterr().err
    assert 0 < len(drawn) < 12
    assert content(out) == whole


@pytest.mark.parametrize("name", ["README.md", "manifest.parquet", "SHA256SUMS", "shhs"])
def test_what_was_deleted_comes_back(raw, whole, tmp_path, drawn, name):
    out = tmp_path / "c"
    assert build(raw, out) == 0
    drawn.clear()
    if (out / name).is_dir():
        shutil.rmtree(out / name)
    else:
        (out / name).unlink()
    assert build(raw, out) == 0
    assert len(drawn) == (12 if name == "shhs" else 0)
    assert content(out) == whole


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 1}', '{"version": 0}'])
def test_a_damaged_state_means_drawing_anew(raw, whole, tmp_path, drawn, text):
    out = tmp_path / "c"
    assert build(raw, out) == 0
    (out / ".build/shhs/state.json").write_text(text)
    assert build(raw, out) == 0
    assert content(out) == whole


@pytest.mark.parametrize("before", [(), ("--seed", "3")])
def test_killed_at_every_change_of_the_folder(raw, whole, tmp_path, drawn, monkeypatch, before):
    """Kill the build before each change of the folder in turn, then build to the end."""
    started = tmp_path / "started"
    if before:
        assert build(raw, started, *before) == 0
        assert set(content(started)) == set(whole)
    else:
        stopped(raw, started, drawn, 11)
    kills = 0
    while True:
        out = tmp_path / "c"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(started, out)
        if not killed(kills + 1, monkeypatch, raw, out):
            break
        kills += 1
        for name, held in content(out).items():
            # What can be seen is whole: as it was, or as it will be.
            older = started / name
            assert held == whole[name] or held == older.read_bytes(), name
        assert build(raw, out) == 0
        assert content(out) == whole, f"killed at change {kills}"
        left_over = {path.name for path in out.rglob(".*") if path.name != output.STATE_FOLDER}
        left_over |= {path.name for path in (out / ".build/shhs").iterdir()}
        assert left_over <= {"state.json"}
    assert kills > 20


def test_no_room_is_noticed_before_the_disk_is_full(raw, whole, tmp_path, drawn, monkeypatch):
    out = tmp_path / "c"
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100_000))
    with pytest.raises(InputError, match=r"needs about 0\.00\d+ GB more, 0\.0001 GB are free"):
        build(raw, out)
    assert len(drawn) == progress.LEAST_KNOWN
    assert content(out) == {}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert build(raw, out) == 0
    assert len(drawn) == 12 - progress.LEAST_KNOWN
    assert content(out) == whole
    # Where nothing is drawn, the shards still need their room.
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100_000))
    with pytest.raises(InputError, match=r"needs about 0\.00\d+ GB more"):
        build(raw, out, "--seed", 3)
    assert content(out) == whole


@pytest.mark.parametrize("limit", [30_000, 150_000])
def test_a_disk_that_takes_no_more(raw, whole, tmp_path, limit):
    """The process may not write files larger than `limit`: parts or shards do not fit."""
    out = tmp_path / "c"
    words = ("-m", "builders", "shhs", raw, "--out", out, "--image", "square", "--workers", 2)
    done = command(*words, setup=full_disk(limit))
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "cannot be written (File too large)" in line
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert content(out) == {}
    assert build(raw, out, "--workers", 2) == 0
    assert content(out) == whole


def test_a_place_that_cannot_be_written(raw, tmp_path):
    with pytest.raises(InputError, match=r"/proc/corpus.* cannot be written"):
        build(raw, "/proc/corpus")  # where not even root may
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(InputError, match="expected a folder"):
        build(raw, file)
    assert file.read_text() == "x"


def test_a_second_build_is_refused(raw, tmp_path, drawn):
    with state.locked(tmp_path / "c"), pytest.raises(InputError, match="another build is writing"):
        build(raw, tmp_path / "c")
    assert build(raw, tmp_path / "c") == 0


def test_two_cohorts_at_once_do_not_mix(raw, tmp_path):
    """The second build is refused, and succeeds once the first has ended."""
    for number in range(3):
        write_mass(tmp_path / "mass", f"01-03-000{number}", "W123R")
    raws, out = {"shhs": raw, "mass": tmp_path / "mass"}, tmp_path / "c"

    def start(cohort):
        words = [sys.executable, "-m", "builders", cohort, raws[cohort], "--out", out]
        return subprocess.Popen([*words, "--image", "square"], cwd=ROOT, stderr=subprocess.PIPE)

    both = {cohort: start(cohort) for cohort in raws}
    said = {cohort: process.communicate()[1].decode() for cohort, process in both.items()}
    codes = {cohort: process.returncode for cohort, process in both.items()}
    assert 0 in codes.values()
    for cohort, code in codes.items():
        if code:
            assert "another build is writing into it" in said[cohort]
        assert build(raws[cohort], out, cohort=cohort) == 0
    assert build(raw, tmp_path / "one") == 0
    assert build(raws["mass"], tmp_path / "one", cohort="mass") == 0
    assert content(out) == content(tmp_path / "one")


### Shards


def test_no_shard_and_no_row_group_is_too_large(raw, whole, tmp_path, drawn, monkeypatch):
    """The limits are small, as these recordings are; the rows are read back as one table."""
    monkeypatch.setattr(shards, "SHARD_BYTES", 160_000)
    monkeypatch.setattr(shards, "GROUP_BYTES", 30_000)
    monkeypatch.setattr(shards, "_OVERHEAD_BYTES", 12_000)
    out, again = tmp_path / "c", tmp_path / "again"
    assert build(raw, out) == 0
    many = sorted(path.name for path in (out / "shhs").glob("train-*.parquet"))
    assert len(many) > 2
    assert many == [f"train-{i:05d}-of-{len(many):05d}.parquet" for i in range(len(many))]
    for name in many:
        file = pq.ParquetFile(out / "shhs" / name)
        assert (out / "shhs" / name).stat().st_size <= 160_000
        for group in range(file.num_row_groups):
            held = file.read_row_group(group, ["recording", "images"]).to_pylist()
            assert len({row["recording"] for row in held}) == 1
            assert sum(len(row["images"][0]["bytes"]) for row in held) <= 30_000 or len(held) == 1
    one = tmp_path / "train.parquet"
    one.write_bytes(whole["shhs/train-00000-of-00001.parquet"])
    rows = load_dataset(str(out), "shhs", split="train")
    assert rows.data.table.to_pylist() == pq.read_table(one).to_pylist()
    # Rows from several shards into others, and back.
    assert build(raw, out, "--split", "loso") == 0
    assert build(raw, again) == 0
    assert build(raw, out) == 0
    assert content(out) == content(again)


@given(st.lists(st.integers(1, 60_000_000), max_size=400))
def test_row_groups_hold_all_pictures_and_keep_their_bounds(sizes):
    stops = list(shards.group_ends(sizes))
    groups = [sizes[a:b] for a, b in zip([0, *stops], stops, strict=False)]
    assert list(itertools.chain(*groups)) == sizes
    for group in groups:
        assert 1 <= len(group) <= shards.GROUP_ROWS
        assert sum(group) <= shards.GROUP_BYTES or len(group) == 1


### Progress


def test_a_line_a_minute_and_one_at_the_end(raw, tmp_path, drawn, monkeypatch, capsys):
    clock = iter(range(0, 10_000, 25))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert build(raw, tmp_path / "c") == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("shhs: ")]
    assert 3 <= len(lines) < 12
    assert lines[0].split(",")[0] != "shhs: 12 of 12 recordings"
    assert "images/s" in lines[0] and "min left, 0 skipped" in lines[0]
    assert lines[-1].startswith("shhs: 12 of 12 recordings, ")
    assert "0 h 00 min left" in lines[-1]


def test_a_bar_on_a_terminal(raw, tmp_path, drawn, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert build(raw, tmp_path / "c") == 0
    said = capsys.readouterr().err
    assert "shhs: 100%" in said
    assert "12/12" in said
    assert "images/s, 0 skipped" in said
    assert "min left" not in said


def test_the_state_tells_nothing_of_the_machine(raw, tmp_path, drawn):
    out = tmp_path / "c"
    assert build(raw, out) == 0
    told = (out / ".build/shhs/state.json").read_text()
    assert str(tmp_path) not in told and str(raw) not in told
    assert len(json.loads(told)["entries"]) == 12
