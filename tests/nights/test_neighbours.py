"""Neighbours: found by the number of the epoch, in any order of rows and in any loader worker."""

import json
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
import small_corpus
from datasets import load_dataset
from PIL import Image
from small_corpus import EPOCHS, SPEC, TRAIN, grey
from torch.utils.data import DataLoader

from psgvlm import chat
from psgvlm.corpus import neighbours as neighbour_rows
from psgvlm.errors import InputError
from psgvlm.models import adapter_files, tiny
from psgvlm.nights import neighbours

BLANK = 255


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_corpus.write(tmp_path_factory.mktemp("context") / "corpus")


@pytest.fixture(scope="module")
def train(folder):
    return load_dataset(str(folder), "shhs", split="train")


def streamed(folder):
    return load_dataset(str(folder), "shhs", split="train", streaming=True)


def shades(row):
    return [image.convert("L").getpixel((5, 5)) for image in row["images"]]


def expected(recording, epoch, k):
    near = range(epoch - k, epoch + k + 1)
    return [grey(recording, e) if e in EPOCHS else BLANK for e in near]


def check(rows, k):
    """Check that every row has its own neighbours; return the rows' recordings and epochs."""
    for row in rows:
        recording, epoch = row["recording"], row["epoch"]
        assert shades(row) == expected(recording, epoch, k)
        assert row["shown"] == [e in EPOCHS for e in range(epoch - k, epoch + k + 1)]
        assert row["prompt"] == chat.prompt(SPEC.prompt, 2 * k + 1)
    return [(row["recording"], row["epoch"]) for row in rows]


@pytest.mark.parametrize("k", [1, 2, 10])
def test_neighbours_are_found_by_the_number_of_the_epoch(train, k):
    rows = neighbour_rows.attach(train, SPEC, k)
    assert check(list(rows), k) == TRAIN
    assert check([rows[-1], rows[5]], k) == [TRAIN[-1], TRAIN[5]]
    assert rows["stage"][:] == train["stage"][:]
    before_gap = next(row for row in rows if row["epoch"] == 5)
    assert before_gap["shown"][k : k + 2] == [True, False]


def test_rows_in_any_order_find_their_neighbours_in_the_whole_split(train):
    """Scored rows are shuffled and some are repeated; their unscored neighbours are shown."""
    scored = train.filter(lambda stage: stage is not None, input_columns="stage")
    drawn = scored.select(np.random.default_rng(3).integers(len(scored), size=2 * len(scored)))
    rows = neighbour_rows.attach(drawn, SPEC, 1, among=train)
    assert check(list(rows), 1) == list(zip(drawn["recording"], drawn["epoch"], strict=True))
    again = rows.shuffle(seed=1).select(range(7))
    assert len(check(list(again), 1)) == 7
    after_unscored = next(row for row in rows if row["epoch"] == 4)
    assert after_unscored["shown"] == [True, True, True]
    alone = neighbour_rows.attach(scored, SPEC, 1)
    assert next(row for row in alone if row["epoch"] == 4)["shown"] == [False, True, True]


def test_neighbours_outside_the_dataset_are_blank(train):
    one = train.select([3])
    (row,) = neighbour_rows.attach(one, SPEC, 1)
    assert row["shown"] == [False, True, False]
    assert shades(row) == [BLANK, grey(*TRAIN[3]), BLANK]
    row = neighbour_rows.attach(train, SPEC, 1, among=one)[4]
    assert row["shown"] == [True, True, False]


def test_recordings_of_two_cohorts_of_one_name_are_kept_apart(train):
    from datasets import concatenate_datasets

    other = train.map(lambda row: {"cohort": "other"}).select(range(0, len(train), 2))
    rows = neighbour_rows.attach(concatenate_datasets([other, train]), SPEC, 1)
    check([row for row in rows if row["cohort"] == "shhs"], 1)
    assert all(not any(rows[i]["shown"][::2]) for i in range(2))


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_loader_workers_give_every_row_once(train, workers):
    rows = neighbour_rows.attach(train, SPEC, 1)
    loader = DataLoader(rows, 4, shuffle=True, num_workers=workers, collate_fn=list)
    assert sorted(check([row for batch in loader for row in batch], 1)) == TRAIN


