"""The sleep statistics of one night."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psgvlm.stages import STAGES
from psgvlm.staging.sleep_statistics import UNITS, main_statistics


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
    assert main_statistics(stages) == pytest.approx(by_hand(stages), nan_ok=True, abs=1e-4)


def test_a_night_that_everyone_can_count():
    night = ["W"] * 20 + ["N1"] * 4 + ["N2"] * 60 + ["W"] * 6 + ["R"] * 10 + ["W"] * 20
    found = main_statistics(night)
    assert found["TST"] == 37
    assert found["SE"] == pytest.approx(100 * 74 / 120)
    assert found["SOL"] == 10
    assert found["REM latency"] == 35
    assert found["WASO"] == 3
    assert [found[stage] for stage in STAGES] == [23, 2, 30, 0, 5]
