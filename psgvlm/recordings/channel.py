"""What every format of recordings has in common: channels and annotations."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Channel:
    """One signal of a recording.

    Attributes
    ----------
    label : str
        The label as the file has it. In a `Recording`, `#2` is behind the label of the second of
        several signals that a file labels alike, `#3` behind that of the third.
    rate_hz : float
        Samples a second.
    unit : str
        The unit as the file has it; empty if it has none.
    n_samples : int
        How many samples are stored.
    fault : str or None
        Why the signal cannot be read; None if it can.
    """

    label: str
    rate_hz: float
    unit: str
    n_samples: int
    fault: str | None = None


class Annotation(NamedTuple):
    """An annotation of a recording.

    Attributes
    ----------
    onset_s : float
        Seconds from the first sample of the recording.
    duration_s : float
        Its duration in seconds; 0 if the file does not give one.
    text : str
    """

    onset_s: float
    duration_s: float
    text: str


def tidy_rate(rate_hz: float) -> float:
    """Return a rate without the error of a division: 100 for 70 samples in 0.7 s."""
    whole = round(rate_hz)
    return float(whole) if abs(rate_hz - whole) < 1e-9 * whole else rate_hz