def test_neighbours_are_pickled_without_images(train):
    rows = neighbour_rows.attach(train, SPEC, 1)
    packed = pickle.dumps(rows)
    assert len(packed) < 60_000
    assert check(list(pickle.loads(packed)), 1) == TRAIN


def test_the_columns_that_identify_an_epoch_must_stay(train):
    rows = neighbour_rows.attach(train, SPEC, 1)
    assert rows.remove_columns("images")[0]["epoch"] == EPOCHS[0]
    with pytest.raises(InputError, match=r"no column recording.*remove_unused_columns=False"):
        rows.remove_columns("recording")[0]


@pytest.mark.parametrize("shard_rows", [1, 2, 8, 100])
@pytest.mark.parametrize("k", [1, 3])
def test_a_stream_finds_neighbours_across_shards(tmp_path, shard_rows, k):
    folder = small_corpus.write(tmp_path / "corpus", shard_rows=shard_rows)
    rows = neighbour_rows.stream(streamed(folder), SPEC, k)
    assert check(list(rows), k) == TRAIN


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_workers_of_a_stream_give_every_row_once(folder, workers):
    rows = neighbour_rows.stream(streamed(folder), SPEC, 1)
    assert rows.num_shards == 5
    for shuffled in (rows, rows.shuffle(seed=5, buffer_size=10)):
        loader = DataLoader(shuffled, 4, num_workers=workers, collate_fn=list)
        read = check([row for batch in loader for row in batch], 1)
        assert sorted(read) == TRAIN
        assert (read == TRAIN) == (shuffled is rows and workers < 2)


def test_a_stream_is_pickled_for_workers(folder):
    rows = pickle.loads(pickle.dumps(neighbour_rows.stream(streamed(folder), SPEC, 1)))
    assert check(list(rows), 1) == TRAIN


def test_two_nodes_share_a_stream(folder):
    from datasets.distributed import split_dataset_by_node

    rows = neighbour_rows.stream(streamed(folder), SPEC, 1)
    shares = [check(list(split_dataset_by_node(rows, rank, 2)), 1) for rank in range(2)]
    assert sorted(shares[0] + shares[1]) == TRAIN
    assert min(map(len, shares)) >= 12


def test_a_stream_is_resumed_where_it_stopped(folder):
    rows = neighbour_rows.stream(streamed(folder), SPEC, 2)
    reading = iter(rows)
    first = check([next(reading) for _ in range(13)], 2)
    state = rows.state_dict()
    again = neighbour_rows.stream(streamed(folder), SPEC, 2)
    again.load_state_dict(state)
    assert first + check(list(again), 2) == TRAIN


def test_a_stream_out_of_order_is_refused(train):
    shuffled = train.shuffle(seed=1).to_iterable_dataset(num_shards=2)
    with pytest.raises(InputError, match="before any shuffle"):
        list(neighbour_rows.stream(shuffled, SPEC, 1))


def test_without_neighbours_rows_stay_as_they_are(folder, train):
    assert neighbour_rows.attach(train, SPEC, 0) is train
    rows = streamed(folder)
    assert neighbour_rows.stream(rows, SPEC, 0) is rows
    pictures = [Image.new("RGB", SPEC.size)]
    assert list(neighbours.around(pictures, SPEC, 0)) == [pictures]


def test_the_neighbours_of_every_epoch_of_a_night():
    pictures = [Image.new("RGB", SPEC.size, (n, n, n)) for n in range(5)]
    lists = [shades({"images": near}) for near in neighbours.around(iter(pictures), SPEC, 2)]
    padded = [BLANK, BLANK, 0, 1, 2, 3, 4, BLANK, BLANK]
    assert lists == [padded[n : n + 5] for n in range(5)]


