"""Who may be shown what: the terms under which a cohort, or what was trained on it, is handed on.

A simulated recording lies in its corpus as a real one of that cohort would, and nothing tells them
apart: it follows the same terms. A cohort that is not named here is one's own recordings.
"""

from collections.abc import Collection
from typing import NamedTuple

from psgvlm.errors import InputError


class Terms(NamedTuple):
    """What has to be stated, for a private repository and for one that all can see.

    `None` where there is nothing that one could state: it is not handed on that way.
    """

    private: str | None
    public: str | None


OPEN = ""  # nothing has to be stated
OWN = Terms(OPEN, "CONSENT")
TERMS = {
    "isruc": Terms(OPEN, OPEN),
    "mass": Terms("MASS", None),
    "shhs": Terms("NSRR", None),
}
# MASS-EX is a precedent of labels without images; what the NSRR says is of derived data, too.
LABELS = TERMS | {"mass": Terms("MASS", "MASS")}
STATEMENTS = {
    "MASS": "you have signed the MASS agreement, and it allows this",
    "NSRR": "you have signed the NSRR data access and use agreement, and it allows this",
    "CONSENT": "those who were recorded have agreed that all can see it",
}


def check(
    name: str,
    cohorts: Collection[str],
    public: bool = False,
    allowed: Collection[str] = (),
    labels_only: bool = False,
) -> None:
    """Refuse to hand on what `cohorts` do not allow; `allowed` are those of `STATEMENTS` made.

    `name` is what is to be handed on, as the message calls it: a corpus, or a model trained on it.
    Raises `InputError`, also where no cohort is known.
    """
    if odd := sorted(set(allowed) - set(STATEMENTS)):
        raise InputError(f"--i-am-allowed {odd[0]}: expected some of {', '.join(STATEMENTS)}")
    if not cohorts:
        raise InputError(
            f"{name}: nothing tells what cohort it comes from; expected those that the builders, "
            "or train_sft.py, write beside it"
        )
    for cohort in sorted(cohorts):
        terms = (LABELS if labels_only else TERMS).get(cohort.lower(), OWN)
        needed = terms.public if public else terms.private
        if needed is None:
            raise InputError(
                f"{name}: {cohort} comes under an agreement, and nothing made of its recordings "
                "is shown to all; expected a private repository (no --public, no "
                "hub_private_repo: false)"
            )
        if needed and needed not in allowed:
            raise InputError(
                f"{name}: holds {cohort}; expected --i-am-allowed {needed}, which says that "
                f"{STATEMENTS[needed]}"
            )


def gated(cohorts: Collection[str]) -> bool:
    """Whether everyone who asks is to be approved by hand, should it ever be made visible."""
    return any(TERMS.get(cohort.lower(), OWN).public is None for cohort in cohorts)
