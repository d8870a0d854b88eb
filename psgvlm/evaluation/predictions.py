"""The table of predictions that everything measured is computed from: one row an epoch.

Columns `cohort`, `subject`, `recording`, `epoch` (index on the record's 30-s grid), `stage` (as
scored), `predicted`, `p_W` ... `p_R`, and `stage_2` where a second scorer exists (None where that
one left an epoch unscored). A prediction that is none of the five stages is a wrong answer.
"""

import numpy as np

from psgvlm.errors import InputError
from psgvlm.metrics.sleep_staging import figures
from psgvlm.stages import INDEX, STAGES

SUBJECT = ["cohort", "subject"]
RECORDING = ["cohort", "subject", "recording"]
PROBABILITIES = [f"p_{stage}" for stage in STAGES]


def probabilities(frame) -> np.ndarray:
    """Probabilities of W, N1, N2, N3, R, float64 of shape (epochs, 5).

    Raises `ValueError` where a row's are no probabilities.
    """
    return figures.check_probabilities(frame[PROBABILITIES].to_numpy(float), len(frame))


def scored(frame) -> np.ndarray:
    """Index of each epoch's scored stage, int of shape (epochs,)."""
    return frame["stage"].map(INDEX).to_numpy(int)


def count(frame, by: list[str], truth: str = "stage", answers: str = "predicted"):
    """Confusion matrices by subject or recording: their keys (a frame) and int of (n, 5, 6).

    The keys are sorted, so that tables of the same subjects give the same order. Raises
    `InputError` where there are no rows.
    """
    if frame.empty:
        raise InputError("a table of predictions without rows; expected an epoch or more")
    groups = frame.groupby(by, sort=True)
    matrices = figures.confusions(
        frame[truth].tolist(), frame[answers].tolist(), groups.ngroup().to_numpy(), groups.ngroups
    )
    return groups.size().index.to_frame(index=False), matrices


def chains(frame) -> list[np.ndarray]:
    """Row numbers of every stretch of consecutive epochs of one recording, in the order of time.

    Where the epoch index has a gap, because epochs were left unscored, a new stretch begins.
    """
    night = frame.groupby(RECORDING).ngroup().to_numpy()
    epoch = frame["epoch"].to_numpy()
    order = np.lexsort((epoch, night))
    follows = (np.diff(night[order]) == 0) & (np.diff(epoch[order]) == 1)
    return np.split(order, np.flatnonzero(~follows) + 1) if len(order) else []
