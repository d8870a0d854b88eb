"""A corpus' nights opened again: the rows' own epochs, on the signal that they were drawn from."""

import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import recordings
from commands import command

from psgvlm.corpus import loading, manifest
from psgvlm.errors import InputError
from psgvlm.evaluation import corpus_nights
from psgvlm.evaluation.corpus_nights import nights_of_split
from psgvlm.hub import repo_files

COHORTS = ("isruc", "mass", "shhs")


def built(cohort, raw, out, *options):
    done = command(
        *("-m", "builders", cohort, raw, "--out", out, "--image", "square", "--allow-skips"),
        *("--split", "100/0/0", *options),
    )
    assert done.returncode == 0, done.stderr
    return loading.load_split(str(out), "train")


def copied(corpus, tmp_path, **changes):
    """A copy of the corpus whose manifest has other values for SHHS' recordings."""
    out = tmp_path / "changed"
    shutil.copytree(corpus, out)
    path = out / manifest.FILE_NAME
    rows = [
        row | changes if row["cohort"] == "shhs" else row for row in pq.read_table(path).to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(rows, manifest.schema()), path)
    return out


@pytest.mark.parametrize("split", ["train", "test"])
def test_nights_are_the_split_s_rows_in_their_order(corpus, raw, split):
    rows = loading.load_split(str(corpus), split)
    nights = corpus_nights.with_signals(rows, corpus, raw)
    assert [night.name.split("/")[0] for night in nights] == list(COHORTS)
    assert np.concatenate([night.index for night in nights]).tolist() == list(range(len(rows)))
    assert np.concatenate([night.stages for night in nights]).tolist() == rows["stage"][:]
    assert np.concatenate([night.epochs for night in nights]).tolist() == rows["epoch"][:]


def test_rows_that_lie_scattered_find_their_places(corpus, raw):
    rows = loading.load_split(str(corpus), "test", "shhs")
    order = np.random.default_rng(0).permutation(len(rows))
    (night,) = corpus_nights.with_signals(rows.select(order), corpus, raw)
    (straight,) = corpus_nights.with_signals(rows, corpus, raw / "shhs")
    assert night.epochs.tolist() == straight.epochs[order].tolist()
    assert night.index.tolist() == list(range(len(rows)))


def test_pictures_drawn_from_the_signal_are_those_of_the_corpus(corpus, raw):
    rows = loading.load_split(str(corpus), "validation")
    for night in corpus_nights.with_signals(rows, corpus, raw):
        without = replace(night, signal=None)
        for drawn, stored in zip(night.pictures(), without.pictures(), strict=True):
            assert np.array_equal(np.asarray(drawn), np.asarray(stored))


def test_unusual_labels_and_other_scorers_need_not_be_said_again(raw, tmp_path):
    """Built with a second scorer and a map: lanes are the manifest's, stages the rows'."""
    rows = built("isruc", raw / "isruc", tmp_path / "c", "--scorer", "2", "--map", "C4-M1=O2-M1")
    for night in corpus_nights.with_signals(rows, tmp_path / "c", raw / "isruc"):
        assert str(night.signal.lanes.sources[0]).startswith("O2")
        assert night.stages.tolist() == night.rows["stage"][:]


def test_epochs_of_20_s_lie_where_the_corpus_says(tmp_path):
    codes = ["W", "1", "2", "3", "R", "2"] * 4
    recordings.write_mass(tmp_path / "raw", "01-02-0001", codes, first_s=50, epoch_s=20.0)
    rows = built("mass", tmp_path / "raw", tmp_path / "c", "--twenty-second", "extend")
    (night,) = corpus_nights.with_signals(rows, tmp_path / "c", tmp_path / "raw")
    assert np.diff(night.signal.starts_s) == pytest.approx(20)
    assert night.signal.starts_s == pytest.approx(45 + 20 * night.epochs)


def test_only_pictures_are_no_signal(corpus):
    spec = repo_files.load_image_spec(corpus, "dataset")
    (night,) = nights_of_split(loading.load_split(str(corpus), "test", "shhs"), spec)
    assert next(night.pictures()).size == (336, 336)
    with pytest.raises(InputError, match="only its pictures are at hand"):
        night.require_signal()


@pytest.mark.parametrize("fault", ["another night", "missing", "shorter", "relabelled"])
def test_another_raw_folder_is_refused(corpus, raw, tmp_path, fault):
    changed = tmp_path / "shhs"
    shutil.copytree(raw / "shhs", changed)
    rows = loading.load_split(str(corpus), "test", "shhs")
    (victim,) = changed.rglob(f"{rows[0]['recording']}.edf")
    other = next(path for path in sorted(changed.rglob("*.edf")) if path != victim)
    if fault == "another night":
        shutil.copy(other, victim)
    elif fault == "missing":
        victim.unlink()
    elif fault == "shorter":
        signals = recordings.montage(["EEG", "EOG(L)", "EOG(R)", "EMG"], 300)
        recordings.write_edf(victim, signals)
    else:
        recordings.patch_signal(victim, "label", 7, b"EEG-x")
        for index in range(8):
            recordings.patch_signal(victim, "label", index, f"X{index}")
    expected = {
        "another night": "is not the corpus' picture of it",
        "missing": "nor in shhs/",
        "shorter": "not within its 300 s",
        "relabelled": "no signal 'EEG",
    }
    with pytest.raises(InputError, match=expected[fault]):
        corpus_nights.with_signals(rows, corpus, tmp_path)


@pytest.mark.parametrize("path", ["../../secret.edf", "/etc/passwd"])
def test_a_path_out_of_the_raw_folder_is_refused(corpus, raw, tmp_path, path):
    changed = copied(corpus, tmp_path, path=path)
    rows = loading.load_split(str(corpus), "test", "shhs")
    with pytest.raises(InputError, match="leads out of"):
        corpus_nights.with_signals(rows, changed, raw)


def test_a_corpus_without_its_manifest_is_refused(corpus, raw, tmp_path):
    rows = loading.load_split(str(corpus), "test", "shhs")
    changed = copied(corpus, tmp_path, recording="someone else")
    with pytest.raises(InputError, match="has no shhs/"):
        corpus_nights.with_signals(rows, changed, raw)
    (changed / manifest.FILE_NAME).unlink()
    with pytest.raises(InputError, match=r"manifest.parquet: cannot be read"):
        corpus_nights.with_signals(rows, changed, raw)
