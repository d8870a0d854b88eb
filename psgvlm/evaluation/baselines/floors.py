"""What can be had without looking: the commonest stage, and how stages follow one another."""

import numpy as np

from psgvlm.evaluation.corpus_nights import CorpusNight, stage_counts
from psgvlm.stages import STAGES


class Majority:
    """The training nights' stages as they come, for every epoch alike."""

    name = "majority"

    def fit(self, train: list[CorpusNight], validation: list[CorpusNight]) -> "Majority":
        counts = stage_counts(train)
        self.prior = counts / counts.sum()
        return self

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        return np.tile(self.prior, (len(night.index), 1))


class Transitions:
    """A first-order Markov chain that knows how far into the night an epoch lies, and no more.

    Stages of the training nights give where nights begin and which stage follows which (one more
    of each transition than was seen, so that none is impossible). An epoch's probabilities are the
    chain's own, so many steps after the night's first: no other can do better with what it knows.
    """

    name = "transitions"

    def fit(self, train: list[CorpusNight], validation: list[CorpusNight]) -> "Transitions":
        stage_counts(train)  # refuses none
        begin, follow = np.ones(len(STAGES)), np.ones((len(STAGES), len(STAGES)))
        for night in train:
            stages, epochs = night.stages, night.epochs
            begin[stages[0]] += 1
            next_to = np.flatnonzero(np.diff(epochs) == 1)  # across a gap nothing is known
            np.add.at(follow, (stages[next_to], stages[next_to + 1]), 1)
        self.begin = begin / begin.sum()
        self.follow = follow / follow.sum(axis=1, keepdims=True)
        return self

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        steps = night.epochs - night.epochs.min()
        p = np.empty((steps.max() + 1, len(STAGES)))
        p[0] = self.begin
        for step in range(1, len(p)):
            p[step] = p[step - 1] @ self.follow
        return p[steps]
