"""Figures of agreement from confusion matrices and probabilities; needs numpy only.

A confusion matrix has the scored stages W, N1, N2, N3, R as rows and the answers W, N1, N2, N3, R,
invalid as columns. Functions take any number of matrices at once, as an array of shape (..., 5, 6).
"""

import numpy as np

# Repeats psgvlm.stages, because `evaluate` can load this folder without psgvlm.
STAGES = ("W", "N1", "N2", "N3", "R")
BINS = 15  # equal bins of the expected calibration error, as in Guo et al. (2017)


def confusion(scored, answers) -> np.ndarray:
    """Count epochs by scored stage and answer.

    Parameters
    ----------
    scored : sequence of str
        The scored stages, one per epoch.
    answers : sequence
        The answers, one per epoch. Whatever is not one of the five stages is invalid.

    Returns
    -------
    ndarray of int, shape (5, 6)

    Raises
    ------
    ValueError
        If a scored stage is not one of the five.
    """
    return confusions(scored, answers, np.zeros(len(scored), int), 1)[0]


def confusions(scored, answers, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Count epochs by scored stage and answer in each group, int of shape (n_groups, 5, 6).

    `groups` holds the index of each epoch's group.
    """
    index = {stage: i for i, stage in enumerate(STAGES)}
    unknown = sorted({str(stage) for stage in scored} - set(STAGES))
    if unknown:
        raise ValueError(f"references hold {unknown}; expected stages {', '.join(STAGES)}")
    rows = np.array([index[stage] for stage in scored], int)
    columns = np.array([index.get(answer, 5) for answer in answers], int)
    cells = (np.asarray(groups) * 5 + rows) * 6 + columns
    return np.bincount(cells, minlength=30 * n_groups).reshape(n_groups, 5, 6)


def _ratio(top, bottom, undefined: float = np.nan):
    """Return `top` / `bottom`, or `undefined` if `bottom` is 0."""
    bottom = np.asarray(bottom, float)
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), undefined)


def _correct(matrices: np.ndarray) -> np.ndarray:
    return np.diagonal(matrices[..., :5], axis1=-2, axis2=-1).astype(float)


def precision(matrices: np.ndarray) -> np.ndarray:
    """Return the precision of each stage, shape (..., 5); NaN if a stage was never answered."""
    return _ratio(_correct(matrices), matrices[..., :5].sum(-2))


def recall(matrices: np.ndarray) -> np.ndarray:
    """Return the recall of each stage, shape (..., 5); NaN if a stage was never scored."""
    return _ratio(_correct(matrices), matrices.sum(-1))


def f1(matrices: np.ndarray) -> np.ndarray:
    """Return the F1 of each stage, shape (..., 5); NaN if a stage was never scored or answered."""
    return _ratio(2 * _correct(matrices), matrices.sum(-1) + matrices[..., :5].sum(-2))


def _mean_known(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    return _ratio(np.where(known, values, 0.0).sum(-1), known.sum(-1))


def accuracy(matrices: np.ndarray) -> np.ndarray:
    """Return the share of correct answers, shape (...)."""
    return _ratio(_correct(matrices).sum(-1), matrices.sum((-2, -1)))


def balanced_accuracy(matrices: np.ndarray) -> np.ndarray:
    """Return the mean recall of the stages that were scored, shape (...)."""
    return _mean_known(recall(matrices))


def macro_f1(matrices: np.ndarray) -> np.ndarray:
    """Return the mean F1 of the stages that were scored or answered, shape (...)."""
    return _mean_known(f1(matrices))


def kappa(matrices: np.ndarray) -> np.ndarray:
    """Return Cohen's (1960) kappa, shape (...); 0 if only one stage was scored and answered.

    Invalid answers are a sixth category, which never agrees with a score.
    """
    total = matrices.sum((-2, -1)).astype(float)
    chance = _ratio((matrices.sum(-1) * matrices[..., :5].sum(-2)).sum(-1), total**2)
    # 1 - chance is 0, or at least 1 / epochs².
    return _ratio(accuracy(matrices) - chance, np.where(1 - chance > 1e-15, 1 - chance, 0), 0.0)


def mcc(matrices: np.ndarray) -> np.ndarray:
    """Return Matthews' correlation of several classes (Gorodkin 2004), shape (...).

    It is 0 where it is undefined.

    Invalid answers are a sixth class.
    """
    total = matrices.sum((-2, -1)).astype(float)
    scored, answered = matrices.sum(-1).astype(float), matrices.sum(-2).astype(float)
    covariance = _correct(matrices).sum(-1) * total - (scored * answered[..., :5]).sum(-1)
    spread = (total**2 - (scored**2).sum(-1)) * (total**2 - (answered**2).sum(-1))
    return _ratio(covariance, np.sqrt(spread), 0.0)


FIGURES = {
    f.__name__: f for f in (kappa, macro_f1, accuracy, balanced_accuracy, mcc)
}  # each gives one number per matrix


def check_probabilities(probabilities, epochs: int) -> np.ndarray:
    """Return probabilities as float64 of shape (epochs, 5).

    Raises `ValueError` if a row does not hold five probabilities that sum to 1.
    """
    p = np.asarray(probabilities, float)
    if p.shape != (epochs, 5):
        raise ValueError(f"probabilities of shape {p.shape}; expected ({epochs}, 5)")
    wrong = ~((p >= 0).all(1) & (abs(p.sum(1) - 1) < 1e-3))  # also true of NaN
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(
            f"probabilities of epoch {row} are {p[row].tolist()}; expected five that sum to 1"
        )
    return p


def log_loss(probabilities: np.ndarray, scored: np.ndarray) -> float:
    """Return the mean of -ln p over epochs, where p is the scored stage's, at least 2.2e-16.

    `probabilities` has shape (epochs, 5), `scored` holds the index of each epoch's stage.
    """
    p = probabilities[np.arange(len(scored)), scored]
    return float(np.log(1 / p.clip(np.finfo(float).eps)).mean())


def brier(probabilities: np.ndarray, scored: np.ndarray) -> float:
    """Return Brier's (1950) score: squared errors summed over stages (0 to 2), mean of epochs."""
    return float(((probabilities - np.eye(5)[scored]) ** 2).sum(1).mean())


def reliability(probabilities: np.ndarray, scored: np.ndarray) -> dict[str, np.ndarray]:
    """Compare the probability of the most probable stage with how often that stage is correct.

    Returns
    -------
    dict of str to ndarray, shape (BINS,)
        `epochs`, mean `confidence` and `accuracy` of each bin. Bins divide 0 to 1 equally and
        include their upper edge; an empty bin has NaN.
    """
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == scored
    bins = (np.ceil(confidence * BINS).astype(int) - 1).clip(0, BINS - 1)
    epochs = np.bincount(bins, minlength=BINS)
    return {
        "epochs": epochs,
        "confidence": _ratio(np.bincount(bins, confidence, BINS), epochs),
        "accuracy": _ratio(np.bincount(bins, correct, BINS), epochs),
    }


def ece(probabilities: np.ndarray, scored: np.ndarray) -> float:
    """Return the expected calibration error of the most probable stage (Guo et al. 2017)."""
    table = reliability(probabilities, scored)
    gaps = np.nan_to_num(abs(table["accuracy"] - table["confidence"]))
    return float((table["epochs"] * gaps).sum() / len(scored))
