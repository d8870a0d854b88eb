"""The samples and annotations of EDF, EDF+, BDF and BDF+ files.

Files are written with edfio. They are read here for three reasons. No personal field is read, so
that no error can quote one. An annotation with a Latin-1 character does not make a night unusable.
And the onset of every data record is needed if a file has gaps (EDF+D).
"""

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.channel import Annotation, Channel, tidy_rate
from psgvlm.recordings.edf_fields import text_of
from psgvlm.recordings.edf_header import ANNOTATIONS, MAX_DURATION_S, read_header

__all__ = ["ANNOTATIONS", "Annotation", "EdfFile"]

BUFFER_BYTES = 1 << 22  # data records are read into a buffer of this size
LEAST_GAP_S = 1e-3  # onsets are written with few digits, so less is not a gap
UNSAID_GAP_S = 0.5  # the same in a file that says it is continuous: clocks drift
LONG_RECORD_S = 60.0  # a data record that lasts longer is not read whole
WIDE_RECORD_BYTES = 1 << 15  # of a wider data record, only the annotations are read for them

# A time-stamped annotation list (TAL): its onset, its duration if given, and its texts. Some
# programs omit the sign of the onset, or write a decimal comma.
_NUMBER = rb"\d{1,12}(?:[.,]\d*)?"
_TAL = re.compile(
    rb"\s*([+-]?%b)\s*(?:\x15\s*\+?(%b)?\s*)?\x14(.*)" % (_NUMBER, _NUMBER), re.DOTALL
)


