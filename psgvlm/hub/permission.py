"""Check that the terms of the cohorts allow an upload."""

from collections.abc import Collection

from psgvlm.errors import InputError
from psgvlm.hub.cohorts import STATEMENTS, terms_of


def check(
    name: str,
    cohorts: Collection[str],
    public: bool = False,
    allowed: Collection[str] = (),
    labels_only: bool = False,
) -> None:
    """Refuse an upload that the terms of its cohorts do not allow.

    Parameters
    ----------
    name : str
        What is to be uploaded, as the message calls it: a corpus, or a model.
    cohorts : collection of str
        The cohorts whose recordings it was made from.
    public : bool
        Whether the repository will be public.
    allowed : collection of str
        The statements that the user makes, such as "MASS"; see `cohorts.STATEMENTS`.
    labels_only : bool
        Whether the upload holds labels and no images.

    Raises
    ------
    InputError
        If a cohort forbids the upload or needs a statement that is missing, if a statement is
        unknown, or if no cohort is known.
    """
    if unknown := sorted(set(allowed) - set(STATEMENTS)):
        raise InputError(
            f"{unknown[0]!r} is no statement; expected some of {', '.join(STATEMENTS)}",
            parameter="i_am_allowed",
        )
    if not cohorts:
        raise InputError(
            f"{name}: cannot tell which cohort it was made from; expected the files that psgvlm "
            "build or psgvlm train writes beside it"
        )
    for cohort in sorted(cohorts):
        terms = terms_of(cohort)
        on_public = terms.public_labels if labels_only else terms.public
        needed = on_public if public else terms.private
        if needed is None:
            bound_by = "an agreement" if terms.agreement else terms.licence
            raise InputError(
                f"{name}: {cohort} comes under {bound_by}, and nothing made of its recordings "
                "may be public; expected a private repository"
            )
        if needed and needed not in allowed:
            raise InputError(
                f"{name}: is made from {cohort}; expected the statement {needed}, by which you say "
                f"that {STATEMENTS[needed]}",
                parameter="i_am_allowed",
            )
