"""The `evaluate` module against scikit-learn, and what it says of invalid answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from psgvlm.metrics import SLEEP_STAGING
from psgvlm.stages import STAGES


@pytest.fixture(scope="module")
def metric():
    import evaluate

    return evaluate.load(SLEEP_STAGING)


stage_lists = st.lists(st.tuples(st.sampled_from(STAGES), st.sampled_from(STAGES)), min_size=1)


@settings(max_examples=30, deadline=None)
@given(pairs=stage_lists)
def test_equal_to_scikit_learn(metric, pairs):
    predictions, references = map(list, zip(*pairs, strict=True))
    ours = metric.compute(predictions=predictions, references=references)
    occurring = sorted({*predictions, *references})
    assert ours["accuracy"] == pytest.approx(sk.accuracy_score(references, predictions))
    recalls = sk.recall_score(
        references, predictions, labels=sorted(set(references)), average=None, zero_division=0
    )
    assert ours["balanced_accuracy"] == pytest.approx(np.mean(recalls))
    f1 = sk.f1_score(references, predictions, labels=occurring, average=None, zero_division=0)
    assert ours["macro_f1"] == pytest.approx(f1.mean())
    for stage in STAGES:
        expected = f1[occurring.index(stage)] if stage in occurring else None
        assert ours["f1"][stage] == (None if expected is None else pytest.approx(expected))
    confusion = sk.confusion_matrix(references, predictions, labels=STAGES)
    assert (np.array(ours["confusion"])[:, :5] == confusion).all()
    if len(occurring) > 1:
        kappa = sk.cohen_kappa_score(references, predictions)
        assert ours["kappa"] == pytest.approx(kappa)
    else:
        assert ours["kappa"] == 0


def test_an_invalid_answer_is_wrong_not_absent(metric):
    references = ["W", "N1", "N2", "N3", "R", "N2", "N2", "W"]
    predictions = ["W", "N1", "N2", "N3", "R", "", "no idea", "invalid"]
    ours = metric.compute(predictions=predictions, references=references)
    assert ours["accuracy"] == 5 / 8
    assert ours["invalid"] == 3
    assert ours["epochs"] == 8
    assert ours["f1"]["N2"] == pytest.approx(2 * 1 / (3 + 1))
    assert [row[5] for row in ours["confusion"]] == [1, 0, 2, 0, 0]
    expected = sk.cohen_kappa_score(references, [*predictions[:5], "x", "x", "x"])
    assert ours["kappa"] == pytest.approx(expected)


def test_an_unknown_reference_is_refused(metric):
    with pytest.raises(ValueError, match="REM"):
        metric.compute(predictions=["R"], references=["REM"])
