"""What a night's stages come to, and how far the model's nights agree with the scorer's.

The statistics of a night are yasa's; how far two readings of them agree is told by their bias and
limits of agreement (Bland & Altman 1986, Lancet 327:307).
"""

from pathlib import Path

import numpy as np

from psgvlm.evaluation.intervals import estimate, mean_of
from psgvlm.evaluation.predictions import RECORDING, SUBJECT
from psgvlm.stages import STAGES

UNITS = {
    **{"TST": "min", "SE": "%", "SOL": "min", "REM latency": "min", "WASO": "min"},
    **dict.fromkeys(STAGES, "min"),
}
_YASA = {stage: {"W": "WAKE", "R": "REM"}.get(stage, stage) for stage in STAGES}
# What `everything` tells of a night, yasa's definitions: unit, and what it is.
MEANINGS = {
    "TIB": ("min", "time in bed: lights off to lights on"),
    "SPT": ("min", "sleep period: first to last epoch of sleep"),
    "TST": ("min", "total sleep time"),
    "SE": ("%", "sleep efficiency: total sleep time of time in bed"),
    "SME": ("%", "sleep maintenance efficiency: total sleep time of the sleep period"),
    "SOL": ("min", "sleep onset latency: lights off to the first epoch of sleep"),
    "REM latency": ("min", "first epoch of sleep to the first of REM"),
    "WASO": ("min", "wake after sleep onset, within the sleep period"),
    "SFI": ("1/h", "sleep fragmentation index: awakenings an hour of sleep"),
    "UNS": ("min", "not staged: gaps of the recording"),
}
LIMITS = 1.96  # standard deviations on either side of the bias: 95 % of normal differences


def of_night(stages: list[str | None]) -> dict[str, float]:
    """The statistics of `UNITS` of one night, from a stage for every 30 s, first to last.

    Total sleep time, sleep efficiency (of all the epochs given), latency of sleep (from the first
    epoch to the first of any sleep) and of REM (from there), wake after sleep onset, minutes of
    each stage. `None` is an unscored epoch, neither sleep nor wake. NaN is what a night without
    sleep, or without REM, does not have.
    """
    found = _by_yasa(_hypnogram(stages))
    return {name: found[name] for name in UNITS}


def everything(stages: list[str | None]) -> dict:
    """All that yasa says of a night, for a file: a stage for every 30 s from lights off to on.

    `statistics` are by name a `value` and its `unit`, `None` where the night has none (no REM);
    `stages` the minutes of each and its percentage of total sleep time; `transitions` how often
    each stage was followed by each, itself included.
    """
    night = _hypnogram(stages)
    found = {name: None if np.isnan(v) else v for name, v in _by_yasa(night).items()}
    names = [_YASA[stage] for stage in STAGES]
    counts = night.transition_matrix()[0].reindex(index=names, columns=names, fill_value=0)
    return {
        "statistics": {
            name: {"value": found.get(name, 0.0), "unit": unit, "means": means}
            for name, (unit, means) in MEANINGS.items()
        },
        "stages": {
            stage: {"minutes": found[stage], "percent_of_tst": found.get(f"%{_YASA[stage]}")}
            for stage in STAGES
        },
        "transitions": {
            stage: dict(zip(STAGES, map(int, counts.loc[_YASA[stage]]), strict=True))
            for stage in STAGES
        },
    }


def _hypnogram(stages: list[str | None]):
    # It takes more than a second to import.
    from yasa import Hypnogram

    return Hypnogram(["UNS" if stage is None else stage for stage in stages])


def _by_yasa(night) -> dict[str, float]:
    """yasa's statistics under its names, those of `UNITS` under ours."""
    found = {name: float(value) for name, value in night.sleep_statistics().items()}
    found |= {stage: found[name] for stage, name in _YASA.items()}
    return {**found, "REM latency": found["Lat_REM"] - found["SOL"]}


