"""Configurations of other tasks: the same rows and images, other questions, true answers."""

import os
import shutil
import sys

import pyarrow.parquet as pq
import pytest
from builds import build, content, killed, stopped, write_raw
from commands import python
from datasets import load_dataset
from psgvlm.builders.build import drawing, shards
from psgvlm.builders.build.drawing import Task
from psgvlm.builders.build.examine import Choices
from psgvlm.builders.check import verify
from psgvlm.builders.readers import isruc
from psgvlm.builders.readers.found_night import FoundNight

from psgvlm import chat
from psgvlm.chat import findings
from psgvlm.chat.perception import perception
from psgvlm.chat.rationale import last_line, rationale
from psgvlm.corpus import loading
from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS, ImageSpec
from psgvlm.nights.night import Night

SPLITS = ("train", "validation", "test")
CONFIGS = {task: chat.configuration("isruc", task) for task in chat.TASKS}
TASKS = ("--tasks", ",".join(chat.TASKS))


@pytest.fixture(scope="module")
def tasks_corpus(raw, tmp_path_factory):
    """Half-hour nights of three simulated subjects."""
    out = tmp_path_factory.mktemp("tasks") / "corpus"
    assert build(raw / "isruc", out, "--workers", 1, *TASKS, cohort="isruc") == 0
    return out


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """Three subjects of two visits each, a few epochs of noise long."""
    return write_raw(tmp_path_factory.mktemp("raw"), range(6))


@pytest.fixture(scope="module")
def whole(nights, tmp_path_factory):
    """The content of a corpus that one worker process built in one go."""
    out = tmp_path_factory.mktemp("whole") / "corpus"
    assert build(nights, out, "--workers", 1, *TASKS) == 0
    return content(out)


def folders(corpus):
    return {path.name for path in corpus.iterdir() if path.is_dir() and path.name[0] != "."}


def shard(corpus, task, split):
    return corpus / CONFIGS[task] / f"{split}-00000-of-00001.parquet"


def image_bytes(path):
    """Return the bytes of the column of pictures, and the rows, of each row group."""
    found = []
    with path.open("rb") as file, pq.ParquetFile(path) as parquet:
        for number in range(parquet.num_row_groups):
            group = parquet.metadata.row_group(number)
            column = group.column(0)
            assert column.path_in_schema == "images.list.element.bytes"
            file.seek(column.dictionary_page_offset or column.data_page_offset)
            found.append((group.num_rows, file.read(column.total_compressed_size)))
    return found


### What is in it


@pytest.mark.parametrize("split", SPLITS)
def test_the_rows_are_the_same_but_for_question_and_answer(tasks_corpus, split):
    tables = {task: pq.read_table(shard(tasks_corpus, task, split)) for task in CONFIGS}
    staging = tables.pop("staging")
    for table in tables.values():
        assert table.schema.equals(staging.schema, check_metadata=True)
        kept = table.drop(["prompt", "completion"])
        assert kept.equals(staging.drop(["prompt", "completion"]))
        assert not table["prompt"].equals(staging["prompt"])


@pytest.mark.parametrize("split", SPLITS)
def test_the_images_lie_in_the_files_as_the_same_bytes(tasks_corpus, split):
    """The pictures of all tasks are the same bytes, which a hub stores once."""
    staging, *others = (image_bytes(shard(tasks_corpus, task, split)) for task in CONFIGS)
    assert sum(len(held) for _, held in staging) > 100_000
    assert others == [staging, staging]


def test_staging_is_the_same_with_and_without_other_tasks(tasks_corpus, corpus):
    for split in SPLITS:
        name = f"isruc/{split}-00000-of-00001.parquet"
        assert (tasks_corpus / name).read_bytes() == (corpus / name).read_bytes()


def test_the_answers_are_what_a_fresh_look_at_the_raw_night_says(tasks_corpus, raw):
    spec = ImageSpec.load(tasks_corpus / "image_spec.json")
    rows = {task: load_dataset(str(tasks_corpus), CONFIGS[task], split="test") for task in CONFIGS}
    (name,) = set(rows["staging"]["recording"])
    (night,) = [night for night in isruc.find(raw / "isruc") if night.recording == name]
    onsets_s = rows["staging"]["onset"][:]
    traces = Night(night.signal, spec, aliases=isruc.ALIASES).traces()
    seen = findings.measure(traces, spec, onsets_s)
    names = rows["staging"].features["stage"].names
    said = {task: rows[task]["completion"][:] for task in CONFIGS}
    for i, epoch in enumerate(seen):
        stage = names[rows["staging"][i]["stage"]]
        assert said["staging"][i] == chat.completion(stage)
        assert said["perception"][i] == chat.completion(perception(epoch))
        assert said["rationale"][i] == chat.completion(rationale(epoch, stage))