def test_a_missing_neighbour_is_a_blank_image_of_the_spec(train):
    from psgvlm.image_spec import PRESETS
    from psgvlm.images import raster

    spec = PRESETS["wide"]
    first = neighbour_rows.attach(train, spec, 1)[0]["images"][0]
    assert np.array_equal(np.asarray(first), raster.to_rgb(raster.ground(spec), spec))
    assert len(np.unique(np.asarray(first))) > 1  # the grid of seconds is there, as in any other


def test_the_prompt_says_which_image_is_asked_about():
    (message,) = chat.prompt("What stage?", 3)
    assert [part["type"] for part in message["content"]] == ["image"] * 3 + ["text"]
    text = message["content"][-1]["text"]
    assert text.startswith("The middle image is the epoch in question")
    assert text.endswith("What stage?")
    assert chat.prompt("What stage?", 1) == chat.prompt("What stage?")


@pytest.mark.parametrize("streaming", [False, True])
def test_trl_trains_on_rows_with_neighbours(folder, train, tmp_path, streaming):
    """The tiny model trains for two steps on scored rows of three images each."""
    from trl import SFTConfig, SFTTrainer

    model, processor = tiny.build_tiny(SPEC)
    rows = neighbour_rows.stream(streamed(folder), SPEC, 1) if streaming else train
    rows = rows.filter(lambda row: row["stage"] is not None)
    if not streaming:
        rows = neighbour_rows.attach(rows, SPEC, 1, among=train)
    config = SFTConfig(
        tmp_path, max_steps=2, per_device_train_batch_size=4, max_length=None, use_cpu=True,
        bf16=False, remove_unused_columns=False, report_to="none", dataloader_num_workers=2,
        save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    trainer = SFTTrainer(model, config, train_dataset=rows, processing_class=processor)
    batch = next(iter(trainer.get_train_dataloader()))
    assert batch["pixel_values"].shape == (4 * 3, 3, 48, 48)
    image = processor.tokenizer.convert_tokens_to_ids("<image>")
    assert ((batch["input_ids"] == image).sum(1) == 3 * 144).all()
    assert trainer.data_collator.completion_only_loss
    trainer.train()
    losses = [entry["train_loss"] for entry in trainer.state.log_history if "train_loss" in entry]
    assert trainer.state.global_step == 2
    assert np.isfinite(losses).all()
    assert losses[0] > 0


@pytest.mark.parametrize("k", [0, 1, 10])
def test_an_adapter_stores_its_number_of_neighbours(tmp_path, k):
    assert adapter_files.load_neighbours(tmp_path) == 0
    assert json.loads(adapter_files.save_neighbours(tmp_path, k).read_text()) == {"neighbours": k}
    assert adapter_files.load_neighbours(tmp_path) == k


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"neighbours": true}',
        '{"neighbours": "1"}',
        '{"neighbours": -1}',
        '{"a": 1}',
    ],
)
def test_a_damaged_neighbours_file_is_refused(tmp_path, text):
    (tmp_path / "neighbours.json").write_text(text)
    with pytest.raises(InputError, match=r"neighbours"):
        adapter_files.load_neighbours(tmp_path)


def test_a_repository_without_the_file_has_no_neighbours(monkeypatch):
    import huggingface_hub
    from huggingface_hub.errors import RemoteEntryNotFoundError

    def not_there(name, file, repo_type):
        assert (name, file, repo_type) == ("someone/adapter", "neighbours.json", "model")
        raise RemoteEntryNotFoundError("404", response=SimpleNamespace(headers={}, request=None))

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", not_there)
    assert adapter_files.load_neighbours("someone/adapter") == 0


def test_an_adapter_that_cannot_be_reached_is_named():
    with pytest.raises(InputError, match="nobody/nothing: neither a folder here"):
        adapter_files.load_neighbours("nobody/nothing")
