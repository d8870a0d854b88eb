"""The order of training: how often each stage and row comes, round by round."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psgvlm.errors import InputError
from psgvlm.training.sampling import BALANCES, Draws


def stages(*counts) -> np.ndarray:
    return np.repeat(np.arange(5), counts)


def rows(draws: Draws, number: int = 0) -> list[int]:
    draws.round = number
    return [row for row, _ in draws]


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(0, 40), min_size=5, max_size=5),
    how=st.sampled_from(BALANCES),
    rounds=st.integers(1, 5),
    seed=st.integers(0, 9),
)
def test_every_row_of_a_stage_comes_before_any_again(counts, how, rounds, seed):
    if np.count_nonzero(counts) < 2:
        return
    of = stages(*counts)
    draws = Draws(of, how, seed)
    drawn = [rows(draws, number) for number in range(rounds)]
    assert {len(one) for one in drawn} == {len(draws)}
    assert len(of) - 5 < len(draws) <= len(of)
    times = np.bincount(np.concatenate(drawn), minlength=len(of))
    for stage in range(5):
        if (mine := times[of == stage]).size:
            assert mine.max() - mine.min() <= 1
            assert mine.sum() == rounds * draws.wanted[stage]


def test_how_often_each_stage_comes():
    of = stages(10, 10, 160, 10, 10)
    by_how = {how: Counter(of[rows(Draws(of, how))].tolist()) for how in BALANCES}
    assert by_how["none"] == {0: 10, 1: 10, 2: 160, 3: 10, 4: 10}
    assert by_how["sqrt"] == {0: 25, 1: 25, 2: 100, 3: 25, 4: 25}
    assert by_how["uniform"] == dict.fromkeys(range(5), 40)


def test_of_a_common_stage_each_round_sees_others():
    of = stages(10, 10, 160, 10, 10)
    draws = Draws(of, "uniform")
    seen = [{row for row in rows(draws, number) if of[row] == 2} for number in range(4)]
    assert [len(one) for one in seen] == [40] * 4
    assert len(set.union(*seen)) == 160


def test_the_order_follows_from_seed_and_round():
    of = stages(10, 10, 60, 10, 10)
    first, second = rows(Draws(of, "uniform", 1)), rows(Draws(of, "uniform", 1), 1)
    assert first == rows(Draws(of, "uniform", 1))
    assert first != second
    assert first != rows(Draws(of, "uniform", 2))
    assert first != sorted(first)


def test_draws_are_numbered_over_all_rounds():
    draws = Draws(stages(3, 3, 3, 3, 3))
    numbers = []
    for draws.round in range(3):
        numbers += [number for _, number in draws]
    assert numbers == list(range(45))


def test_what_cannot_be_trained_on_is_refused():
    with pytest.raises(InputError, match="5 epochs of 1 stage"):
        Draws(stages(0, 0, 5, 0, 0), "uniform")
    with pytest.raises(InputError, match="--balance odd: expected one of none, sqrt, uniform"):
        Draws(stages(5, 5, 5, 5, 5), "odd")
