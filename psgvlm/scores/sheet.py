"""What a file of scores says, before it is placed on a recording: marks, scorer by scorer.

A module of `psgvlm.scores.formats` turns a file into a `Sheet`; `psgvlm.scores.placing` turns a
sheet and the length of the recording into stages.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

RECORD, OWN, CLOCK = "record", "own", "clock"  # what the onsets of a sheet count from

# The text of an empty line in a list. It is an epoch without a stage if the list so fits the
# recording, and no epoch otherwise.
EMPTY_LINE = "\n"


@dataclass(frozen=True)
class Mark:
    """One stage as a file writes it.

    Attributes
    ----------
    text : str
        The word or the number that stands for the stage, such as `"Sleep stage N2"` or `"4"`.
    onset_s : float or None
        Where it begins, in seconds from the sheet's origin. None in a list without times: there
        each mark follows the one before it.
    duration_s : float or None
        How long it holds. None if the file does not say: until the next mark, and the last until
        the end of the recording.
    """

    text: str
    onset_s: float | None = None
    duration_s: float | None = None


@dataclass(frozen=True)
class Sheet:
    """The marks in a file of scores.

    Attributes
    ----------
    path : Path
        The file.
    format : str
        What kind of file it is, for a person: `"RemLogic event export"`.
    marks : mapping of str to tuple of Mark
        The marks of each scorer in the order of the file. The key is the scorer's name in the
        file, `""` if the file names none.
    origin : str
        What onsets count from: `RECORD`, the first sample of the recording; `OWN`, the file's own
        start `start_clock_s`; `CLOCK`, midnight: they are times of day, and may pass 24 h.
    start_clock_s : float or None
        The file's own start as a time of day, in seconds after midnight; None if it has none.
    epoch_s : float or None
        How long an epoch of a list is, where the file or its format says so.
    codes : str or None
        The key of `psgvlm.scores.codes.CODES` by which numbers are read, where the format or the
        file itself says so. None: numbers mean nothing until the user or the reader says what.
    algorithms : frozenset of str
        Those scorers that are programs, not people.
    notes : tuple of str
        What is odd about the file, for a person.
    """

    path: Path
    format: str
    marks: Mapping[str, tuple[Mark, ...]]
    origin: str = RECORD
    start_clock_s: float | None = None
    epoch_s: float | None = None
    codes: str | None = None
    algorithms: frozenset[str] = field(default_factory=frozenset)
    notes: tuple[str, ...] = ()
