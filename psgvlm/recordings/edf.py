"""EDF and EDF+ as the specification lays them out (https://www.edfplus.info/specs/edfplus.html).

edfio writes our files; reading has three needs of its own. The personal fields (patient,
technician, dates) are not even looked at, so no error can quote them. One Latin-1 byte in an
annotation must not cost a night. And the onset of every data record is needed where a file has
gaps (EDF+D).
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from psgvlm.errors import InputError

ANNOTATIONS = "EDF Annotations"
WINDOW_BYTES = 1 << 22
LONG_RECORD_S = 60.0  # of a data record; longer ones are not read whole
MAX_DURATION_S = 31 * 86400.0  # no night is longer; a header or a score that claims it is damaged

_INT16 = (-32768, 32767)
# Name and width of the header's fields of every signal, in file order.
_WIDTHS = {
    **{"label": 16, "transducer": 80, "unit": 8, "physical minimum": 8, "physical maximum": 8},
    **{"digital minimum": 8, "digital maximum": 8, "prefiltering": 80, "samples per record": 8},
    "reserved": 32,
}
_TAL = re.compile(rb"([+-]\d{1,12}(?:\.\d*)?)(?:\x15(\d{1,12}(?:\.\d*)?))?\x14(.*)", re.DOTALL)


class Annotation(NamedTuple):
    """An EDF+ annotation: seconds from the first sample, seconds (0 where not given), its text."""

    onset_s: float
    duration_s: float
    text: str


@dataclass(frozen=True)
class Signal:
    """One signal as its header describes it; `fault` says why it cannot be read, if it cannot."""

    label: str
    unit: str
    samples: int  # in a data record
    gain: float = 1.0  # physical units per digital step
    offset: float = 0.0
    limits: tuple[float, float] = (-math.inf, math.inf)  # what can be stored, in physical units
    fault: str | None = None


class EdfFile:
    """An opened EDF or EDF+ file: `signals` in file order, data records, annotations.

    `clock_s` is the time of day it began at, in seconds after midnight, `None` where not known.
    Only whole data records count; what is wrong but can be lived with is said in `notes`.
    Raises `InputError` where the file is missing, or its header does not hold together.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.notes: list[str] = []
        try:
            self._open()
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from error

    def _open(self) -> None:
        if not self.path.is_file():
            raise InputError(f"{self.path}: no such file; expected an EDF or EDF+ recording")
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            start = file.read(256)
            if len(start) < 256 or start[:8] != b"0       ":
                raise InputError(
                    f"{self.path}: not an EDF file ({size} bytes, without EDF's version at the "
                    "start); expected an EDF or EDF+ recording"
                )
            count = int(self._number("number of signals", start[252:256], 1, 9999))
            header = 256 * (count + 1)
            self._number("header bytes", start[184:192], header, header)
            fields = file.read(256 * count)
        if len(fields) < 256 * count:
            raise InputError(
                f"{self.path}: ends within its header ({size} bytes); expected {header} bytes of "
                f"header for {count} signals"
            )
        self.discontinuous = start[192:197] == b"EDF+D"
        self.clock_s = _clock_s(start[176:184])
        self.record_s = self._number("record duration", start[244:252], 0, MAX_DURATION_S)
        self.signals = tuple(self._signals(fields, count))
        width = sum(signal.samples for signal in self.signals)
        if not width:
            raise InputError(f"{self.path}: all signals are at 0 Hz; expected samples")
        if self.record_s == 0 and any(s.samples and s.label != ANNOTATIONS for s in self.signals):
            raise InputError(f"{self.path}: its data records last 0 s; expected a duration")
        promised = int(self._number("number of data records", start[236:244], -1, 1e8))
        if promised * self.record_s > MAX_DURATION_S:
            raise InputError(
                f"{self.path}: its header promises {promised} data records of {self.record_s:g} s; "
                f"expected no more than {MAX_DURATION_S / 86400:.0f} days"
            )
        self._count_records(promised, size - header, 2 * width)
        self._header_size, self._width = header, width
        self._edges = np.cumsum([0] + [signal.samples for signal in self.signals])

    def _count_records(self, promised: int, size: int, record_size: int) -> None:
        self.n_records = size // record_size
        if self.n_records < 1:
            raise InputError(f"{self.path}: holds no whole data record; expected signals")
        if promised > self.n_records:
            self.notes.append(
                f"truncated: {self.n_records} whole data records of the {promised} that its header "
                "promises"
            )
        elif 0 < promised < self.n_records:
            self.notes.append(f"{self.n_records - promised} data records beyond its header's count")
            self.n_records = promised
        if self.n_records * self.record_s > MAX_DURATION_S:
            raise InputError(
                f"{self.path}: {self.n_records} data records of {self.record_s:g} s; "
                f"expected no more than {MAX_DURATION_S / 86400:.0f} days"
            )

    def _signals(self, fields: bytes, count: int):
        columns, start = {}, 0
        for name, width in _WIDTHS.items():
            pieces = (fields[start + width * i :][:width] for i in range(count))
            columns[name] = list(pieces)
            start += width * count
        for i in range(count):
            field = {name: column[i] for name, column in columns.items()}
            label, unit = _text(field["label"]), _text(field["unit"])
            name = f"samples of signal {i + 1}"
            samples = int(self._number(name, field["samples per record"], 0, 1e8))
            scale = [
                _float(field[f"{kind} {end}"])
                for kind in ("physical", "digital")
                for end in ("minimum", "maximum")
            ]
            fault = None if label == ANNOTATIONS else _fault(*scale, samples)
            if fault or label == ANNOTATIONS:
                yield Signal(label, unit, samples, fault=fault)
            else:
                gain = (scale[1] - scale[0]) / (scale[3] - scale[2])
                offset = scale[0] - gain * scale[2]
                yield Signal(label, unit, samples, gain, offset, tuple(sorted(scale[:2])))

    def _number(self, name: str, field: bytes, least: float, most: float) -> float:
        value = _float(field)
        if value is None or not least <= value <= most:
            found = "not a number" if value is None else f"{value:.10g}"
            wanted = f"{least:.10g}" if least == most else f"{least:.10g} to {most:.10g}"
            raise InputError(f"{self.path}: damaged EDF header, {name}: {found}; expected {wanted}")
        return value

    def part(
        self, factors: Mapping[int, float], start_s: float, stop_s: float
    ) -> dict[int, tuple[int, np.ndarray]]:
        """Return the stored samples of some signals from `start_s` to `stop_s`, and some around.

        `factors` maps the number of each signal to the factor that its samples are multiplied by.
        For each signal the result holds the number of the first sample and the samples, float32 of
        shape (n,), in the signal's own unit times its factor. Whole data records are read, so there
        may be samples before `start_s` and after `stop_s`.
        """
        if self.record_s > LONG_RECORD_S:
            return {
                index: self._part_of_long_records(index, factor, start_s, stop_s)
                for index, factor in factors.items()
            }
        first = min(max(0, math.floor(start_s / self.record_s)), self.n_records)
        last = max(first, min(self.n_records, math.ceil(stop_s / self.record_s)))
        pieces: dict[int, list] = {index: [np.empty(0, np.float32)] for index in factors}
        for records in self._records(first, last):
            for index, factor in factors.items():
                values = records[:, self._edges[index] : self._edges[index + 1]]
                pieces[index].append(self._scaled(values, index, factor))
        return {
            index: (first * self.signals[index].samples, np.concatenate(pieces[index]))
            for index in factors
        }

    def _part_of_long_records(
        self, index: int, factor: float, start_s: float, stop_s: float
    ) -> tuple[int, np.ndarray]:
        """Return a signal's samples as `part` does, without reading whole data records.

        Some programs write a whole night as one data record.
        """
        per_record = self.signals[index].samples
        rate_hz, total = per_record / self.record_s, per_record * self.n_records
        first = min(max(0, math.floor(start_s * rate_hz)), total)
        last = max(first, min(total, math.ceil(stop_s * rate_hz)))
        values = np.empty(last - first, "<i2")
        with self.path.open("rb", buffering=0) as file:
            at = first
            while at < last:
                record, within = divmod(at, per_record)
                piece = values[at - first :][: per_record - within]
                place = record * self._width + int(self._edges[index]) + within
                self._read_into(file, place, piece)
                at += len(piece)
        return first, self._scaled(values, index, factor)

    def _scaled(self, values: np.ndarray, index: int, factor: float) -> np.ndarray:
        """Return stored values in the signal's own unit times a factor, float32 of shape (n,)."""
        signal = self.signals[index]
        part = values.astype(np.float32)
        part *= np.float32(signal.gain * factor)
        part += np.float32(signal.offset * factor)
        return part.ravel()

    def limits(self, index: int) -> tuple[float, float]:
        """The lowest and highest value of a signal that the file can store, in its own unit."""
        return self.signals[index].limits

    def annotations(self) -> list[Annotation]:
        """All annotations in order of onset; onsets count from the first sample."""
        tals = [
            tal
            for index in self._annotation_signals()
            for record in self._column(index)
            for tal in _tals(record.tobytes())
        ]
        # The first one tells by how much the first sample follows the header's start time.
        start_s = tals[0][0] if tals else 0.0
        return sorted(
            Annotation(onset_s - start_s, duration_s, _text(text))
            for onset_s, duration_s, texts in tals
            for text in texts
            if text
        )

    def segments(self) -> tuple[tuple[float, float], ...]:
        """Start and stop of every stretch without a gap, in seconds from the first sample.

        The stored samples are these stretches, one after the other.
        """
        if not self.discontinuous:
            return ((0.0, self.n_records * self.record_s),)
        onsets = self._record_onsets()
        starts = [0]
        for i in range(1, len(onsets)):
            # Onsets are written with few digits, so a millisecond is not a gap.
            late_s = onsets[i] - onsets[i - 1] - self.record_s
            if late_s < -1e-3:
                raise InputError(
                    f"{self.path}: data record {i + 1} starts before the one before it ends; "
                    "expected data records in the order of time"
                )
            if late_s > 1e-3:
                starts.append(i)
        stops = [*starts[1:], len(onsets)]
        found = tuple(
            (onsets[a] - onsets[0], onsets[a] - onsets[0] + (b - a) * self.record_s)
            for a, b in zip(starts, stops, strict=True)
        )
        if found[-1][1] > MAX_DURATION_S:
            raise InputError(
                f"{self.path}: its last data record is {found[-1][1]:g} s after the first; "
                f"expected no more than {MAX_DURATION_S / 86400:.0f} days"
            )
        return found

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
        count = max(1, min(WINDOW_BYTES // (2 * self._width), last - first))
        buffer = np.empty((count, self._width), "<i2")
        with self.path.open("rb", buffering=0) as file:
            for start in range(first, last, count):
                records = buffer[: last - start]
                self._read_into(file, start * self._width, records)
                yield records

    def _read_into(self, file, place: int, values: np.ndarray) -> None:
        """Fill an array with stored values from the value number `place` of the file on."""
        file.seek(self._header_size + 2 * place)
        if file.readinto(values) < values.nbytes:
            raise InputError(
                f"{self.path}: ended while it was read; expected {self.n_records} data records as "
                "when it was opened"
            )

    def _annotation_signals(self) -> list[int]:
        return [i for i, s in enumerate(self.signals) if s.label == ANNOTATIONS and s.samples]

    def _record_onsets(self) -> list[float]:
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


def _tals(record: bytes):
    """The time-stamped annotation lists of one data record; a damaged one is passed over."""
    for tal in record.split(b"\x00"):
        if found := _TAL.fullmatch(tal):
            yield float(found[1]), float(found[2] or 0), found[3].split(b"\x14")


def _fault(physical_min, physical_max, digital_min, digital_max, samples) -> str | None:
    if samples == 0:
        return "is at 0 Hz"
    if None in (physical_min, physical_max, digital_min, digital_max):
        return "has a range that is not a number in its header"
    if not _INT16[0] <= digital_min < digital_max <= _INT16[1]:
        return f"has a digital range of {digital_min:g} to {digital_max:g}, not within 16 bits"
    if physical_min == physical_max:
        return f"has a physical minimum equal to its maximum ({physical_min:g})"
    return None


def _float(field: bytes) -> float | None:
    """A number of the header, some of which have a decimal comma; `None` where it is none."""
    try:
        value = float(field.strip(b" \x00").replace(b",", b"."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _clock_s(field: bytes) -> int | None:
    """The header's `hh.mm.ss` as seconds after midnight; `None` where it is no time of day."""
    if not (found := re.fullmatch(rb"(\d\d)[.:](\d\d)[.:](\d\d)", field)):
        return None
    hours, minutes, seconds = map(int, found.groups())
    return 3600 * hours + 60 * minutes + seconds if hours < 24 and minutes < 60 > seconds else None


def _text(field: bytes) -> str:
    """Text of the header or an annotation: UTF-8, else Latin-1, without control characters."""
    try:
        text = field.decode("utf-8")
    except UnicodeDecodeError:
        text = field.decode("latin-1")
    return "".join(c if c.isprintable() else " " for c in text).strip()
