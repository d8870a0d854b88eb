"""The cohorts whose recordings psgvlm knows, and the terms under which they may be shared.

Images, labels and trained models follow the terms of the recordings that they come from. Simulated
recordings follow the terms of the cohort that they imitate, because a corpus does not tell them
apart. A cohort that is not listed here is taken for the user's own recordings.
"""

from collections.abc import Iterable
from dataclasses import dataclass

NOTHING = ""  # the user has to state nothing
STATEMENTS = {
    "MASS": "you have signed the MASS agreement, and it allows this",
    "NSRR": "you have signed the NSRR data access and use agreement, and it allows this",
    "CONSENT": "the people who were recorded have agreed to publication",
}


@dataclass(frozen=True)
class Cohort:
    """The terms of one cohort.

    Each of the three permissions names the statement (of `STATEMENTS`) that a user has to make
    before uploading. It is "" if no statement is needed, and `None` if no statement permits it.

    Attributes
    ----------
    name : str
        The name to show to readers.
    agreement : str or None
        The agreement that every user of the cohort has signed; `None` if there is none.
    terms : str
        The terms as a card states them after the cohort's name.
    private : str or None
        The permission for a private repository.
    public : str or None
        The permission for a public repository.
    public_labels : str or None
        The permission for a public repository that holds labels and no images.
    """

    name: str
    agreement: str | None
    terms: str
    private: str | None
    public: str | None
    public_labels: str | None


COHORTS = {
    "isruc": Cohort(
        name="ISRUC-Sleep",
        agreement=None,
        terms="described as open access; we have seen no licence text.",
        private=NOTHING,
        public=NOTHING,
        public_labels=NOTHING,
    ),
    "mass": Cohort(
        name="MASS",
        agreement="the agreement of the Montreal Archive of Sleep Studies",
        terms="under an agreement that each user signs.",
        private="MASS",
        public=None,
        public_labels="MASS",  # MASS-EX is a precedent: it publishes labels without signals
    ),
    "shhs": Cohort(
        name="SHHS",
        agreement=(
            "the data access and use agreement of the National Sleep Research Resource (NSRR)"
        ),
        terms="under the NSRR data access and use agreement, which each user signs.",
        private="NSRR",
        public=None,
        public_labels=None,  # the NSRR agreement covers derived data, too
    ),
}
_OWN = Cohort("", None, "", private=NOTHING, public="CONSENT", public_labels="CONSENT")


def terms_of(cohort: str) -> Cohort:
    """Return the terms of a cohort, in upper or lower case; those of own recordings by default."""
    return COHORTS.get(cohort.lower(), _OWN)


def is_open(cohort: str) -> bool:
    """Return whether a card, which everybody can read, may show images of a cohort."""
    return terms_of(cohort).public == NOTHING


def under_agreement(cohorts: Iterable[str]) -> list[Cohort]:
    """Return those cohorts whose users have signed an agreement."""
    return [terms for terms in map(terms_of, cohorts) if terms.agreement]


def needs_approval(cohorts: Iterable[str]) -> bool:
    """Return whether each reader of a repository has to be approved by hand."""
    return any(terms_of(cohort).public is None for cohort in cohorts)


def access_form(cohorts: Iterable[str], content: str) -> dict:
    """Return the part of a card's YAML that defines the form by which readers ask for access.

    Parameters
    ----------
    cohorts : iterable of str
        The cohorts whose recordings the repository is made from.
    content : str
        The beginning of the form's first sentence, up to the cohorts' names.

    Returns
    -------
    dict
        Empty if no cohort is under an agreement. The YAML only defines the form; the repository's
        setting `gated` on the Hub switches it on.
    """
    if not (bound := under_agreement(cohorts)):
        return {}
    names = " and ".join(cohort.name for cohort in bound)
    return {
        "extra_gated_prompt": (
            f"{content} {names}. These cohorts come under agreements that you have to sign "
            "yourself. The agreements allow non-commercial research only, forbid passing the data "
            "on, and forbid trying to identify the people who were recorded."
        ),
        "extra_gated_fields": {
            "Name": "text",
            "Institution": "text",
            "Purpose": "text",
            **{f"I have signed {cohort.agreement}": "checkbox" for cohort in bound},
            "I will not pass it on, and I will not try to identify anyone": "checkbox",
        },
    }
