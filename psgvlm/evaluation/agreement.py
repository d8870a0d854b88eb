"""Where the model's stages differ from the scores: against a second scorer, and near transitions.

A transition is a change of the scored stage from one epoch to the next.
"""

import numpy as np

from psgvlm.evaluation.intervals import Statistic, estimate, pooled
from psgvlm.evaluation.predictions import SUBJECT, consecutive_runs, count_confusions
from psgvlm.metrics.sleep_staging.figures import accuracy, kappa
from psgvlm.stages import STAGES


def scorers(frame, seed: int = 0) -> dict | None:
    """Compare the model's kappa with each of two scorers to the kappa between the two scorers.

    The kappa between two people shows how much agreement can be expected of a model. Only epochs
    that both scored are used.

    Parameters
    ----------
    frame : pandas.DataFrame
        A table of predictions with the column `stage_2`.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    dict or None
        `model_1`, `model_2`, `scorers` and `gap` (the mean of the first two minus the third), each
        `{"value", "low", "high"}`, and the number of `epochs`. `None` without a second scorer.
    """
    if "stage_2" not in frame:
        return None
    both = frame[frame["stage_2"].isin(STAGES)]
    if both.empty:
        return None
    columns = {
        "model_1": ("stage", "predicted"),
        "model_2": ("stage_2", "predicted"),
        "scorers": ("stage", "stage_2"),
    }
    statistics = {
        name: pooled(count_confusions(both, SUBJECT, *pair)[1]) for name, pair in columns.items()
    }

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        kappas = {name: figures(weights)["kappa"] for name, figures in statistics.items()}
        gap = (kappas["model_1"] + kappas["model_2"]) / 2 - kappas["scorers"]
        return kappas | {"gap": gap}

    return estimate(statistic, both.groupby(SUBJECT).ngroups, seed) | {"epochs": len(both)}


def near_transition(frame) -> np.ndarray:
    """Return which epochs lie next to a transition, on either side, as bool of shape (epochs,).

    A gap in the epoch index is not a transition.
    """
    stages = frame["stage"].to_numpy()
    near = np.zeros(len(frame), bool)
    for rows in consecutive_runs(frame):
        changes = stages[rows[:-1]] != stages[rows[1:]]
        near[rows[:-1][changes]] = near[rows[1:][changes]] = True
    return near


def transitions(frame, seed: int = 0) -> dict[str, dict]:
    """Compute the errors next to transitions (`near`) and everywhere else (`steady`).

    Parameters
    ----------
    frame : pandas.DataFrame
        A table of predictions.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    dict
        `near` and `steady` each hold `error` (the share of wrong answers) and `kappa`, both
        `{"value", "low", "high"}`, and the number of `epochs`. `difference` is the error near
        transitions minus the error in steady sleep.
    """
    near = near_transition(frame)
    keys, matrices = count_confusions(frame.assign(_near=near), [*SUBJECT, "_near"])
    owner = keys.groupby(SUBJECT).ngroup().to_numpy()
    parts = {}
    for name, side in (("near", True), ("steady", False)):
        rows = (keys["_near"] == side).to_numpy()
        parts[name] = np.zeros((owner.max() + 1, *matrices.shape[1:]), int)
        parts[name][owner[rows]] = matrices[rows]
    estimates = estimate(_errors(parts), owner.max() + 1, seed)
    return {
        name: {
            "error": estimates[f"{name}_error"],
            "kappa": estimates[f"{name}_kappa"],
            "epochs": int(parts[name].sum()),
        }
        for name in parts
    } | {"difference": estimates["difference"]}


def _errors(parts: dict[str, np.ndarray]) -> Statistic:
    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        values = {}
        for name, matrices in parts.items():
            sums = np.tensordot(weights, matrices, 1)
            has_epochs = sums.sum((-2, -1)) > 0
            values[f"{name}_error"] = 1 - accuracy(sums)
            values[f"{name}_kappa"] = np.where(has_epochs, kappa(sums), np.nan)
        return values | {"difference": values["near_error"] - values["steady_error"]}

    return statistic
