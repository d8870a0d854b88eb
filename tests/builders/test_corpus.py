"""A corpus of raw cohorts has the right labels and pictures, and `load_dataset` reads it."""

import csv
import filecmp
import io
import shutil

import numpy as np
import pytest
from commands import command
from datasets import load_dataset
from PIL import Image

from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.nights.night import Night
from psgvlm.recordings.recording import Recording

COHORTS = ("isruc", "mass", "shhs")


def all_rows(corpus, cohort):
    splits = [load_dataset(str(corpus), cohort, split=s) for s in ("train", "validation", "test")]
    return splits, [row for split in splits for row in split.remove_columns("images")]


@pytest.mark.parametrize("cohort", COHORTS)
def test_load_dataset_reads_it_as_it_reads_the_hub(corpus, cohort):
    splits, rows = all_rows(corpus, cohort)
    assert [len({row["subject"] for row in split}) for split in splits] == [1, 1, 1]
    assert len({row["subject"] for row in rows}) == 3
    assert splits[0].features["stage"].names == ["W", "N1", "N2", "N3", "R"]
    row = splits[2][0]
    assert row["images"][0].size == (336, 336)
    assert row["images"][0].mode == "RGB"
    assert row["completion"][0]["content"][0]["text"] == splits[2].features["stage"].int2str(
        row["stage"]
    )
    assert row["lanes"] == ["C4-M1", "E1", "E2", "chin"]
    assert row["cohort"] == cohort


@pytest.mark.parametrize("cohort", COHORTS)
def test_stages_are_those_that_were_simulated(corpus, raw, cohort):
    """Compare each row with the truth by onset; epochs of the truth without a row are unscored."""
    names = load_dataset(str(corpus), cohort, split="train").features["stage"].names
    _, rows = all_rows(corpus, cohort)
    for recording in {row["recording"] for row in rows}:
        with (raw / "truth" / cohort / f"{recording}.stages.csv").open() as file:
            truth = {round(float(r["onset_s"]), 2): r["stage"] for r in csv.DictReader(file)}
        mine = [row for row in rows if row["recording"] == recording]
        assert [row["epoch"] for row in mine] == sorted({row["epoch"] for row in mine})
        assert len(mine) > 0.8 * len(truth)
        for row in mine:
            assert truth[round(row["onset"], 2)] == names[row["stage"]]


def test_second_scorer(corpus):
    _, rows = all_rows(corpus, "isruc")
    pairs = [(row["stage"], row["stage_2"]) for row in rows if row["stage_2"] is not None]
    agreement = np.mean([first == second for first, second in pairs])
    assert len(pairs) > 0.8 * len(rows)
    assert 0.7 < agreement < 0.95
    _, rows = all_rows(corpus, "shhs")
    assert all(row["stage_2"] is None for row in rows)


def test_the_stored_picture_is_the_one_that_staging_would_draw(corpus, raw):
    """The pictures of the corpus have the bytes of a new drawing of the raw night."""
    import pyarrow.parquet as pq

    spec = ImageSpec.load(corpus / "image_spec.json")
    table = pq.read_table(corpus / "shhs" / "test-00000-of-00001.parquet").to_pylist()
    recording = Recording(next((raw / "shhs").rglob(f"{table[0]['recording']}.edf")))
    night = Night(recording, spec)
    for row in table[:: max(1, len(table) // 5)]:
        (row_drawn,) = np.flatnonzero(night.onsets_s == row["onset"])
        image = next(night.draw([row_drawn]))
        png = row["images"][0]["bytes"]
        assert png == raster.to_png(image, spec)
        assert Image.open(io.BytesIO(png)).size == spec.size


def test_the_same_bytes_from_one_worker_and_from_two(corpus, raw, tmp_path):
    out = tmp_path / "again"
    options = ("--image", "square", "--workers", 1)
    done = command("-m", "builders", "isruc", raw / "isruc", "--out", out, *options)
    assert done.returncode == 0, done.stderr
    for split in ("train", "validation", "test"):
        name = f"isruc/{split}-00000-of-00001.parquet"
        assert filecmp.cmp(out / name, corpus / name, shallow=False), name


def test_row_groups_and_schema_metadata(corpus):
    import pyarrow.parquet as pq

    file = pq.ParquetFile(corpus / "mass" / "train-00000-of-00001.parquet")
    assert all(file.metadata.row_group(i).num_rows <= 100 for i in range(file.num_row_groups))
    assert b"huggingface" in file.schema_arrow.metadata


def test_card_counts_what_is_there(corpus):
    card = (corpus / "README.md").read_text()
    for cohort in COHORTS:
        for split in ("train", "validation", "test"):
            rows = len(load_dataset(str(corpus), cohort, split=split))
            assert f"| {cohort} | {split} | 1 | {rows} |" in card
    assert "$" not in card


def test_a_corpus_built_anew_is_not_read_from_the_cache_of_the_old_one(corpus, tmp_path):
    """`load_dataset` keys its cache on the name of the folder and README.md, not on the files."""
    from psgvlm import dataset_card

    before = load_dataset(str(corpus), "shhs", split="train")
    changed = tmp_path / corpus.name
    shutil.copytree(corpus, changed)
    names = [f"shhs/{split}-00000-of-00001.parquet" for split in ("train", "test")]
    for name, other in zip(names, reversed(names), strict=True):
        shutil.copy(corpus / name, changed / other)
    dataset_card.write(changed)
    after = load_dataset(str(changed), "shhs", split="train")
    assert set(before["subject"]) != set(after["subject"])


def test_a_recording_that_cannot_be_used_is_skipped_and_listed(raw, tmp_path):
    mixed = tmp_path / "raw"
    shutil.copytree(raw / "shhs", mixed)
    victim = sorted(mixed.rglob("*.edf"))[0]
    victim.write_text("not an EDF\n" * 100)
    words = ("-m", "builders", "shhs", mixed, "--image", "square", "--out", tmp_path / "c")
    done = command(*words)
    assert done.returncode == 3
    assert f"skipped {victim.stem}: {victim}: not an EDF file" in done.stderr
    assert "2 nights, 1 skipped" in done.stdout
    assert command(*words, "--allow-skips").returncode == 0


def test_where_every_recording_fails_nothing_is_written(raw, tmp_path):
    broken = tmp_path / "raw"
    shutil.copytree(raw / "mass", broken)
    for path in broken.rglob("* Base.edf"):
        path.unlink()
    done = command("-m", "builders", "mass", broken, "--out", tmp_path / "c")
    assert done.returncode == 1
    assert "all 3 recordings were skipped" in done.stderr
    assert not list(tmp_path.glob("c/**/*.parquet"))
