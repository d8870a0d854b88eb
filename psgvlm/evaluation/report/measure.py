"""Compute every figure of a report from the tables of predictions alone."""

import numpy as np

from psgvlm import metrics
from psgvlm.evaluation import agreement, intervals, predictions, sleep_agreement
from psgvlm.metrics.sleep_staging.figures import FIGURES, brier, log_loss, reliability
from psgvlm.models import calibration
from psgvlm.stages import STAGES

COMMONEST = "always the commonest stage"
UNCHANGED = {"lanes": -1, "prompts": 0}  # the place of the unchanged model among a kind's variants


def measure_all(frame, about: dict, damaged=None, varied=None) -> dict:
    """Compute the content of `metrics.json`.

    Parameters
    ----------
    frame, about, damaged, varied
        As in `psgvlm.evaluation.report.write`.

    Returns
    -------
    dict
        `contenders`: the figures of each contender (see `measure_contender`).
        `pooled`, `cohorts`, `recordings`: those of the first model, repeated for convenience.
        `majority`: the figures of always answering the commonest stage of these very epochs.
        `comparisons`: every two contenders (see `intervals.compare`).
        `matrix`: kappa by training and test cohort (see `cohort_matrix`).
        `damage`: see `damage_curves`. `variants`: see `measure_variants`. `about`: as given.
    """
    parts = {name: part for name, part in frame.groupby("model", sort=False)}
    temperatures = about.get("temperatures", {})
    contenders = {
        name: measure_contender(part, temperatures.get(name)) for name, part in parts.items()
    }
    first, table = next(iter(contenders.values())), next(iter(parts.values()))
    commonest = table.assign(predicted=table["stage"].mode()[0])
    return {
        **{name: first[name] for name in ("pooled", "cohorts", "recordings")},
        "majority": intervals.summary(commonest),
        "contenders": contenders,
        "comparisons": intervals.compare(parts) if len(parts) > 1 else [],
        "matrix": cohort_matrix(contenders, about["trained_on"]),
        "damage": {} if damaged is None else damage_curves(damaged),
        "variants": {} if varied is None else measure_variants(varied),
        "about": about,
    }


def measure_contender(frame, temperature: float | None = None) -> dict:
    """Compute the figures of one contender.

    Parameters
    ----------
    frame : pandas.DataFrame
        The contender's table of predictions.
    temperature : float, optional
        The temperature that calibrates the probabilities.

    Returns
    -------
    dict
        `pooled` and `cohorts`: the results of the `evaluate` metric.
        `recordings` and `subjects`: the figures of each recording and of each subject.
        `summary` and `summary_by_cohort`: see `intervals.summary`.
        `transitions`, `scorers`: see `psgvlm.evaluation.agreement`.
        `sleep_statistics`: see `psgvlm.evaluation.sleep_agreement`.
        `certainty`: see `measure_certainty`; `calibrated`: the same at `temperature`, which leaves
        the stages as they are.
    """
    import evaluate

    metric = evaluate.load(metrics.SLEEP_STAGING)

    def metric_of(part) -> dict:
        return metric.compute(
            predictions=part["predicted"].tolist(),
            references=part["stage"].tolist(),
            probabilities=predictions.probabilities(part),
        )

    cohorts = dict(list(frame.groupby("cohort")))
    return {
        "pooled": metric_of(frame),
        "cohorts": {name: metric_of(part) for name, part in cohorts.items()},
        "recordings": _figures_by(frame, ["cohort", "recording"]),
        "subjects": _figures_by(frame, predictions.SUBJECT),
        "summary": intervals.summary(frame),
        "summary_by_cohort": {name: intervals.summary(part) for name, part in cohorts.items()},
        "transitions": agreement.transitions(frame),
        "scorers": agreement.scorers(frame),
        "sleep_statistics": sleep_agreement.bias_and_limits(sleep_agreement.by_night(frame)),
        "certainty": measure_certainty(frame),
        "temperature": temperature,
        "calibrated": None if temperature is None else measure_certainty(frame, temperature),
    }


def measure_certainty(frame, temperature: float = 1.0) -> dict[str, dict]:
    """Compute log loss, Brier score and calibration error of the probabilities at a temperature.

    Each is `{"value", "low", "high"}` with its interval over subjects.
    """
    p = calibration.scale(predictions.probabilities(frame), temperature)
    scored = predictions.scored(frame)
    owner = frame.groupby(predictions.SUBJECT).ngroup().to_numpy()
    subjects = [(p[owner == i], scored[owner == i]) for i in range(owner.max() + 1)]
    epochs = np.bincount(owner)
    sums = {
        score.__name__: epochs * [score(*subject) for subject in subjects]
        for score in (log_loss, brier)
    }
    bins = [reliability(*subject) for subject in subjects]
    gaps = [np.nan_to_num(b["epochs"] * (b["accuracy"] - b["confidence"])) for b in bins]

    def statistic(weights: np.ndarray) -> dict[str, np.ndarray]:
        total = weights @ epochs
        values = {name: (weights @ x) / total for name, x in sums.items()}
        return values | {"ece": np.abs(weights @ gaps).sum(axis=1) / total}

    return intervals.estimate(statistic, len(subjects))


