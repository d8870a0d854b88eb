"""A night: a recording as a model looks at it, cut into epochs, filtered and drawn.

The builders, evaluation, staging and the page all draw and measure recordings with this class.
Memory does not grow with the length of the recording.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.nights import neighbours
from psgvlm.nights.filtered_record import FilteredRecord, block_of
from psgvlm.nights.lane_choice import choose_lanes, refuse_substitutes
from psgvlm.recordings.lanes import LaneMap, require_eeg
from psgvlm.recordings.recording import Recording, microvolts
from psgvlm.signals.traces import Quality, Trace
from psgvlm.stages import EPOCH_S

if TYPE_CHECKING:
    from mne.io import BaseRaw

_PLAIN_UV = re.compile(r"(u|µ|μ|mu|micro)v(olts?)?", re.IGNORECASE)


class Night:
    """A recording with its lanes and its epochs, ready to be drawn.

    Parameters
    ----------
    source : path, mne.io.Raw or Recording
        The recording. It may have gaps if it is given as a path or a Raw.
    spec : ImageSpec
        How the epochs are drawn.
    map : str, optional
        Labels that psgvlm does not know, such as `"chin=EMG1 - EMG2,C4-M1=EEG C4"`, or the path of
        a file with rules. `"chin=none"` leaves a lane empty.
    aliases : mapping of str to sequence of str, optional
        Labels to try for a lane before its usual ones.
    lanes : LaneMap, optional
        Which derivation fills each lane. By default the lanes are found by the labels.
    numbers, onsets_s : sequence, optional
        The numbers of the epochs and their onsets in seconds of the record. By default epoch i
        begins 30 i seconds after the first sample, for the whole record.
    check_amplitude : bool, default True
        Whether to pass over signals with an amplitude that no such signal has: a likely error of
        unit or gain.
    strict : bool, default False
        Whether to refuse a recording that lacks the own derivation of a lane, so that a substitute
        would fill the lane.

    Attributes
    ----------
    recording : Recording
    lanes : LaneMap
    epochs : ndarray of int, shape (n,)
        The numbers of the epochs that were recorded as a whole.
    onsets_s : ndarray, shape (n,)
        Where they begin, in seconds of the record.
    starts_s : ndarray, shape (n,)
        Where they begin in the stored samples, in seconds: gaps are not stored.
    n_in_gaps, n_beyond : int
        How many epochs were left out: within or across a gap, and beyond the ends of the record.
    notes : tuple of str
        What is odd about the recording, its lanes and its epochs, in words.

    Raises
    ------
    InputError
        If the recording cannot be read or holds no whole epoch, if it has no EEG that can be shown,
        or if `strict` is set and a substitute fills a lane.

    Examples
    --------
    >>> from psgvlm.image_spec import PRESETS
    >>> night = Night("night.edf", PRESETS["square"])
    >>> len(night.epochs), night.sources["C4-M1"]
    (5, 'C4-M1')
    >>> [image.size for image in night.pictures([0, 4])]
    [(336, 336), (336, 336)]
    >>> night.lost_s().shape
    (5, 4)
    """

    def __init__(
        self,
        source: "str | os.PathLike[str] | BaseRaw | Recording",
        spec: ImageSpec,
        map: str = "",
        *,
        aliases: Mapping[str, Sequence[str]] | None = None,
        lanes: LaneMap | None = None,
        numbers: Sequence[int] | None = None,
        onsets_s: Sequence[float] | None = None,
        check_amplitude: bool = True,
        strict: bool = False,
    ):
        self.spec = spec
        self.recording = source if isinstance(source, Recording) else Recording(source, gaps=True)
        self.path = self.recording.path
        map_notes: list[str] = []
        if lanes is None:
            lanes, map_notes = choose_lanes(
                self.recording, spec, map, aliases=aliases, check_amplitude=check_amplitude
            )
        self.lanes = lanes
        require_eeg(self.lanes, self.recording)
        if strict:
            refuse_substitutes(self.recording, self.lanes)
        self._whole_grid = numbers is None
        if numbers is None:
            numbers = range(int((self.recording.duration_s + 1e-3) // EPOCH_S))
            onsets_s = [EPOCH_S * number for number in numbers]
        self._place_epochs(np.array(numbers, int), np.array(onsets_s, float))
        self._record = FilteredRecord(self.recording, self.lanes, spec)
        self.notes = (*self._find_notes(), *map_notes)

    @property
    def name(self) -> str:
        """The name of the recording's file."""
        return self.path.name

    @property
    def sources(self) -> dict[str, str | None]:
        """The derivation that fills each lane; None for a lane that stays empty."""
        pairs = zip(self.lanes.lanes, self.lanes.sources, strict=True)
        return {lane.name: str(source) if source else None for lane, source in pairs}

    def on(self, recording: Recording) -> "Night":
        """Return the same epochs and lanes on another recording of the same channels and length."""
        return Night(
            recording,
            self.spec,
            lanes=self.lanes,
            numbers=self.epochs,
            onsets_s=self.onsets_s,
            check_amplitude=False,
        )

    def draw(self, rows: Sequence[int] | None = None) -> Iterator[np.ndarray]:
        """Yield the pictures of epochs as palette indices.

        Parameters
        ----------
        rows : sequence of int, optional
            Which epochs to draw and in which order, as indices into `epochs`. Default: all.

        Yields
        ------
        ndarray of uint8, shape (height, width)
            Indices into `psgvlm.images.raster.palette`.
        """
        starts_s = self.starts_s if rows is None else self.starts_s[list(rows)]
        blocks = block_of(starts_s).tolist()
        pairs = zip(blocks, starts_s.tolist(), strict=True)
        for number, group in groupby(pairs, lambda pair: pair[0]):
            traces = self._record.block(number)
            yield from raster.draw(traces, self.spec, [start_s for _, start_s in group])

    def pictures(self, rows: Sequence[int] | None = None) -> Iterator:
        """Yield the pictures of epochs as RGB PIL images; see `draw` for `rows`."""
        from PIL import Image

        for image in self.draw(rows):
            yield Image.fromarray(raster.to_rgb(image, self.spec))

    def pictures_with_neighbours(
        self, count: int, first: int = 0, stop: int | None = None
    ) -> Iterator[list]:
        """Yield each epoch's picture among those of its neighbours, as lists of RGB PIL images.

        Parameters
        ----------
        count : int
            How many neighbours there are on either side. One that was not recorded is blank.
        first, stop : int, optional
            Which epochs, as indices into `epochs`: from `first` to before `stop`. Default: all.
        """
        stop = len(self.epochs) if stop is None else stop
        begin = max(0, first - count)
        rows = range(begin, min(stop + count, len(self.epochs)))
        numbers = self.epochs[rows.start :].tolist()
        lists = neighbours.around(self.pictures(rows), self.spec, count, numbers)
        return islice(lists, first - begin, stop - begin)

    def traces(self) -> list[Trace | None]:
        """Return the whole record of every lane as it is drawn; None for a missing lane.

        The result needs memory in proportion to the length of the record.
        """
        return self._record.whole()

    def raw_traces(self) -> list[Trace | None]:
        """Return the whole record of every lane in µV as recorded; None for a missing lane."""
        return self._record.whole(filtered=False)

    def quality(self) -> list[Quality | None]:
        """Return for how many seconds each lane is flat or clipped; None for a missing lane."""
        return self._record.quality()

    def lost_s(self) -> np.ndarray:
        """Return for how many seconds of each epoch each lane shows nothing.

        A lane shows nothing while its signal stands still or lies at a limit of the file, and
        throughout if the recording does not have it.

        Returns
        -------
        ndarray, shape (n, n_lanes)
        """
        return self._record.lost_s(self.starts_s, EPOCH_S)

    def _place_epochs(self, numbers: np.ndarray, onsets_s: np.ndarray) -> None:
        """Keep the epochs that were recorded as a whole, and count the others."""
        recording = self.recording
        starts_s = [recording.stored_s(onset_s, EPOCH_S) for onset_s in onsets_s.tolist()]
        recorded = np.array([start_s is not None for start_s in starts_s], bool)
        within = (onsets_s >= 0) & (onsets_s + EPOCH_S <= recording.duration_s)
        self.n_in_gaps = int((~recorded & within).sum())
        self.n_beyond = int((~recorded & ~within).sum())
        self.epochs, self.onsets_s = numbers[recorded], onsets_s[recorded]
        self.starts_s = np.array([start_s for start_s in starts_s if start_s is not None], float)
        if not len(self.epochs):
            gaps = ", with gaps" if len(recording.segments) > 1 else ""
            epochs = f"none of its {len(numbers)} epochs" if len(numbers) else "no epoch"
            raise InputError(
                f"{self.path}: {recording.duration_s:g} s long{gaps}, and {epochs} is recorded as "
                "a whole; expected at least one epoch of 30 s"
            )

    def _find_notes(self) -> Iterator[str]:
        recording = self.recording
        yield from recording.notes
        yield from self.lanes.remarks
        if self.lanes.missing_names:
            yield f"no {', '.join(self.lanes.missing_names)}: drawn as empty"
        labels = [label for s in self.lanes.filled_sources for label in (s.plus, s.minus) if label]
        without_unit = [
            label for label in dict.fromkeys(labels) if not recording.channel(label).unit
        ]
        if without_unit:
            yield f"no unit for {', '.join(without_unit)}: taken as uV"
        for unit in dict.fromkeys(recording.channel(label).unit for label in labels):
            if unit and microvolts(unit) == 1.0 and not _PLAIN_UV.fullmatch(unit.strip()):
                yield f"the unit {unit!r} is taken for uV"
        if self.n_in_gaps:
            gaps = len(recording.segments) - 1
            yield (
                f"{gaps} gap{'s' * (gaps > 1)} in the recording: {self.n_in_gaps} epochs that are "
                "not recorded as a whole are left out"
            )
        if self.n_beyond:
            yield f"{self.n_beyond} epochs beyond the ends of the signal are left out"
        rest_s = recording.duration_s % EPOCH_S
        if self._whole_grid and 1 <= rest_s < EPOCH_S - 1e-3:
            yield f"the last {rest_s:.0f} s are not a whole epoch and are left out"
