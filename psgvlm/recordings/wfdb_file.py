"""WFDB records of PhysioNet: a header (`.hea`) and the files of signals (`.dat`, `.mat`) it names.

The wfdb package reads both, a part at a time.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.channel import Annotation, Channel, tidy_rate
from psgvlm.recordings.edf_header import MAX_DURATION_S
from psgvlm.recordings.wfdb_header import (
    clock_of,
    has_time,
    name_without_date,
    rate_of,
    read_header,
)
from psgvlm.recordings.wfdb_segments import Found, SegmentSignal, WfdbSegment, read_segments

BUFFER_SAMPLES = 1 << 21  # of all signals together; more are read in several pieces


class WfdbFile:
    """An opened WFDB record, as `psgvlm.recordings.recording` reads it.

    Parameters
    ----------
    path : Path
        The header, `.hea`.

    Raises
    ------
    InputError
        If the header is damaged, contradicts itself, or no file of its signals is there.
    """

    def __init__(self, path: Path):
        self.path = path
        self.notes: list[str] = []
        record = read_header(path)
        self._rate_hz = rate_of(path, record)
        self.clock_s = clock_of(record)
        if self.clock_s is None and has_time(path):
            self.notes.append("its header has a start that is no time of day: unknown")
        found = Found({path}, self.notes)
        self._segments, labels = read_segments(path, record, found)
        if not self._segments or not labels:
            raise InputError(f"{path}: names no signals; expected a record with EEG")
        last = self._segments[-1]
        if not 0 < last.onset + last.n_frames <= MAX_DURATION_S * self._rate_hz:
            raise InputError(
                f"{path}: {last.onset + last.n_frames} frames at {self._rate_hz:g} Hz; expected "
                f"more than none and no more than {MAX_DURATION_S / 86400:.0f} days"
            )
        self._columns = [self._column(index, label) for index, label in enumerate(labels)]
        self.files = tuple(sorted(found.files))
        self._invalid: set[str] = set()

    def channels(self) -> list[tuple[int, Channel]]:
        """Return the channels, each with its number."""
        channels = []
        n_frames = sum(segment.n_frames for segment in self._segments)
        for index, (fault, signals) in enumerate(self._columns):
            one = next(signal for signal in signals if signal)
            rate_hz = tidy_rate(self._rate_hz * one.per_frame)
            n_samples = n_frames * one.per_frame
            channels.append((index, Channel(one.label, rate_hz, one.unit, n_samples, fault)))
        return channels

    def segments(self) -> tuple[tuple[float, float], ...]:
        """Return start and stop of each segment without a gap, in seconds from the first sample."""
        runs: list[list[int]] = []
        for segment in self._segments:
            if runs and runs[-1][1] == segment.onset:
                runs[-1][1] += segment.n_frames
            else:
                runs.append([segment.onset, segment.onset + segment.n_frames])
        begin = runs[0][0]
        return tuple(
            ((start - begin) / self._rate_hz, (stop - begin) / self._rate_hz)
            for start, stop in runs
        )

    def limits(self, index: int) -> tuple[float, float]:
        """Return the lowest and highest value of a signal that can be stored, in its own unit."""
        limits = [signal.limits for signal in self._columns[index][1] if signal]
        return min(low for low, _ in limits), max(high for _, high in limits)

    def annotations(self) -> list[Annotation]:
        """Return no annotations: those of a WFDB record are in files of their own."""
        return []

    def read(
        self, factors: Mapping[int, float], start_s: float, stop_s: float
    ) -> dict[int, tuple[int, np.ndarray]]:
        """Read the stored samples of several channels between two times, as `EdfFile.read` does.

        A sample that the file marks as invalid is read as 0, and a note says so.
        """
        total = sum(segment.n_frames for segment in self._segments)
        begin = min(max(0, math.floor(start_s * self._rate_hz)), total)
        end = max(begin, min(total, math.ceil(stop_s * self._rate_hz)))
        pieces: dict[int, list[np.ndarray]] = {index: [] for index in factors}
        for number, segment in enumerate(self._segments):
            first = max(begin, segment.first) - segment.first
            last = min(end, segment.first + segment.n_frames) - segment.first
            step = max(1, BUFFER_SAMPLES // sum(one.per_frame for one in segment.signals))
            for start in range(first, last, step):
                self._read_piece(number, factors, start, min(last, start + step), pieces)
        spans = {}
        for index, parts in pieces.items():
            per_frame = next(signal.per_frame for signal in self._columns[index][1] if signal)
            spans[index] = begin * per_frame, np.concatenate([np.empty(0, np.float32), *parts])
        return spans

    def _read_piece(self, number, factors, start, stop, pieces) -> None:
        """Append frames `start` to before `stop` of one segment to each channel's pieces."""
        segment = self._segments[number]
        signals = {index: self._columns[index][1][number] for index in factors}
        columns = sorted({segment.signals.index(signal) for signal in signals.values()})
        values_by_column = self._read_values(segment, columns, start, stop)
        for index, factor in factors.items():
            signal = signals[index]
            values = values_by_column[segment.signals.index(signal)] * factor
            invalid = np.isnan(values)
            if invalid.any():
                values[invalid] = 0
                if signal.label not in self._invalid:
                    self._invalid.add(signal.label)
                    self.notes.append(f"{signal.label}: samples marked as invalid are drawn as 0")
            pieces[index].append(values.astype(np.float32))

    def _read_values(
        self, segment: WfdbSegment, columns: list[int], start: int, stop: int
    ) -> dict[int, np.ndarray]:
        """Read some signals of a segment with the wfdb package, each in its own unit."""
        import wfdb

        whole = not segment.length_given  # wfdb reads parts only where the header has a length
        files = [segment.path.with_name(signal.file) for signal in segment.signals]
        try:
            with name_without_date(segment.path, files) as name:
                record = wfdb.rdrecord(
                    name,
                    sampfrom=0 if whole else start,
                    sampto=None if whole else stop,
                    channels=columns,
                    smooth_frames=False,
                )
            signals = record.e_p_signal
        # wfdb raises whatever its parsers raise, and may quote the header, which names people.
        except Exception as error:
            raise InputError(
                f"{segment.path}: wfdb cannot read its signals ({type(error).__name__}); expected "
                "the record as PhysioNet gives it: download it again"
            ) from error
        values = {}
        for column, samples in zip(columns, signals, strict=True):
            per_frame = segment.signals[column].per_frame
            if whole:
                samples = samples[start * per_frame : stop * per_frame]
            if len(samples) != (stop - start) * per_frame:
                raise InputError(
                    f"{segment.path}: ended while it was read; expected {segment.n_frames} frames "
                    "as when it was opened"
                )
            values[column] = samples
        return values

    def _column(self, index: int, label: str) -> tuple[str | None, list[SegmentSignal | None]]:
        """Return what is wrong with a channel, and its signal in each segment."""
        signals: list[SegmentSignal | None] = []
        for segment in self._segments:
            if index < len(segment.signals) and segment.signals[index].label == label:
                signals.append(segment.signals[index])
            else:
                named = (signal for signal in segment.signals if signal.label == label)
                signals.append(next(named, None))
        present = [signal for signal in signals if signal]
        if not present:
            unknown = SegmentSignal(label, "", "16", 1, "", (-math.inf, math.inf), None)
            return "is in none of the record's segments", [unknown]
        faults = [signal.fault for signal in present if signal.fault]
        if len(present) < len(signals):
            missing = len(signals) - len(present)
            faults.append(f"is missing in {missing} of {len(signals)} segments")
        if len({(signal.unit, signal.per_frame) for signal in present}) > 1:
            faults.append("changes its unit or its rate from segment to segment")
        return next(iter(faults), None), signals
