"""How far the sleep statistics of model and scorer agree over nights."""

import numpy as np
import pytest
from PIL import Image
from tables import table

from psgvlm.evaluation.sleep_agreement import bias_and_limits, by_night, draw, total_sd
from psgvlm.staging.sleep_statistics import UNITS


def test_gaps_stay_in_both_hypnograms():
    frame = table(subjects=1, epochs=12)
    frame["stage"] = ["W"] * 4 + ["N2"] * 4 + ["R"] * 4
    frame["predicted"] = ["W"] * 4 + [None] * 2 + ["N2"] * 2 + ["R"] * 4
    nights = by_night(frame.drop([5, 9]).sample(frac=1, random_state=0))
    row = nights.set_index("statistic")[["scorer", "model"]].T.to_dict("list")
    assert row["TST"] == [3.0, 2.5]
    assert row["REM latency"] == [2.0, 1.0]
    assert row["SOL"] == [2.0, 3.0]
    assert row["SE"] == pytest.approx([50.0, 100 * 5 / 12])


def test_bias_and_limits_are_mean_and_sd_of_the_differences():
    frame = table(subjects=10, epochs=240, skill=2.0)
    nights = by_night(frame)
    assert len(nights) == 10 * len(UNITS)
    found = bias_and_limits(nights)
    for name in UNITS:
        rows = nights[nights["statistic"] == name].dropna()
        differences = rows["model"] - rows["scorer"]
        half = 1.96 * differences.std()
        assert found[name]["nights"] + found[name]["left_out"] == 10
        assert found[name]["bias"]["value"] == pytest.approx(differences.mean())
        assert found[name]["lower"] == pytest.approx(differences.mean() - half)
        assert found[name]["upper"] == pytest.approx(differences.mean() + half)


def test_bias_and_limits_equal_yasas():
    import pandas as pd
    import yasa

    nights = by_night(table(subjects=12, epochs=240, skill=1.5))
    wide = nights.pivot(index="recording", columns="statistic", values=["scorer", "model"])
    columns = ["TST", "WASO", "N2"]
    theirs = yasa.SleepStatsAgreement(
        wide["scorer"][columns], wide["model"][columns], bootstrap_kwargs={"n_resamples": 20}
    ).summary(ci_method="param")
    ours = bias_and_limits(nights)
    assert isinstance(theirs, pd.DataFrame)
    for name in columns:
        got = theirs.loc[name].xs("center", level="interval")
        assert ours[name]["bias"]["value"] == pytest.approx(got["bias_mean"])
        assert ours[name]["lower"] == pytest.approx(got["loa_lower"])
        assert ours[name]["upper"] == pytest.approx(got["loa_upper"])


def test_nights_of_one_person_are_not_counted_as_people():
    """Two nights of a person with nearly the same error hold little more than one of them."""
    rng = np.random.default_rng(0)
    one = rng.normal(0, 10, 5000)
    twice = np.repeat(one, 2) + rng.normal(0, 3, 10_000)
    owner = np.repeat(np.arange(5000), 2)
    assert total_sd(one, np.arange(5000)) == pytest.approx(one.std(ddof=1))
    assert total_sd(twice, owner) == pytest.approx(np.hypot(10, 3), rel=0.03)
    # Unequal numbers of nights: the analysis of variance written out.
    x, who = np.array([1.0, 3.0, 8.0, 4.0, 6.0, 11.0]), np.array([0, 0, 1, 2, 2, 2])
    within = ((1 - 2) ** 2 * 2 + (4 - 7) ** 2 + (6 - 7) ** 2 + (11 - 7) ** 2) / 3
    between = (2 * (2 - 5.5) ** 2 + (8 - 5.5) ** 2 + 3 * (7 - 5.5) ** 2) / 2
    size = (6 - (4 + 1 + 9) / 6) / 2
    assert total_sd(x, who) == pytest.approx(np.sqrt(within + (between - within) / size))
    assert np.isnan(total_sd(x, np.zeros(6, int)))


def test_nights_without_rem_are_counted_as_left_out():
    frame = table(subjects=4, epochs=100)
    rows = frame["subject"] == "s1"
    frame.loc[rows, "predicted"] = frame.loc[rows, "predicted"].replace("R", "N1")
    found = bias_and_limits(by_night(frame))
    assert (found["REM latency"]["nights"], found["REM latency"]["left_out"]) == (3, 1)
    assert found["TST"]["left_out"] == 0
    awake = bias_and_limits(by_night(table(subjects=1).assign(stage="W", predicted="W")))
    assert awake["SOL"]["nights"] == 0
    assert awake["SOL"]["bias"]["value"] is awake["SOL"]["lower"] is None
    assert awake["TST"]["bias"]["value"] == 0


def test_the_plot_shows_bias_and_limits(tmp_path):
    nights = by_night(table(subjects=5, nights=2))
    for name in ("one.png", "two.png"):
        draw(nights, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        colours = np.asarray(image.convert("RGB")).reshape(-1, 3)
    assert (colours == (200, 85, 61)).all(1).sum() > 1000  # pixels of the lines of bias and limits
    # A single night has no limits and is still drawn.
    draw(by_night(table(subjects=1)), tmp_path / "alone.png")
    assert (tmp_path / "alone.png").stat().st_size > 10_000
