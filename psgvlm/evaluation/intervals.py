"""Figures pooled, by recording and by subject, with intervals from resampled subjects.

Epochs of a night are not independent, nor are nights of a person, so subjects are what is drawn
with replacement (a cluster bootstrap; Field & Welsh 2007). Each is held as its confusion matrices:
a resample is a sum of them, and ten thousand take a fraction of a second.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np

from psgvlm.errors import InputError
from psgvlm.evaluation.predictions import RECORDING, SUBJECT, count
from psgvlm.metrics.sleep_staging.figures import FIGURES, f1, precision, recall
from psgvlm.stages import STAGES

RESAMPLES = 10_000
BATCH = 1000  # resamples at once: the memory of a cohort of thousands stays small
LEVEL = 0.95
BY_STAGE = (f1, precision, recall)

Statistic = Callable[[np.ndarray], dict[str, np.ndarray]]


def estimate(statistic: Statistic, n: int, seed: int = 0) -> dict[str, dict]:
    """Value and 95 % interval of each figure, `{name: {"value", "low", "high"}}`.

    `statistic` takes how often each of the `n` subjects counts, float of shape (k, n), and gives
    each figure's k values. Intervals are expanded percentiles (Hesterberg 2015, The American
    Statistician 69:371): plain ones are too narrow for few subjects. `None` is what is undefined,
    such as the interval of one subject.
    """
    from scipy import stats

    value = {name: x[0] for name, x in statistic(np.ones((1, n))).items()}
    if n < 2:
        return {name: _estimate(x, np.nan, np.nan) for name, x in value.items()}
    rng = np.random.default_rng(seed)
    parts = [statistic(_resample(rng, n)) for _ in range(RESAMPLES // BATCH)]
    tail = stats.norm.cdf(stats.t.ppf((1 - LEVEL) / 2, n - 1) * np.sqrt(n / (n - 1)))
    found = {}
    for name in value:
        drawn = np.concatenate([part[name] for part in parts])
        drawn = drawn[np.isfinite(drawn)]  # a stage that no drawn subject has is no figure
        ends = np.quantile(drawn, (tail, 1 - tail)) if len(drawn) else (np.nan, np.nan)
        found[name] = _estimate(value[name], *ends)
    return found


def _resample(rng: np.random.Generator, n: int) -> np.ndarray:
    """How often each of `n` subjects is drawn, float of shape (BATCH, n)."""
    drawn = rng.integers(0, n, (BATCH, n)) + n * np.arange(BATCH)[:, None]
    return np.bincount(drawn.ravel(), minlength=BATCH * n).reshape(BATCH, n).astype(float)


def _estimate(*numbers) -> dict[str, float | None]:
    known = (float(x) if np.isfinite(x) else None for x in numbers)
    return dict(zip(("value", "low", "high"), known, strict=True))


def pooled(matrices: np.ndarray) -> Statistic:
    """The figures of all epochs together, and each stage's, from matrices by subject."""
    flat = matrices.reshape(len(matrices), -1).astype(float)

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        sums = (weights @ flat).reshape(-1, *matrices.shape[1:])
        found = {name: figure(sums) for name, figure in FIGURES.items()}
        for figure in BY_STAGE:
            columns = zip(STAGES, figure(sums).T, strict=True)
            found |= {f"{figure.__name__}_{stage}": x for stage, x in columns}
        return found

    return statistic


def summary(frame, seed: int = 0) -> dict:
    """Figures of a table of predictions, at three levels.

    `pooled`: `{figure: {"value", "low", "high"}}` over all epochs, those by stage among them
    (`f1_N1`, `precision_N1`, `recall_N1`).
    `by_recording`, `by_subject`: `{figure: {"mean", "low", "high", "sd", "median"}}` over
    recordings and over subjects, the interval being the mean's. `subjects`, `recordings`, `epochs`:
    how many.
    """
    subjects, matrices = count(frame, SUBJECT)
    found = {
        "subjects": len(subjects),
        "recordings": len(frame.groupby(RECORDING)),
        "epochs": len(frame),
        "pooled": estimate(pooled(matrices), len(subjects), seed),
    }
    for name, by in (("by_recording", RECORDING), ("by_subject", SUBJECT)):
        units, each = count(frame, by)
        owner = units.groupby(SUBJECT).ngroup().to_numpy()
        found[name] = _over(owner, {key: figure(each) for key, figure in FIGURES.items()}, seed)
    return found


