"""WFDB records of PhysioNet: a header (`.hea`) and the files of signals (`.dat`, `.mat`) it names.

The wfdb package reads both. What it does not check is checked here first, because a header is text
that anyone may have edited: lengths, names, formats and the order of the signals.
"""

import contextlib
import datetime
import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.channel import Annotation, Channel, tidy_rate
from psgvlm.recordings.edf_header import MAX_DURATION_S

if TYPE_CHECKING:
    import wfdb

BUFFER_SAMPLES = 1 << 21  # of all signals together; more are read in several pieces
MAX_HEADER_BYTES = 1 << 20
MAX_LINE = 500
MAX_SEGMENTS = 5000
MAX_RATE_HZ = 1e6

# Bits of a sample in each format, and how many samples lie in how many bytes. The compressed
# formats have no fixed size.
_BITS = {"16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16, "212": 12, "310": 10}
_BITS |= {"311": 10, "508": 8, "516": 16, "524": 24}
_PACKED = {"16": (1, 2), "24": (1, 3), "32": (1, 4), "61": (1, 2), "80": (1, 1), "160": (1, 2)}
_PACKED |= {"212": (2, 3), "310": (3, 4), "311": (3, 4)}


@dataclass(frozen=True)
class _Signal:
    """A signal of one segment, as the segment's header describes it."""

    label: str
    file: str
    format: str
    per_frame: int
    unit: str
    limits: tuple[float, float]
    fault: str | None


@dataclass(frozen=True)
class _Segment:
    """A run of frames with a header of its own, and where it lies in the stored frames."""

    path: Path
    signals: tuple[_Signal, ...]
    n_frames: int
    length_given: bool
    first: int = 0
    onset: int = 0


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
        self._files = {path}
        record = _read_header(path)
        self._rate_hz = _rate_hz(path, record)
        self.clock_s = _clock_s(record)
        if self.clock_s is None and _has_time(path):
            self.notes.append("its header has a start that is no time of day: unknown")
        if hasattr(record, "seg_name"):
            self._segments, labels = self._read_segments(record)
        else:
            self._segments = [self._read_segment(path, record)]
            labels = [signal.label for signal in self._segments[0].signals]
        if not self._segments or not labels:
            raise InputError(f"{path}: names no signals; expected a record with EEG")
        last = self._segments[-1]
        if not 0 < last.onset + last.n_frames <= MAX_DURATION_S * self._rate_hz:
            raise InputError(
                f"{path}: {last.onset + last.n_frames} frames at {self._rate_hz:g} Hz; expected "
                f"more than none and no more than {MAX_DURATION_S / 86400:.0f} days"
            )
        self._columns = [self._column(index, label) for index, label in enumerate(labels)]
        self.files = tuple(sorted(self._files))
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
        self, segment: _Segment, columns: list[int], start: int, stop: int
    ) -> dict[int, np.ndarray]:
        """Read some signals of a segment with the wfdb package, each in its own unit."""
        import wfdb

        whole = not segment.length_given  # wfdb reads parts only where the header has a length
        files = [segment.path.with_name(signal.file) for signal in segment.signals]
        try:
            with _without_date(segment.path, files) as name:
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

    def _read_segments(self, record: "wfdb.MultiRecord") -> tuple[list[_Segment], list[str]]:
        """Return the recorded segments of a record of several, and the labels of its signals."""
        if record.n_seg != len(record.seg_name):
            raise InputError(
                f"{self.path}: promises {record.n_seg} segments and names {len(record.seg_name)}; "
                "expected one line for each"
            )
        if len(record.seg_name) > MAX_SEGMENTS:
            raise InputError(
                f"{self.path}: {len(record.seg_name)} segments; expected no more than "
                f"{MAX_SEGMENTS}"
            )
        lengths = [int(length) for length in record.seg_len]
        layout: list[str] = []
        known: dict[str, _Segment] = {}
        segments, first, onset = [], 0, 0
        for name, length in zip(record.seg_name, lengths, strict=True):
            if name == "~":  # nothing was recorded
                onset += length
                continue
            path = self.path.with_name(f"{name}.hea")
            if name not in known:
                part = _read_header(path)
                self._files.add(path)
                if hasattr(part, "seg_name") or _rate_hz(path, part) != self._rate_hz:
                    raise InputError(
                        f"{path}: has another rate than {self.path.name}, or segments of its own; "
                        "expected a single segment at the same rate"
                    )
                known[name] = self._read_segment(path, part, layout=length == 0)
            segment = known[name]
            if length == 0:  # the first segment of a variable layout only names the signals
                layout = [signal.label for signal in segment.signals]
                continue
            if segment.n_frames < length:
                raise InputError(
                    f"{path}: {segment.n_frames} frames; expected the {length} that "
                    f"{self.path.name} promises: download it again"
                )
            segments.append(
                _Segment(segment.path, segment.signals, length, segment.length_given, first, onset)
            )
            first, onset = first + length, onset + length
        if not layout:
            layout = [signal.label for signal in segments[0].signals] if segments else []
        return segments, layout

    def _column(self, index: int, label: str) -> tuple[str | None, list[_Signal | None]]:
        """Return what is wrong with a channel, and its signal in each segment."""
        signals: list[_Signal | None] = []
        for segment in self._segments:
            if index < len(segment.signals) and segment.signals[index].label == label:
                signals.append(segment.signals[index])
            else:
                named = (signal for signal in segment.signals if signal.label == label)
                signals.append(next(named, None))
        present = [signal for signal in signals if signal]
        if not present:
            unknown = _Signal(label, "", "16", 1, "", (-math.inf, math.inf), None)
            return "is in none of the record's segments", [unknown]
        faults = [signal.fault for signal in present if signal.fault]
        if len(present) < len(signals):
            missing = len(signals) - len(present)
            faults.append(f"is missing in {missing} of {len(signals)} segments")
        if len({(signal.unit, signal.per_frame) for signal in present}) > 1:
            faults.append("changes its unit or its rate from segment to segment")
        return next(iter(faults), None), signals

    def _read_segment(self, path: Path, record: "wfdb.Record", layout: bool = False) -> _Segment:
        """Return a segment after checking its signals against its files."""
        n_signals = len(record.file_name or ())
        if record.n_sig != n_signals:
            raise InputError(
                f"{path}: promises {record.n_sig} signals and describes {n_signals}; expected one "
                "line for each"
            )
        signals = [_signal(record, index) for index in range(n_signals)]
        if layout:
            return _Segment(path, tuple(signals), 0, True)
        if labels := [signals[index].label for index in _without_gain(path) if index < n_signals]:
            self.notes.append(
                f"{path.name} gives no gain for {', '.join(labels)}: 200 units a mV were taken, "
                "which is WFDB's default"
            )
        promised = None if record.sig_len in (None, 0) else int(record.sig_len)
        n_frames, sizes = promised, []
        for name in dict.fromkeys(signal.file for signal in signals):
            group = [signal for signal in signals if signal.file == name]
            at = [index for index, signal in enumerate(signals) if signal.file == name]
            fault, frames = self._check_file(path, name, group, at, record)
            if fault:
                signals = [
                    _with_fault(signal, fault) if signal.file == name else signal
                    for signal in signals
                ]
            elif frames is not None:
                sizes.append(frames)
        if signals and not sizes and all(signal.fault for signal in signals):
            raise InputError(
                f"{path}: no signal can be read, the first {signals[0].fault}; expected the files "
                "that the header names beside it"
            )
        if sizes and (promised is None or min(sizes) < promised):
            n_frames = min(sizes)
            if promised is not None:
                self.notes.append(
                    f"truncated: {n_frames} frames of the {promised} that {path.name} promises"
                )
        if n_frames is None:
            raise InputError(f"{path}: does not say how long it is; expected a number of samples")
        return _Segment(path, tuple(signals), n_frames, promised is not None)

    def _check_file(
        self, path: Path, name: str, group: list[_Signal], at: list[int], record: "wfdb.Record"
    ) -> tuple[str | None, int | None]:
        """Return what is wrong with a file of signals, and how many frames it holds, if known."""
        file = path.with_name(name)
        formats = {signal.format for signal in group}
        if name in ("", "~", ".", ".."):
            return "has no file", None
        if not file.is_file():
            return f"is in {name}, which is not there", None
        self._files.add(file)
        if len(formats) > 1 or at != list(range(at[0], at[-1] + 1)):
            return f"shares {name} with signals of another format or place", None
        if group[0].format not in _BITS:
            return f"has the WFDB format {group[0].format[:9]}, which is not read", None
        if group[0].format not in _PACKED:
            return None, None
        samples, size = _PACKED[group[0].format]
        stored = max(0, file.stat().st_size - (record.byte_offset[at[0]] or 0)) * samples // size
        return None, stored // sum(signal.per_frame for signal in group)


