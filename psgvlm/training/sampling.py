"""Which rows training sees, round by round: the stages balanced, shuffled."""

from collections.abc import Iterator, Sequence

import numpy as np

from psgvlm.errors import InputError
from psgvlm.stages import STAGES

BALANCES = ("none", "sqrt", "uniform")


class Draws:
    """The order of training, for torch's loader: as many rows a round as there are.

    The stages come as they do in the corpus (`none`), equally often (`uniform`) or by the root of
    their counts (`sqrt`). A stage's rows are gone through in full before any of them comes again,
    over the rounds: of a common stage, each round sees others. `stages` are the rows' stages, as
    indices. Yields pairs: a row's index, and the number of the draw, over all rounds.

    Raises `InputError` for rows of fewer than two stages.
    """

    def __init__(self, stages: Sequence[int], how: str = "none", seed: int = 0):
        if how not in BALANCES:
            raise InputError(f"--balance {how}: expected one of {', '.join(BALANCES)}")
        stages = np.array(stages)
        counts = np.bincount(stages, minlength=len(STAGES))
        if (counts > 0).sum() < 2:
            raise InputError(
                f"the corpus' train split holds {len(stages)} epochs of {(counts > 0).sum()} "
                "stage(s); expected at least two stages"
            )
        weights = shares(counts, how)
        self.wanted = np.floor(len(stages) * weights / weights.sum()).astype(int)
        self.rows = [np.flatnonzero(stages == stage) for stage in range(len(STAGES))]
        self.seed, self.round = seed, 0

    def __len__(self) -> int:
        return int(self.wanted.sum())

    def __iter__(self) -> Iterator[tuple[int, int]]:
        drawn = [self._of(stage) for stage in range(len(STAGES)) if self.wanted[stage]]
        order = np.random.default_rng([self.seed, self.round]).permutation(np.concatenate(drawn))
        first = self.round * len(self)
        yield from ((int(row), first + place) for place, row in enumerate(order))

    def _of(self, stage: int) -> np.ndarray:
        """This round's part of the stage's rows, which are shuffled, again and again, in a row."""
        rows = self.rows[stage]
        places = self.round * self.wanted[stage] + np.arange(self.wanted[stage])
        passes = np.unique(places // len(rows))
        shuffled = {
            number: np.random.default_rng([self.seed, stage, number]).permutation(rows)
            for number in passes
        }
        return np.array([shuffled[place // len(rows)][place % len(rows)] for place in places])


def shares(counts: np.ndarray, how: str) -> np.ndarray:
    """How often each stage is drawn, in any unit, from how often it comes; shape (5,)."""
    return counts ** {"none": 1.0, "sqrt": 0.5, "uniform": 0.0}[how] * (counts > 0)
