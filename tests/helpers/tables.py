"""Tables of predictions, made up."""

import numpy as np
import pandas as pd

from psgvlm.stages import STAGES

STAY = 0.85  # so often does an epoch have the stage of the one before


def table(seed=0, subjects=6, nights=1, epochs=200, skill=3.0, invalid=0.0, second=False):
    """Subjects of one cohort, whose stages a model reads more or less well; one epoch a row."""
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
    """Indices of stages, int of shape (epochs,)."""
    stages = rng.integers(0, 5, epochs)
    for i in range(1, epochs):
        if rng.random() < STAY:
            stages[i] = stages[i - 1]
    return stages
