"""Assigning subjects to train, validation and test: by subject, never by epoch.

A list of somebody else's splits is read by `psgvlm.corpus.split_files`.

A subject is ranked by a hash of the seed and its name, so that the same subjects come to the same
splits on any machine and in any order.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from psgvlm.errors import InputError

SPLITS = ("train", "validation", "test", "pretrain")
NAMED = {
    "loso": "one fold for each subject",
    "u-sleep": "10 % of the subjects, at most 50, to validate and 15 %, at most 100, to test\n"
    "(U-Sleep)",
    "sleep-edf-20": "subjects 0-19 of the Sleep-EDF cassette, a fold for each (DeepSleepNet)",
    "sleep-edf-78": "all 78 subjects of the Sleep-EDF cassette in 10 folds; which subject is in\n"
    "which fold is our choice, as papers differ in it",
    "mass-20fold": "20 folds over all subsets of MASS (SeqSleepNet)",
    "mass-sleepvlm": "MASS SS1 to test, SS3 to train and validate, the rest to pretrain (SleepVLM)",
    "attnsleep-ids": "20 folds over the subjects of --ids in their order (AttnSleep)",
}
_CASSETTE = re.compile(r"SC4(\d\d)")


class Assignment(NamedTuple):
    """The split of a subject and, for cross-validation, the fold that tests it.

    The splits of a corpus for cross-validation are those of its first fold: fold 0 is the test
    split and fold 1 the validation split.
    """

    split: str
    fold: int | None = None


def assign(
    how: str, subjects: Iterable[str], seed: int = 42, ids: Sequence[str] | None = None
) -> dict[str, Assignment]:
    """Assign every subject to a split.

    Parameters
    ----------
    how : str
        Shares of train, validation and test such as `"70/15/15"`, or the name of a protocol:

        - `"loso"`: one fold for each subject.
        - `"u-sleep"`: 10 % of the subjects, at most 50, as validation and 15 %, at most 100, as
          test (Perslev and others, U-Sleep, 2021, doi:10.1038/s41746-021-00440-5).
        - `"sleep-edf-20"`: subjects 0-19 of the cassette recordings of Sleep-EDF in their order,
          a fold for each (Supratak and others, DeepSleepNet, 2017, doi:10.1109/TNSRE.2017.2721116).
        - `"sleep-edf-78"`: all 78 subjects of the cassette recordings in 10 folds. Papers differ in
          which subject is in which fold, so the folds are ours, by the ranking of `seed`.
        - `"mass-20fold"`: 20 folds over all subsets of MASS (SeqSleepNet).
        - `"mass-sleepvlm"`: SS1 as test, 50 and 12 of the 62 subjects of SS3 as train and
          validation, SS2, SS4 and SS5 as `"pretrain"`.
        - `"attnsleep-ids"`: 20 folds over `ids` in their order (AttnSleep).

        With fewer subjects than folds, each subject is a fold.
    subjects : iterable of str
        The subjects.
    seed : int
        The seed of the ranking.
    ids : sequence of str, optional
        The list for `"attnsleep-ids"`.

    Returns
    -------
    dict of str to Assignment
        The split and fold of each subject. Subjects that the protocol leaves out are missing.

    Raises
    ------
    InputError
        If `how` is unknown or cannot be used with these subjects.
    """
    subjects = set(subjects)
    ranked = sorted(subjects, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    if how == "loso":
        return folds([[name] for name in ranked])
    if how == "u-sleep":
        return _by_count(ranked, min(50, _share(ranked, 0.1)), min(100, _share(ranked, 0.15)))
    if how == "sleep-edf-20":
        return folds([[name] for name in sorted(_cassette(how, subjects)) if int(name[3:]) < 20])
    if how == "sleep-edf-78":
        cassette = _cassette(how, subjects)
        return folds(_cut([name for name in ranked if name in cassette], 10))
    if how == "mass-20fold":
        _check_mass(how, subjects)
        return folds(_cut(ranked, 20))
    if how == "mass-sleepvlm":
        _check_mass(how, subjects)
        return _sleepvlm(ranked)
    if how == "attnsleep-ids":
        if not ids:
            raise InputError(
                "split attnsleep-ids: there is no list of subjects; expected that of AttnSleep",
                parameter="ids",
            )
        return folds(_cut([name for name in dict.fromkeys(ids) if name in subjects], 20))
    return _by_ratio(how, ranked)


def _by_ratio(ratio: str, ranked: list[str]) -> dict[str, Assignment]:
    """Assign by shares. With three or more subjects, validation and test get at least one each."""
    try:
        shares = [float(share) for share in ratio.split("/")]
    except ValueError:
        shares = []
    if len(shares) != 3 or not min(shares) >= 0 or not 0 < sum(shares) < float("inf"):
        raise InputError(
            f"split {ratio}: expected three shares such as 70/15/15, or one of {', '.join(NAMED)}",
            parameter="split",
        )
    counts = [round(len(ranked) * share / sum(shares)) for share in shares]
    for i in (1, 2):
        if shares[i] and len(ranked) >= 3:
            counts[i] = max(1, counts[i])
    return _by_count(ranked, counts[1], counts[2])


def _share(ranked: list[str], share: float) -> int:
    """Return how many subjects a share is: at least one of three or more."""
    return max(round(len(ranked) * share), int(len(ranked) >= 3))


def _by_count(ranked: list[str], validation: int, test: int) -> dict[str, Assignment]:
    """Assign the first subjects to test, the next to validation and all others to train."""
    held_out = ["test"] * test + ["validation"] * validation
    names = (held_out + ["train"] * len(ranked))[: len(ranked)]
    return {subject: Assignment(split) for subject, split in zip(ranked, names, strict=True)}


def folds(subjects_by_fold: Sequence[Iterable[str]]) -> dict[str, Assignment]:
    """Assign the subjects of each fold: fold 0 is the test split, fold 1 the validation split.

    Raise `InputError` if there are fewer than two folds.
    """
    count = len(subjects_by_fold)
    if count < 2:
        raise InputError(
            f"{count} folds for cross-validation; expected two subjects or more", parameter="split"
        )
    splits = ["test", "validation"] if count > 2 else ["test"]
    splits += ["train"] * (count - len(splits))
    return {
        subject: Assignment(splits[fold], fold)
        for fold, names in enumerate(subjects_by_fold)
        for subject in names
    }


def _cassette(how: str, subjects: Iterable[str]) -> set[str]:
    """Return the subjects of the cassette recordings of Sleep-EDF; the others are left out."""
    cassette = {name for name in subjects if _CASSETTE.fullmatch(name)}
    if not cassette:
        raise InputError(
            f"split {how}: no subject of the Sleep-EDF cassette; expected names such as SC400",
            parameter="split",
        )
    return cassette


def _cut(names: list[str], count: int) -> list[list[str]]:
    """Cut a list into consecutive pieces, none empty; the first are longer by one if need be."""
    count = min(count, len(names))
    size, more = divmod(len(names), max(count, 1))
    starts = [fold * size + min(fold, more) for fold in range(count + 1)]
    return [names[a:b] for a, b in pairwise(starts)]


def _sleepvlm(ranked: list[str]) -> dict[str, Assignment]:
    places = {name: Assignment("pretrain") for name in ranked}
    places |= {name: Assignment("test") for name in ranked if name[3:5] == "01"}
    third = [name for name in ranked if name[3:5] == "03"]
    held_out = round(len(third) * 12 / 62)
    for rank, name in enumerate(third):
        places[name] = Assignment("validation" if rank < held_out else "train")
    return places


def _check_mass(how: str, subjects: Iterable[str]) -> None:
    other = sorted(name for name in subjects if name[:3] != "01-" or len(name) != 10)
    if other:
        raise InputError(
            f"split {how}: {other[0]!r} is no subject of MASS; expected names such as 01-03-0001",
            parameter="split",
        )
