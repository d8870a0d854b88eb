"""Figures of a table of predictions with 95 % intervals, and comparisons of models.

Epochs of a night are not independent, and neither are nights of a person. Intervals therefore come
from resampling subjects with replacement (a cluster bootstrap; Field & Welsh 2007). Each subject is
represented by confusion matrices; a resample is a weighted sum of them, so ten thousand resamples
take a fraction of a second.
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np

from psgvlm.errors import InputError
from psgvlm.evaluation.predictions import RECORDING, SUBJECT, count_confusions
from psgvlm.metrics.sleep_staging.figures import FIGURES, f1, precision, recall
from psgvlm.stages import STAGES

RESAMPLES = 10_000
BATCH = 1000  # resamples at a time, so that cohorts of thousands need little memory
LEVEL = 0.95
BY_STAGE = (f1, precision, recall)

# Takes the weight of each subject, float of shape (k, n_subjects), and returns the k values of each
# figure.
Statistic = Callable[[np.ndarray], dict[str, np.ndarray]]


def estimate(statistic: Statistic, n: int, seed: int = 0) -> dict[str, dict]:
    """Compute each figure and its 95 % interval.

    Intervals are expanded percentiles (Hesterberg 2015, The American Statistician 69:371), since
    plain percentiles are too narrow for few subjects.

    Parameters
    ----------
    statistic : callable
        Takes how often each subject counts, float of shape (k, n), and returns the k values of each
        figure.
    n : int
        The number of subjects.
    seed : int
        Seed of the resampling.

    Returns
    -------
    dict of str to dict
        `{"value", "low", "high"}` of each figure. `None` stands for an undefined number, such as
        the interval of a single subject.
    """
    from scipy import stats

    value = {name: x[0] for name, x in statistic(np.ones((1, n))).items()}
    if n < 2:
        return {name: _estimate(x, np.nan, np.nan) for name, x in value.items()}
    rng = np.random.default_rng(seed)
    batches = [statistic(_resample(rng, n)) for _ in range(RESAMPLES // BATCH)]
    tail = stats.norm.cdf(stats.t.ppf((1 - LEVEL) / 2, n - 1) * np.sqrt(n / (n - 1)))
    estimates = {}
    for name in value:
        values = np.concatenate([batch[name] for batch in batches])
        values = values[np.isfinite(values)]  # undefined if no resampled subject has the stage
        ends = np.quantile(values, (tail, 1 - tail)) if len(values) else (np.nan, np.nan)
        estimates[name] = _estimate(value[name], *ends)
    return estimates


def _resample(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return how often each of `n` subjects is drawn, float of shape (BATCH, n)."""
    drawn = rng.integers(0, n, (BATCH, n)) + n * np.arange(BATCH)[:, None]
    return np.bincount(drawn.ravel(), minlength=BATCH * n).reshape(BATCH, n).astype(float)


def _estimate(*numbers) -> dict[str, float | None]:
    known = (float(x) if np.isfinite(x) else None for x in numbers)
    return dict(zip(("value", "low", "high"), known, strict=True))


def pooled(matrices: np.ndarray) -> Statistic:
    """Return the statistic of all epochs pooled: the figures, and F1, precision, recall by stage.

    `matrices` are confusion matrices by subject, of shape (n_subjects, 5, 6).
    """
    flat = matrices.reshape(len(matrices), -1).astype(float)

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        sums = (weights @ flat).reshape(-1, *matrices.shape[1:])
        values = {name: figure(sums) for name, figure in FIGURES.items()}
        for figure in BY_STAGE:
            columns = zip(STAGES, figure(sums).T, strict=True)
            values |= {f"{figure.__name__}_{stage}": x for stage, x in columns}
        return values

    return statistic


