"""The order in which training sees the rows of a corpus: shuffled, with the stages balanced."""

from collections.abc import Iterator, Sequence

import numpy as np

from psgvlm.errors import InputError
from psgvlm.stages import STAGES

EXPONENTS = {"none": 1.0, "sqrt": 0.5, "uniform": 0.0}  # of a stage's count, to weight its draws
BALANCES = tuple(EXPONENTS)


class BalancedSampler:
    """A sampler for torch's data loader that balances the stages.

    Each round draws as many rows as the corpus has. Every row of a stage is drawn once before any
    of them is drawn again, and this goes on across rounds: each round sees other rows of a common
    stage.

    Iterating yields pairs: the index of a row, and the number of the draw, counted over all rounds.
    Set `round` before each round.

    Parameters
    ----------
    stages : sequence of int
        The stage of each row, as an index into `STAGES`.
    balance : str
        How often a stage is drawn: as often as it occurs ("none"), equally often ("uniform"), or by
        the square root of its count ("sqrt").
    seed : int
        The seed of the order.

    Raises
    ------
    InputError
        If the rows have fewer than two stages.
    """

    def __init__(self, stages: Sequence[int], balance: str = "none", seed: int = 0):
        check_balance(balance)
        stages = np.array(stages)
        counts = np.bincount(stages, minlength=len(STAGES))
        if (counts > 0).sum() < 2:
            raise InputError(
                f"the train split holds {len(stages)} epochs of {(counts > 0).sum()} stage(s); "
                "expected at least two stages"
            )
        weights = stage_weights(counts, balance)
        self.draws_by_stage = np.floor(len(stages) * weights / weights.sum()).astype(int)
        self.rows_by_stage = [np.flatnonzero(stages == stage) for stage in range(len(STAGES))]
        self.seed, self.round = seed, 0

    def __len__(self) -> int:
        return int(self.draws_by_stage.sum())

    def __iter__(self) -> Iterator[tuple[int, int]]:
        drawn = [self._draw(stage) for stage in range(len(STAGES)) if self.draws_by_stage[stage]]
        order = np.random.default_rng([self.seed, self.round]).permutation(np.concatenate(drawn))
        first = self.round * len(self)
        yield from ((int(row), first + place) for place, row in enumerate(order))

    def _draw(self, stage: int) -> np.ndarray:
        """Return this round's rows of a stage.

        The draws of all rounds are one long sequence of shuffled passes over the stage's rows; this
        round takes the next piece of it.
        """
        rows = self.rows_by_stage[stage]
        count = self.draws_by_stage[stage]
        places = self.round * count + np.arange(count)
        shuffled_by_pass = {
            number: np.random.default_rng([self.seed, stage, number]).permutation(rows)
            for number in np.unique(places // len(rows))
        }
        return np.array([shuffled_by_pass[place // len(rows)][place % len(rows)]
                         for place in places])  # fmt: skip


def check_balance(balance: str) -> None:
    """Raise InputError if `balance` is not one of `BALANCES`."""
    if balance not in BALANCES:
        raise InputError(
            f"{balance!r} is no balance; expected one of {', '.join(BALANCES)}", parameter="balance"
        )


def stage_weights(counts: np.ndarray, balance: str) -> np.ndarray:
    """Return how often each stage is drawn, in any unit, given how often it occurs; shape (5,)."""
    return counts ** EXPONENTS[balance] * (counts > 0)
