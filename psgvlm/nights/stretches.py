"""A recording filtered and drawn stretch by stretch: memory does not grow with its length.

Filters are zero-phase on the continuous record, so a stretch is read with margins as long as they
remember; what comes out is what `signals.prepare` would give, but for rounding. Any epoch can be
drawn alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.recordings.lanes import LaneMap
from psgvlm.recordings.recording import Recording
from psgvlm.signals import traces as signals
from psgvlm.signals.filters import FLAT_S, band_pass, mains_in, mains_windows, reach_s
from psgvlm.signals.traces import Trace
from psgvlm.stages import EPOCH_S

STRETCH_S = 1800.0
STILL_S = 1.0  # what stands still for so long shows nothing


class Stretches:
    """The lanes of a recording, any stretch of which can be had as if the whole were filtered.

    Times are seconds of the stored samples (`Recording.stored_s`). What the whole record decides is
    found first: mains hum, and half a lane where `scale="robust"`, for which all of it is filtered
    once more. Raises `InputError` where a lane cannot be read as a voltage or cannot show its band.
    """

    def __init__(self, recording: Recording, lanes: LaneMap, spec: ImageSpec):
        self.recording, self.lanes, self.spec = recording, lanes, spec
        lengths_s = [stop - start for start, stop in recording.segments]
        self.stored_s = sum(lengths_s)
        self._gaps_s = np.cumsum(lengths_s)[:-1]  # where the samples after a gap begin
        self._rates, self._bands, reaches = [], [], [0.0]
        for lane, source in zip(lanes.lanes, lanes.sources, strict=True):
            if source is None:
                continue
            rate_hz = recording.channel(source.plus).rate_hz
            band_hz = spec.band_hz(lane.modality)
            try:
                reaches.append(reach_s(rate_hz, band_hz))
            except InputError as error:
                where = f"{recording.path}: lane {lane.name} ({source})"
                raise InputError(f"{where}: {error}") from None
            self._rates.append(rate_hz)
            self._bands.append(band_hz)
        # Twice: what the margin's own end disturbs is then a millionth of a millionth.
        self.margin_s = 2 * max(reaches) + FLAT_S
        self._mains = [self._find_mains(index) for index in range(len(self._rates))]
        self._half_uv: list[float | None] = [None] * len(self._rates)
        if spec.scale == "robust":
            self._half_uv = self._find_half_uv()

    def traces(self, start_s: float, stop_s: float) -> list[Trace | None]:
        """As `signals.prepare`, with margins on either side."""
        begin_s, end_s = start_s - self.margin_s, stop_s + self.margin_s
        parts = signals.derive_part(self.recording, self.lanes.filled, begin_s, end_s)
        found = []
        for index, (first, samples, _) in enumerate(parts):
            rate_hz = self._rates[index]
            gaps = np.round(self._gaps_s * rate_hz).astype(int) - first
            for piece in np.split(samples, gaps[(gaps > 0) & (gaps < len(samples))]):
                band_pass(piece, rate_hz, self._bands[index], self._mains[index], out=piece)
            found.append(Trace(samples, rate_hz, None, first, self._half_uv[index]))
        filled = iter(found)
        return [next(filled) if source else None for source in self.lanes.sources]

    def draw(self, starts_s: Sequence[float]) -> Iterator[np.ndarray]:
        """The pictures of the epochs that start there, in order, as `render.draw`."""
        context_s = self.spec.context_s
        for begin_s, group in _by_stretch(starts_s):
            # The whole stretch for a single epoch, too: its picture does not depend on the others.
            end_s = begin_s + STRETCH_S + EPOCH_S
            traces = self.traces(begin_s - context_s, end_s + context_s)
            yield from raster.draw(traces, self.spec, group)

    def lost_s(self, starts_s: Sequence[float]) -> np.ndarray:
        """For how much of each epoch a lane shows nothing, in s, shape (n_epochs, n_lanes).

        Its raw signal stands still, or lies at the limits of the file; a lane that the recording
        does not have shows nothing for all of `EPOCH_S`.
        """
        # numba takes most of a second to import, and `--help` needs none of it.
        from psgvlm.signals.flat_runs import standing_still

        lost = np.full((len(starts_s), len(self.lanes.sources)), EPOCH_S)
        columns = [i for i, source in enumerate(self.lanes.sources) if source]
        row = 0
        for begin_s, group in _by_stretch(starts_s):
            end_s = begin_s + STRETCH_S + EPOCH_S + STILL_S
            parts = signals.derive_part(self.recording, self.lanes.filled, begin_s - STILL_S, end_s)
            for column, rate_hz, (first, samples, limited) in zip(
                columns, self._rates, parts, strict=True
            ):
                nothing = np.zeros(len(samples), bool) | limited
                for start, stop in standing_still(samples, STILL_S * rate_hz):
                    nothing[start:stop] = True
                before = np.concatenate(([0], np.cumsum(nothing)))
                edges = np.array([group, np.add(group, EPOCH_S)]) * rate_hz
                edges = (np.round(edges).astype(int) - first).clip(0, len(nothing))
                count = before[edges[1]] - before[edges[0]]
                lost[row : row + len(group), column] = count / rate_hz
            row += len(group)
        return lost.round(3)

    def _find_mains(self, index: int) -> int:
        if self.spec.mains != "auto":
            return 0 if self.spec.mains == "off" else int(self.spec.mains)
        source, rate_hz = self.lanes.filled[index], self._rates[index]
        n_samples = self.recording.channel(source.plus).n_samples
        starts, length = mains_windows(n_samples, rate_hz)
        windows = []
        for start in starts:
            # Half a sample of grace: times are rounded.
            begin_s, end_s = (start - 0.5) / rate_hz, (start + length + 0.5) / rate_hz
            ((first, samples, _),) = signals.derive_part(self.recording, [source], begin_s, end_s)
            windows.append(samples[start - first :][:length])
        return mains_in(np.array(windows), rate_hz) if windows else 0

    def _find_half_uv(self) -> list[float | None]:
        steps = [
            raster.robust_step(self.recording.channel(source.plus).n_samples)
            for source in self.lanes.filled
        ]
        some: list[list[np.ndarray]] = [[] for _ in steps]
        for start_s in np.arange(0, self.stored_s, STRETCH_S):
            stop_s = min(start_s + STRETCH_S, self.stored_s)
            filled = [trace for trace in self.traces(start_s, stop_s) if trace]
            for trace, step, kept in zip(filled, steps, some, strict=True):
                begin = round(start_s * trace.rate_hz)
                begin += -begin % step
                end = round(stop_s * trace.rate_hz)
                kept.append(trace.samples_uv[begin - trace.first : end - trace.first : step].copy())
        return [raster.robust_half_uv(np.concatenate(kept)) or None for kept in some]


def _by_stretch(starts_s: Iterable[float]) -> Iterator[tuple[float, list[float]]]:
    """Where each stretch begins, and the times that follow one another in it."""
    for number, group in groupby(starts_s, lambda start_s: int(start_s // STRETCH_S)):
        yield number * STRETCH_S, list(group)
