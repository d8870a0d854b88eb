"""Floors: baselines that look at neither pictures nor signals."""

import numpy as np

from psgvlm.evaluation.corpus_nights import CorpusNight, stage_counts
from psgvlm.stages import STAGES


class MajorityBaseline:
    """Gives every epoch the shares of the stages in the training nights."""

    name = "majority"

    def fit(self, train: list[CorpusNight], validation: list[CorpusNight]) -> "MajorityBaseline":
        """Count the stages of the training nights."""
        counts = stage_counts(train)
        self.prior = counts / counts.sum()
        return self

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        """Return the same probabilities for every epoch, shape (n_epochs, 5)."""
        return np.tile(self.prior, (len(night.index), 1))


class TransitionBaseline:
    """A first-order Markov chain that knows only how far into the night an epoch lies.

    The training nights give the stage in which nights start and which stage follows which. Every
    count starts at one, so that no transition is impossible. An epoch's probabilities are those of
    the chain after as many steps as the epoch lies after the night's first epoch.
    """

    name = "transitions"

    def fit(self, train: list[CorpusNight], validation: list[CorpusNight]) -> "TransitionBaseline":
        """Count first stages and transitions of the training nights."""
        stage_counts(train)  # raises if there is no night to learn from
        start, follow = np.ones(len(STAGES)), np.ones((len(STAGES), len(STAGES)))
        for night in train:
            stages, epochs = night.stages, night.epochs
            start[stages[0]] += 1
            adjacent = np.flatnonzero(np.diff(epochs) == 1)  # a gap hides the transitions in it
            np.add.at(follow, (stages[adjacent], stages[adjacent + 1]), 1)
        self.start = start / start.sum()
        self.follow = follow / follow.sum(axis=1, keepdims=True)
        return self

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        """Return the chain's probabilities at each epoch, shape (n_epochs, 5)."""
        steps = night.epochs - night.epochs.min()
        p = np.empty((steps.max() + 1, len(STAGES)))
        p[0] = self.start
        for step in range(1, len(p)):
            p[step] = p[step - 1] @ self.follow
        return p[steps]
