"""Smoothing over a night, compared with a search through every possible sequence of stages."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import table

from psgvlm.errors import InputError
from psgvlm.evaluation.intervals import summary
from psgvlm.evaluation.predictions import PROBABILITIES
from psgvlm.evaluation.smoothing import StageTransitions, fit, smooth, viterbi


def chain(seed, n):
    """Probabilities of n epochs, transitions and shares of the stages, all random."""
    rng = np.random.default_rng(seed)
    transitions = StageTransitions(rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(5), 5))
    return rng.dirichlet(np.ones(5), n), transitions, rng.dirichlet(np.ones(5))


def sequences(p, transitions, shares):
    """Every sequence of stages and its probability up to a constant."""
    every = np.array(list(product(range(5), repeat=len(p))))
    weight = transitions.prior[every[:, 0]]
    for i in range(len(p)):
        weight = weight * p[i, every[:, i]] / shares[every[:, i]]
        if i:
            weight = weight * transitions.matrix[every[:, i - 1], every[:, i]]
    return every, weight


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 5), balanced=st.booleans())
def test_viterbi_finds_the_likeliest_of_all_sequences(seed, n, balanced):
    p, transitions, shares = chain(seed, n)
    every, weight = sequences(p, transitions, shares if balanced else transitions.prior)
    path = viterbi(p, transitions, shares if balanced else None)
    assert path.tolist() == every[weight.argmax()].tolist()


def test_independent_epochs_stay_as_they_are():
    """If every row of the matrix is the prior, each epoch stands alone."""
    p, transitions, _ = chain(3, 400)
    independent = StageTransitions(transitions.prior, np.tile(transitions.prior, (5, 1)))
    assert (viterbi(p, independent) == p.argmax(1)).all()


def test_a_long_night_of_certain_stages_stays_finite():
    p = np.eye(5)[np.arange(3000) // 100 % 5]
    _, transitions, _ = chain(1, 1)
    assert (viterbi(p, transitions) == p.argmax(1)).all()


def test_transitions_are_counted_within_runs():
    frame = table(subjects=1, epochs=7)
    frame["stage"] = ["W", "W", "N1", "N2", "N2", "W", "W"]
    frame["epoch"] = [0, 1, 2, 3, 4, 9, 10]
    transitions = fit(frame, pseudocount=0.5)
    counts = np.full((5, 5), 0.5)
    for a, b in ((0, 0), (0, 1), (1, 2), (2, 2), (0, 0)):
        counts[a, b] += 1
    assert transitions.matrix == pytest.approx(counts / counts.sum(1, keepdims=True))
    assert transitions.prior == pytest.approx(np.array([4.5, 1.5, 2.5, 0.5, 0.5]) / 9.5)
    assert (fit(frame).matrix > 0).all()


def test_a_gap_starts_a_new_run():
    """A night is smoothed as its runs are one by one, whatever the order of the rows."""
    frame = table(subjects=2, epochs=60, skill=1.0)
    frame = frame[~frame["epoch"].isin([20, 21, 40])]
    transitions = fit(frame)
    whole = smooth(frame, transitions)
    for name in ("s0", "s1"):
        for first, stop in ((0, 20), (22, 40), (41, 60)):
            run = (frame["subject"] == name) & frame["epoch"].between(first, stop - 1)
            alone = smooth(frame[run], transitions)
            assert whole[run]["predicted"].tolist() == alone["predicted"].tolist()
    shuffled = smooth(frame.sample(frac=1, random_state=0), transitions)
    assert shuffled.sort_index().equals(whole.sort_index())


def test_smoothing_corrects_single_errors_and_changes_stages_only():
    frame = table(subjects=4, epochs=400, skill=1.5, seed=1)
    transitions = fit(table(subjects=8, epochs=400, seed=2))
    before = frame.copy()
    # The probabilities of `table` are likelihoods: they were made without a prior.
    after = smooth(frame, transitions, np.full(5, 0.2))
    kappa = [summary(f)["pooled"]["kappa"]["value"] for f in (before, after)]
    assert kappa[1] > kappa[0] + 0.05
    assert frame.equals(before)
    assert after[PROBABILITIES].equals(before[PROBABILITIES])


def test_unusable_values_are_refused():
    frame = table(subjects=1, epochs=5)
    with pytest.raises(InputError, match="pseudocount 0"):
        fit(frame, pseudocount=0)
    with pytest.raises(InputError, match="five above 0"):
        smooth(frame, fit(frame), np.array([1, 0, 0, 0, 0]))
    frame.loc[2, "p_W"] = np.nan
    with pytest.raises(ValueError, match="probabilities of epoch 2"):
        smooth(frame, fit(frame))
