"""Statistics of a night, and how far two readings of it agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tables import table

from psgvlm.stages import STAGES
from psgvlm.staging.sleep_statistics import UNITS, agreement, by_night, draw, of_night, total_sd


def by_hand(stages):
    """The same by the AASM manual's definitions, an epoch at a time."""
    asleep = [i for i, stage in enumerate(stages) if stage not in (None, "W")]
    found = dict.fromkeys(UNITS, np.nan)
    for stage in STAGES:
        found[stage] = stages.count(stage) / 2
    found["TST"] = len(asleep) / 2
    found["SE"] = 100 * len(asleep) / len(stages)
    if asleep:
        found["SOL"] = asleep[0] / 2
        found["WASO"] = stages[asleep[0] : asleep[-1] + 1].count("W") / 2
    if "R" in stages:
        found["REM latency"] = (stages.index("R") - asleep[0]) / 2
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from((*STAGES, "W", "W", None)), min_size=1, max_size=40))
def test_yasa_counts_as_by_hand(stages):
    # yasa rounds to four decimals.
    assert of_night(stages) == pytest.approx(by_hand(stages), nan_ok=True, abs=1e-4)


def test_a_night_that_everyone_can_count():
    night = ["W"] * 20 + ["N1"] * 4 + ["N2"] * 60 + ["W"] * 6 + ["R"] * 10 + ["W"] * 20
    found = of_night(night)
    assert found["TST"] == 37
    assert found["SE"] == pytest.approx(100 * 74 / 120)
    assert found["SOL"] == 10
    assert found["REM latency"] == 35
    assert found["WASO"] == 3
    assert [found[stage] for stage in STAGES] == [23, 2, 30, 0, 5]


def test_nights_keep_their_gaps():
    frame = table(subjects=1, epochs=12)
    frame["stage"] = ["W"] * 4 + ["N2"] * 4 + ["R"] * 4
    frame["predicted"] = ["W"] * 4 + [None] * 2 + ["N2"] * 2 + ["R"] * 4
    nights = by_night(frame.drop([5, 9]).sample(frac=1, random_state=0))
    row = nights.set_index("statistic")[["scorer", "model"]].T.to_dict("list")
    assert row["TST"] == [3.0, 2.5]
    assert row["REM latency"] == [2.0, 1.0]
    assert row["SOL"] == [2.0, 3.0]
    assert row["SE"] == pytest.approx([50.0, 100 * 5 / 12])


def test_bias_and_limits():
    frame = table(subjects=10, epochs=240, skill=2.0)
    nights = by_night(frame)
    assert len(nights) == 10 * len(UNITS)
    found = agreement(nights)
    for name in UNITS:
        rows = nights[nights["statistic"] == name].dropna()
        differences = rows["model"] - rows["scorer"]
        half = 1.96 * differences.std()
        assert found[name]["nights"] + found[name]["left_out"] == 10
        assert found[name]["bias"]["value"] == pytest.approx(differences.mean())
        assert found[name]["lower"] == pytest.approx(differences.mean() - half)
        assert found[name]["upper"] == pytest.approx(differences.mean() + half)


def test_limits_are_yasas():
    import pandas as pd
    import yasa

    nights = by_night(table(subjects=12, epochs=240, skill=1.5))
    wide = nights.pivot(index="recording", columns="statistic", values=["scorer", "model"])
    columns = ["TST", "WASO", "N2"]
    theirs = yasa.SleepStatsAgreement(
        wide["scorer"][columns], wide["model"][columns], bootstrap_kwargs={"n_resamples": 20}
    ).summary(ci_method="param")
    ours = agreement(nights)
    assert isinstance(theirs, pd.DataFrame)
    for name in columns:
        got = theirs.loc[name].xs("center", level="interval")
        assert ours[name]["bias"]["value"] == pytest.approx(got["bias_mean"])
        assert ours[name]["lower"] == pytest.approx(got["loa_lower"])
        assert ours[name]["upper"] == pytest.approx(got["loa_upper"])


def test_several_nights_of_a_person_are_not_so_many_people():
    """Two nights of the same person that always err alike tell no more than one of them."""
    rng = np.random.default_rng(0)
    one = rng.normal(0, 10, 5000)
    twice = np.repeat(one, 2) + rng.normal(0, 3, 10_000)
    owner = np.repeat(np.arange(5000), 2)
    assert total_sd(one, np.arange(5000)) == pytest.approx(one.std(ddof=1))
    assert total_sd(twice, owner) == pytest.approx(np.hypot(10, 3), rel=0.03)
    # Unequal numbers of nights, one value changed by hand: the ANOVA written out.
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
    found = agreement(by_night(frame))
    assert (found["REM latency"]["nights"], found["REM latency"]["left_out"]) == (3, 1)
    assert found["TST"]["left_out"] == 0
    awake = agreement(by_night(table(subjects=1).assign(stage="W", predicted="W")))
    assert awake["SOL"]["nights"] == 0
    assert awake["SOL"]["bias"]["value"] is awake["SOL"]["lower"] is None
    assert awake["TST"]["bias"]["value"] == 0


def test_the_picture(tmp_path):
    nights = by_night(table(subjects=5, nights=2))
    for name in ("one.png", "two.png"):
        draw(nights, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        colours = np.asarray(image.convert("RGB")).reshape(-1, 3)
    assert (colours == (200, 85, 61)).all(1).sum() > 1000  # lines of bias and limits
    # A night alone has no limits, and is drawn all the same.
    draw(by_night(table(subjects=1)), tmp_path / "alone.png")
    assert (tmp_path / "alone.png").stat().st_size > 10_000