def test_it_is_verified_and_the_card_names_what_is_asked(tasks_corpus):
    assert list(verify.Check(tasks_corpus).faults()) == []
    card = (tasks_corpus / "README.md").read_text("utf-8")
    for task, config in CONFIGS.items():
        assert f"config_name: {config}\n" in card
        assert (chat.TASKS[task] or "Which sleep stage") in card
        for split in SPLITS:
            assert f"| {config} | {split} | 1 | " in card
    assert card.count("\n- isruc, ") == 3  # subjects are listed once
    assert 'load_dataset(os.getcwd(), "isruc", split="test")' in card


def test_training_takes_staging_where_no_configuration_is_named(tasks_corpus):
    every = loading.load_split(str(tasks_corpus), "train")
    named = loading.load_split(str(tasks_corpus), "train", "isruc-rationale")
    assert len(every) == len(named)
    stage, reasons = (rows[0]["completion"][0]["content"][0]["text"] for rows in (every, named))
    assert reasons.splitlines()[-1] == last_line(stage)


### How it came about


def test_two_workers_give_the_same(nights, whole, tmp_path):
    assert build(nights, tmp_path / "c", "--workers", 2, *TASKS) == 0
    assert content(tmp_path / "c") == whole


def test_stopped_or_built_bit_by_bit_it_is_the_same(nights, whole, tmp_path, drawn):
    some, out = tmp_path / "raw", tmp_path / "c"
    shutil.copytree(nights, some)
    for path in some.rglob("shhs2-200001*"):
        path.unlink()
    stopped(some, out, drawn, 2, *TASKS)
    assert build(some, out, *TASKS) == 0
    assert len(drawn) == 3
    shutil.copytree(nights, some, dirs_exist_ok=True)
    assert build(some, out, *TASKS) == 0
    assert drawn == ["shhs2-200001"]
    assert content(out) == whole
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    drawn.clear()
    assert build(some, out, *TASKS) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not drawn


def test_other_splits_and_back_keep_the_texts_and_draw_nothing(
    nights, whole, tmp_path, drawn, monkeypatch
):
    """This holds too if rows move from several shards into others with the same bounds."""
    out, again = tmp_path / "c", tmp_path / "again"
    assert build(nights, out, *TASKS) == 0
    drawn.clear()
    assert build(nights, out, *TASKS, "--split", "loso") == 0
    monkeypatch.setattr(shards, "SHARD_BYTES", 130_000)
    monkeypatch.setattr(shards, "GROUP_BYTES", 30_000)
    monkeypatch.setattr(shards, "_OVERHEAD_BYTES", 12_000)
    assert build(nights, out, *TASKS) == 0
    assert not drawn
    monkeypatch.undo()
    names = {config: sorted(p.name for p in (out / config).iterdir()) for config in folders(out)}
    assert len(names["shhs"]) > 3
    assert names["shhs"] == names["shhs-perception"] == names["shhs-rationale"]
    for name in names["shhs"]:
        files = [out / config / name for config in names]
        assert len({str(image_bytes(path)) for path in files}) == 1
    assert build(nights, out, *TASKS, "--split", "loso") == 0
    assert build(nights, again, *TASKS, "--split", "loso") == 0
    assert content(out) == content(again) != whole


def test_a_task_less_draws_nothing_and_one_more_draws_all(nights, whole, tmp_path, drawn):
    out, alone = tmp_path / "c", tmp_path / "alone"
    assert build(nights, out, *TASKS) == 0
    files = sorted(out.glob("shhs/*")) + sorted(out.glob("shhs-rationale/*"))
    before = [path.stat().st_ino for path in files]
    drawn.clear()
    assert build(nights, out, "--tasks", "rationale,staging") == 0
    assert folders(out) == {"shhs", "shhs-rationale"}
    assert [path.stat().st_ino for path in files] == before
    assert build(nights, out) == 0
    assert folders(out) == {"shhs"}
    assert not drawn
    assert build(nights, alone) == 0
    assert content(out) == content(alone)
    assert build(nights, out, *TASKS) == 0
    assert len(drawn) == 6
    assert content(out) == whole