class EdfFile:
    """An opened EDF, EDF+, BDF or BDF+ file.

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
        The time of day at which the file begins by its header, in seconds after midnight; None if
        unknown.
    start_s : float
        Seconds from the header's start to the first sample. Annotations count from the sample.
    notes : list of str
        What is wrong with the file but does not prevent reading it.

    Raises
    ------
    InputError
        If the file is missing, is not an EDF or BDF file, or its header contradicts itself.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.files = (self.path,)
        try:
            header = read_header(self.path)
            n_bytes = self.path.stat().st_size
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from error
        self.signals, self.record_s = header.signals, header.record_s
        self.discontinuous, self.clock_s = header.discontinuous, header.clock_s
        self.notes: list[str] = list(header.notes)
        self._header_size, self._sample_bytes = header.size, header.sample_bytes
        # The samples of signal i are columns _edges[i] to _edges[i + 1] of a data record.
        self._edges = np.cumsum([0] + [signal.samples for signal in self.signals])
        self._width = int(self._edges[-1])
        self._record_bytes = self._width * self._sample_bytes
        self.n_records = self._count_records(header.n_records, n_bytes - header.size)
        self.start_s = self._onset_of(0) or 0.0
        self._least_gap_s = LEAST_GAP_S
        if not self.discontinuous and self._has_gaps_unsaid():
            self.discontinuous, self._least_gap_s = True, UNSAID_GAP_S
            self.notes.append(
                "its header says that it is continuous, but its data records have gaps: read as a "
                "discontinuous file"
            )

    def channels(self) -> list[tuple[int, Channel]]:
        """Return the channels that hold samples, each with the number of its signal."""
        channels = []
        for index, signal in enumerate(self.signals):
            if not signal.holds_annotations:
                rate_hz = tidy_rate(signal.samples / self.record_s) if self.record_s else 0.0
                n_samples = signal.samples * self.n_records
                channel = Channel(signal.label, rate_hz, signal.unit, n_samples, signal.fault)
                channels.append((index, channel))
        return channels

    def _count_records(self, promised: int, n_bytes: int) -> int:
        """Return the number of whole data records, and note if the header promises another."""
        n_records, rest = divmod(n_bytes, self._record_bytes)
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
        elif promised == 0:
            self.notes.append(f"{n_records} data records, though its header promises none")
        elif promised == n_records and rest:
            self.notes.append(f"{rest} bytes after its last data record are not read")
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
                values = self._integers(records[:, self._bytes_of(index)])
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
        stored = np.empty((last - first, self._sample_bytes), np.uint8)
        with self.path.open("rb", buffering=0) as file:
            sample = first
            while sample < last:
                record, within = divmod(sample, per_record)
                piece = stored[sample - first :][: per_record - within]
                self._read_into(file, record, int(self._edges[index]) + within, piece)
                sample += len(piece)
        values = self._integers(stored.reshape(1, -1))[0]
        samples = np.empty(len(values), np.float32)
        self._scale(values, index, factor, samples)
        return first, samples

    def _bytes_of(self, index: int) -> slice:
        """Return where a signal lies in the bytes of a data record."""
        first, last = (self._sample_bytes * int(edge) for edge in self._edges[index : index + 2])
        return slice(first, last)

    def _integers(self, stored: np.ndarray) -> np.ndarray:
        """Return the stored integers (n, samples) of bytes (n, samples times bytes a sample)."""
        if self._sample_bytes == 2:
            return stored.view("<i2")
        low, middle, high = np.moveaxis(stored.reshape(len(stored), -1, 3), -1, 0)
        values = high.astype(np.int8).astype(np.int32) << 16
        values |= middle.astype(np.int32) << 8
        values |= low
        return values

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
        start_s = 0.0 if from_header else self.start_s
        return sorted(
            Annotation(onset_s - start_s, duration_s, text_of(text))
            for record in self._annotation_bytes(self._annotation_signals())
            for onset_s, duration_s, texts in _tals(record)
            for text in texts
            if text
        )

    def _onset_of(self, record: int) -> float | None:
        """Return the time from the header's start to a data record, None if the file has none.

        It is the onset of the first TAL without a text: such a TAL keeps the time. Some programs do
        not write it, and begin with an event.
        """
        timekeeping = self._annotation_signals()[:1]
        for stored in self._annotation_bytes(timekeeping, record, record + 1):
            for onset_s, _, texts in _tals(stored):
                return onset_s if not texts[0] else None
        return None

    def _has_gaps_unsaid(self) -> bool:
        """Return whether data records lie apart in a file that says it is continuous."""
        last_s = self._onset_of(self.n_records - 1)
        passed_s = (self.n_records - 1) * self.record_s
        if not self.record_s or last_s is None or last_s - self.start_s - passed_s <= UNSAID_GAP_S:
            return False
        onsets = self._known_onsets()
        if len(onsets) != self.n_records:
            return False
        gaps_s = np.diff(onsets) - self.record_s
        # If most records lie apart, the duration of a record is wrong, and nothing is certain.
        few = 0 < (gaps_s > UNSAID_GAP_S).sum() <= max(1, self.n_records // 10)
        return bool(few and gaps_s.min() > -UNSAID_GAP_S)

    def segments(self) -> tuple[tuple[float, float], ...]:
        """Return start and stop of each segment without a gap, in seconds from the first sample.

        The stored samples are those of the segments, one segment after the other.
        """
        if not self.discontinuous:
            return ((0.0, self.n_records * self.record_s),)
        onsets = self._record_onsets()
        starts = [0]
        for i in range(1, len(onsets)):
            gap_s = onsets[i] - onsets[i - 1] - self.record_s
            if gap_s < -self._least_gap_s:
                raise InputError(
                    f"{self.path}: data record {i + 1} starts before the one before it ends; "
                    "expected data records in the order of time"
                )
            if gap_s > self._least_gap_s:
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

    def _annotation_bytes(
        self, indexes: list[int], first: int = 0, last: int | None = None
    ) -> Iterator[bytes]:
        """Yield the bytes of the annotation signals of each data record, one signal at a time."""
        last = self.n_records if last is None else last
        if self._record_bytes <= WIDE_RECORD_BYTES:
            for records in self._records(first, last if indexes else first):
                for record in records:
                    for index in indexes:
                        yield record[self._bytes_of(index)].tobytes()
            return
        with self.path.open("rb", buffering=0) as file:
            for record in range(first, last):
                for index in indexes:
                    stored = np.empty(self.signals[index].samples * self._sample_bytes, np.uint8)
                    self._read_into(file, record, int(self._edges[index]), stored)
                    yield stored.tobytes()

    def _records(self, first: int, last: int) -> Iterator[np.ndarray]:
        """Yield the data records from `first` to before `last`, some at a time, as bytes (n, size).

        All are read into one small buffer. That is faster than a memory map of the file, whose
        pages would count as memory of this process.
        """
        count = max(1, min(BUFFER_BYTES // self._record_bytes, last - first))
        buffer = np.empty((count, self._record_bytes), np.uint8)
        with self.path.open("rb", buffering=0) as file:
            for start in range(first, last, count):
                records = buffer[: last - start]
                self._read_into(file, start, 0, records)
                yield records

    def _read_into(self, file, record: int, sample: int, stored: np.ndarray) -> None:
        """Fill an array with bytes, beginning with a sample of a data record."""
        file.seek(self._header_size + record * self._record_bytes + sample * self._sample_bytes)
        if file.readinto(stored) < stored.nbytes:
            raise InputError(
                f"{self.path}: ended while it was read; expected {self.n_records} data records as "
                "when it was opened"
            )

    @property
    def has_signals(self) -> bool:
        """Whether the file holds more than annotations."""
        return not all(signal.holds_annotations for signal in self.signals)

    def _annotation_signals(self) -> list[int]:
        return [i for i, s in enumerate(self.signals) if s.holds_annotations and s.samples]

    def _known_onsets(self) -> list[float]:
        """Return the onsets of those data records that state one."""
        onsets = []
        for record in self._annotation_bytes(self._annotation_signals()[:1]):
            # The TAL that keeps the time has no text, or none before its other texts.
            onsets += [onset_s for onset_s, _, texts in _tals(record) if not texts[0]][:1]
        return onsets

    def _record_onsets(self) -> list[float]:
        """Return the onset of every data record; raise InputError if one is missing."""
        onsets = self._known_onsets()
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
            onset_s, duration_s = (
                float((n or b"0").replace(b",", b".")) for n in match.group(1, 2)
            )
            yield onset_s, duration_s, match[3].split(b"\x14")
