"""The table of predictions, from which every figure of a report is computed.

The table is a pandas DataFrame with one row per epoch and these columns:

- `cohort`, `subject`, `recording`;
- `epoch`, the index on the recording's 30-s grid, and `onset` in seconds;
- `stage`, as scored, and `stage_2` if there is a second scorer (None for an epoch that the second
  scorer left unscored);
- `predicted`, the model's answer (anything but the five stages is an invalid, hence wrong, answer);
- `p_W`, `p_N1`, `p_N2`, `p_N3`, `p_R`, the model's probabilities;
- `model`, the contender's name, where a table holds several contenders.
"""

import numpy as np

from psgvlm.errors import InputError
from psgvlm.metrics.sleep_staging import figures
from psgvlm.stages import INDEX, STAGES

SUBJECT = ["cohort", "subject"]
RECORDING = ["cohort", "subject", "recording"]
PROBABILITIES = [f"p_{stage}" for stage in STAGES]


def probabilities(frame) -> np.ndarray:
    """Return the probabilities of W, N1, N2, N3, R as float64 of shape (epochs, 5).

    Raises `ValueError` if a row is not a probability distribution.
    """
    return figures.check_probabilities(frame[PROBABILITIES].to_numpy(float), len(frame))


def scored(frame) -> np.ndarray:
    """Return the index of each epoch's scored stage as int of shape (epochs,)."""
    return frame["stage"].map(INDEX).to_numpy(int)


def count_confusions(frame, by: list[str], truth: str = "stage", answers: str = "predicted"):
    """Count one confusion matrix per subject or per recording.

    Parameters
    ----------
    frame : pandas.DataFrame
        A table of predictions.
    by : list of str
        The columns that name a group: `SUBJECT` or `RECORDING`.
    truth, answers : str
        The columns to compare.

    Returns
    -------
    keys : pandas.DataFrame
        The groups, sorted, so that tables of the same subjects give the same order.
    matrices : ndarray of int, shape (groups, 5, 6)
        One matrix per group (see `psgvlm.metrics.sleep_staging.figures`).

    Raises
    ------
    InputError
        If the table has no rows.
    """
    if frame.empty:
        raise InputError("a table of predictions without rows; expected at least one epoch")
    groups = frame.groupby(by, sort=True)
    matrices = figures.confusions(
        frame[truth].tolist(), frame[answers].tolist(), groups.ngroup().to_numpy(), groups.ngroups
    )
    return groups.size().index.to_frame(index=False), matrices


def consecutive_runs(frame) -> list[np.ndarray]:
    """Return the row numbers of each run of consecutive epochs of one recording, in time order.

    A gap in the epoch index, left by unscored epochs, starts a new run.
    """
    night = frame.groupby(RECORDING).ngroup().to_numpy()
    epoch = frame["epoch"].to_numpy()
    order = np.lexsort((epoch, night))
    follows = (np.diff(night[order]) == 0) & (np.diff(epoch[order]) == 1)
    return np.split(order, np.flatnonzero(~follows) + 1) if len(order) else []
