"""The lanes of a recording, filtered block by block: memory does not grow with its length.

The filters are zero-phase filters of the continuous record. A block is therefore read with margins
that are as long as the filters' memory; what comes out is what filtering the whole record at once
would give, but for rounding. Blocks have fixed places, so the samples of an epoch are the same
whatever else is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.recordings.lanes import Derivation, LaneMap
from psgvlm.recordings.recording import Recording
from psgvlm.signals.filters import FLAT_S, band_pass, mains_in, mains_windows, reach_s
from psgvlm.signals.traces import Quality, Trace, derive
from psgvlm.stages import EPOCH_S

# Longer blocks spend less on their margins, shorter ones take less memory.
BLOCK_S = 3600.0
STILL_S = 1.0  # a signal that stands still for this long shows nothing


@dataclass(frozen=True)
class FilledLane:
    """A lane that the recording fills: its derivation, rate, number of samples and band."""

    name: str
    source: Derivation
    rate_hz: float
    n_samples: int
    band_hz: tuple[float, float]


class FilteredRecord:
    """The lanes of a recording, any block of which can be read as if the whole were filtered.

    All times are seconds of the stored samples (`Recording.stored_s`). What the whole record
    decides is determined when it is first needed: the mains hum, and the height of the lanes for
    `scale="robust"`, for which the whole record is filtered once more.

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
        self._gaps_s = np.cumsum(lengths_s)[:-1]  # where the samples after a gap begin
        reaches = [0.0, *(reach_s(lane.rate_hz, lane.band_hz) for lane in self.filled)]
        # Twice the filters' memory: what is left of a margin's own end is then negligible.
        self.margin_s = 2 * max(reaches) + FLAT_S
        self._mains_hz: list[int] | None = None
        self._half_uv: list[float | None] | None = None
        self._last: tuple[int, list[Trace | None]] | None = None
        # Samples that stand still and samples at the limits of the file, by number of block.
        self._useless: dict[int, np.ndarray] = {}

    def _filled_lane(self, lane, source: Derivation) -> FilledLane:
        channel = self.recording.channel(source.plus)
        band_hz = self.spec.band_hz(lane.modality)
        try:
            reach_s(channel.rate_hz, band_hz)
        except InputError as error:
            where = f"{self.recording.path}: lane {lane.name} ({source})"
            raise InputError(f"{where}: {error}") from None
        return FilledLane(lane.name, source, channel.rate_hz, channel.n_samples, band_hz)

    @property
    def n_blocks(self) -> int:
        """How many blocks the stored samples fill."""
        return max(1, int(np.ceil(self.recording.stored_duration_s / BLOCK_S)))

    def block(self, number: int) -> list[Trace | None]:
        """Return the filtered lanes of a block, with what epochs that begin in it need around it.

        The last block is kept, so that drawing single epochs one after another reads it once.
        """
        if self._last is None or self._last[0] != number:
            self._last = number, self._filter(number, scaled=True)
        return self._last[1]

    def _filter(self, number: int, scaled: bool) -> list[Trace | None]:
        mains_hz = self._find_mains()
        half_uv = self._find_half_uv() if scaled else [None] * len(self.filled)
        traces = []
        for index, (first, samples, _) in enumerate(self._read(number, self.margin_s)):
            lane = self.filled[index]
            gaps = np.round(self._gaps_s * lane.rate_hz).astype(int) - first
            # A filter must not ring across a gap.
            for piece in np.split(samples, gaps[(gaps > 0) & (gaps < len(samples))]):
                band_pass(piece, lane.rate_hz, lane.band_hz, mains_hz[index], out=piece)
            traces.append(Trace(samples, lane.rate_hz, first, half_uv[index]))
        filled = iter(traces)
        return [next(filled) if source else None for source in self.lanes.sources]

    def whole(self, filtered: bool = True) -> list[Trace | None]:
        """Return all samples of every lane, filtered or as recorded; None for a missing lane.

        This takes memory for the whole record.
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
        traces = iter(
            Trace(whole, lane.rate_hz, 0, half)
            for lane, whole, half in zip(self.filled, wholes, half_uv, strict=True)
        )
        return [next(traces) if source else None for source in self.lanes.sources]

    def quality(self) -> list[Quality | None]:
        """Return the quality of every lane's raw signal over the whole record."""
        for number in range(self.n_blocks):
            if number not in self._useless:
                self._read(number, STILL_S)
        counts = sum(self._useless[number] for number in range(self.n_blocks))
        qualities = iter(
            Quality(*(counts[index] / lane.rate_hz).round(3).tolist())
            for index, lane in enumerate(self.filled)
        )
        return [next(qualities) if source else None for source in self.lanes.sources]

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
            parts = self._read(int(number), duration_s + STILL_S)
            for column, lane, (first, samples, limited) in zip(
                columns, self.filled, parts, strict=True
            ):
                nothing = np.zeros(len(samples), bool) | limited
                for start, stop in standing_still(samples, STILL_S * lane.rate_hz):
                    nothing[start:stop] = True
                before = np.concatenate(([0], np.cumsum(nothing)))
                edges = np.array([starts_s[rows], starts_s[rows] + duration_s]) * lane.rate_hz
                edges = (np.round(edges).astype(int) - first).clip(0, len(nothing))
                lost[rows, column] = (before[edges[1]] - before[edges[0]]) / lane.rate_hz
        return lost.round(3)

    def _read(self, number: int, margin_s: float) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """Read a block of the raw signals with margins, and count its useless samples."""
        from psgvlm.signals.flat_runs import standing_still

        around_s = margin_s + self.spec.context_s
        begin_s = number * BLOCK_S - around_s
        end_s = (number + 1) * BLOCK_S + EPOCH_S + around_s
        parts = derive(self.recording, [lane.source for lane in self.filled], begin_s, end_s)
        if number not in self._useless:
            counts = np.zeros((len(self.filled), 2), int)
            for index, (first, samples, limited) in enumerate(parts):
                lane = self.filled[index]
                begin, end = np.subtract(self._edges(lane, number), first)
                runs = standing_still(samples, STILL_S * lane.rate_hz).clip(begin, end)
                counts[index, 0] = (runs[:, 1] - runs[:, 0]).sum()
                if limited.ndim:
                    counts[index, 1] = np.count_nonzero(limited[begin:end])
            self._useless[number] = counts
        return parts

    def _edges(self, lane: FilledLane, number: int) -> tuple[int, int]:
        """Return the first sample of a block and the one after its last."""
        last = number == self.n_blocks - 1
        edges = np.round(np.array([number, number + 1]) * BLOCK_S * lane.rate_hz).astype(int)
        begin, end = edges.clip(0, lane.n_samples).tolist()
        return begin, lane.n_samples if last else end

    def _find_mains(self) -> list[int]:
        """Return the mains frequency to take out of each lane, 0 for none."""
        if self._mains_hz is None:
            if self.spec.mains == "auto":
                self._mains_hz = self._measure_mains()
            else:
                fixed = 0 if self.spec.mains == "off" else int(self.spec.mains)
                self._mains_hz = [fixed] * len(self.filled)
        return self._mains_hz

    def _measure_mains(self) -> list[int]:
        found = [0] * len(self.filled)
        for rate_hz in {lane.rate_hz for lane in self.filled}:
            same = [i for i, lane in enumerate(self.filled) if lane.rate_hz == rate_hz]
            n_samples = self.filled[same[0]].n_samples
            starts, length = mains_windows(n_samples, rate_hz)
            windows: list[list[np.ndarray]] = [[] for _ in same]
            for start in starts:
                # Half a sample of grace, since times are rounded.
                begin_s, end_s = (start - 0.5) / rate_hz, (start + length + 0.5) / rate_hz
                sources = [self.filled[index].source for index in same]
                for kept, (first, samples, _) in zip(
                    windows, derive(self.recording, sources, begin_s, end_s), strict=True
                ):
                    kept.append(samples[start - first :][:length])
            for index, kept in zip(same, windows, strict=True):
                found[index] = mains_in(np.array(kept), rate_hz) if kept else 0
        return found

    def _find_half_uv(self) -> list[float | None]:
        """Return half the height of each lane in µV where the whole record decides it."""
        if self._half_uv is None:
            if self.spec.scale == "robust":
                self._half_uv = list(self._measure_half_uv())
            else:
                self._half_uv = [None] * len(self.filled)
        return self._half_uv

    def _measure_half_uv(self) -> Iterator[float | None]:
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
