"""Every figure of a report, from the tables of predictions alone."""

import numpy as np

from psgvlm import metrics
from psgvlm.evaluation import agreement, intervals, predictions, sleep_agreement
from psgvlm.metrics.sleep_staging.figures import FIGURES, brier, log_loss, reliability
from psgvlm.models import calibration
from psgvlm.stages import STAGES

COMMONEST = "always the commonest stage"
AS_IT_IS = {"lanes": -1, "prompts": 0}  # which of a kind's variants is the model as it is


def everything(frame, about: dict, damaged=None, varied=None) -> dict:
    """What `metrics.json` holds.

    `contenders` has the figures of each by `of`; `pooled`, `cohorts` and `recordings` are those of
    the first model, at hand. `majority` is what naming the commonest stage of these very epochs
    comes to, `comparisons` every two contenders, `matrix` the cells of `crossed`, `damage` the
    curves of `curves`, `variants` those of `variants`.
    """
    parts = {name: part for name, part in frame.groupby("model", sort=False)}
    temperatures = about.get("temperatures", {})
    contenders = {name: of(part, temperatures.get(name)) for name, part in parts.items()}
    first, table = next(iter(contenders.values())), next(iter(parts.values()))
    commonest = table.assign(predicted=table["stage"].mode()[0])
    return {
        **{name: first[name] for name in ("pooled", "cohorts", "recordings")},
        "majority": intervals.summary(commonest),
        "contenders": contenders,
        "comparisons": intervals.compare(parts) if len(parts) > 1 else [],
        "matrix": crossed(contenders, about["trained_on"]),
        "damage": {} if damaged is None else curves(damaged),
        "variants": {} if varied is None else variants(varied),
        "about": about,
    }


def of(frame, temperature: float | None = None) -> dict:
    """One contender's figures.

    `pooled` and `cohorts` are those of the `evaluate` metric, `recordings` and `subjects` the
    figures of each by name. `summary` and `summary_by_cohort` are `intervals.summary`. `certainty`
    is what the probabilities come to, `calibrated` the same at `temperature`; the order of stages,
    and so all else, stays.
    """
    import evaluate

    metric = evaluate.load(metrics.SLEEP_STAGING)

    def staged(part) -> dict:
        return metric.compute(
            predictions=part["predicted"].tolist(),
            references=part["stage"].tolist(),
            probabilities=predictions.probabilities(part),
        )

    cohorts = dict(list(frame.groupby("cohort")))
    return {
        "pooled": staged(frame),
        "cohorts": {name: staged(part) for name, part in cohorts.items()},
        "recordings": _each(frame, ["cohort", "recording"]),
        "subjects": _each(frame, predictions.SUBJECT),
        "summary": intervals.summary(frame),
        "summary_by_cohort": {name: intervals.summary(part) for name, part in cohorts.items()},
        "transitions": agreement.transitions(frame),
        "scorers": agreement.scorers(frame),
        "sleep_statistics": sleep_agreement.agreement(sleep_agreement.by_night(frame)),
        "certainty": certainty(frame),
        "temperature": temperature,
        "calibrated": None if temperature is None else certainty(frame, temperature),
    }


def certainty(frame, temperature: float = 1.0) -> dict[str, dict]:
    """Log loss, Brier score and calibration error of the probabilities at a temperature."""
    p = calibration.scale(predictions.probabilities(frame), temperature)
    scored = predictions.scored(frame)
    owner = frame.groupby(predictions.SUBJECT).ngroup().to_numpy()
    subjects = [(p[owner == i], scored[owner == i]) for i in range(owner.max() + 1)]
    epochs = np.bincount(owner)
    sums = {f.__name__: epochs * [f(*of) for of in subjects] for f in (log_loss, brier)}
    bins = [reliability(*of) for of in subjects]
    gaps = [np.nan_to_num(of["epochs"] * (of["accuracy"] - of["confidence"])) for of in bins]

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        total = weights @ epochs
        found = {name: (weights @ x) / total for name, x in sums.items()}
        return found | {"ece": np.abs(weights @ gaps).sum(axis=1) / total}

    return intervals.estimate(statistic, len(subjects))


