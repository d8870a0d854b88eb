"""The lanes of a recording, filtered block by block, so that long recordings need no more memory.

The filters are zero-phase filters of the continuous record. So a block is read with margins, which
are longer than the filters' reach. The result is that of filtering the whole record at once, apart
from rounding. Blocks begin at fixed times, so the samples of an epoch are the same whatever else is
read.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.recordings.lane_rules import Lane
from psgvlm.recordings.lanes import Derivation, LaneMap
from psgvlm.recordings.recording import Recording
from psgvlm.signals.filters import FLAT_S, band_pass, mains_in, mains_windows, reach_s
from psgvlm.signals.traces import Quality, Trace, derive
from psgvlm.stages import EPOCH_S

T = TypeVar("T")

# Longer blocks spend less on their margins, shorter ones take less memory.
BLOCK_S = 3600.0
STILL_S = 1.0  # a lane shows nothing while its signal stands still for at least so long


@dataclass(frozen=True)
class FilledLane:
    """A lane that the recording fills: its derivation, its rate, and the band of its filter."""

    name: str
    source: Derivation
    rate_hz: float
    n_samples: int
    band_hz: tuple[float, float]


class FilteredRecord:
    """The filtered lanes of a recording, which are read block by block.

    All times are seconds of the stored samples (`Recording.stored_s`). The mains frequency depends
    on the whole record, and so does the height of the lanes with `scale="robust"`. Both are
    measured when they are first needed; for the height, the whole record is filtered once more.

    Parameters
    ----------
    recording : Recording
    lanes : LaneMap
        Which derivation fills each lane.
    spec : ImageSpec
        The bands, the mains notch and the scale.

    Raises
    ------
    InputError
        If a lane cannot be read as a voltage, or if its rate cannot show its band.
    """

    def __init__(self, recording: Recording, lanes: LaneMap, spec: ImageSpec):
        self.recording, self.lanes, self.spec = recording, lanes, spec
        self.filled = [
            self._filled_lane(lane, source)
            for lane, source in zip(lanes.lanes, lanes.sources, strict=True)
            if source
        ]
        lengths_s = [stop - start for start, stop in recording.segments]
        self._gaps_s = np.cumsum(lengths_s)[:-1]  # where the samples after each gap begin
        reaches = [0.0, *(reach_s(lane.rate_hz, lane.band_hz) for lane in self.filled)]
        # Twice the reach of the filters, so that the ends of a margin do not matter.
        self.margin_s = 2 * max(reaches) + FLAT_S
        self._mains_hz: list[int] | None = None
        self._half_uv: list[float | None] | None = None
        self._last: tuple[int, list[Trace | None]] | None = None
        # By number of block: how many samples of each lane are flat, and how many are clipped.
        self._useless: dict[int, np.ndarray] = {}

    def _filled_lane(self, lane: Lane, source: Derivation) -> FilledLane:
        channel = self.recording.channel(source.plus)
        band_hz = self.spec.band_hz(lane.modality)
        try:
            reach_s(channel.rate_hz, band_hz)
        except InputError as error:
            raise InputError(
                f"{self.recording.path}: lane {lane.name} ({source}): {error}", error.parameter
            ) from None
        return FilledLane(lane.name, source, channel.rate_hz, channel.n_samples, band_hz)

    @property
    def n_blocks(self) -> int:
        """The number of blocks that the stored samples fill."""
        return max(1, int(np.ceil(self.recording.stored_duration_s / BLOCK_S)))

    def block(self, number: int) -> list[Trace | None]:
        """Return the filtered lanes of a block; None for a missing lane.

        Each trace has the samples that the epochs that begin in the block show, also those after
        the block's end. The latest block is kept, so that drawing the epochs of one block, one at a
        time, reads it once.
        """
        if self._last is None or self._last[0] != number:
            self._last = number, self._filter(number, scaled=True)
        return self._last[1]

    def _filter(self, number: int, scaled: bool) -> list[Trace | None]:
        """Read and filter a block; `scaled` says whether its traces get the height of the lanes."""
        mains_hz = self._find_mains()
        half_uv = self._find_half_uv() if scaled else [None] * len(self.filled)
        traces = []
        for index, (first, samples, _) in enumerate(self._read(number, self.margin_s)):
            lane = self.filled[index]
            # A filter must not ring across a gap.
            gaps = np.round(self._gaps_s * lane.rate_hz).astype(int) - first
            for piece in np.split(samples, gaps[(gaps > 0) & (gaps < len(samples))]):
                band_pass(piece, lane.rate_hz, lane.band_hz, mains_hz[index], out=piece)
            traces.append(Trace(samples, lane.rate_hz, first, half_uv[index]))
        return self._with_missing_lanes(traces)

    def _with_missing_lanes(self, of_filled: Iterable[T]) -> list[T | None]:
        """Put what belongs to the filled lanes into a list of all lanes, None for a missing one."""
        remaining = iter(of_filled)
        return [next(remaining) if source else None for source in self.lanes.sources]

    def whole(self, filtered: bool = True) -> list[Trace | None]:
        """Return all samples of every lane, filtered or as recorded; None for a missing lane.

        The result needs memory in proportion to the length of the record.
        """
        wholes = [np.empty(lane.n_samples, np.float32) for lane in self.filled]
        for number in range(self.n_blocks):
            if filtered:
                pieces = [(t.first, t.samples_uv) for t in self._filter(number, False) if t]
            else:
                pieces = [(first, samples) for first, samples, _ in self._read(number, STILL_S)]
            for lane, whole, (first, samples) in zip(self.filled, wholes, pieces, strict=True):
                begin, end = self._edges(lane, number)
                whole[begin:end] = samples[begin - first : end - first]
        half_uv = self._find_half_uv() if filtered else [None] * len(self.filled)
        return self._with_missing_lanes(
            Trace(whole, lane.rate_hz, 0, half)
            for lane, whole, half in zip(self.filled, wholes, half_uv, strict=True)
        )

    def quality(self) -> list[Quality | None]:
        """Return the quality of every lane's raw signal over the whole record."""
        for number in range(self.n_blocks):
            if number not in self._useless:
                self._read(number, STILL_S)
        counts = sum(self._useless[number] for number in range(self.n_blocks))
        return self._with_missing_lanes(
            Quality(*(counts[index] / lane.rate_hz).round(3).tolist())
            for index, lane in enumerate(self.filled)
        )

    def lost_s(self, starts_s: np.ndarray, duration_s: float) -> np.ndarray:
        """Return for how many seconds of each epoch each lane shows nothing.

        A lane shows nothing while its raw signal stands still or lies at a limit of the file, and
        for the whole epoch if the recording does not have the lane.

        Parameters
        ----------
        starts_s : ndarray, shape (n_epochs,)
            Where the epochs begin, in seconds of the stored samples.
        duration_s : float
            The length of an epoch.

        Returns
        -------
        ndarray, shape (n_epochs, n_lanes)
        """
        # numba takes most of a second to import.
        from psgvlm.signals.flat_runs import standing_still

        lost = np.full((len(starts_s), len(self.lanes.sources)), duration_s)
        columns = [i for i, source in enumerate(self.lanes.sources) if source]
        blocks = block_of(starts_s)
        for number in np.unique(blocks):
            rows = np.flatnonzero(blocks == number)
            signals = self._read(int(number), duration_s + STILL_S)
            for column, lane, (first, samples, limited) in zip(
                columns, self.filled, signals, strict=True
            ):
                useless = np.zeros(len(samples), bool) | limited
                for start, stop in standing_still(samples, STILL_S * lane.rate_hz):
                    useless[start:stop] = True
                count = np.concatenate(([0], np.cumsum(useless)))  # before each sample
                edges = np.array([starts_s[rows], starts_s[rows] + duration_s]) * lane.rate_hz
                edges = (np.round(edges).astype(int) - first).clip(0, len(useless))
                lost[rows, column] = (count[edges[1]] - count[edges[0]]) / lane.rate_hz
        return lost.round(3)

    def _read(self, number: int, margin_s: float) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """Read the raw signals of a block with margins, and count its flat and clipped samples.

        For each lane, return the number of the first sample, the samples, and which are clipped, as
        `derive` does.
        """
        from psgvlm.signals.flat_runs import standing_still

        around_s = margin_s + self.spec.context_s
        begin_s = number * BLOCK_S - around_s
        end_s = (number + 1) * BLOCK_S + EPOCH_S + around_s
        signals = derive(self.recording, [lane.source for lane in self.filled], begin_s, end_s)
        if number not in self._useless:
            counts = np.zeros((len(self.filled), 2), int)
            for index, (first, samples, limited) in enumerate(signals):
                lane = self.filled[index]
                begin, end = np.subtract(self._edges(lane, number), first)
                runs = standing_still(samples, STILL_S * lane.rate_hz).clip(begin, end)
                counts[index, 0] = (runs[:, 1] - runs[:, 0]).sum()
                if limited.ndim:
                    counts[index, 1] = np.count_nonzero(limited[begin:end])
            self._useless[number] = counts
        return signals

    def _edges(self, lane: FilledLane, number: int) -> tuple[int, int]:
        """Return the number of the first sample of a block, and of the one after its last."""
        last = number == self.n_blocks - 1
        edges = np.round(np.array([number, number + 1]) * BLOCK_S * lane.rate_hz).astype(int)
        begin, end = edges.clip(0, lane.n_samples).tolist()
        return begin, lane.n_samples if last else end

    def _find_mains(self) -> list[int]:
        """Return the mains frequency in Hz to remove from each lane, 0 for none."""
        if self._mains_hz is None:
            if self.spec.mains == "auto":
                self._mains_hz = self._measure_mains()
            else:
                fixed = 0 if self.spec.mains == "off" else int(self.spec.mains)
                self._mains_hz = [fixed] * len(self.filled)
        return self._mains_hz

    def _measure_mains(self) -> list[int]:
        """Look for mains hum in windows spread over the record, as `find_mains` does."""
        mains_hz = [0] * len(self.filled)
        for rate_hz in {lane.rate_hz for lane in self.filled}:
            same = [i for i, lane in enumerate(self.filled) if lane.rate_hz == rate_hz]
            n_samples = self.filled[same[0]].n_samples
            starts, length = mains_windows(n_samples, rate_hz)
            windows: list[list[np.ndarray]] = [[] for _ in same]
            for start in starts:
                # Times are rounded, so half a sample more is read on both sides.
                begin_s, end_s = (start - 0.5) / rate_hz, (start + length + 0.5) / rate_hz
                sources = [self.filled[index].source for index in same]
                for of_lane, (first, samples, _) in zip(
                    windows, derive(self.recording, sources, begin_s, end_s), strict=True
                ):
                    of_lane.append(samples[start - first :][:length])
            for index, of_lane in zip(same, windows, strict=True):
                mains_hz[index] = mains_in(np.array(of_lane), rate_hz) if of_lane else 0
        return mains_hz

    def _find_half_uv(self) -> list[float | None]:
        """Return half the height of each lane in µV, None unless the whole record decides it."""
        if self._half_uv is None:
            if self.spec.scale == "robust":
                self._half_uv = list(self._measure_half_uv())
            else:
                self._half_uv = [None] * len(self.filled)
        return self._half_uv

    def _measure_half_uv(self) -> Iterator[float | None]:
        """Measure the height of each lane from every n-th sample of the whole filtered record."""
        steps = [raster.robust_step(lane.n_samples) for lane in self.filled]
        kept: list[list[np.ndarray]] = [[] for _ in steps]
        for number in range(self.n_blocks):
            traces = [trace for trace in self._filter(number, scaled=False) if trace]
            for index, trace in enumerate(traces):
                begin, end = self._edges(self.filled[index], number)
                begin += -begin % steps[index]
                samples = trace.samples_uv[begin - trace.first : end - trace.first]
                kept[index].append(samples[:: steps[index]].copy())
        for samples in kept:
            yield raster.robust_half_uv(np.concatenate(samples)) or None


def block_of(starts_s: np.ndarray) -> np.ndarray:
    """Return the numbers of the blocks in which epochs begin, int of shape (n_epochs,)."""
    return (np.asarray(starts_s, float) // BLOCK_S).astype(int)