def damage_curves(damaged) -> dict:
    """Compute kappa and balanced accuracy by kind of damage, contender and severity.

    The result is `{kind: {contender: [{"severity", "kappa", "balanced_accuracy"}, ...]}}`, with
    severities in the order of the table.
    """
    result: dict = {}
    groups = damaged.groupby(["damage", "model", "severity"], sort=False)
    for (kind, name, severity), part in groups:
        estimates = _pooled_estimates(part)
        point = {key: estimates[key] for key in ("kappa", "balanced_accuracy")}
        result.setdefault(kind, {}).setdefault(name, []).append({"severity": severity, **point})
    return result


def cohort_matrix(
    contenders: dict[str, dict], trained_on: dict[str, list[str] | None]
) -> dict[str, dict]:
    """Collect the kappa of each trained contender by the cohort that it is tested on.

    The result is `{name: {"trained_on": cohorts or None, "cells": {cohort: cell}}}`. A cell holds
    `value`, `low`, `high`, `subjects`, `epochs` and `seen`: whether other subjects of that cohort
    were trained on (`None` if that is not known).
    """
    result = {}
    for name, cohorts in trained_on.items():
        cells = {}
        for cohort, summary in contenders[name]["summary_by_cohort"].items():
            seen = None if cohorts is None else cohort in cohorts
            size = {key: summary[key] for key in ("subjects", "epochs")}
            cells[cohort] = {**summary["pooled"]["kappa"], **size, "seen": seen}
        result[name] = {"trained_on": cohorts, "cells": cells}
    return result


def measure_variants(varied) -> dict:
    """Compute the figures of every variant, by kind and model (see `psgvlm.evaluation.variants`).

    A variant has its name, kappa, balanced accuracy and F1 by stage. Unless it is the unchanged
    model, it also has `difference`, its kappa minus that of the unchanged model, and `changed`, the
    share of epochs with another answer.
    """
    result: dict = {}
    for (kind, name), part in varied.groupby(["kind", "model"], sort=False):
        tables = dict(list(part.groupby("variant", sort=False)))
        own = list(tables.values())[UNCHANGED[kind]]
        rows = []
        for variant, table in tables.items():
            change = {} if table is own else _change(table, own)
            rows.append({"variant": variant, **_variant_figures(table), **change})
        result.setdefault(kind, {})[name] = rows
    return result


def _variant_figures(table) -> dict:
    estimates = _pooled_estimates(table)
    keys = ("kappa", "balanced_accuracy", *(f"f1_{stage}" for stage in STAGES))
    return {key: estimates[key] for key in keys}


def _pooled_estimates(table) -> dict:
    _, matrices = predictions.count_confusions(table, predictions.SUBJECT)
    return intervals.estimate(intervals.pooled(matrices), len(matrices))


def _change(table, own) -> dict:
    """Compare a variant with the unchanged model on the same epochs."""
    matrices = [predictions.count_confusions(part, predictions.SUBJECT)[1] for part in (table, own)]
    difference = intervals.difference(*map(intervals.pooled, matrices))
    place = [*predictions.RECORDING, "epoch"]
    both = table.merge(own, on=place, suffixes=("", "_own"), validate="one_to_one")
    changed = (both["predicted"] != both["predicted_own"]).to_numpy(float)
    owner = both.groupby(predictions.SUBJECT).ngroup().to_numpy()
    subjects = len(matrices[0])
    share = intervals.estimate(intervals.mean_of(owner, {"changed": changed}), subjects)
    return {"difference": intervals.estimate(difference, subjects)["kappa"], **share}


def _figures_by(frame, by: list[str]) -> dict[str, dict]:
    """Return the figures of every recording or subject, by the name `cohort/name`."""
    keys, matrices = predictions.count_confusions(frame, by)
    values = {name: figure(matrices) for name, figure in FIGURES.items()}
    epochs = matrices.sum((1, 2))
    return {
        "/".join(key): {name: float(x[i]) for name, x in values.items()}
        | {"epochs": int(epochs[i])}
        for i, key in enumerate(keys.itertuples(index=False))
    }
