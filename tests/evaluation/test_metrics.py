"""The `evaluate` metric compared with scikit-learn, and its treatment of invalid answers."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from psgvlm.metrics import SLEEP_STAGING
from psgvlm.metrics.sleep_staging import figures
from psgvlm.stages import STAGES

NO_ANSWER = (None, "", "REM sleep", "no idea")


@pytest.fixture(scope="module")
def metric():
    import evaluate

    return evaluate.load(SLEEP_STAGING)


scored = st.sampled_from(STAGES)
stage_lists = st.lists(st.tuples(scored, scored), min_size=1)
answer_lists = st.lists(st.tuples(st.sampled_from((*STAGES, *NO_ANSWER)), scored), min_size=1)


def approx(values):
    """A list with None where scikit-learn has NaN."""
    return [None if np.isnan(value) else pytest.approx(value) for value in values]


@settings(max_examples=40, deadline=None)
@given(pairs=answer_lists)
def test_equal_to_scikit_learn(metric, pairs):
    predictions, references = map(list, zip(*pairs, strict=True))
    ours = metric.compute(predictions=predictions, references=references)
    # scikit-learn counts an invalid answer as one more class.
    answers = [p if p in STAGES else "invalid" for p in predictions]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one class only
        kappa = sk.cohen_kappa_score(references, answers)
        mcc = sk.matthews_corrcoef(references, answers)
    precision, recall, _, support = sk.precision_recall_fscore_support(
        references, answers, labels=STAGES, zero_division=np.nan
    )
    confusion = sk.confusion_matrix(references, answers, labels=[*STAGES, "invalid"])
    assert ours["confusion"] == confusion[:5].tolist()
    assert ours["accuracy"] == pytest.approx(sk.accuracy_score(references, answers))
    assert ours["balanced_accuracy"] == pytest.approx(np.nanmean(recall))
    assert ours["kappa"] == pytest.approx(0 if np.isnan(kappa) else kappa)
    assert ours["mcc"] == pytest.approx(mcc)
    assert list(ours["precision"].values()) == approx(precision)
    assert list(ours["recall"].values()) == approx(recall)
    occurring = [stage for stage in STAGES if stage in {*references, *answers}]
    assert ours["macro_f1"] == pytest.approx(
        sk.f1_score(references, answers, labels=occurring, average="macro", zero_division=0)
    )
    assert [ours["f1"][stage] for stage in STAGES if stage in occurring] == approx(
        sk.f1_score(references, answers, labels=occurring, average=None, zero_division=0)
    )
    assert {stage for stage, value in ours["f1"].items() if value is None} == (
        set(STAGES) - set(occurring)
    )
    assert list(ours["support"].values()) == support.tolist()
    assert ours["absent"] == [stage for stage in STAGES if stage not in references]
    assert ours["invalid"] == answers.count("invalid")
    assert ours["epochs"] == len(pairs)


@settings(max_examples=40, deadline=None)
@given(pairs=stage_lists, seed=st.integers(0, 1000), sure=st.sampled_from((0.1, 1.0, 30.0)))
def test_probabilities_equal_to_scikit_learn(metric, pairs, seed, sure):
    predictions, references = map(list, zip(*pairs, strict=True))
    p = np.random.default_rng(seed).dirichlet(np.full(5, 1 / sure), len(pairs))
    ours = metric.compute(predictions=predictions, references=references, probabilities=p)
    at = [STAGES.index(stage) for stage in references]
    labels = range(5)
    assert ours["log_loss"] == pytest.approx(sk.log_loss(at, p, labels=labels))
    assert ours["brier"] == pytest.approx(
        sk.brier_score_loss(at, p, labels=labels, scale_by_half=False)
    )
    assert ours["ece"] == pytest.approx(slow_ece(p, at, ours["ece_bins"]))


def slow_ece(p, at, bins):
    """The definition by Guo et al.: bins from left to right, open on the left."""
    total = 0.0
    for b in range(bins):
        inside = [i for i in range(len(p)) if b < round(p[i].max() * bins, 9) <= b + 1]
        if inside:
            right = np.mean([p[i].argmax() == at[i] for i in inside])
            total += len(inside) / len(p) * abs(right - np.mean([p[i].max() for i in inside]))
    return total


def test_an_invalid_answer_counts_as_wrong(metric):
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


@pytest.mark.parametrize("missing", [None, float("nan"), ""])
def test_a_missing_answer_counts_as_wrong(metric, missing):
    ours = metric.compute(predictions=[missing, "N1"] * 10, references=["N2", "N1"] * 10)
    assert ours["accuracy"] == 0.5
    assert ours["invalid"] == 10
    metric.add(prediction=missing, reference="W")
    assert metric.compute()["invalid"] == 1


@pytest.mark.parametrize("answer, kappa", [("N2", 0), ("R", 0), (None, 0)])
def test_one_epoch_is_enough(metric, answer, kappa):
    p = [[0.1, 0.1, 0.6, 0.1, 0.1]]
    ours = metric.compute(predictions=[answer], references=["N2"], probabilities=p)
    assert ours["accuracy"] == ours["balanced_accuracy"] == float(answer == "N2")
    assert ours["kappa"] == ours["mcc"] == kappa
    assert ours["absent"] == ["W", "N1", "N3", "R"]
    assert ours["recall"] == {**dict.fromkeys(STAGES), "N2": float(answer == "N2")}
    assert ours["log_loss"] == pytest.approx(-np.log(0.6))
    assert ours["brier"] == pytest.approx(0.4**2 + 4 * 0.1**2)
    assert ours["ece"] == pytest.approx(0.4)


@pytest.mark.parametrize("reference", ["REM", None, ""])
def test_an_unknown_reference_is_refused(metric, reference):
    with pytest.raises(ValueError, match=f"'{reference}'"):
        metric.compute(predictions=["R", "W"], references=[reference, "W"])


def test_nothing_to_measure_is_refused(metric):
    with pytest.raises(ValueError, match="no epochs"):
        metric.compute(predictions=[], references=[])


@pytest.mark.parametrize(
    "row", [[0.5, 0.5], [0.5] * 5, [np.nan] * 5, [-1, 2, 0, 0, 0]], ids=["two", "2.5", "nan", "-1"]
)
def test_rows_that_are_no_probabilities_are_refused(metric, row):
    with pytest.raises(ValueError, match="probabilities"):
        metric.compute(predictions=["W"], references=["W"], probabilities=[row])


def test_many_matrices_at_once_give_the_same_figures():
    matrices = np.random.default_rng(0).integers(0, 9, (3, 4, 5, 6))
    matrices[0, 0] = 0
    matrices[0, 1, 1:] = 0
    for name, figure in figures.FIGURES.items():
        together = figure(matrices)
        assert together.shape == (3, 4)
        for place in np.ndindex(3, 4):
            np.testing.assert_equal(together[place], figure(matrices[place]), name)
