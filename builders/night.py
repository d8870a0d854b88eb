"""What every cohort's reader gives: the nights it found, and the scores of one."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Night:
    """A recording found on disk and not yet read.

    `scores` are the scorers' files, the first scorer's first; a reader knows what they hold.
    """

    cohort: str
    subject: str
    recording: str
    signal: Path
    scores: tuple[Path, ...]


@dataclass(frozen=True)
class Scores:
    """Stages on the record's own 30-s grid.

    Epoch i starts `onset_s` + 30 i seconds into the record; `None` is an
    unscored epoch. `second` is the second scorer's, of the same length, or `None`.
    """

    onset_s: float
    stages: tuple[str | None, ...]
    second: tuple[str | None, ...] | None = None
