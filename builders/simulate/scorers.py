"""What scorers make of a night: further scorings, their consensus, and Rechtschaffen and Kales."""

from collections import Counter
from itertools import groupby

import numpy as np
from psgvlm.builders.simulate.hypnogram import EPOCH_S

RK = {"W": "W", "N1": "1", "N2": "2", "N3": "3", "R": "R"}
STAGE_OF_RK = {word: stage for stage, word in RK.items()} | {"4": "N3"}
MOVEMENT, UNSCORED = "MT", "?"


def second_scorer(rng, stages, agreement=0.85):
    """Return a second scoring of the same night, (epochs,) of str.

    Scorers differ mostly where the stage changes, and then take the stage of the epoch before or
    after. Elsewhere they take a stage that resembles the true one.
    """
    stages = np.asarray(stages)
    resembles = {"W": ("N1",), "N1": ("W", "N2", "R"), "N2": ("N1", "N3"), "N3": ("N2",),
                 "R": ("N1", "N2")}  # fmt: skip
    before, after = np.r_[stages[:1], stages[:-1]], np.r_[stages[1:], stages[-1:]]
    border = (before != stages) | (after != stages)
    chance = np.where(border, 5.0, 1.0)
    chance = np.minimum(chance * (1 - agreement) / chance.mean(), 0.6)
    second = stages.copy()
    for epoch in np.flatnonzero(rng.random(len(stages)) < chance):
        beside = [s for s in (before[epoch], after[epoch]) if s != stages[epoch]]
        second[epoch] = rng.choice(beside or resembles[stages[epoch]])
    return second


def seconds_of(events, kind, epochs, epoch_s=EPOCH_S, first_s=0.0):
    """Return how many seconds of each epoch the events of a kind fill, shape (epochs,).

    An event counts for the epoch in which it starts. Epoch i starts at first_s + epoch_s * i.
    """
    seconds = np.zeros(epochs)
    for event in events:
        epoch = int((event.onset_s - first_s) // epoch_s)
        if event.kind == kind and 0 <= epoch < epochs:
            seconds[epoch] += event.duration_s
    return seconds


def is_stage_4(stages, events, epoch_s=EPOCH_S, first_s=0.0):
    """Return which epochs are stage 4 (R&K), (epochs,) of bool: N3 more than half slow waves."""
    slow_s = seconds_of(events, "slow_wave", len(stages), epoch_s, first_s)
    return (np.asarray(stages) == "N3") & (slow_s > epoch_s / 2)


def rk_scoring(stages, events, first_s=0.0, unscored=2):
    """Return a night as a scorer by Rechtschaffen and Kales writes it, a list of str.

    The words are W, 1, 2, 3, 4, R. The epoch with most movement is `MOVEMENT`, and the last
    epochs, as many as `unscored` says, are `UNSCORED`.
    """
    words = np.array([RK[stage] for stage in stages], dtype="U2")
    words[is_stage_4(stages, events, first_s=first_s)] = "4"
    movement_s = seconds_of(events, "movement", len(stages), first_s=first_s)
    words[np.argmax(movement_s[: len(stages) - unscored])] = MOVEMENT
    if unscored:
        words[-unscored:] = UNSCORED
    return words.tolist()


def stages_of_rk(words):
    """Return the stages that a scoring by Rechtschaffen and Kales gives, "" for none."""
    return tuple(STAGE_OF_RK.get(word, "") for word in words)


def runs(words):
    """Return (first epoch, number of epochs, word) for each run of equal words."""
    spans, first = [], 0
    for word, run in groupby(words):
        count = len(list(run))
        spans.append((first, count, word))
        first += count
    return spans


def consensus(scorings):
    """Return the consensus of several scorings, (epochs,) of str, as in DOD.

    The majority decides. At a tie the scorer decides who agrees best with the others.
    """
    scorings = np.asarray(scorings)
    agreement = (scorings[:, None] == scorings[None]).mean(axis=2).sum(axis=1)
    best = scorings[int(np.argmax(agreement))]
    agreed = []
    for votes, decisive in zip(scorings.T, best, strict=True):
        (first, most), *others = Counter(votes.tolist()).most_common()
        tied = others and others[0][1] == most
        agreed.append(str(decisive) if tied else first)
    return np.array(agreed)
