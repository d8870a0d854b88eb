"""What every reader finds on a disk: a night's recording, its score files, and whose it is."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FoundNight:
    """A recording found on disk and not yet read.

    `scores` are the scorers' files, the first scorer's first; a reader knows what they hold.
    """

    cohort: str
    subject: str
    recording: str
    signal: Path
    scores: tuple[Path, ...]
