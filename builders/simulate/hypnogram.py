"""The sleep of a simulated night: stages by epoch, and the state of the brain by second."""

import numpy as np

from psgvlm.stages import STAGES

EPOCH_S = 30

# What brain and eyes do in each second. Wake is two states: eyes closed and eyes open.
STATES = ("closed", "open", "N1", "N2", "N3", "R")
CLOSED, OPEN, N1, N2, N3, R = range(6)
STATE_OF_STAGE = {"W": CLOSED, "N1": N1, "N2": N2, "N3": N3, "R": R}


def hypnogram(rng, epochs):
    """Return the stages of a night, (epochs,) of str.

    Cycles last about 90 min, with N3 early, R late, and arousals. A night of less than five hours
    is a night of five hours with all lengths scaled down, so that it still has all five stages (at
    least 2 % of the epochs and 2 epochs each).
    """
    scale = min(1.0, epochs * EPOCH_S / (5 * 3600))
    for _ in range(200):
        night = _hypnogram_once(rng, epochs, scale)
        if all(np.sum(night == stage) >= max(2, 0.02 * epochs) for stage in STAGES):
            return night
    raise ValueError(f"{epochs} epochs are too few for a night with all five stages")


def _hypnogram_once(rng, epochs, scale):
    def length(low, high, factor=1.0):
        return max(1, round(scale * factor * rng.uniform(low, high)))

    deep, dreaming = rng.lognormal(0, 0.25), rng.lognormal(0, 0.15)
    n3_plan = [(45, 75), (30, 60), (10, 35), (0, 15), (0, 4), (0, 1)]
    rem_plan = [(6, 20), (22, 42), (30, 52), (38, 65), (40, 65), (40, 50)]
    night = ["W"] * length(12, 35) + ["N1"] * length(3, 9)
    cycle = 0
    while len(night) < epochs:
        n3 = length(*n3_plan[min(cycle, 5)], deep) if cycle < 5 else 0
        rem = length(*rem_plan[min(cycle, 5)], dreaming)
        descent, ascent = length(15, 35), length(12, 30)
        ascent = max(ascent, round(scale * rng.normal(155, 15)) - descent - n3 - rem)
        for stage, count in (("N2", descent), ("N3", n3), ("N2", ascent), ("R", rem)):
            night += _bouts(rng, stage, count)
        if rng.random() < 0.7:
            night += ["W"] * rng.integers(1, 4) + ["N1"] * rng.integers(1, 5)
        cycle += 1
    night = night[:epochs]
    if rng.random() < 0.7:
        last = length(2, 14)
        night[-last:] = ["W"] * last
    return np.array(night)


def _bouts(rng, stage, count):
    """Return `count` epochs of a stage, interrupted at times by awakenings or lighter sleep."""
    bouts = []
    while len(bouts) < count:
        bouts += [stage] * int(1 + rng.exponential({"N2": 15, "N3": 22, "R": 18}[stage]))
        if len(bouts) >= count:
            break
        chance = rng.random()
        if stage == "N3":
            bouts += ["N2"] * rng.integers(1, 4)
        elif chance < 0.3:
            bouts += ["W"] * rng.integers(1, 3) + ["N1"] * rng.integers(1, 4)
        elif chance < 0.45:
            bouts += ["W"] * rng.integers(5, 20) + ["N1"] * rng.integers(2, 7)
        elif stage == "N2" or chance < 0.8:
            bouts += ["N1"] * rng.integers(1, 4)
        else:
            bouts += ["N1"] * rng.integers(1, 3) + ["N2"] * rng.integers(1, 4)
    return bouts[:count]


def second_by_second(rng, plan):
    """Return the state of every second, (seconds,) of int into STATES, for planned stages.

    A brain does not keep to the grid of epochs: stages change anywhere in the epochs around a
    planned change, and every third epoch has some seconds of a similar state.
    """
    lapses = {CLOSED: [N1], N1: [CLOSED, N2], N2: [N1, N1, N3], N3: [N2], R: [N1]}
    planned = np.array([STATE_OF_STAGE[stage] for stage in plan])
    seconds = np.repeat(planned, EPOCH_S)
    for border in np.flatnonzero(planned[1:] != planned[:-1]) + 1:
        shift = int(rng.uniform(-13, 13))
        start, stop = sorted((border * EPOCH_S, border * EPOCH_S + shift))
        seconds[start:stop] = planned[border - (shift > 0)]
    for epoch, state in enumerate(planned):
        if rng.random() < 0.35:
            start = epoch * EPOCH_S + rng.integers(0, 18)
            seconds[start : start + rng.integers(4, 13)] = rng.choice(lapses[state])
    eyes_open = np.zeros(len(seconds), bool)
    start = 0
    while start < len(seconds):
        spell = int(rng.exponential(60)) + 10
        eyes_open[start : start + spell] = rng.random() < 0.5
        start += spell
    seconds[(seconds == CLOSED) & eyes_open] = OPEN
    return seconds


def stages_of(states, epoch_s=EPOCH_S):
    """Return the stage that fills most of each epoch, (epochs,) of str.

    `states` has one state for each second. `epoch_s` is a whole number of seconds, 30 or 20.
    Seconds after the last whole epoch are left out.
    """
    epochs = len(states) // epoch_s
    asleep = np.where(states == OPEN, CLOSED, states)[: epochs * epoch_s].reshape(epochs, epoch_s)
    filled = [(asleep == STATE_OF_STAGE[stage]).sum(axis=1) for stage in STAGES]
    return tuple(STAGES[i] for i in np.argmax(filled, axis=0))
