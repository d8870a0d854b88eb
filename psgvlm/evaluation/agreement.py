"""Where answers and scores differ: beside what two scorers differ, and near changes of stage."""

import numpy as np

from psgvlm.evaluation.intervals import Statistic, estimate, pooled
from psgvlm.evaluation.predictions import SUBJECT, chains, count
from psgvlm.metrics.sleep_staging.figures import accuracy, kappa
from psgvlm.stages import STAGES


def scorers(frame, seed: int = 0) -> dict | None:
    """The model's kappa with each of two scorers beside theirs with one another: the human ceiling.

    Over the epochs that both scored. `model_1`, `model_2`, `scorers` and `gap` (mean of the first
    two minus the third) are `{"value", "low", "high"}`, `epochs` a number. `None` without a second
    scorer.
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
    counted = {name: pooled(count(both, SUBJECT, *pair)[1]) for name, pair in columns.items()}

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        found = {name: figures(weights)["kappa"] for name, figures in counted.items()}
        return found | {"gap": (found["model_1"] + found["model_2"]) / 2 - found["scorers"]}

    return estimate(statistic, both.groupby(SUBJECT).ngroups, seed) | {"epochs": len(both)}


def near_transition(frame) -> np.ndarray:
    """Which epochs lie at a change of the scored stage, on either side of it; bool of (epochs,).

    A gap in the epoch index is no change.
    """
    stages = frame["stage"].to_numpy()
    near = np.zeros(len(frame), bool)
    for rows in chains(frame):
        changes = stages[rows[:-1]] != stages[rows[1:]]
        near[rows[:-1][changes]] = near[rows[1:][changes]] = True
    return near


def transitions(frame, seed: int = 0) -> dict[str, dict]:
    """Errors at changes of stage (`near`) and in steady sleep (`steady`).

    Each holds the share of wrong answers `error` and `kappa`, both `{"value", "low", "high"}`, and
    the number of `epochs`. `difference` is how much larger the error is near a change.
    """
    near = near_transition(frame)
    keys, matrices = count(frame.assign(_near=near), [*SUBJECT, "_near"])
    owner = keys.groupby(SUBJECT).ngroup().to_numpy()
    parts = {}
    for name, side in (("near", True), ("steady", False)):
        rows = (keys["_near"] == side).to_numpy()
        parts[name] = np.zeros((owner.max() + 1, *matrices.shape[1:]), int)
        parts[name][owner[rows]] = matrices[rows]
    found = estimate(_errors(parts), owner.max() + 1, seed)
    return {
        name: {
            "error": found[f"{name}_error"],
            "kappa": found[f"{name}_kappa"],
            "epochs": int(parts[name].sum()),
        }
        for name in parts
    } | {"difference": found["difference"]}


def _errors(parts: dict[str, np.ndarray]) -> Statistic:
    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        found = {}
        for name, matrices in parts.items():
            sums = np.tensordot(weights, matrices, 1)
            some = sums.sum((-2, -1)) > 0
            found[f"{name}_error"] = 1 - accuracy(sums)
            found[f"{name}_kappa"] = np.where(some, kappa(sums), np.nan)
        return found | {"difference": found["near_error"] - found["steady_error"]}

    return statistic
