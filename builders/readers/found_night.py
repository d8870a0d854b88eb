"""`FoundNight`: what a reader finds on the disk before anything is read."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FoundNight:
    """A recording that a reader has found on the disk and nobody has read yet.

    Parameters
    ----------
    cohort : str
        The cohort it belongs to, such as `"isruc"`.
    subject : str
        The person who was recorded; all nights of a person have the same subject.
    recording : str
        The name of the recording, unique within the cohort.
    signal : Path
        The file with the signals.
    scores : tuple of Path
        The scorers' files, the first scorer's first. Only the reader knows what they hold.
    notes : tuple of str, optional
        What a person should know about how the recording was found.
    """

    cohort: str
    subject: str
    recording: str
    signal: Path
    scores: tuple[Path, ...]
    notes: tuple[str, ...] = ()
