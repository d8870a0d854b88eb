"""Putting stages with onsets and ends onto a grid of epochs of 30 s, by the majority of seconds."""

from dataclasses import dataclass

import numpy as np

from psgvlm.stages import EPOCH_S, STAGES

_SAME_S = 0.5  # onsets that differ by less begin epochs of the same grid


@dataclass(frozen=True)
class Placed:
    """The stage of each epoch from the grid's onset on.

    `n_mixed` epochs had two stages and took the one of more than half the epoch, `n_undecided` had
    none of more than half and are unscored.
    """

    stages: tuple[str | None, ...]
    n_mixed: int
    n_undecided: int


def find_onset(onsets_s: np.ndarray) -> float:
    """Return where the grid of epochs begins: the first onset, on the grid that most marks share.

    A first epoch that is shorter than the others, as some programs write it, does not shift them.

    Parameters
    ----------
    onsets_s : ndarray, shape (n,)
        At least one onset in seconds.
    """
    first_s = float(onsets_s.min())
    phases = np.round((onsets_s - first_s) % EPOCH_S / _SAME_S).astype(int)
    phases %= round(EPOCH_S / _SAME_S)
    values, counts = np.unique(phases, return_counts=True)
    best = int(values[np.argmax(counts)])
    if best == 0 or counts.max() * 2 <= len(onsets_s):
        return first_s
    aligned_s = float(onsets_s[phases == best].min())
    return aligned_s - EPOCH_S * np.ceil((aligned_s - first_s) / EPOCH_S)


def place(
    onsets_s: np.ndarray, ends_s: np.ndarray, stages: list[str | None], grid_s: float, count: int
) -> Placed:
    """Give each epoch the stage that covers more than half of it.

    Seconds to which two marks give different stages, or a stage and none, count for neither.

    Parameters
    ----------
    onsets_s, ends_s : ndarray, shape (n,)
        When each mark begins and ends, in seconds of the recording.
    stages : list of str or None
        What each mark says.
    grid_s : float
        Where the first epoch begins.
    count : int
        The number of epochs.
    """
    indices = np.array([-1 if stage is None else STAGES.index(stage) for stage in stages])
    kept = ends_s > onsets_s
    onsets_s, ends_s, indices = onsets_s[kept], ends_s[kept], indices[kept]
    edges_s = np.unique(np.concatenate([onsets_s, ends_s]))
    claims = np.stack(
        [_covers(edges_s, onsets_s[indices == i], ends_s[indices == i]) for i in range(-1, 5)]
    )
    claims &= claims.sum(axis=0) == 1
    grid = grid_s + EPOCH_S * np.arange(count + 1)
    seconds = np.stack([_covered_s(edges_s, claim, grid) for claim in claims[1:]])
    winners = seconds.argmax(axis=0)
    decided = seconds.max(axis=0) > EPOCH_S / 2 + 1e-6
    mixed = (seconds > _SAME_S).sum(axis=0) > 1
    return Placed(
        tuple(STAGES[w] if d else None for w, d in zip(winners, decided.tolist(), strict=True)),
        int((mixed & decided).sum()),
        int((mixed & ~decided).sum()),
    )


def _covers(edges_s: np.ndarray, onsets_s: np.ndarray, ends_s: np.ndarray) -> np.ndarray:
    """Return for each piece between two edges whether any of some spans covers it."""
    if not len(edges_s):
        return np.zeros(0, bool)
    open_spans = np.zeros(len(edges_s), int)
    np.add.at(open_spans, np.searchsorted(edges_s, onsets_s), 1)
    np.add.at(open_spans, np.searchsorted(edges_s, ends_s), -1)
    return np.cumsum(open_spans)[:-1] > 0


def _covered_s(edges_s: np.ndarray, claimed: np.ndarray, grid_s: np.ndarray) -> np.ndarray:
    """Return how many seconds of each epoch the claimed pieces cover, shape (len(grid_s) - 1,)."""
    if not len(edges_s):
        return np.zeros(len(grid_s) - 1)
    total_s = np.concatenate([[0.0], np.cumsum(np.diff(edges_s) * claimed)])
    return np.diff(np.interp(grid_s, edges_s, total_s))
