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
        (["sleep-edf", "hmc", "cap", "ucddb", "boas", "slpdb", "cinc2018"], True, [], False),
        (["dreams"], False, [], False),
        (["dod"], True, ["OWNERS"], False),
        (["mesa", "stages"], False, ["NSRR"], False),
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
        (["sleep-edf", "dreams"], True, ["CONSENT", "OWNERS"], False, "CC BY-NC-ND.*private"),
        (["dreams"], True, ["OWNERS"], True, "private"),
        (["dod"], True, [], False, "statement OWNERS"),
        (["anphy", "hmc"], True, ["CONSENT"], False, "statement OWNERS"),
        (["dcsm"], True, [], True, "statement OWNERS"),
        (["mesa"], False, [], False, "statement NSRR"),
        (["hmc", "wsc"], True, ["NSRR"], True, "private"),
        (["ours"], True, [], False, "statement CONSENT"),
        (["isruc"], False, ["yes"], False, "MASS, NSRR, OWNERS, CONSENT"),
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


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        (["sleep-edf"], ["odc-by"]),
        (["sleep-edf", "hmc", "cap"], ["cc-by-4.0", "odc-by"]),
        (["boas"], ["cc0-1.0"]),
        (["dreams"], []),  # its licence forbids images, so that no licence of images is named
        (["hmc", "dod"], []),
        (["hmc", "mesa"], []),
        (["hmc", "folder"], []),
        (["isruc"], []),
    ],
)
def test_the_licence_that_the_hub_is_told(of, expected):
    assert cohorts.hub_licences(of) == expected


def test_no_cohort_is_public_without_a_licence_that_lets_it():
    """ISRUC is the only one that is public without a licence text: it calls itself open access."""
    for name, terms in cohorts.COHORTS.items():
        if terms.public == cohorts.NOTHING and name != "isruc":
            assert terms.hub_licence in ("odc-by", "cc-by-4.0", "cc0-1.0"), name
        assert (terms.public is None) >= bool(terms.agreement), name
        assert terms.source.startswith("http"), name
