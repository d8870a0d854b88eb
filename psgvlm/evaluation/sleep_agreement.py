"""How far the model's sleep statistics agree with the scorer's, night by night.

Agreement is reported as bias and 95 % limits of agreement (Bland & Altman 1986, Lancet 327:307).
"""

from pathlib import Path

import numpy as np

from psgvlm.evaluation.intervals import estimate, mean_of
from psgvlm.evaluation.predictions import RECORDING, SUBJECT
from psgvlm.stages import STAGES
from psgvlm.staging.sleep_statistics import UNITS, main_statistics

LIMITS_SD = 1.96  # standard deviations on each side of the bias: 95 % of normal differences


def by_night(frame):
    """Compute the sleep statistics of every night from the scorer's and from the model's stages.

    Parameters
    ----------
    frame : pandas.DataFrame
        A table of predictions of one contender (see `psgvlm.evaluation.predictions`). An epoch
        without a row counts as unscored for both; an invalid answer is unscored for the model.

    Returns
    -------
    pandas.DataFrame
        One row per night and statistic, with the columns `cohort`, `subject`, `recording`,
        `statistic`, `scorer`, `model`. Units are those of `sleep_statistics.UNITS`. NaN means that
        the night has no such value, for example a REM latency without REM sleep.
    """
    import pandas as pd

    rows = []
    for key, night in frame.groupby(RECORDING):
        place = night["epoch"].to_numpy() - night["epoch"].min()
        values = {}
        for rater, column in (("scorer", "stage"), ("model", "predicted")):
            stages: list[str | None] = [None] * (place.max() + 1)
            for i, stage in zip(place, night[column], strict=True):
                stages[i] = stage if stage in STAGES else None
            values[rater] = main_statistics(stages)
        names = dict(zip(RECORDING, key, strict=True))
        for statistic in UNITS:
            pair = {rater: values[rater][statistic] for rater in values}
            rows.append({**names, "statistic": statistic, **pair})
    return pd.DataFrame(rows)


def bias_and_limits(nights, seed: int = 0) -> dict[str, dict]:
    """Compute bias (model minus scorer) and limits of agreement of each sleep statistic.

    Parameters
    ----------
    nights : pandas.DataFrame
        The frame that `by_night` returns.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    dict of str to dict
        For each statistic: `unit`; `bias` as `{"value", "low", "high"}` with its 95 % interval over
        subjects; `lower` and `upper`, the limits between which 95 % of differences lie (`None` for
        one subject); `nights`, how many nights were compared; `left_out`, how many nights lack the
        statistic for the scorer or the model.
    """
    results = {}
    for name, unit in UNITS.items():
        rows = nights[nights["statistic"] == name]
        known = rows.dropna(subset=["scorer", "model"])
        counts = {"unit": unit, "nights": len(known), "left_out": len(rows) - len(known)}
        bias = {"value": None, "low": None, "high": None}
        half_width = np.nan
        if len(known):
            differences = (known["model"] - known["scorer"]).to_numpy(float)
            subject = known.groupby(SUBJECT).ngroup().to_numpy()
            mean = mean_of(subject, {"bias": differences})
            bias = estimate(mean, subject.max() + 1, seed)["bias"]
            half_width = LIMITS_SD * total_sd(differences, subject)
        limits = {"lower": None, "upper": None}
        if np.isfinite(half_width):
            limits = {"lower": bias["value"] - half_width, "upper": bias["value"] + half_width}
        results[name] = {**counts, "bias": bias, **limits}
    return results


def total_sd(values: np.ndarray, subjects: np.ndarray) -> float:
    """Return the standard deviation that a new night of a new subject would have.

    Subjects may have several nights. The result comes from the mean squares within and between
    subjects (Bland & Altman 2007, J Biopharm Stat 17:571). It is the plain standard deviation if
    every subject has one night, and NaN if there is only one subject.

    Parameters
    ----------
    values : ndarray, shape (n_nights,)
        One value per night.
    subjects : ndarray of int, shape (n_nights,)
        Each night's subject, numbered from 0 without gaps.
    """
    nights = np.bincount(subjects)
    n, total = len(nights), len(values)
    if n < 2:
        return np.nan
    if n == total:
        return float(values.std(ddof=1))
    means = np.bincount(subjects, values) / nights
    within = ((values - means[subjects]) ** 2).sum() / (total - n)
    between = (nights * (means - values.mean()) ** 2).sum() / (n - 1)
    size = (total - (nights**2).sum() / total) / (n - 1)
    return float(np.sqrt(within + max(0.0, (between - within) / size)))


def draw(nights, path: str | Path) -> None:
    """Draw a Bland-Altman plot of each statistic into one PNG.

    Each night is a dot; the bias is a solid line and the limits of agreement are dashed lines.

    Parameters
    ----------
    nights : pandas.DataFrame
        The frame that `by_night` returns.
    path : str or Path
        Where to write the PNG.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 5.2), layout="constrained")
    panels = zip(figure.subplots(2, 5).flat, bias_and_limits(nights).items(), strict=True)
    for axes, (name, result) in panels:
        rows = nights[nights["statistic"] == name]
        difference = rows["model"] - rows["scorer"]
        axes.plot((rows["model"] + rows["scorer"]) / 2, difference, "o", color="#1b4079", alpha=0.6)
        axes.axhline(0, color="0.8", linewidth=1, zorder=0)
        lines = ((result["bias"]["value"], "-"), (result["lower"], "--"), (result["upper"], "--"))
        for value, style in lines:
            if value is not None:
                _draw_level(axes, value, style)
        compared = f"{result['nights']} of {len(rows)} nights"
        axes.set_title(f"{name} ({result['unit']}), {compared}", fontsize=9)
        axes.margins(0.1, 0.2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    figure.supxlabel("mean of model and scorer", fontsize=10)
    figure.supylabel("model minus scorer", fontsize=10)
    figure.savefig(path, dpi=130, metadata={"Software": None})


def _draw_level(axes, value: float, style: str) -> None:
    """Draw a horizontal line with its value written at the right end."""
    axes.axhline(value, color="#c8553d", linestyle=style, linewidth=1.2)
    where = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "bottom"}
    axes.annotate(f"{value:.1f}", (1, value), fontsize=8, color="#c8553d", **where)
