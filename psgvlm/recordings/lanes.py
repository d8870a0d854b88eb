"""Lanes: which signals of a recording fill each lane of a montage, and what to say about it."""

from collections.abc import Iterator
from dataclasses import dataclass

from psgvlm.errors import InputError
from psgvlm.recordings.lane_rules import SUBSTITUTE, Lane
from psgvlm.recordings.recording import Recording


@dataclass(frozen=True)
class Derivation:
    """One channel of a recording, or the difference of two.

    Attributes
    ----------
    plus : str
        The label of the channel.
    minus : str or None
        The label of the channel that is subtracted from it; None if none is.
    """

    plus: str
    minus: str | None = None

    def __str__(self) -> str:
        return self.plus if self.minus is None else f"{self.plus} - {self.minus}"


@dataclass(frozen=True)
class LaneMap:
    """Which derivation of a recording fills each lane.

    Attributes
    ----------
    lanes : tuple of Lane
        The lanes of a montage, from the top.
    sources : tuple of Derivation or None
        What fills each lane; None for a lane that stays empty.
    notes : tuple of str
        For each lane what a person should know: that another derivation stands in for the lane's
        own (`a substitute: ...`), or why the lane stays empty. Empty if the lane's own derivation
        fills it. A map without notes may be given.
    """

    lanes: tuple[Lane, ...]
    sources: tuple[Derivation | None, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self):
        if not self.notes:
            object.__setattr__(self, "notes", ("",) * len(self.lanes))

    @property
    def filled_sources(self) -> list[Derivation]:
        """The derivations that fill lanes, from the top."""
        return [source for source in self.sources if source]

    @property
    def filled_names(self) -> tuple[str, ...]:
        """The names of the lanes that the recording fills."""
        pairs = zip(self.lanes, self.sources, strict=True)
        return tuple(lane.name for lane, source in pairs if source)

    @property
    def missing_names(self) -> tuple[str, ...]:
        """The names of the lanes that stay empty."""
        pairs = zip(self.lanes, self.sources, strict=True)
        return tuple(lane.name for lane, source in pairs if not source)

    @property
    def substitutes(self) -> tuple[str, ...]:
        """A line for each lane that a substitute fills: `C4-M1 <- EEG Fpz-Cz, a substitute: ...`"""
        return tuple(
            f"{lane.name} <- {source}, {note}"
            for lane, source, note in self._rows()
            if source and note.startswith(SUBSTITUTE)
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """A line for each lane that has a note."""
        return tuple(
            f"{lane.name} <- {source}, {note}" if source else f"{lane.name} is left empty: {note}"
            for lane, source, note in self._rows()
            if note
        )

    def _rows(self) -> Iterator[tuple[Lane, Derivation | None, str]]:
        return zip(self.lanes, self.sources, self.notes, strict=True)

    def __str__(self) -> str:
        pairs = zip(self.lanes, self.sources, strict=True)
        return ", ".join(f"{lane.name} <- {source or 'missing'}" for lane, source in pairs)


def require_eeg(lanes: LaneMap, recording: Recording) -> None:
    """Raise InputError if no EEG lane is filled: sleep cannot be staged without an EEG."""
    eeg = [lane.name for lane in lanes.lanes if lane.modality == "EEG"]
    if set(eeg) & set(lanes.filled_names):
        return
    reasons = [remark for remark in lanes.remarks if remark.split(" ")[0] in eeg]
    if reasons:
        raise InputError(f"{recording.path}: no EEG lane can be shown: {'; '.join(reasons)}", "map")
    raise InputError(
        f"{recording.path}: no EEG lane found ({lanes}) among the labels "
        f"{', '.join(recording.labels)}; expected one, or a map that names its label, such as "
        "C4-M1=LABEL",
        "map",
    )
