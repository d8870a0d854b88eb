"""Smoothing over a night against every path written out."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import table

from psgvlm.errors import InputError
from psgvlm.evaluation.intervals import summary
from psgvlm.evaluation.predictions import PROBABILITIES
from psgvlm.evaluation.smoothing import Transitions, fit, forward_backward, smooth, viterbi
from psgvlm.stages import STAGES


def chain(seed, n):
    rng = np.random.default_rng(seed)
    transitions = Transitions(rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(5), 5))
    return rng.dirichlet(np.ones(5), n), transitions, rng.dirichlet(np.ones(5))


def paths(p, transitions, seen):
    """Every path and its probability times a constant."""
    every = np.array(list(product(range(5), repeat=len(p))))
    weight = transitions.prior[every[:, 0]]
    for i in range(len(p)):
        weight = weight * p[i, every[:, i]] / seen[every[:, i]]
        if i:
            weight = weight * transitions.matrix[every[:, i - 1], every[:, i]]
    return every, weight


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 5), balanced=st.booleans())
def test_equal_to_all_paths_written_out(seed, n, balanced):
    p, transitions, seen = chain(seed, n)
    given_seen = seen if balanced else None
    every, weight = paths(p, transitions, seen if balanced else transitions.prior)
    assert viterbi(p, transitions, given_seen).tolist() == every[weight.argmax()].tolist()
    found = forward_backward(p, transitions, given_seen)
    expected = np.array(
        [[weight[every[:, i] == s].sum() / weight.sum() for s in range(5)] for i in range(n)]
    )
    assert found == pytest.approx(expected)


def test_without_memory_nothing_changes():
    """Every row of the matrix the prior: each epoch stands alone."""
    p, transitions, _ = chain(3, 400)
    alone = Transitions(transitions.prior, np.tile(transitions.prior, (5, 1)))
    assert forward_backward(p, alone) == pytest.approx(p)
    assert (viterbi(p, alone) == p.argmax(1)).all()


def test_a_long_night_of_certainties_stays_finite():
    p = np.eye(5)[np.arange(3000) // 100 % 5]
    _, transitions, _ = chain(1, 1)
    found = forward_backward(p, transitions)
    assert found == pytest.approx(p)
    assert (viterbi(p, transitions) == p.argmax(1)).all()


def test_transitions_are_counted_within_stretches():
    frame = table(subjects=1, epochs=7)
    frame["stage"] = ["W", "W", "N1", "N2", "N2", "W", "W"]
    frame["epoch"] = [0, 1, 2, 3, 4, 9, 10]
    found = fit(frame, pseudocount=0.5)
    counts = np.full((5, 5), 0.5)
    for a, b in ((0, 0), (0, 1), (1, 2), (2, 2), (0, 0)):
        counts[a, b] += 1
    assert found.matrix == pytest.approx(counts / counts.sum(1, keepdims=True))
    assert found.prior == pytest.approx(np.array([4.5, 1.5, 2.5, 0.5, 0.5]) / 9.5)
    assert (fit(frame).matrix > 0).all()


@pytest.mark.parametrize("how", ["viterbi", "forward-backward"])
def test_a_gap_begins_a_new_stretch(how):
    """Smoothed together or each stretch alone, in any order of the rows: the same."""
    frame = table(subjects=2, epochs=60, skill=1.0)
    frame = frame[~frame["epoch"].isin([20, 21, 40])]
    transitions = fit(frame)
    whole = smooth(frame, transitions, how)
    for name in ("s0", "s1"):
        for first, stop in ((0, 20), (22, 40), (41, 60)):
            at = (frame["subject"] == name) & frame["epoch"].between(first, stop - 1)
            alone = smooth(frame[at], transitions, how)
            assert whole[at]["predicted"].tolist() == alone["predicted"].tolist()
            assert whole.loc[at, PROBABILITIES].to_numpy() == pytest.approx(
                alone[PROBABILITIES].to_numpy()
            )
    shuffled = smooth(frame.sample(frac=1, random_state=0), transitions, how)
    assert shuffled.sort_index().equals(whole.sort_index())


def test_it_mends_single_errors():
    frame = table(subjects=4, epochs=400, skill=1.5, seed=1)
    transitions = fit(table(subjects=8, epochs=400, seed=2))
    before = summary(frame)["pooled"]["kappa"]["value"]
    copy = frame.copy()
    # These made-up models saw no prior: their probabilities are likelihoods.
    seen = np.full(5, 0.2)
    for how in ("viterbi", "forward-backward"):
        after = smooth(frame, transitions, how, seen)
        assert summary(after)["pooled"]["kappa"]["value"] > before + 0.05
    assert frame.equals(copy)
    assert after[PROBABILITIES].sum(axis=1).to_numpy() == pytest.approx(1)
    named = after[PROBABILITIES].to_numpy().argmax(1)
    assert [STAGES[i] for i in named] == after["predicted"].tolist()


def test_what_cannot_be_is_refused():
    frame = table(subjects=1, epochs=5)
    with pytest.raises(InputError, match="pseudocount 0"):
        fit(frame, pseudocount=0)
    with pytest.raises(InputError, match="expected viterbi or forward-backward"):
        smooth(frame, fit(frame), "median")
    with pytest.raises(InputError, match="five above 0"):
        smooth(frame, fit(frame), "viterbi", np.array([1, 0, 0, 0, 0]))
    frame.loc[2, "p_W"] = np.nan
    with pytest.raises(ValueError, match="probabilities of epoch 2"):
        smooth(frame, fit(frame), "viterbi")
