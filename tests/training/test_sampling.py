"""The order of training: how often each stage and each row is drawn, round by round."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psgvlm.errors import InputError
from psgvlm.training.sampling import BALANCES, BalancedSampler


def stages(*counts) -> np.ndarray:
    return np.repeat(np.arange(5), counts)


def rows(sampler: BalancedSampler, number: int = 0) -> list[int]:
    sampler.round = number
    return [row for row, _ in sampler]


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(0, 40), min_size=5, max_size=5),
    balance=st.sampled_from(BALANCES),
    rounds=st.integers(1, 5),
    seed=st.integers(0, 9),
)
def test_every_row_of_a_stage_is_drawn_before_any_is_drawn_again(counts, balance, rounds, seed):
    if np.count_nonzero(counts) < 2:
        return
    scored = stages(*counts)
    sampler = BalancedSampler(scored, balance, seed)
    drawn = [rows(sampler, number) for number in range(rounds)]
    assert {len(one) for one in drawn} == {len(sampler)}
    assert len(scored) - 5 < len(sampler) <= len(scored)
    times = np.bincount(np.concatenate(drawn), minlength=len(scored))
    for stage in range(5):
        if (mine := times[scored == stage]).size:
            assert mine.max() - mine.min() <= 1
            assert mine.sum() == rounds * sampler.draws_by_stage[stage]


def test_the_balance_says_how_often_each_stage_is_drawn():
    scored = stages(10, 10, 160, 10, 10)
    drawn = {name: rows(BalancedSampler(scored, name)) for name in BALANCES}
    counts = {name: Counter(scored[chosen].tolist()) for name, chosen in drawn.items()}
    assert counts["none"] == {0: 10, 1: 10, 2: 160, 3: 10, 4: 10}
    assert counts["sqrt"] == {0: 25, 1: 25, 2: 100, 3: 25, 4: 25}
    assert counts["uniform"] == dict.fromkeys(range(5), 40)


def test_each_round_draws_other_rows_of_a_common_stage():
    scored = stages(10, 10, 160, 10, 10)
    sampler = BalancedSampler(scored, "uniform")
    seen = [{row for row in rows(sampler, number) if scored[row] == 2} for number in range(4)]
    assert [len(one) for one in seen] == [40] * 4
    assert len(set.union(*seen)) == 160


def test_the_order_depends_only_on_seed_and_round():
    scored = stages(10, 10, 60, 10, 10)
    first, second = (
        rows(BalancedSampler(scored, "uniform", 1)),
        rows(BalancedSampler(scored, "uniform", 1), 1),
    )
    assert first == rows(BalancedSampler(scored, "uniform", 1))
    assert first != second
    assert first != rows(BalancedSampler(scored, "uniform", 2))
    assert first != sorted(first)


def test_draws_are_numbered_over_all_rounds():
    sampler = BalancedSampler(stages(3, 3, 3, 3, 3))
    numbers = []
    for sampler.round in range(3):
        numbers += [number for _, number in sampler]
    assert numbers == list(range(45))


def test_fewer_than_two_stages_or_an_unknown_balance_is_refused():
    with pytest.raises(InputError, match="5 epochs of 1 stage"):
        BalancedSampler(stages(0, 0, 5, 0, 0), "uniform")
    with pytest.raises(InputError, match=r"odd.*none, sqrt, uniform"):
        BalancedSampler(stages(5, 5, 5, 5, 5), "odd")
