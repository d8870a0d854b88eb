"""Smooth the stages of a night with a hidden Markov model of sleep.

The staging model reads each epoch alone and gives p(stage | picture). Divided by the share of each
stage in its training data, this is p(picture | stage) up to a constant. The hypnograms of the train
split give the probability of each change of stage. The Viterbi algorithm (Rabiner 1989, Proc. IEEE
77:257) then finds the likeliest sequence of stages. That sequence depends on the whole night, later
epochs included, so a report shows smoothed and unsmoothed figures side by side.
"""

from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.evaluation.predictions import consecutive_runs, probabilities, scored
from psgvlm.stages import STAGES

SUFFIX = ", smoothed"  # added to the name of a contender whose nights are smoothed


@dataclass(frozen=True)
class StageTransitions:
    """How sleep moves from stage to stage.

    Attributes
    ----------
    prior : ndarray, shape (5,)
        The share of each stage; sums to 1.
    matrix : ndarray, shape (5, 5)
        The probability that the row's stage is followed by the column's stage; rows sum to 1.
    """

    prior: np.ndarray
    matrix: np.ndarray


def fit(frame, pseudocount: float = 1.0) -> StageTransitions:
    """Count stages and changes of stage in scored nights.

    Parameters
    ----------
    frame : pandas.DataFrame
        Scored epochs with the columns `cohort`, `subject`, `recording`, `epoch`, `stage`. No change
        is counted across a gap in the epoch index.
    pseudocount : float
        Added to every count, so that no change is impossible; above 0.
    """
    if not pseudocount > 0:
        raise InputError(f"pseudocount {pseudocount:g}; expected more than 0", "pseudocount")
    stages = scored(frame)
    matrix = np.full((5, 5), float(pseudocount))
    for rows in consecutive_runs(frame):
        np.add.at(matrix, (stages[rows[:-1]], stages[rows[1:]]), 1)
    prior = np.bincount(stages, minlength=5) + pseudocount
    return StageTransitions(prior / prior.sum(), matrix / matrix.sum(axis=1, keepdims=True))


def viterbi(
    p: np.ndarray, transitions: StageTransitions, trained_shares: np.ndarray | None = None
) -> np.ndarray:
    """Find the likeliest sequence of stages through consecutive epochs.

    Parameters
    ----------
    p : ndarray, shape (n, 5)
        The model's probabilities.
    transitions : StageTransitions
        How stages follow one another. A run may start with any stage, by its share, because a run
        after a gap does not start the night.
    trained_shares : ndarray, shape (5,), optional
        The share of each stage in the data that the model was trained on, if the training balanced
        the stages. Default: `transitions.prior`.

    Returns
    -------
    ndarray of int, shape (n,)
        Indices into `STAGES`.
    """
    with np.errstate(divide="ignore"):
        likelihoods = np.log(_likelihoods(p, transitions, trained_shares))
        score = np.log(transitions.prior) + likelihoods[0]
        step = np.log(transitions.matrix)
    best_previous = np.zeros(p.shape, int)
    for i in range(1, len(p)):
        reached = score[:, None] + step
        best_previous[i] = reached.argmax(axis=0)
        score = reached.max(axis=0) + likelihoods[i]
    path = np.empty(len(p), int)
    path[-1] = score.argmax()
    for i in range(len(p) - 1, 0, -1):
        path[i - 1] = best_previous[i, path[i]]
    return path


def _likelihoods(
    p: np.ndarray, transitions: StageTransitions, trained_shares: np.ndarray | None
) -> np.ndarray:
    """Return p(picture | stage) up to a constant per epoch."""
    shares = transitions.prior if trained_shares is None else np.asarray(trained_shares, float)
    if not (shares > 0).all():
        raise InputError(f"shares of the stages {shares.tolist()}; expected five above 0")
    likelihoods = p / shares
    return likelihoods / likelihoods.max(axis=1, keepdims=True)


def smooth(frame, transitions: StageTransitions, trained_shares: np.ndarray | None = None):
    """Return a copy of a table of predictions in which every night's `predicted` is smoothed.

    Probabilities and the order of rows stay as they are. A gap in the epoch index starts a new run.
    """
    p = probabilities(frame)
    stages = np.empty(len(frame), int)
    for rows in consecutive_runs(frame):
        stages[rows] = viterbi(p[rows], transitions, trained_shares)
    return frame.assign(predicted=[STAGES[stage] for stage in stages])
