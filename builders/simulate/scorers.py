"""What scorers make of a night: a second scoring, and stage 4 of Rechtschaffen and Kales."""

import numpy as np
from psgvlm.builders.simulate.hypnogram import EPOCH_S


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