def _signal(record: "wfdb.Record", index: int) -> _Signal:
    """Return a signal as wfdb has read its line of the header."""
    per_frame = record.samps_per_frame[index] or 1
    gain, baseline = float(record.adc_gain[index]), int(record.baseline[index] or 0)
    bits = _BITS.get(record.fmt[index], 16)
    zero, resolution = 0, bits
    # The converter may have fewer bits than the format.
    if 1 < (record.adc_res[index] or 0) < bits:
        zero, resolution = record.adc_zero[index] or 0, record.adc_res[index]
    fault, limits = None, (-math.inf, math.inf)
    if not 0 < abs(gain) < math.inf or abs(baseline) > 2**31:
        fault = "has a gain or a baseline that is out of range"
    elif not 0 < per_frame <= MAX_RATE_HZ or (record.skew[index] or 0) > MAX_RATE_HZ:
        fault = "has a number of samples in a frame, or a skew, that is out of range"
    else:
        ends = (zero - 2 ** (resolution - 1), zero + 2 ** (resolution - 1) - 1)
        limits = tuple(sorted((end - baseline) / gain for end in ends))
    label = " ".join((record.sig_name[index] or "").split()) or f"signal {index + 1}"
    name, unit = record.file_name[index] or "", record.units[index] or ""
    return _Signal(label, name, record.fmt[index], per_frame, unit, limits, fault)


