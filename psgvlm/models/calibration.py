"""Calibrate probabilities by a temperature, and estimate what a review of unsure epochs gains."""

import json
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

import numpy as np

from psgvlm import files
from psgvlm.errors import InputError
from psgvlm.hub import repo_files
from psgvlm.metrics.sleep_staging.figures import BINS, confusion, ece, kappa, reliability
from psgvlm.stages import STAGES

FILE_NAME = "calibration.json"
FIT_AGAIN = "fit it again: psgvlm eval can calibrate a model"
TEMPERATURES = (0.05, 20.0)
SHARES = (
    0.0,
    0.01,
    0.02,
    0.05,
    0.1,
    0.15,
    0.2,
    0.3,
    0.4,
    0.5,
)  # of the epochs, that a scorer reviews
_LEAST = float(np.finfo(np.float32).tiny)  # stands for 0, which float32 rounds smaller ones to


def fit_temperature(probabilities: np.ndarray, scored: np.ndarray) -> float:
    """Return the temperature that makes the scored stages most likely (Guo et al. 2017, ICML).

    Parameters
    ----------
    probabilities : numpy.ndarray
        The model's probabilities, shape (n_epochs, 5), of the validation split (not of the test
        split).
    scored : numpy.ndarray
        The scored stages as indices, shape (n_epochs,).

    Returns
    -------
    float
        Above 1 if the model was too confident.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        log_p = _log_softmax(_log(probabilities) / np.exp(log_temperature))
        return -float(log_p[np.arange(len(scored)), scored].mean())

    bounds = np.log(TEMPERATURES)
    minimum = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(minimum.x))


@dataclass(frozen=True)
class Review:
    """The agreement that is reached if a scorer reviews the least confident epochs.

    Attributes
    ----------
    share : float
        The share of the epochs that are reviewed.
    under : float
        They are the epochs whose calibrated probability is below this.
    kappa, accuracy : float
        The agreement of all epochs after the review, with the scorer's stage in reviewed ones.
    """

    share: float
    under: float
    kappa: float
    accuracy: float


def review_curve(probabilities: np.ndarray, scored: np.ndarray) -> list[Review]:
    """Return what a review of the least confident epochs gains, for each of `SHARES`.

    Parameters
    ----------
    probabilities : numpy.ndarray
        Calibrated probabilities, shape (n_epochs, 5), of the validation split.
    scored : numpy.ndarray
        The scored stages as indices, shape (n_epochs,).

    Returns
    -------
    list of Review
        Epochs of equal confidence are either all reviewed or all not, so that `under` says exactly
        which were reviewed.
    """
    names = np.array(STAGES)
    stages, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    ascending = np.sort(confidence)
    curve = []
    for share in SHARES:
        under = float(ascending[min(int(share * len(confidence)), len(confidence) - 1)])
        reviewed = confidence < under
        after = np.where(reviewed, scored, stages)
        curve.append(
            Review(
                float(reviewed.mean()),
                under,
                float(kappa(confusion(names[scored], names[after]))),
                float((after == scored).mean()),
            )
        )
    return curve


def save(folder: str | Path, temperature: float, probabilities, scored) -> Path:
    """Write `calibration.json` beside a model: the temperature, and the `review_curve` with it.

    `probabilities` (before calibration) and `scored` are the data of `fit_temperature`.
    """
    curve = review_curve(scale(probabilities, temperature), scored)
    content = {
        "temperature": temperature,
        "epochs": len(scored),
        "review": [asdict(point) for point in curve],
    }
    return files.write_text(Path(folder) / FILE_NAME, json.dumps(content) + "\n")


def load(name: str | Path) -> float | None:
    """Return the temperature of a model, a folder or a Hub id; None if none was fitted.

    Raise InputError if `calibration.json` holds no valid temperature.
    """
    if (stored := _read(name)) is None:
        return None
    path, content = stored
    try:
        temperature = content["temperature"]
        is_valid = TEMPERATURES[0] <= temperature <= TEMPERATURES[1]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: holds no temperature ({error!r}); {FIT_AGAIN}") from error
    if not is_valid:
        raise InputError(
            f"{path}: a temperature of {temperature}; expected {TEMPERATURES[0]} to "
            f"{TEMPERATURES[1]}: {FIT_AGAIN}"
        )
    return float(temperature)


def load_review(name: str | Path) -> list[Review]:
    """Return the `review_curve` of a model, a folder or a Hub id; empty if it has none.

    Raise InputError if `calibration.json` holds an invalid one.
    """
    if (stored := _read(name)) is None:
        return []
    path, content = stored
    try:
        points = [Review(**point) for point in content.get("review", [])]
        numbers = [number for point in points for number in astuple(point)]
        is_valid = len(points) <= 100 and all(
            type(number) in (int, float) and -1 <= number <= 1 for number in numbers
        )
    except (AttributeError, TypeError) as error:
        raise InputError(f"{path}: holds no review curve ({error}); {FIT_AGAIN}") from error
    if not is_valid:
        raise InputError(f"{path}: the review curve holds values outside of -1 to 1; {FIT_AGAIN}")
    return points


def _read(name: str | Path) -> tuple[Path, object] | None:
    path = repo_files.find(name, FILE_NAME)
    if path is None:
        return None
    try:
        return path, files.read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error!r}); {FIT_AGAIN}") from error


def scale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at a temperature, by which their logarithms are divided.

    The order of the stages stays the same.
    """
    return np.exp(_log_softmax(_log(probabilities) / temperature))


def _log(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.asarray(probabilities, float).clip(_LEAST))


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def draw(panels: dict[str, np.ndarray], scored: np.ndarray, path: str | Path) -> None:
    """Draw a reliability diagram for each named set of probabilities, side by side, as a PNG.

    The bars show how often the most probable stage is right, by its probability. The bars below
    show the share of epochs in each bin.
    """
    from matplotlib.figure import Figure

    width = 1 / BINS
    middles = (np.arange(BINS) + 0.5) * width
    figure = Figure(figsize=(0.6 + 3.6 * len(panels), 4.4), layout="constrained")
    axes = figure.subplots(
        2, len(panels), squeeze=False, sharex=True, sharey="row", height_ratios=(4, 1)
    )
    for (top, bottom), (name, probabilities) in zip(axes.T, panels.items(), strict=True):
        table = reliability(probabilities, scored)
        top.bar(middles, np.nan_to_num(table["accuracy"]), 0.92 * width, color="#4f9ac6")
        top.plot((0, 1), (0, 1), color="0.4", linewidth=1, linestyle="--")
        top.plot(table["confidence"], table["accuracy"], ".", color="#1b4079")
        top.set(title=f"{name}: ECE {ece(probabilities, scored):.3f}", xlim=(0, 1), ylim=(0, 1))
        bottom.bar(middles, table["epochs"] / len(scored), 0.92 * width, color="0.6")
        bottom.set(xlabel="probability of the answer")
    axes[0, 0].set_ylabel("share of right answers")
    axes[1, 0].set_ylabel("share of epochs")
    for ax in axes.flat:
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130, metadata={"Software": None})