def test_without_staging(nights, whole, tmp_path, drawn):
    out = tmp_path / "c"
    assert build(nights, out, "--tasks", "perception") == 0
    assert folders(out) == {"shhs-perception"}
    assert list(verify.Check(out).faults()) == []
    name = "shhs-perception/train-00000-of-00001.parquet"
    assert content(out)[name] == whole[name]
    with pytest.raises(InputError, match=r"for staging.*shhs-perception"):
        loading.load_split(str(out), "train")


def test_another_cohort_s_tasks_are_left_alone(nights, raw, whole, tmp_path, drawn):
    out = tmp_path / "c"
    assert build(nights, out, *TASKS) == 0
    assert build(raw / "mass", out, cohort="mass") == 0
    assert folders(out) == {"mass", "shhs", "shhs-perception", "shhs-rationale"}
    assert {name: held for name, held in content(out).items() if name in whole} != whole
    for name in whole:
        assert "/" not in name or content(out)[name] == whole[name]


def test_a_damaged_shard_of_a_task_is_not_copied(nights, whole, tmp_path, drawn, capsys):
    out = tmp_path / "c"
    assert build(nights, out, *TASKS, "--seed", 5) == 0
    path = out / "shhs-rationale" / "train-00000-of-00001.parquet"
    found, held = path.stat(), bytearray(path.read_bytes())
    held[-3000] ^= 1
    path.write_bytes(held)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert build(nights, out, *TASKS) == 0
    assert f"{path}: damaged" in capsys.readouterr().err
    assert 0 < len(drawn) < 6
    assert content(out) == whole


@pytest.mark.parametrize("before", ["parts", "another split", "another task"])
def test_killed_while_folders_are_put_in_place(nights, whole, tmp_path, drawn, monkeypatch, before):
    """Kill the build at every fifth change of the folder, then build to the end."""
    started, out = tmp_path / "started", tmp_path / "c"
    words, wanted = TASKS, whole
    if before == "parts":
        stopped(nights, started, drawn, 5, *TASKS)
    else:
        assert build(nights, started, *TASKS, "--seed", 5) == 0
    if before == "another task":
        words = ("--tasks", "staging,rationale")
        assert build(nights, out, *words) == 0
        wanted = content(out)
    change = 1 + ["parts", "another split", "another task"].index(before)
    kills = 0
    while True:
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(started, out)
        if not killed(change, monkeypatch, nights, out, *words):
            break
        kills, change = kills + 1, change + 5
        for name, held in content(out).items():
            older = started / name
            assert held == wanted.get(name) or held == older.read_bytes(), name
        assert build(nights, out, *words) == 0
        assert content(out) == wanted, f"killed before change {change - 5}"
        assert folders(out) == {name.split("/")[0] for name in wanted if "/" in name}
        left = {path.name for path in (out / ".build/shhs").iterdir()}
        assert left <= {"state.json"}
    assert kills >= 8


@pytest.mark.parametrize("text", ["", '{"version": 1, "entries": [], "shards": {}}'])
def test_what_another_version_had_ready_deletes_nothing(nights, whole, tmp_path, drawn, text):
    out = tmp_path / "c"
    assert build(nights, out, *TASKS) == 0
    ready = out / ".build/shhs/ready"
    (ready / "shards").mkdir(parents=True)
    (ready / "state.json").write_text(text)
    drawn.clear()
    assert build(nights, out, *TASKS) == 0
    assert not drawn
    assert content(out) == whole


### What is refused


def test_an_unknown_task_is_refused(nights, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        build(nights, tmp_path / "c", "--tasks", "staging,dreams")
    assert stop.value.code == 2
    assert "expected some of staging,perception,rationale" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


def test_without_yasa_nothing_is_begun_and_no_recording_blamed(nights, tmp_path, monkeypatch):
    """Without yasa, neither this process nor a worker on another machine draws."""
    monkeypatch.setitem(sys.modules, "yasa", None)
    with pytest.raises(InputError, match=r"yasa is not installed.*pip install yasa"):
        build(nights, tmp_path / "c", *TASKS)
    assert not (tmp_path / "c").exists()
    choices = Choices(raw=nights, tasks=("perception",))
    night = FoundNight("shhs", "1", "1", nights / "x.edf", ())
    with pytest.raises(InputError, match="pip install yasa"):
        drawing.work(
            Task(
                "psgvlm.builders.readers.shhs",
                night,
                PRESETS["square"],
                choices,
                "k",
                tmp_path / "k",
            )
        )


def test_staging_does_not_import_yasa():
    """A worker that only draws must not import yasa and what it needs."""
    code = "import sys, psgvlm.builders.__main__, psgvlm.builders.build.drawing; "
    code += "sys.exit('yasa' in sys.modules)"
    assert python("-c", code).returncode == 0
