"""The samples and annotations of EDF and EDF+ files.

Files are written with edfio. They are read here for three reasons. No personal field is read, so
that no error can quote one. An annotation with a Latin-1 character does not make a night unusable.
And the onset of every data record is needed if a file has gaps (EDF+D).
"""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.edf_header import ANNOTATIONS, MAX_DURATION_S, read_header, text_of

BUFFER_BYTES = 1 << 22  # data records are read into a buffer of this size
LONG_RECORD_S = 60.0  # a data record that lasts longer is not read whole

# A time-stamped annotation list (TAL): its onset, its duration if given, and its texts.
_TAL = re.compile(rb"([+-]\d{1,12}(?:\.\d*)?)(?:\x15(\d{1,12}(?:\.\d*)?))?\x14(.*)", re.DOTALL)


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


class EdfFile:
    """An opened EDF or EDF+ file.

    Parameters
    ----------
    path : path

    Attributes
    ----------
    path : Path
    signals : tuple of Signal
        All signals in file order, those that hold annotations included.
    record_s : float
        The duration of a data record in seconds.
    n_records : int
        The number of whole data records.
    clock_s : int or None
        The time of day at which the file begins, in seconds after midnight; None if unknown.
    notes : list of str
        What is wrong with the file but does not prevent reading it.

    Raises
    ------
    InputError
        If the file is missing, is not an EDF file, or its header contradicts itself.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.notes: list[str] = []
        try:
            header = read_header(self.path)
            n_bytes = self.path.stat().st_size
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from error
        self.signals, self.record_s = header.signals, header.record_s
        self.discontinuous, self.clock_s = header.discontinuous, header.clock_s
        self._header_size = header.size
        # The samples of signal i are columns _edges[i] to _edges[i + 1] of a data record.
        self._edges = np.cumsum([0] + [signal.samples for signal in self.signals])
        self._width = int(self._edges[-1])
        self.n_records = self._count_records(header.n_records, n_bytes - header.size)

    def _count_records(self, promised: int, n_bytes: int) -> int:
        """Return the number of whole data records, and note if the header promises another."""
        n_records = n_bytes // (2 * self._width)
        if n_records < 1:
            raise InputError(f"{self.path}: holds no whole data record; expected signals")
        if promised > n_records:
            self.notes.append(
                f"truncated: {n_records} whole data records of the {promised} that its header "
                "promises"
            )
        elif 0 < promised < n_records:
            self.notes.append(f"{n_records - promised} data records beyond its header's count")
            n_records = promised
        if n_records * self.record_s > MAX_DURATION_S:
            raise InputError(
                f"{self.path}: {n_records} data records of {self.record_s:g} s; expected no more "
                f"than {MAX_DURATION_S / 86400:.0f} days"
            )
        return n_records

    def read(
        self, factors: Mapping[int, float], start_s: float, stop_s: float
    ) -> dict[int, tuple[int, np.ndarray]]:
        """Read the stored samples of several signals between two times.

        Parameters
        ----------
        factors : mapping of int to float
            The number of each signal, and the factor that its samples are multiplied by.
        start_s, stop_s : float
            Seconds of the stored samples.

        Returns
        -------
        dict of int to (int, ndarray)
            For each signal the number of the first sample, and the samples in the signal's own
            unit times its factor, float32 of shape (n,). Whole data records are read, so there may
            be samples before `start_s` and after `stop_s`.
        """
        if self.record_s > LONG_RECORD_S:
            return {
                index: self._read_from_long_records(index, factor, start_s, stop_s)
                for index, factor in factors.items()
            }
        first = min(max(0, math.floor(start_s / self.record_s)), self.n_records)
        last = max(first, min(self.n_records, math.ceil(stop_s / self.record_s)))
        samples = {
            index: np.empty((last - first, self.signals[index].samples), np.float32)
            for index in factors
        }
        done = 0
        for records in self._records(first, last):
            for index, factor in factors.items():
                values = records[:, self._edges[index] : self._edges[index + 1]]
                self._scale(values, index, factor, samples[index][done : done + len(records)])
            done += len(records)
        return {
            index: (first * self.signals[index].samples, array.reshape(-1))
            for index, array in samples.items()
        }

    def _read_from_long_records(
        self, index: int, factor: float, start_s: float, stop_s: float
    ) -> tuple[int, np.ndarray]:
        """Read one signal as `read` does, but no more samples than asked for.

        Some programs write a whole night as one data record.
        """
        per_record = self.signals[index].samples
        rate_hz, total = per_record / self.record_s, per_record * self.n_records
        first = min(max(0, math.floor(start_s * rate_hz)), total)
        last = max(first, min(total, math.ceil(stop_s * rate_hz)))
        values = np.empty(last - first, "<i2")
        with self.path.open("rb", buffering=0) as file:
            sample = first
            while sample < last:
                record, within = divmod(sample, per_record)
                piece = values[sample - first :][: per_record - within]
                position = record * self._width + int(self._edges[index]) + within
                self._read_into(file, position, piece)
                sample += len(piece)
        samples = np.empty(len(values), np.float32)
        self._scale(values, index, factor, samples)
        return first, samples

    def _scale(self, values: np.ndarray, index: int, factor: float, out: np.ndarray) -> None:
        """Write stored values into `out` (float32) in the signal's own unit times a factor."""
        signal = self.signals[index]
        out[...] = values
        out *= np.float32(signal.gain * factor)
        out += np.float32(signal.offset * factor)

    def limits(self, index: int) -> tuple[float, float]:
        """Return the lowest and highest value of a signal that can be stored, in its own unit."""
        return self.signals[index].limits

    def annotations(self, from_header: bool = False) -> list[Annotation]:
        """Return all annotations in order of onset.

        Onsets count from the first sample, or from the start that the header gives.
        """
        tals = [
            tal
            for index in self._annotation_signals()
            for record in self._column(index)
            for tal in _tals(record.tobytes())
        ]
        # A first TAL without a text keeps the time: its onset is the time from the header's start
        # to the first sample. Some programs do not write it.
        keeps_time = bool(tals) and not tals[0][2][0] and not from_header
        start_s = tals[0][0] if keeps_time else 0.0
        return sorted(
            Annotation(onset_s - start_s, duration_s, text_of(text))
            for onset_s, duration_s, texts in tals
            for text in texts
            if text
        )

    def segments(self) -> tuple[tuple[float, float], ...]:
        """Return start and stop of each segment without a gap, in seconds from the first sample.

        The stored samples are those of the segments, one segment after the other.
        """
        if not self.discontinuous:
            return ((0.0, self.n_records * self.record_s),)
        onsets = self._record_onsets()
        starts = [0]
        for i in range(1, len(onsets)):
            # Onsets are written with few digits, so a difference of a millisecond is not a gap.
            gap_s = onsets[i] - onsets[i - 1] - self.record_s
            if gap_s < -1e-3:
                raise InputError(
                    f"{self.path}: data record {i + 1} starts before the one before it ends; "
                    "expected data records in the order of time"
                )
            if gap_s > 1e-3:
                starts.append(i)
        stops = [*starts[1:], len(onsets)]
        segments = tuple(
            (onsets[a] - onsets[0], onsets[a] - onsets[0] + (b - a) * self.record_s)
            for a, b in zip(starts, stops, strict=True)
        )
        if segments[-1][1] > MAX_DURATION_S:
            raise InputError(
                f"{self.path}: its last data record is {segments[-1][1]:g} s after the first; "
                f"expected no more than {MAX_DURATION_S / 86400:.0f} days"
            )
        return segments

    def _column(self, index: int) -> np.ndarray:
        """Return a signal's stored values, int16 of shape (n_records, samples in a record)."""
        first, last = self._edges[index], self._edges[index + 1]
        whole = self._records(0, self.n_records)
        return np.concatenate([records[:, first:last].copy() for records in whole])

    def _records(self, first: int, last: int) -> Iterator[np.ndarray]:
        """Yield the data records from `first` to before `last`, some at a time, int16 (n, width).

        All are read into one small buffer. That is faster than a memory map of the file, whose
        pages would count as memory of this process.
        """
        count = max(1, min(BUFFER_BYTES // (2 * self._width), last - first))
        buffer = np.empty((count, self._width), "<i2")
        with self.path.open("rb", buffering=0) as file:
            for start in range(first, last, count):
                records = buffer[: last - start]
                self._read_into(file, start * self._width, records)
                yield records

    def _read_into(self, file, position: int, values: np.ndarray) -> None:
        """Fill an array with stored values, beginning with number `position` of the file."""
        file.seek(self._header_size + 2 * position)
        if file.readinto(values) < values.nbytes:
            raise InputError(
                f"{self.path}: ended while it was read; expected {self.n_records} data records as "
                "when it was opened"
            )

    def _annotation_signals(self) -> list[int]:
        return [i for i, s in enumerate(self.signals) if s.label == ANNOTATIONS and s.samples]

    def _record_onsets(self) -> list[float]:
        """Return the onset of every data record, which is the first TAL of each."""
        timekeeping = self._annotation_signals()[:1]
        onsets = []
        for index in timekeeping:
            for record in self._column(index):
                onsets += [tal[0] for tal in _tals(record.tobytes())][:1]
        if len(onsets) != self.n_records:
            raise InputError(
                f"{self.path}: discontinuous EDF+D with {len(onsets)} onsets for {self.n_records} "
                "data records; expected an onset for each: export it as a continuous file"
            )
        return onsets


def _tals(record: bytes) -> Iterator[tuple[float, float, list[bytes]]]:
    """Yield onset, duration and texts of each TAL of a data record; skip damaged ones."""
    for tal in record.split(b"\x00"):
        if match := _TAL.fullmatch(tal):
            yield float(match[1]), float(match[2] or 0), match[3].split(b"\x14")