def _with_fault(signal: _Signal, fault: str) -> _Signal:
    return replace(signal, fault=signal.fault or fault)


def _read_header(path: Path) -> "wfdb.Record | wfdb.MultiRecord":
    """Read a header with the wfdb package; raise InputError if it is damaged."""
    import wfdb

    if not path.is_file():
        raise InputError(f"{path}: no such file; expected the header of a WFDB record")
    if path.suffix != ".hea":
        raise InputError(f"{path}: the wfdb package reads no such suffix; rename it to .hea")
    try:
        if path.stat().st_size > MAX_HEADER_BYTES:
            raise InputError(f"{path}: longer than 1 MB; expected the header of a WFDB record")
        # The patterns of wfdb take very long on very long words.
        longest = max(map(len, path.read_bytes().split(b"\n")))
        if longest > MAX_LINE:
            raise InputError(
                f"{path}: a line of {longest} characters; expected the header of a WFDB record"
            )
        with _without_date(path) as name:
            return wfdb.rdheader(name)
    except InputError:
        raise
    # wfdb raises whatever its parsers raise, and may quote the header, which may name people.
    except Exception as error:
        raise InputError(
            f"{path}: not the header of a WFDB record ({type(error).__name__}); expected a line "
            "for the record and one for each signal"
        ) from error


@contextlib.contextmanager
def _without_date(path: Path, files: Iterable[Path] = ()) -> Iterator[str]:
    """Yield the name of a record as wfdb takes it.

    The date is not read, and wfdb refuses a header with a date that is none, such as `2006` or
    `19/1/89`. It then gets a copy of the header without it, beside links to the files.
    """
    lines = path.read_text("ascii", errors="ignore").splitlines()
    at = next((i for i, line in enumerate(lines) if _is_record_line(line)), None)
    counts, time, date = ("", "", "") if at is None else _record_words(lines[at])
    if (not time or _is_time(time)) and (not date or _is_date(date)):
        yield str(path.with_suffix(""))
        return
    lines[at] = f"{counts} {time if _is_time(time) else ''}".rstrip()
    with tempfile.TemporaryDirectory(prefix="psgvlm-") as folder:
        copy = Path(folder) / path.name
        copy.write_text("\n".join(lines) + "\n", "ascii")
        for file in dict.fromkeys(files):
            if file.is_file():
                (copy.parent / file.name).symlink_to(file.absolute())
        yield str(copy.with_suffix(""))


def _is_record_line(line: str) -> bool:
    return bool(line.strip()) and not line.strip().startswith("#")


def _has_time(path: Path) -> bool:
    lines = path.read_text("ascii", errors="ignore").splitlines()
    return bool(_record_words(next(filter(_is_record_line, lines)))[1])


def _record_words(line: str) -> tuple[str, str, str]:
    """Return the line of a record up to its time, its time, and what follows."""
    from wfdb.io.header import rx_record

    line = line.strip()
    if not (match := rx_record.match(line)):
        return line, "", ""
    at = match.start("base_time")
    time, _, date = line[at:].strip().partition(" ")
    return line[:at].rstrip(), time, date.strip()


def _is_time(text: str) -> bool:
    return _can_read(text, "%H:%M:%S", "%H:%M:%S.%f", "%M:%S", "%S")


def _is_date(text: str) -> bool:
    return _can_read(text, "%d/%m/%Y")


def _can_read(text: str, *forms: str) -> bool:
    for form in forms:
        with contextlib.suppress(ValueError):
            datetime.datetime.strptime(text, form)
            return True
    return False


def _without_gain(path: Path) -> list[int]:
    """Return the numbers of the signals whose gain is 0 or absent: wfdb gives these its default."""
    from wfdb.io.header import parse_header_content, rx_signal

    lines, _ = parse_header_content(path.read_text("ascii", errors="ignore"))
    matches = [rx_signal.match(line) for line in lines[1:]]
    return [i for i, match in enumerate(matches) if match and not float(match["adc_gain"] or 0)]


def _rate_hz(path: Path, record) -> float:
    rate_hz = float(record.fs or 0)
    if not 0 < rate_hz <= MAX_RATE_HZ:
        raise InputError(f"{path}: a rate of {rate_hz:g} Hz; expected a rate above 0 Hz")
    return rate_hz


def _clock_s(record) -> int | None:
    """Return the time of day of the first sample in seconds after midnight, None if unknown."""
    time = record.base_time
    return None if time is None else 3600 * time.hour + 60 * time.minute + time.second
