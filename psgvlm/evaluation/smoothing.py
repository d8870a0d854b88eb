"""Stages of a night made likelier together than one by one: a hidden Markov model of sleep.

The model reads each epoch by itself and gives p(stage | picture). Divided by the share that each
stage had in its training, this is p(picture | stage) but for a factor, and the hypnograms of the
training split say which stage follows which (Rabiner 1989, Proc. IEEE 77:257). What comes out
depends on the whole night, later epochs included: report it beside the unsmoothed figures.
"""

from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.evaluation.predictions import PROBABILITIES, chains, probabilities, scored
from psgvlm.stages import STAGES

HOW = ("viterbi", "forward-backward")


@dataclass(frozen=True)
class Transitions:
    """Shares of the stages, shape (5,), and the probability of each row's stage being followed by
    each column's, shape (5, 5); both sum to 1."""

    prior: np.ndarray
    matrix: np.ndarray


def fit(frame, pseudocount: float = 1.0) -> Transitions:
    """Count stages and changes in scored nights.

    `frame` has `cohort`, `subject`, `recording`, `epoch`, `stage`. `pseudocount`, above 0, is added
    to every count, so that nothing unseen is impossible. No change is counted across a gap in the
    epoch index.
    """
    if not pseudocount > 0:
        raise InputError(f"pseudocount {pseudocount:g}; expected more than 0")
    stages = scored(frame)
    matrix = np.full((5, 5), float(pseudocount))
    for rows in chains(frame):
        np.add.at(matrix, (stages[rows[:-1]], stages[rows[1:]]), 1)
    prior = np.bincount(stages, minlength=5) + pseudocount
    return Transitions(prior / prior.sum(), matrix / matrix.sum(axis=1, keepdims=True))


def viterbi(p: np.ndarray, transitions: Transitions, seen: np.ndarray | None = None) -> np.ndarray:
    """The likeliest path through consecutive epochs: int of shape (n,).

    `p` has shape (n, 5). `seen` are the shares of the stages in what the model was trained on,
    where that was balanced; those of the hypnograms if left out. A path may start with any stage,
    by its share: a stretch after a gap is not the beginning of a night.
    """
    with np.errstate(divide="ignore"):
        likely = np.log(_likelihoods(p, transitions, seen))
        score = np.log(transitions.prior) + likely[0]
        step = np.log(transitions.matrix)
    back = np.zeros(p.shape, int)
    for i in range(1, len(p)):
        reached = score[:, None] + step
        back[i] = reached.argmax(axis=0)
        score = reached.max(axis=0) + likely[i]
    path = np.empty(len(p), int)
    path[-1] = score.argmax()
    for i in range(len(p) - 1, 0, -1):
        path[i - 1] = back[i, path[i]]
    return path


def forward_backward(
    p: np.ndarray, transitions: Transitions, seen: np.ndarray | None = None
) -> np.ndarray:
    """Each epoch's probabilities given all of a stretch: float64 of shape (n, 5).

    Arguments as for `viterbi`.
    """
    likely = _likelihoods(p, transitions, seen)
    forward, backward = np.empty_like(likely), np.ones_like(likely)
    state = transitions.prior
    for i, now in enumerate(likely):
        state = (state if i == 0 else state @ transitions.matrix) * now
        state = forward[i] = state / state.sum()
    for i in range(len(p) - 2, -1, -1):
        state = transitions.matrix @ (likely[i + 1] * backward[i + 1])
        backward[i] = state / state.sum()
    joint = forward * backward
    return joint / joint.sum(axis=1, keepdims=True)


def _likelihoods(p: np.ndarray, transitions: Transitions, seen: np.ndarray | None) -> np.ndarray:
    """p(picture | stage) but for a factor an epoch."""
    seen = transitions.prior if seen is None else np.asarray(seen, float)
    if not (seen > 0).all():
        raise InputError(f"shares of the stages {seen.tolist()}; expected five above 0")
    likely = p / seen
    return likely / likely.max(axis=1, keepdims=True)


def smooth(frame, transitions: Transitions, how: str, seen: np.ndarray | None = None):
    """A table of predictions with those of every night smoothed; the rows stay where they are.

    `how` is "viterbi", which changes `predicted` alone, or "forward-backward", which also changes
    the probabilities. A gap in the epoch index begins a new stretch.
    """
    if how not in HOW:
        raise InputError(f"smoothing {how!r}; expected viterbi or forward-backward")
    p = probabilities(frame).copy()
    stages = np.empty(len(frame), int)
    for rows in chains(frame):
        if how == "viterbi":
            stages[rows] = viterbi(p[rows], transitions, seen)
        else:
            p[rows] = forward_backward(p[rows], transitions, seen)
            stages[rows] = p[rows].argmax(axis=1)
    frame = frame.assign(predicted=[STAGES[stage] for stage in stages])
    frame[PROBABILITIES] = p
    return frame
