"""Intervals from resampled subjects, and comparisons of models."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk
from tables import table

from psgvlm.errors import InputError
from psgvlm.evaluation import intervals
from psgvlm.evaluation.intervals import compare, estimate, holm, pooled, signed_rank, summary
from psgvlm.evaluation.predictions import RECORDING, SUBJECT, consecutive_runs, count_confusions
from psgvlm.metrics.sleep_staging.figures import FIGURES, kappa


def test_counts_by_subject_equal_scikit_learns():
    frame = table(subjects=4, nights=2, invalid=0.1).sample(frac=1, random_state=1)
    keys, matrices = count_confusions(frame, SUBJECT)
    assert keys["subject"].tolist() == ["s0", "s1", "s2", "s3"]
    for name, matrix in zip(keys["subject"], matrices, strict=True):
        own = frame[frame["subject"] == name]
        labels = ["W", "N1", "N2", "N3", "R", "invalid"]
        answers = own["predicted"].fillna("invalid")
        expected = sk.confusion_matrix(own["stage"], answers, labels=labels)
        assert (matrix == expected[:5]).all()


def test_the_same_subject_name_in_two_cohorts_is_two_subjects():
    frame = pd.concat([table(), table().assign(cohort="mass")])
    assert len(count_confusions(frame, SUBJECT)[0]) == 12
    assert summary(frame)["subjects"] == summary(frame)["recordings"] == 12


def test_figures_of_every_level_equal_scikit_learns():
    frame = table(subjects=5, nights=3, epochs=80, skill=2.0)
    found = summary(frame)
    assert (found["subjects"], found["recordings"], found["epochs"]) == (5, 15, 1200)
    assert found["pooled"]["kappa"]["value"] == pytest.approx(
        sk.cohen_kappa_score(frame["stage"], frame["predicted"])
    )
    f1 = sk.f1_score(frame["stage"], frame["predicted"], labels=["N3"], average=None)
    assert found["pooled"]["f1_N3"]["value"] == pytest.approx(f1[0])
    for level, by in (("by_recording", RECORDING), ("by_subject", SUBJECT)):
        each = [
            sk.cohen_kappa_score(part["stage"], part["predicted"]) for _, part in frame.groupby(by)
        ]
        got = found[level]["kappa"]
        assert got["mean"] == pytest.approx(np.mean(each))
        assert got["sd"] == pytest.approx(np.std(each, ddof=1))
        assert got["median"] == pytest.approx(np.median(each))
        assert got["low"] < got["mean"] < got["high"]


def test_neither_order_of_rows_nor_repetition_changes_numbers():
    frame = table(nights=2)
    assert summary(frame) == summary(frame.sample(frac=1, random_state=0)) == summary(frame)
    assert summary(frame)["pooled"] != summary(frame, seed=1)["pooled"]


def test_an_interval_equals_that_of_a_resampled_table():
    """The reference resamples the table by subject and measures it with scikit-learn."""
    frame = table(subjects=8, epochs=40, skill=1.5)
    parts = [part for _, part in frame.groupby("subject")]
    rng = np.random.default_rng(5)
    drawn = []
    for _ in range(400):
        again = pd.concat([parts[i] for i in rng.integers(0, 8, 8)])
        drawn.append(sk.cohen_kappa_score(again["stage"], again["predicted"]))
    # Hesterberg's expansion for eight subjects: 1.07 times the t quantile instead of 1.96.
    tail = stats.norm.cdf(-np.sqrt(8 / 7) * stats.t.ppf(0.975, 7))
    low, high = np.quantile(drawn, (tail, 1 - tail))
    got = summary(frame)["pooled"]["kappa"]
    assert got["low"] == pytest.approx(low, abs=0.25 * (high - low))
    assert got["high"] == pytest.approx(high, abs=0.25 * (high - low))


def test_intervals_cover_the_truth(monkeypatch):
    """Of 300 cohorts of 12 subjects each, about 95 % of intervals hold the population's kappa."""
    monkeypatch.setattr(intervals, "RESAMPLES", 1000)
    rng = np.random.default_rng(0)
    share = np.array([0.2, 0.1, 0.45, 0.15, 0.1])

    def draw(subjects):
        skill = rng.beta(8, 2, subjects)[:, None, None]
        rows = (rng.dirichlet(20 * share, subjects) * 400).round()[:, :, None]
        answers = np.pad(skill * np.eye(5) + (1 - skill) * share, ((0, 0), (0, 0), (0, 1)))
        return rng.poisson(rows * answers)

    truth = kappa(draw(20_000).sum(0))
    covered = 0
    for seed in range(300):
        got = estimate(pooled(draw(12)), 12, seed)["kappa"]
        covered += got["low"] <= truth <= got["high"]
    # Four standard errors about 95 %; the plain percentile interval covers 90 % or 91 %.
    assert 0.91 < covered / 300 < 0.99


