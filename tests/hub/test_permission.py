"""Who may be shown what."""

import pytest

from psgvlm.errors import InputError
from psgvlm.hub import permission


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
def test_what_may_be_handed_on(cohorts, public, allowed, labels_only):
    permission.check("corpus", cohorts, public, allowed, labels_only)


@pytest.mark.parametrize(
    ("cohorts", "public", "allowed", "labels_only", "expected"),
    [
        (["mass"], False, [], False, "--i-am-allowed MASS"),
        (["MASS"], False, ["NSRR"], False, "--i-am-allowed MASS"),
        (["isruc", "shhs"], False, ["MASS"], False, "--i-am-allowed NSRR"),
        (["mass"], True, ["MASS"], False, "private"),
        (["isruc", "shhs"], True, ["NSRR"], False, "private"),
        (["shhs"], True, ["NSRR"], True, "private"),
        (["shhs"], False, [], True, "--i-am-allowed NSRR"),
        (["mass"], True, [], True, "--i-am-allowed MASS"),
        (["folder"], True, [], False, "--i-am-allowed CONSENT"),
        (["ours"], True, [], False, "--i-am-allowed CONSENT"),
        (["isruc"], False, ["yes"], False, "MASS, NSRR, CONSENT"),
        ([], False, [], False, "what cohort"),
    ],
)
def test_what_may_not(cohorts, public, allowed, labels_only, expected):
    with pytest.raises(InputError, match=expected) as told:
        permission.check("corpus", cohorts, public, allowed, labels_only)
    assert "expected" in str(told.value) and "\n" not in str(told.value)


def test_what_comes_under_an_agreement_is_gated():
    assert permission.gated(["isruc", "mass"])
    assert permission.gated(["SHHS"])
    assert not permission.gated(["isruc", "folder"])
