"""Reading a corpus of several shards and row groups: every row once, in any order, any worker."""

import numpy as np
import pytest
import small_corpus
from datasets import load_dataset
from small_corpus import TRAIN, grey
from torch.utils.data import DataLoader


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_corpus.write(tmp_path_factory.mktemp("reading") / "corpus")


@pytest.fixture(scope="module")
def train(folder):
    return load_dataset(str(folder), "shhs", split="train")


@pytest.fixture
def stream(folder):
    return load_dataset(str(folder), "shhs", split="train", streaming=True)


def places(rows):
    """Return the recording and epoch of rows; each picture must be that of its row."""
    for row in rows:
        (image,) = row["images"]
        assert image.getpixel((5, 5)) == (grey(row["recording"], row["epoch"]),) * 3
    return [(row["recording"], row["epoch"]) for row in rows]


def loaded(rows, workers, **how):
    loader = DataLoader(rows, 4, num_workers=workers, collate_fn=list, **how)
    return places([row for batch in loader for row in batch])


def test_a_stream_gives_the_stored_order(stream):
    assert stream.num_shards == 5
    assert places(list(stream)) == TRAIN
    assert places([next(iter(stream))]) == TRAIN[:1]


def test_random_access_and_select(train):
    order = np.random.default_rng(0).permutation(len(TRAIN))
    assert places([train[int(i)] for i in order]) == [TRAIN[i] for i in order]
    assert places(list(train.select(order[:9]))) == [TRAIN[i] for i in order[:9]]
    assert places([train[-1]]) == TRAIN[-1:]


def test_shuffles_give_every_row_once(train, stream):
    for shuffled in (train.shuffle(seed=4), stream.shuffle(seed=4, buffer_size=7)):
        found = places(list(shuffled))
        assert found != TRAIN
        assert sorted(found) == TRAIN


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_loader_workers_give_every_row_once(train, stream, workers):
    assert loaded(train, workers) == TRAIN
    assert sorted(loaded(train, workers, shuffle=True)) == TRAIN
    found = loaded(stream, workers)
    assert sorted(found) == TRAIN
    assert (found == TRAIN) == (workers < 2)
    # From several shards at once it takes threads, and datasets 5 s to end them.
    shuffled = stream.shuffle(seed=1, buffer_size=9, max_buffer_input_shards=1)
    assert sorted(loaded(shuffled, workers)) == TRAIN
    assert sorted(loaded(train.to_iterable_dataset(num_shards=4), workers)) == TRAIN


def test_two_nodes_share_the_rows(train, stream):
    from datasets.distributed import split_dataset_by_node

    for rows in (train, stream):
        shares = [places(list(split_dataset_by_node(rows, rank, 2))) for rank in range(2)]
        assert sorted(shares[0] + shares[1]) == TRAIN


def test_a_pass_can_be_taken_up_where_it_stopped(stream):
    rows = iter(stream)
    first = places([next(rows) for _ in range(10)])
    state = stream.state_dict()
    stream.load_state_dict(state)
    assert first + places(list(stream)) == TRAIN
