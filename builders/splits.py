"""Which subject goes to train, validation or test: by subject, never by epoch."""

import hashlib
from collections.abc import Iterable

from psgvlm.errors import InputError

SPLITS = ("train", "validation", "test")


def by_ratio(subjects: Iterable[str], ratio: str = "70/15/15", seed: int = 42) -> dict[str, str]:
    """The split of every subject, the same on any machine and in any order.

    Subjects are ranked by a hash of the seed and their name and cut by the ratio; validation and
    test get at least one subject each where there are three or more.
    """
    try:
        shares = [float(share) for share in ratio.split("/")]
    except ValueError:
        shares = []
    if len(shares) != 3 or min(shares) < 0 or sum(shares) <= 0:
        raise InputError(f"--split {ratio}: expected three shares such as 70/15/15")
    ranked = sorted(
        set(subjects), key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
    )
    counts = [round(len(ranked) * share / sum(shares)) for share in shares]
    for i in (1, 2):
        if shares[i] and len(ranked) >= 3:
            counts[i] = max(1, counts[i])
    n_test, n_validation = counts[2], counts[1]
    held_out = ["test"] * n_test + ["validation"] * n_validation
    names = (held_out + ["train"] * len(ranked))[: len(ranked)]
    return dict(zip(ranked, names, strict=True))
