"""Whether probabilities mean what they say, and one temperature that makes them."""

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
TEMPERATURES = (0.05, 20.0)
SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)  # of the epochs, to be reviewed
_LEAST = float(np.finfo(np.float32).tiny)  # a probability of 0 is one that float32 did not hold


def fit_temperature(probabilities: np.ndarray, scored: np.ndarray) -> float:
    """The temperature under which the scored stages are likeliest (Guo et al. 2017, ICML).

    Probabilities of shape (epochs, 5) and indices of the scored stages, both of the validation
    split, never of the test split. Above 1: the model was too sure.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        log_p = _log_softmax(_log(probabilities) / np.exp(log_temperature))
        return -float(log_p[np.arange(len(scored)), scored].mean())

    bounds = np.log(TEMPERATURES)
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


@dataclass(frozen=True)
class Review:
    """What agreement a scorer's second look at the least sure epochs led to.

    `share` of the epochs, those whose calibrated probability is under `under`, were given the
    scorer's stage; `kappa` and `accuracy` are those of all epochs then.
    """

    share: float
    under: float
    kappa: float
    accuracy: float


def review_curve(probabilities: np.ndarray, scored: np.ndarray) -> list[Review]:
    """The agreement with the scorer by how many of the least sure epochs the scorer corrects.

    Calibrated probabilities of shape (epochs, 5) and indices of the scored stages, both of the
    validation split. One `Review` for each of `SHARES`; epochs as sure as one that is left are left
    as well, so that `under` says exactly which were looked at.
    """
    names = np.array(STAGES)
    stages, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    ascending = np.sort(sure)
    found = []
    for share in SHARES:
        under = float(ascending[min(int(share * len(sure)), len(sure) - 1)])
        looked_at = sure < under
        after = np.where(looked_at, scored, stages)
        found.append(
            Review(
                float(looked_at.mean()),
                under,
                float(kappa(confusion(names[scored], names[after]))),
                float((after == scored).mean()),
            )
        )
    return found


def save(folder: str | Path, temperature: float, probabilities, scored) -> Path:
    """Write `calibration.json` beside an adapter: the temperature, and the `review_curve` with it.

    Probabilities (not calibrated) and scored stages are those that it was fitted on.
    """
    curve = review_curve(scale(probabilities, temperature), scored)
    content = {
        "temperature": temperature,
        "epochs": len(scored),
        "review": [asdict(point) for point in curve],
    }
    path = Path(folder) / FILE_NAME
    path.write_text(json.dumps(content) + "\n", "utf-8")
    return path


def load(name: str | Path) -> float | None:
    """The temperature beside an adapter, a folder or a Hub id; `None` where none was fitted.

    Raises `InputError` where `calibration.json` holds no temperature.
    """
    if (found := _read(name)) is None:
        return None
    path, content = found
    try:
        temperature = content["temperature"]
        inside = TEMPERATURES[0] <= temperature <= TEMPERATURES[1]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: holds no temperature ({error!r}); fit it anew") from error
    if not inside:
        raise InputError(
            f"{path}: a temperature of {temperature}; expected {TEMPERATURES[0]} to "
            f"{TEMPERATURES[1]}: fit it anew with eval.py --calibrate"
        )
    return float(temperature)


def load_review(name: str | Path) -> list[Review]:
    """The `review_curve` beside an adapter; empty where there is none.

    Raises `InputError` where `calibration.json` holds one that cannot be.
    """
    if (found := _read(name)) is None:
        return []
    path, content = found
    try:
        points = [Review(**point) for point in content.get("review", [])]
        numbers = [number for point in points for number in astuple(point)]
        fine = len(points) <= 100 and all(
            type(number) in (int, float) and -1 <= number <= 1 for number in numbers
        )
    except (AttributeError, TypeError) as error:
        raise InputError(f"{path}: holds no review curve ({error}); fit it anew") from error
    if not fine:
        raise InputError(
            f"{path}: a review curve of other numbers than shares; fit it anew with eval.py "
            "--calibrate"
        )
    return points


def _read(name: str | Path) -> tuple[Path, object] | None:
    path = repo_files.find(name, FILE_NAME)
    if path is None:
        return None
    try:
        return path, files.read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error!r}); fit it anew") from error


def scale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities at a temperature: their logarithms divided by it. The order of stages stays."""
    return np.exp(_log_softmax(_log(probabilities) / temperature))


def _log(probabilities: np.ndarray) -> np.ndarray:
    return np.log(np.asarray(probabilities, float).clip(_LEAST))


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def draw(panels: dict[str, np.ndarray], scored: np.ndarray, path: str | Path) -> None:
    """A reliability diagram (a PNG) for each set of probabilities, side by side.

    Bars: how often the most probable stage is right, over how probable it is said to be. Below:
    the share of epochs in each bin.
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
