"""Agreement with a second scorer, and errors near transitions."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from tables import table

from psgvlm.evaluation.agreement import near_transition, scorers, transitions


def test_kappas_of_model_and_two_scorers_equal_scikit_learns():
    frame = table(skill=2.0, second=True)
    unscored = np.random.default_rng(0).random(len(frame)) < 0.2
    frame["stage_2"] = frame["stage_2"].where(~unscored, None)
    both = frame[~unscored]
    found = scorers(frame)
    model_1 = cohen_kappa_score(both["stage"], both["predicted"])
    model_2 = cohen_kappa_score(both["stage_2"], both["predicted"])
    human = cohen_kappa_score(both["stage"], both["stage_2"])
    assert found["model_1"]["value"] == pytest.approx(model_1)
    assert found["model_2"]["value"] == pytest.approx(model_2)
    assert found["scorers"]["value"] == pytest.approx(human)
    assert found["gap"]["value"] == pytest.approx((model_1 + model_2) / 2 - human)
    assert found["gap"]["low"] < found["gap"]["value"] < found["gap"]["high"]
    assert found["epochs"] == len(both)


def test_without_a_second_scorer_there_is_no_comparison():
    assert scorers(table()) is None
    assert scorers(table().assign(stage_2=None)) is None


def test_near_means_either_side_of_a_transition():
    frame = table(subjects=1, epochs=9)
    frame["stage"] = ["W", "W", "W", "N1", "N1", "N1", "N2", "N2", "N2"]
    assert near_transition(frame).nonzero()[0].tolist() == [2, 3, 5, 6]
    # Without epoch 3, the time of the first transition is not known.
    assert near_transition(frame.drop(3)).nonzero()[0].tolist() == [4, 5]
    # Another stage at the start of the next recording is not a transition.
    frame["recording"] = ["a"] * 3 + ["b"] * 6
    assert near_transition(frame).nonzero()[0].tolist() == [5, 6]
    shuffled = frame.sample(frac=1, random_state=0)
    assert sorted(shuffled.index[near_transition(shuffled)]) == [5, 6]


def test_errors_near_transitions_and_in_steady_sleep():
    frame = table(subjects=8, skill=9.0)
    near = near_transition(frame)
    rng = np.random.default_rng(0)
    wrong = rng.random(len(frame)) < np.where(near, 0.4, 0.1)
    frame["predicted"] = frame["stage"].where(~wrong, None)
    found = transitions(frame)
    for name, rows in (("near", near), ("steady", ~near)):
        assert found[name]["epochs"] == rows.sum()
        assert found[name]["error"]["value"] == pytest.approx(wrong[rows].mean())
        part = frame[rows]
        answers = part["predicted"].fillna("none")
        expected = cohen_kappa_score(part["stage"], answers)
        assert found[name]["kappa"]["value"] == pytest.approx(expected)
    assert found["difference"]["value"] == pytest.approx(wrong[near].mean() - wrong[~near].mean())
    assert found["difference"]["low"] > 0


def test_a_single_epoch_is_steady():
    found = transitions(table(subjects=1, epochs=1))
    assert found["near"]["epochs"] == 0
    assert found["near"]["error"]["value"] is found["near"]["kappa"]["value"] is None
    assert found["difference"]["value"] is None
    assert found["steady"]["epochs"] == 1
    assert found["steady"]["error"]["value"] in (0, 1)