def curves(damaged) -> dict:
    """By kind of damage and contender, in the order of severity: kappa and balanced accuracy."""
    found: dict = {}
    kinds = damaged.groupby(["damage", "model", "severity"], sort=False)
    for (kind, name, severity), part in kinds:
        _, matrices = predictions.count(part, predictions.SUBJECT)
        measured = intervals.estimate(intervals.pooled(matrices), len(matrices))
        point = {key: measured[key] for key in ("kappa", "balanced_accuracy")}
        found.setdefault(kind, {}).setdefault(name, []).append({"severity": severity, **point})
    return found


def crossed(contenders: dict[str, dict], trained_on: dict[str, list[str] | None]) -> dict:
    """Kappa of each contender that was trained or fitted, by the cohorts that it is tested on.

    `{name: {"trained_on": cohorts or None, "cells": {cohort: {"value", "low", "high", "subjects",
    "epochs", "seen"}}}}`; `seen` says whether other subjects of that cohort were trained on, `None`
    where nobody knows.
    """
    found = {}
    for name, cohorts in trained_on.items():
        cells = {}
        for cohort, summary in contenders[name]["summary_by_cohort"].items():
            seen = None if cohorts is None else cohort in cohorts
            count = {key: summary[key] for key in ("subjects", "epochs")}
            cells[cohort] = {**summary["pooled"]["kappa"], **count, "seen": seen}
        found[name] = {"trained_on": cohorts, "cells": cells}
    return found


def variants(varied) -> dict:
    """By kind and model, every variant in order (see `psgvlm.evaluation.variants`).

    A variant has its name, kappa, balanced accuracy and F1 by stage, and where it is not the model
    as it is, the `difference` of its kappa from that, and the share of epochs `changed`, answered
    in another way.
    """
    found: dict = {}
    for (kind, name), part in varied.groupby(["kind", "model"], sort=False):
        tables = dict(list(part.groupby("variant", sort=False)))
        own = list(tables.values())[AS_IT_IS[kind]]
        found.setdefault(kind, {})[name] = [
            {"variant": variant, **_variant(table), **({} if table is own else _beside(table, own))}
            for variant, table in tables.items()
        ]
    return found


def _variant(table) -> dict:
    _, matrices = predictions.count(table, predictions.SUBJECT)
    figures = intervals.estimate(intervals.pooled(matrices), len(matrices))
    told = ("kappa", "balanced_accuracy", *(f"f1_{stage}" for stage in STAGES))
    return {key: figures[key] for key in told}


def _beside(table, own) -> dict:
    counted = [predictions.count(part, predictions.SUBJECT)[1] for part in (table, own)]
    difference = intervals.difference(*map(intervals.pooled, counted))
    place = [*predictions.RECORDING, "epoch"]
    both = table.merge(own, on=place, suffixes=("", "_own"), validate="one_to_one")
    changed = (both["predicted"] != both["predicted_own"]).to_numpy(float)
    owner = both.groupby(predictions.SUBJECT).ngroup().to_numpy()
    share = intervals.mean_of(owner, {"changed": changed})
    subjects = len(counted[0])
    found = intervals.estimate(difference, subjects)
    return {"difference": found["kappa"], **intervals.estimate(share, subjects)}


def _each(frame, by: list[str]) -> dict[str, dict]:
    """Figures of every recording or subject, named `cohort/name`."""
    keys, matrices = predictions.count(frame, by)
    values = {name: figure(matrices) for name, figure in FIGURES.items()}
    epochs = matrices.sum((1, 2))
    return {
        "/".join(key): {name: float(x[i]) for name, x in values.items()}
        | {"epochs": int(epochs[i])}
        for i, key in enumerate(keys.itertuples(index=False))
    }
