"""Splits by subject: the same anywhere, the customary ones by name, never a subject in two."""

import random
from collections import Counter

import pytest

from psgvlm.corpus import loading
from psgvlm.corpus.splits import assign
from psgvlm.errors import InputError

MASS = [f"01-0{s}-{i:04d}" for s, n in ((1, 53), (2, 19), (3, 62), (4, 40), (5, 26))
        for i in range(1, n + 1)]  # fmt: skip


def sizes(places):
    return Counter(place.split for place in places.values())


def test_a_ratio_is_the_same_in_any_order_and_for_any_repetition():
    subjects = [f"I-{i}" for i in range(1, 101)]
    places = assign("70/15/15", subjects)
    shuffled = random.Random(1).sample(subjects, 100)
    assert assign("70/15/15", [*shuffled, *shuffled]) == places
    assert sizes(places) == {"train": 70, "validation": 15, "test": 15}
    assert assign("70/15/15", subjects, seed=43) != places
    assert {place.fold for place in places.values()} == {None}


def test_the_split_is_the_one_of_every_other_machine():
    places = assign("70/15/15", ["I-1", "I-2", "I-3", "200001", "01-03-0001"], seed=42)
    assert {name: place.split for name, place in places.items()} == {
        "200001": "test",
        "I-1": "validation",
        "I-2": "train",
        "I-3": "train",
        "01-03-0001": "train",
    }


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_few_subjects(count):
    found = sizes(assign("70/15/15", map(str, range(count))))
    assert sum(found.values()) == count
    assert found["train"] >= 1
    if count >= 3:
        assert found["test"] == found["validation"] == 1


def test_a_ratio_without_validation():
    assert sizes(assign("80/0/20", map(str, range(10)))) == {"train": 8, "test": 2}


@pytest.mark.parametrize(
    "how", ["70/30", "a/b/c", "-1/1/1", "0/0/0", "nan/1/1", "inf/1/1", "kfold"]
)
def test_an_unknown_split_is_refused(how):
    with pytest.raises(InputError, match=r"split .*expected three shares"):
        assign(how, ["1", "2", "3"])


def test_leave_one_subject_out():
    places = assign("loso", [f"III-{i}" for i in range(1, 11)])
    assert sorted(place.fold for place in places.values()) == list(range(10))
    assert sizes(places) == {"test": 1, "validation": 1, "train": 8}
    assert all((place.fold == 0) == (place.split == "test") for place in places.values())
    with pytest.raises(InputError, match="1 folds for cross-validation"):
        assign("loso", ["1"])


def test_mass_in_twenty_folds():
    places = assign("mass-20fold", MASS)
    assert set(Counter(place.fold for place in places.values()).values()) == {10}
    assert sizes(places) == {"test": 10, "validation": 10, "train": 180}
    assert max(place.fold for place in assign("mass-20fold", MASS[:6]).values()) == 5


def test_mass_as_sleepvlm_has_it():
    places = assign("mass-sleepvlm", MASS)
    assert sizes(places) == {"test": 53, "train": 50, "validation": 12, "pretrain": 85}
    assert {name[3:5] for name, place in places.items() if place.split == "test"} == {"01"}
    assert {name[3:5] for name, p in places.items() if p.split in ("train", "validation")} == {"03"}
    with pytest.raises(InputError, match="'I-1' is no subject of MASS"):
        assign("mass-sleepvlm", ["I-1"])


def test_attnsleep_s_ids_in_their_own_order():
    ids = [str(200001 + 7 * i) for i in range(329)]
    places = assign("attnsleep-ids", ids, ids=ids)
    folds = [places[name].fold for name in ids]
    assert folds == sorted(folds)
    assert Counter(folds) == {fold: 17 if fold < 9 else 16 for fold in range(20)}
    with pytest.raises(InputError, match="no list of subjects"):
        assign("attnsleep-ids", ids)


### Checked whenever a corpus is opened


class Column:
    def __init__(self, *subjects):
        self.subjects = subjects

    def unique(self, name):
        assert name == "subject"
        return list(self.subjects)


def test_a_subject_in_two_splits_is_refused():
    loading.check_subjects("c", {"train": Column("1", "2"), "test": Column("3")})
    with pytest.raises(InputError, match="c: subject 2 is in the splits train and test"):
        loading.check_subjects("c", {"train": Column("1", "2"), "test": Column("3", "2")})


### The customs of other data sets

CASSETTE = [f"SC4{i:02d}" for i in range(83) if i not in (39, 68, 69, 78, 79)]
TELEMETRY = ["ST701", "ST702"]


def test_sleep_edf_20_has_a_fold_for_each_of_its_subjects():
    places = assign("sleep-edf-20", [*CASSETTE, *TELEMETRY])
    assert {name: place.fold for name, place in places.items()} == {
        f"SC4{i:02d}": i for i in range(20)
    }
    assert sizes(places) == {"test": 1, "validation": 1, "train": 18}
    with pytest.raises(InputError, match="SC400"):
        assign("sleep-edf-20", TELEMETRY)


def test_sleep_edf_78_has_ten_folds_of_all_subjects():
    places = assign("sleep-edf-78", [*CASSETTE, *TELEMETRY])
    assert set(places) == set(CASSETTE)
    assert Counter(Counter(place.fold for place in places.values()).values()) == {8: 8, 7: 2}


@pytest.mark.parametrize(
    ("count", "validation", "test"),
    [(2, 0, 0), (3, 1, 1), (20, 2, 3), (100, 10, 15), (600, 50, 90), (2056, 50, 100)],
)
def test_u_sleep_s_rule(count, validation, test):
    found = sizes(assign("u-sleep", map(str, range(count))))
    assert (found["validation"], found["test"]) == (validation, test)
    assert sum(found.values()) == count
