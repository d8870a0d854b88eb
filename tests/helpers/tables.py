"""Synthetic tables of predictions."""

import numpy as np
import pandas as pd

from psgvlm.stages import STAGES

STAY = 0.85  # the probability that an epoch has the stage of the one before


def table(seed=0, subjects=6, nights=1, epochs=200, skill=3.0, invalid=0.0, second=False):
    """Return the predictions for subjects of one cohort, a row for each epoch.

    `skill` says how well the model stages; each subject has a factor of its own.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for subject in range(subjects):
        own = skill * rng.uniform(0.5, 1.5)
        for night in range(nights):
            stages = hypnogram(rng, epochs)
            logits = rng.normal(0, 1, (epochs, 5)) + own * np.eye(5)[stages]
            p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
            for epoch in range(epochs):
                answer = STAGES[p[epoch].argmax()]
                rows.append(
                    {
                        "cohort": "shhs",
                        "subject": f"s{subject}",
                        "recording": f"s{subject}-{night}",
                        "epoch": epoch,
                        "onset": 30.0 * epoch,
                        "stage": STAGES[stages[epoch]],
                        "predicted": None if rng.random() < invalid else answer,
                        **dict(zip([f"p_{s}" for s in STAGES], p[epoch], strict=True)),
                    }
                )
                if second:
                    agrees = rng.random() < 0.8
                    other = STAGES[rng.integers(5)]
                    rows[-1]["stage_2"] = rows[-1]["stage"] if agrees else other
    return pd.DataFrame(rows)


def hypnogram(rng, epochs):
    """Return the indices of random stages, int of shape (epochs,)."""
    stages = rng.integers(0, 5, epochs)
    for i in range(1, epochs):
        if rng.random() < STAY:
            stages[i] = stages[i - 1]
    return stages
