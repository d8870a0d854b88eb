"""Which epochs of a staged night are to be explained."""

import re

import numpy as np

from psgvlm.errors import InputError
from psgvlm.staging.staged_night import StagedNight


def parse(text: str) -> set[int] | str:
    """Return `"all"`, `"uncertain"`, or the indices, from 0, of epochs such as `"12,40-44"`.

    Raises InputError for any other text.
    """
    if text in ("all", "uncertain"):
        return text
    indices: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,7})(?:-(\d{1,7}))?\s*", part)
        if not match or int(match[1]) > int(match[2] or match[1]):
            raise InputError(
                f"epochs {text!r}: {part!r}; expected all, uncertain, or numbers of epochs from 1 "
                "as 12,40-44",
                "explain",
            )
        indices |= set(range(int(match[1]) - 1, int(match[2] or match[1])))
    return indices


def rows(text: str, staged: StagedNight, review_under: float) -> np.ndarray:
    """Return the rows of `staged.epochs` that a text names.

    Parameters
    ----------
    text : str
        `"all"`, `"uncertain"`, or numbers of epochs from 1, such as `"12,40-44"`.
    staged : StagedNight
    review_under : float
        An epoch is uncertain if the probability of its stage is lower.

    Raises
    ------
    InputError
        If the text is none of these, or names an epoch that was not staged.
    """
    chosen = parse(text)
    if chosen == "all":
        return np.arange(len(staged.epochs))
    if chosen == "uncertain":
        return staged.rows_for_review(review_under)
    if absent := sorted(chosen - set(staged.epochs.tolist())):
        raise InputError(
            f"epochs {text!r}: {staged.name} has no epoch {absent[0] + 1} that was staged; "
            f"expected 1 to {staged.epochs[-1] + 1}",
            "explain",
        )
    return np.flatnonzero(np.isin(staged.epochs, sorted(chosen)))