def by_night(frame):
    """A frame of the statistics of every night, by the scorer and by the model.

    Columns `cohort`, `subject`, `recording`, `statistic`, `scorer`, `model`. An epoch that is not
    in the table of predictions is unscored for both; an invalid answer is so for the model.
    """
    import pandas as pd

    rows = []
    for key, night in frame.groupby(RECORDING):
        at = night["epoch"].to_numpy() - night["epoch"].min()
        read = {}
        for reader, column in (("scorer", "stage"), ("model", "predicted")):
            stages: list[str | None] = [None] * (at.max() + 1)
            for i, stage in zip(at, night[column], strict=True):
                stages[i] = stage if stage in STAGES else None
            read[reader] = of_night(stages)
        place = dict(zip(RECORDING, key, strict=True))
        for name in UNITS:
            rows.append({**place, "statistic": name, **{who: read[who][name] for who in read}})
    return pd.DataFrame(rows)


def agreement(nights, seed: int = 0) -> dict[str, dict]:
    """Bias (model minus scorer) and limits of agreement of each statistic of `by_night`.

    `bias` is `{"value", "low", "high"}` with its 95 % interval over subjects; `lower` and `upper`
    are the limits between which 95 % of differences lie, `None` with one subject; `nights` is how
    many were compared, `left_out` how many lack the statistic by one of the two (no REM, no sleep).
    """
    found = {}
    for name, unit in UNITS.items():
        rows = nights[nights["statistic"] == name]
        known = rows.dropna(subset=["scorer", "model"])
        result = {"unit": unit, "nights": len(known), "left_out": len(rows) - len(known)}
        bias = {"value": None, "low": None, "high": None}
        spread = np.nan
        if len(known):
            differences = (known["model"] - known["scorer"]).to_numpy(float)
            owner = known.groupby(SUBJECT).ngroup().to_numpy()
            mean = mean_of(owner, {"bias": differences})
            bias = estimate(mean, owner.max() + 1, seed)["bias"]
            spread = LIMITS * total_sd(differences, owner)
        limits = {"lower": None, "upper": None}
        if np.isfinite(spread):
            limits = {"lower": bias["value"] - spread, "upper": bias["value"] + spread}
        found[name] = {**result, "bias": bias, **limits}
    return found


def total_sd(values: np.ndarray, subjects: np.ndarray) -> float:
    """SD of a new night of a new subject, where subjects (0, 1, ...) may have several nights.

    From the mean squares within and between subjects (Bland & Altman 2007, J Biopharm Stat 17:571);
    the plain SD where each has one night. NaN where there is but one subject.
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
    """A Bland-Altman PNG of every statistic: a dot a night; bias and limits as lines."""
    from matplotlib.figure import Figure

    measured = agreement(nights)
    figure = Figure(figsize=(13, 5.2), layout="constrained")
    for axes, (name, result) in zip(figure.subplots(2, 5).flat, measured.items(), strict=True):
        rows = nights[nights["statistic"] == name]
        difference = rows["model"] - rows["scorer"]
        axes.plot((rows["model"] + rows["scorer"]) / 2, difference, "o", color="#1b4079", alpha=0.6)
        axes.axhline(0, color="0.8", linewidth=1, zorder=0)
        for value, line in (
            (result["bias"]["value"], "-"),
            (result["lower"], "--"),
            (result["upper"], "--"),
        ):
            if value is not None:
                axes.axhline(value, color="#c8553d", linestyle=line, linewidth=1.2)
                axes.annotate(
                    f"{value:.1f}",
                    (1, value),
                    xycoords=("axes fraction", "data"),
                    ha="right",
                    va="bottom",
                    fontsize=8,
                    color="#c8553d",
                )
        nights_of = f"{result['nights']} of {len(rows)} nights"
        axes.set_title(f"{name} ({result['unit']}), {nights_of}", fontsize=9)
        axes.margins(0.1, 0.2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    figure.supxlabel("mean of model and scorer", fontsize=10)
    figure.supylabel("model minus scorer", fontsize=10)
    figure.savefig(path, dpi=130, metadata={"Software": None})