def _over(owner: np.ndarray, values: dict[str, np.ndarray], seed: int) -> dict[str, dict]:
    """Mean (with its interval), SD and median of values that belong to subjects `owner`."""
    means = estimate(mean_of(owner, values), owner.max() + 1, seed)
    return {
        name: {
            "mean": means[name]["value"],
            "low": means[name]["low"],
            "high": means[name]["high"],
            "sd": float(x.std(ddof=1)) if len(x) > 1 else None,
            "median": float(np.median(x)),
        }
        for name, x in values.items()
    }


def mean_of(owner: np.ndarray, values: dict[str, np.ndarray]) -> Statistic:
    """The mean of values by recording, each of which belongs to the subject of index `owner`."""
    numbers = np.bincount(owner)
    sums = {name: np.bincount(owner, x) for name, x in values.items()}
    return lambda weights: {
        name: (weights @ total) / (weights @ numbers) for name, total in sums.items()
    }


def compare(tables: dict, seed: int = 0) -> list[dict]:
    """Every two models on the same epochs of the same subjects, figure by figure.

    `tables` are tables of predictions by the model's name. One row a pair and figure: `one`,
    `other`, `figure`, `value` (pooled figure of one minus that of the other), its interval `low`
    and `high` over the same resampled subjects, and of Wilcoxon's signed-rank test on the values by
    subject: `p`, and `p_holm`, adjusted for the number of pairs (Holm 1979).
    Raises `InputError` where two tables do not hold the same epochs.
    """
    counted = {name: count(table, SUBJECT)[1] for name, table in tables.items()}
    scores = {name: _scores(name, table) for name, table in tables.items()}
    first, *others = tables
    for name in others:
        if not np.array_equal(scores[name], scores[first]):
            raise InputError(
                f"predictions of {name} and of {first} are not of the same epochs with the same "
                "scores; expected one corpus and split: measure both in one run"
            )
    rows = []
    for one, other in combinations(tables, 2):
        a, b = counted[one], counted[other]
        differences = estimate(difference(pooled(a), pooled(b)), len(a), seed)
        for name, figure in FIGURES.items():
            p = signed_rank(figure(a) - figure(b))
            rows.append({"one": one, "other": other, "figure": name, **differences[name], "p": p})
    for name in FIGURES:
        same = [row for row in rows if row["figure"] == name]
        for row, p in zip(same, holm([row["p"] for row in same]), strict=True):
            row["p_holm"] = p
    return rows


def _scores(name: str, table) -> np.ndarray:
    """Which epochs a table holds and how they were scored, in order."""
    twice = table.duplicated([*RECORDING, "epoch"])
    if twice.any():
        row = table[twice].iloc[0]
        raise InputError(
            f"predictions of {name}: epoch {row['epoch']} of {row['recording']} is there twice; "
            "expected each once"
        )
    columns = [*RECORDING, "epoch", "stage"]
    return table.sort_values(columns)[columns].to_numpy(object)


def difference(one: Statistic, other: Statistic) -> Statistic:
    """One figure minus another over the same subjects."""

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        a, b = one(weights), other(weights)
        return {name: a[name] - b[name] for name in a}

    return statistic


def signed_rank(differences: np.ndarray) -> float:
    """Two-sided p of Wilcoxon's (1945) signed-rank test; 1 where no value differs."""
    from scipy import stats

    if not np.any(differences):
        return 1.0
    return float(stats.wilcoxon(differences).pvalue)


def holm(p_values: list[float]) -> list[float]:
    """Holm's (1979) step-down adjustment, in the order given."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return adjusted[np.argsort(order)].tolist()
