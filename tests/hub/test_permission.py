"""Which uploads the terms of the cohorts allow."""

import pytest

from psgvlm.errors import InputError
from psgvlm.hub import cohorts, permission


@pytest.mark.parametrize(
    ("cohorts", "public", "allowed", "labels_only"),
    [
        (["isruc"], False, [], False),
        (["isruc"], True, [], False),
        (["mass"], False, ["MASS"], False),
        (["isruc", "mass", "shhs"], False, ["NSRR", "MASS"], False),
        (["folder"], False, [], False),
        (["folder"], True, ["CONSENT"], False),
        (["isruc", "mass"], True, ["MASS"], True),
    ],
)
def test_an_upload_that_the_terms_allow(cohorts, public, allowed, labels_only):
    permission.check("corpus", cohorts, public, allowed, labels_only)


@pytest.mark.parametrize(
    ("cohorts", "public", "allowed", "labels_only", "expected"),
    [
        (["mass"], False, [], False, "statement MASS"),
        (["MASS"], False, ["NSRR"], False, "statement MASS"),
        (["isruc", "shhs"], False, ["MASS"], False, "statement NSRR"),
        (["mass"], True, ["MASS"], False, "private"),
        (["isruc", "shhs"], True, ["NSRR"], False, "private"),
        (["shhs"], True, ["NSRR"], True, "private"),
        (["shhs"], False, [], True, "statement NSRR"),
        (["mass"], True, [], True, "statement MASS"),
        (["folder"], True, [], False, "statement CONSENT"),
        (["ours"], True, [], False, "statement CONSENT"),
        (["isruc"], False, ["yes"], False, "MASS, NSRR, CONSENT"),
        ([], False, [], False, "which cohort"),
    ],
)
def test_an_upload_that_the_terms_forbid(cohorts, public, allowed, labels_only, expected):
    with pytest.raises(InputError, match=expected) as refused:
        permission.check("corpus", cohorts, public, allowed, labels_only)
    assert "\n" not in str(refused.value)
    by_statement = "statement" in expected or allowed == ["yes"]
    assert refused.value.parameter == ("i_am_allowed" if by_statement else None)


def test_readers_of_a_cohort_under_an_agreement_are_approved_by_hand():
    assert cohorts.needs_approval(["isruc", "mass"])
    assert cohorts.needs_approval(["SHHS"])
    assert not cohorts.needs_approval(["isruc", "folder"])