def test_resampling_epochs_would_give_too_narrow_intervals(monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 1000)
    frame = table(subjects=6, epochs=300, skill=1.5)
    by_subject = summary(frame)["pooled"]["accuracy"]
    by_epoch = summary(frame.assign(subject=range(len(frame))))["pooled"]["accuracy"]
    assert by_epoch["value"] == by_subject["value"]
    width = by_subject["high"] - by_subject["low"]
    assert width > 2 * (by_epoch["high"] - by_epoch["low"])


def test_one_subject_has_figures_and_no_interval():
    found = summary(table(subjects=1))
    assert found["pooled"]["kappa"]["value"] > 0
    assert found["pooled"]["kappa"]["low"] is found["pooled"]["kappa"]["high"] is None
    assert found["by_recording"]["kappa"]["sd"] is None
    one = table(subjects=1, epochs=1).assign(stage="N2", predicted="N2")
    found = summary(one)["pooled"]
    assert found["accuracy"]["value"] == 1
    assert found["kappa"]["value"] == 0
    assert found["f1_N3"] == {"value": None, "low": None, "high": None}


def test_a_stage_of_one_subject_alone_keeps_an_interval():
    frame = table(subjects=5)
    frame.loc[frame["subject"] != "s0", ["stage", "predicted"]] = "W"
    got = summary(frame)["pooled"]["f1_N3"]
    assert 0 <= got["low"] <= got["value"] <= got["high"] <= 1


def test_equal_models_do_not_differ():
    rows = compare({"a": table(), "b": table().sample(frac=1, random_state=0)})
    assert [row["figure"] for row in rows] == list(FIGURES)
    for row in rows:
        assert row["value"] == row["low"] == row["high"] == 0
        assert row["p"] == row["p_holm"] == 1


def test_a_better_model_differs_significantly():
    frame = table(subjects=12, skill=2.0)
    rng = np.random.default_rng(1)

    def worse(share):
        wrong = rng.random(len(frame)) < share
        return frame.assign(predicted=frame["predicted"].where(~wrong, "W"))

    tables = {"good": frame, "bad": worse(0.3), "worse": worse(0.4)}
    rows = {(r["one"], r["other"]): r for r in compare(tables) if r["figure"] == "kappa"}
    assert set(rows) == {("good", "bad"), ("good", "worse"), ("bad", "worse")}
    row = rows["good", "bad"]
    each = [
        sk.cohen_kappa_score(a["stage"], a["predicted"])
        - sk.cohen_kappa_score(b["stage"], b["predicted"])
        for (_, a), (_, b) in zip(
            frame.groupby("subject"), tables["bad"].groupby("subject"), strict=True
        )
    ]
    assert row["p"] == pytest.approx(stats.wilcoxon(each).pvalue)
    assert 0 < row["low"] < row["value"] < row["high"]
    assert row["value"] == pytest.approx(
        sk.cohen_kappa_score(frame["stage"], frame["predicted"])
        - sk.cohen_kappa_score(frame["stage"], tables["bad"]["predicted"])
    )
    # Paired: much narrower than the two models' own intervals.
    own = summary(frame)["pooled"]["kappa"]
    assert row["high"] - row["low"] < own["high"] - own["low"]
    assert [r["p_holm"] for r in rows.values()] == holm([r["p"] for r in rows.values()])


def test_models_on_other_epochs_are_refused():
    frame = table()
    with pytest.raises(InputError, match="without rows"):
        summary(frame.iloc[:0])
    with pytest.raises(InputError, match="different epochs or scores"):
        compare({"a": frame, "b": frame.iloc[1:]})
    with pytest.raises(InputError, match="different epochs or scores"):
        compare({"a": frame, "b": frame.assign(stage="W")})
    with pytest.raises(InputError, match="epoch 0 of s0-0 occurs twice"):
        compare({"a": frame, "b": pd.concat([frame, frame.iloc[:1]])})


def test_holm_gives_published_values():
    # statsmodels.stats.multitest.multipletests(p, method="holm") gives these.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9]) == [0.9]
    assert holm([]) == []


@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_step_by_step(p):
    """At any level, the hypotheses rejected are those of the procedure as Holm wrote it."""
    for level in (0.01, 0.05, 0.2):
        rejected = set()
        for step, i in enumerate(sorted(range(len(p)), key=p.__getitem__)):
            if p[i] * (len(p) - step) > level:
                break
            rejected.add(i)
        assert {i for i, x in enumerate(holm(p)) if x <= level} == rejected


def test_signed_rank_without_differences():
    assert signed_rank(np.zeros(5)) == 1


def test_runs_end_where_epochs_are_missing():
    frame = table(subjects=2, epochs=6).iloc[[11, 0, 1, 4, 3, 6, 8]]
    found = [frame["epoch"].to_numpy()[rows].tolist() for rows in consecutive_runs(frame)]
    assert found == [[0, 1], [3, 4], [0], [2], [5]]
    assert consecutive_runs(frame.iloc[:0]) == []
