"""Assigning subjects to train, validation and test: by subject, never by epoch.

A subject is ranked by a hash of the seed and its name, so that the same subjects come to the same
splits on any machine and in any order.
"""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from psgvlm.errors import InputError

SPLITS = ("train", "validation", "test", "pretrain")
NAMED = ("loso", "mass-20fold", "mass-sleepvlm", "attnsleep-ids")


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
        `"loso"`, one fold for each subject; `"mass-20fold"`, 20 folds over all subsets of MASS
        (SeqSleepNet); `"mass-sleepvlm"`, SS1 as test, 50 and 12 of the 62 subjects of SS3 as train
        and validation, SS2, SS4 and SS5 as `"pretrain"`; `"attnsleep-ids"`, 20 folds over `ids`
        in their order (AttnSleep). With fewer subjects than folds, each subject is a fold.
    subjects : iterable of str
        The subjects.
    seed : int
        The seed of the ranking.
    ids : sequence of str, optional
        The list for `"attnsleep-ids"`.

    Returns
    -------
    dict of str to Assignment
        The split and fold of each subject.

    Raises
    ------
    InputError
        If `how` is unknown or cannot be used with these subjects.
    """
    subjects = set(subjects)
    ranked = sorted(subjects, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    if how == "loso":
        return _folds([[name] for name in ranked])
    if how == "mass-20fold":
        _check_mass(how, subjects)
        return _folds(_cut(ranked, 20))
    if how == "mass-sleepvlm":
        _check_mass(how, subjects)
        return _sleepvlm(ranked)
    if how == "attnsleep-ids":
        if not ids:
            raise InputError(
                "split attnsleep-ids: there is no list of subjects; expected that of AttnSleep",
                parameter="ids",
            )
        return _folds(_cut([name for name in dict.fromkeys(ids) if name in subjects], 20))
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
    held_out = ["test"] * counts[2] + ["validation"] * counts[1]
    names = (held_out + ["train"] * len(ranked))[: len(ranked)]
    return {subject: Assignment(split) for subject, split in zip(ranked, names, strict=True)}


def _folds(folds: list[list[str]]) -> dict[str, Assignment]:
    if len(folds) < 2:
        raise InputError(
            f"{len(folds)} folds for cross-validation; expected two subjects or more",
            parameter="split",
        )
    splits = ["test", "validation"] if len(folds) > 2 else ["test"]
    splits += ["train"] * (len(folds) - len(splits))
    return {
        subject: Assignment(splits[fold], fold)
        for fold, names in enumerate(folds)
        for subject in names
    }


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