def summary(frame, seed: int = 0) -> dict:
    """Compute the figures of a table of predictions over epochs, recordings and subjects.

    Parameters
    ----------
    frame : pandas.DataFrame
        A table of predictions of one contender (see `psgvlm.evaluation.predictions`).
    seed : int
        Seed of the resampling.

    Returns
    -------
    dict
        `pooled`: `{"value", "low", "high"}` of each figure over all epochs, with those by stage
        (`f1_N1`, `precision_N1`, `recall_N1`).
        `by_recording`, `by_subject`: `{"mean", "low", "high", "sd", "median"}` of each figure over
        recordings and over subjects; the interval is that of the mean.
        `subjects`, `recordings`, `epochs`: how many there are.
    """
    subjects, matrices = count_confusions(frame, SUBJECT)
    result = {
        "subjects": len(subjects),
        "recordings": len(frame.groupby(RECORDING)),
        "epochs": len(frame),
        "pooled": estimate(pooled(matrices), len(subjects), seed),
    }
    for name, by in (("by_recording", RECORDING), ("by_subject", SUBJECT)):
        units, matrices = count_confusions(frame, by)
        owner = units.groupby(SUBJECT).ngroup().to_numpy()
        values = {key: figure(matrices) for key, figure in FIGURES.items()}
        result[name] = _spread(owner, values, seed)
    return result


def _spread(owner: np.ndarray, values: dict[str, np.ndarray], seed: int) -> dict[str, dict]:
    """Return mean (with its interval), SD and median of values that belong to subjects `owner`."""
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
    """Return the statistic of the mean of values, each of which belongs to one subject.

    `owner` holds the subject of each value, numbered from 0 without gaps.
    """
    numbers = np.bincount(owner)
    sums = {name: np.bincount(owner, x) for name, x in values.items()}
    return lambda weights: {
        name: (weights @ total) / (weights @ numbers) for name, total in sums.items()
    }


def compare(tables: dict, seed: int = 0) -> list[dict]:
    """Compare every two models on the same epochs of the same subjects.

    Parameters
    ----------
    tables : dict of str to pandas.DataFrame
        A table of predictions by the model's name.
    seed : int
        Seed of the resampling.

    Returns
    -------
    list of dict
        One row per pair and figure: `one`, `other`, `figure`; `value`, the pooled figure of `one`
        minus that of `other`, with its interval `low` to `high` over the same resampled subjects;
        `p` of Wilcoxon's signed-rank test on the values by subject; `p_holm`, adjusted for the
        number of pairs (Holm 1979).

    Raises
    ------
    InputError
        If two tables do not hold the same epochs with the same scores.
    """
    matrices = {name: count_confusions(table, SUBJECT)[1] for name, table in tables.items()}
    scores = {name: _scores(name, table) for name, table in tables.items()}
    first, *others = tables
    for name in others:
        if not np.array_equal(scores[name], scores[first]):
            raise InputError(
                f"the predictions of {name} and of {first} are for different epochs or scores; "
                "expected one corpus and split: measure both in one run"
            )
    rows = []
    for one, other in combinations(tables, 2):
        a, b = matrices[one], matrices[other]
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
    """Return which epochs a table holds and how they were scored, sorted."""
    duplicated = table.duplicated([*RECORDING, "epoch"])
    if duplicated.any():
        row = table[duplicated].iloc[0]
        raise InputError(
            f"predictions of {name}: epoch {row['epoch']} of {row['recording']} occurs twice; "
            "expected each epoch once"
        )
    columns = [*RECORDING, "epoch", "stage"]
    return table.sort_values(columns)[columns].to_numpy(object)


def difference(one: Statistic, other: Statistic) -> Statistic:
    """Return the statistic of one minus that of the other, over the same subjects."""

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        a, b = one(weights), other(weights)
        return {name: a[name] - b[name] for name in a}

    return statistic


def signed_rank(differences: np.ndarray) -> float:
    """Return the two-sided p of Wilcoxon's (1945) signed-rank test; 1 if no value differs."""
    from scipy import stats

    if not np.any(differences):
        return 1.0
    return float(stats.wilcoxon(differences).pvalue)


def holm(p_values: list[float]) -> list[float]:
    """Return the p values after Holm's (1979) step-down adjustment, in the given order."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)
    adjusted = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
    return adjusted[np.argsort(order)].tolist()
