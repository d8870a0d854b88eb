"""A corpus that is opened once: its splits, its neighbours, what is refused."""

import datasets
import pytest
import small_corpus
from small_corpus import EPOCHS, SPEC, TRAIN, UNSCORED

from psgvlm.corpus import loading
from psgvlm.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_corpus.write(tmp_path_factory.mktemp("loading") / "corpus")


def test_each_configuration_is_loaded_once_and_its_subjects_are_checked_once(folder, monkeypatch):
    calls = []

    def count(function):
        def counted(*args):
            calls.append(function.__name__)
            return function(*args)

        return counted

    monkeypatch.setattr(datasets, "load_dataset", count(datasets.load_dataset))
    monkeypatch.setattr(loading, "check_subjects", count(loading.check_subjects))
    corpus = loading.open_corpus(str(folder))
    for split in ("train", "validation", "test", "train"):
        for neighbours in (0, 1):
            corpus.split(split, neighbours)
    assert sorted(calls) == ["check_subjects", "load_dataset"]
    assert corpus.split("train") is corpus.split("train")


def test_a_split_holds_its_scored_epochs_in_order_with_their_neighbours(folder):
    corpus = loading.open_corpus(str(folder))
    assert corpus.spec == SPEC
    scored = [place for place in TRAIN if place[1] not in UNSCORED]
    for neighbours in (0, 1):
        rows = corpus.split("train", neighbours)
        assert list(zip(rows["recording"], rows["epoch"], strict=True)) == scored
        assert {len(row["images"]) for row in rows} == {2 * neighbours + 1}
    # The unscored epoch is a neighbour all the same.
    row = next(row for row in rows if row["epoch"] == UNSCORED[0] - 1)
    assert UNSCORED[0] in EPOCHS
    value = small_corpus.grey(row["recording"], UNSCORED[0])
    assert row["images"][2].getpixel((5, 5)) == (value,) * 3


def test_what_a_corpus_lacks_is_named(folder, tmp_path):
    with pytest.raises(InputError, match=r"'shhs' has no split 'nap'.*train, validation, test"):
        loading.load_split(str(folder), "nap")
    with pytest.raises(InputError, match="'dreem' cannot be loaded"):
        loading.open_corpus(str(folder), "dreem")
    small_corpus.write(tmp_path / "reasons", tasks=("rationale",))
    with pytest.raises(InputError, match="shhs-rationale") as refused:
        loading.open_corpus(str(tmp_path / "reasons"))
    assert refused.value.parameter == "config"
