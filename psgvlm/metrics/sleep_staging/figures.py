"""What confusion matrices and probabilities of the five stages come to; numpy alone.

A confusion matrix has the scored stages W, N1, N2, N3, R as rows and the answers W, N1, N2, N3, R,
invalid as columns. Any number of matrices is taken at once, as an array of shape (..., 5, 6).
"""

import numpy as np

# As in psgvlm.stages: `evaluate` also loads this folder where psgvlm is not installed.
STAGES = ("W", "N1", "N2", "N3", "R")
BINS = 15  # of the expected calibration error, of equal width, as Guo et al. (2017) have them


def confusion(scored, answers) -> np.ndarray:
    """Count epochs: int of shape (5, 6). An answer that is none of the five stages is invalid.

    Raises `ValueError` where a scored stage is none of the five.
    """
    return confusions(scored, answers, np.zeros(len(scored), int), 1)[0]


def confusions(scored, answers, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Count epochs by group (of index `groups`, one an epoch): int of shape (n_groups, 5, 6)."""
    index = {stage: i for i, stage in enumerate(STAGES)}
    unknown = sorted({str(stage) for stage in scored} - set(STAGES))
    if unknown:
        raise ValueError(f"references hold {unknown}; expected stages {', '.join(STAGES)}")
    rows = np.array([index[stage] for stage in scored], int)
    columns = np.array([index.get(answer, 5) for answer in answers], int)
    cells = (np.asarray(groups) * 5 + rows) * 6 + columns
    return np.bincount(cells, minlength=30 * n_groups).reshape(n_groups, 5, 6)


def _ratio(top, bottom, undefined: float = np.nan):
    """`top` / `bottom`, and `undefined` where the latter is 0."""
    bottom = np.asarray(bottom, float)
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), undefined)


def _right(matrices: np.ndarray) -> np.ndarray:
    return np.diagonal(matrices[..., :5], axis1=-2, axis2=-1).astype(float)


def precision(matrices: np.ndarray) -> np.ndarray:
    """By stage, shape (..., 5); NaN where a stage was never the answer."""
    return _ratio(_right(matrices), matrices[..., :5].sum(-2))


def recall(matrices: np.ndarray) -> np.ndarray:
    """By stage, shape (..., 5); NaN where a stage was never scored."""
    return _ratio(_right(matrices), matrices.sum(-1))


def f1(matrices: np.ndarray) -> np.ndarray:
    """By stage, shape (..., 5); NaN where a stage was neither scored nor the answer."""
    return _ratio(2 * _right(matrices), matrices.sum(-1) + matrices[..., :5].sum(-2))


def _mean_known(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    return _ratio(np.where(known, values, 0.0).sum(-1), known.sum(-1))


def accuracy(matrices: np.ndarray) -> np.ndarray:
    """Share of right answers, shape (...)."""
    return _ratio(_right(matrices).sum(-1), matrices.sum((-2, -1)))


def balanced_accuracy(matrices: np.ndarray) -> np.ndarray:
    """Mean recall of the stages that were scored, shape (...)."""
    return _mean_known(recall(matrices))


def macro_f1(matrices: np.ndarray) -> np.ndarray:
    """Mean F1 of the stages that were scored or answered, shape (...)."""
    return _mean_known(f1(matrices))


def kappa(matrices: np.ndarray) -> np.ndarray:
    """Cohen's (1960) kappa, shape (...); 0 where one stage is all there is.

    Invalid answers are a sixth category, which agrees with nothing.
    """
    total = matrices.sum((-2, -1)).astype(float)
    chance = _ratio((matrices.sum(-1) * matrices[..., :5].sum(-2)).sum(-1), total**2)
    # One minus chance is 0 or no less than 1 / epochs².
    return _ratio(accuracy(matrices) - chance, np.where(1 - chance > 1e-15, 1 - chance, 0), 0.0)


def mcc(matrices: np.ndarray) -> np.ndarray:
    """Matthews' correlation for several classes (Gorodkin 2004), shape (...); 0 where undefined.

    Invalid answers are a sixth class.
    """
    total = matrices.sum((-2, -1)).astype(float)
    scored, answered = matrices.sum(-1).astype(float), matrices.sum(-2).astype(float)
    covariance = _right(matrices).sum(-1) * total - (scored * answered[..., :5]).sum(-1)
    spread = (total**2 - (scored**2).sum(-1)) * (total**2 - (answered**2).sum(-1))
    return _ratio(covariance, np.sqrt(spread), 0.0)


FIGURES = {
    f.__name__: f for f in (kappa, macro_f1, accuracy, balanced_accuracy, mcc)
}  # one number a matrix


def check_probabilities(probabilities, epochs: int) -> np.ndarray:
    """Probabilities as float64 of shape (epochs, 5); `ValueError` where they are none."""
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
    """Mean of -ln p of the scored stage, p no less than 2.2e-16.

    `probabilities` has shape (epochs, 5), `scored` holds the index of each epoch's stage.
    """
    p = probabilities[np.arange(len(scored)), scored]
    return float(np.log(1 / p.clip(np.finfo(float).eps)).mean())


def brier(probabilities: np.ndarray, scored: np.ndarray) -> float:
    """Brier's (1950) score: squared error summed over the stages, 0 to 2, mean over epochs."""
    return float(((probabilities - np.eye(5)[scored]) ** 2).sum(1).mean())


def reliability(probabilities: np.ndarray, scored: np.ndarray) -> dict[str, np.ndarray]:
    """How right the most probable stage is, by how probable it is; each of shape (BINS,).

    Bins are of equal width over 0 to 1, their upper edge included: `epochs` in each, their mean
    `confidence` and their `accuracy`, NaN in an empty one.
    """
    confidence, right = probabilities.max(1), probabilities.argmax(1) == scored
    bins = (np.ceil(confidence * BINS).astype(int) - 1).clip(0, BINS - 1)
    epochs = np.bincount(bins, minlength=BINS)
    return {
        "epochs": epochs,
        "confidence": _ratio(np.bincount(bins, confidence, BINS), epochs),
        "accuracy": _ratio(np.bincount(bins, right, BINS), epochs),
    }


def ece(probabilities: np.ndarray, scored: np.ndarray) -> float:
    """Expected calibration error of the most probable stage over `BINS` bins (Guo et al. 2017)."""
    table = reliability(probabilities, scored)
    gaps = np.nan_to_num(abs(table["accuracy"] - table["confidence"]))
    return float((table["epochs"] * gaps).sum() / len(scored))
