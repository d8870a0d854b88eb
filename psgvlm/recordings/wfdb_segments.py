"""The signals and segments of a WFDB record, checked against the files that its header names."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from psgvlm.errors import InputError
from psgvlm.recordings.wfdb_header import (
    MAX_RATE_HZ,
    rate_of,
    read_header,
    signals_without_gain,
)

if TYPE_CHECKING:
    import wfdb

MAX_SEGMENTS = 5000

# Bits of a sample in each format, and how many samples lie in how many bytes. The compressed
# formats have no fixed size.
_BITS = {"16": 16, "24": 24, "32": 32, "61": 16, "80": 8, "160": 16, "212": 12, "310": 10}
_BITS |= {"311": 10, "508": 8, "516": 16, "524": 24}
_PACKED = {"16": (1, 2), "24": (1, 3), "32": (1, 4), "61": (1, 2), "80": (1, 1), "160": (1, 2)}
_PACKED |= {"212": (2, 3), "310": (3, 4), "311": (3, 4)}


@dataclass(frozen=True)
class SegmentSignal:
    """A signal of one segment, as the segment's header describes it."""

    label: str
    file: str
    format: str
    per_frame: int
    unit: str
    limits: tuple[float, float]
    fault: str | None


@dataclass(frozen=True)
class WfdbSegment:
    """A run of frames with a header of its own, and where it lies in the stored frames."""

    path: Path
    signals: tuple[SegmentSignal, ...]
    n_frames: int
    length_given: bool
    first: int = 0
    onset: int = 0


@dataclass
class Found:
    """What was found while a record was read: its files, and notes for a person."""

    files: set[Path] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def read_segments(
    path: Path, record: "wfdb.Record | wfdb.MultiRecord", found: Found
) -> tuple[list[WfdbSegment], list[str]]:
    """Return the recorded segments of a record in order of time, and the labels of its signals.

    Raises InputError if a header contradicts itself, or if no signal can be read.
    """
    if hasattr(record, "seg_name"):
        return _read_segments(path, record, found)
    segment = _read_segment(path, record, found)
    return [segment], [signal.label for signal in segment.signals]


def _read_segments(
    path: Path, record: "wfdb.MultiRecord", found: Found
) -> tuple[list[WfdbSegment], list[str]]:
    """Return the recorded segments of a record of several, and the labels of its signals."""
    if record.n_seg != len(record.seg_name):
        raise InputError(
            f"{path}: promises {record.n_seg} segments and names {len(record.seg_name)}; "
            "expected one line for each"
        )
    if len(record.seg_name) > MAX_SEGMENTS:
        raise InputError(
            f"{path}: {len(record.seg_name)} segments; expected no more than {MAX_SEGMENTS}"
        )
    lengths = [int(length) for length in record.seg_len]
    layout: list[str] = []
    known: dict[str, WfdbSegment] = {}
    segments, first, onset = [], 0, 0
    for name, length in zip(record.seg_name, lengths, strict=True):
        if name == "~":  # nothing was recorded
            onset += length
            continue
        part_path = path.with_name(f"{name}.hea")
        if name not in known:
            part = read_header(part_path)
            found.files.add(part_path)
            if hasattr(part, "seg_name") or rate_of(part_path, part) != rate_of(path, record):
                raise InputError(
                    f"{part_path}: has another rate than {path.name}, or segments of its own; "
                    "expected a single segment at the same rate"
                )
            known[name] = _read_segment(part_path, part, found, layout=length == 0)
        segment = known[name]
        if length == 0:  # the first segment of a variable layout only names the signals
            layout = [signal.label for signal in segment.signals]
            continue
        if segment.n_frames < length:
            raise InputError(
                f"{part_path}: {segment.n_frames} frames; expected the {length} that "
                f"{path.name} promises: download it again"
            )
        segments.append(
            WfdbSegment(segment.path, segment.signals, length, segment.length_given, first, onset)
        )
        first, onset = first + length, onset + length
    if not layout:
        layout = [signal.label for signal in segments[0].signals] if segments else []
    return segments, layout


def _read_segment(
    path: Path, record: "wfdb.Record", found: Found, layout: bool = False
) -> WfdbSegment:
    """Return a segment after checking its signals against its files."""
    n_signals = len(record.file_name or ())
    if record.n_sig != n_signals:
        raise InputError(
            f"{path}: promises {record.n_sig} signals and describes {n_signals}; expected one "
            "line for each"
        )
    signals = [_signal(record, index) for index in range(n_signals)]
    if layout:
        return WfdbSegment(path, tuple(signals), 0, True)
    if labels := [
        signals[index].label for index in signals_without_gain(path) if index < n_signals
    ]:
        found.notes.append(
            f"{path.name} gives no gain for {', '.join(labels)}: 200 units a mV were taken, "
            "which is WFDB's default"
        )
    promised = None if record.sig_len in (None, 0) else int(record.sig_len)
    n_frames = _check_files(path, signals, promised, record, found)
    if n_frames is None:
        raise InputError(f"{path}: does not say how long it is; expected a number of samples")
    return WfdbSegment(path, tuple(signals), n_frames, promised is not None)


def _check_files(
    path: Path,
    signals: list[SegmentSignal],
    promised: int | None,
    record: "wfdb.Record",
    found: Found,
) -> int | None:
    """Return how many frames the files of a segment hold, None if unknown.

    A signal whose file is missing, or shorter than the others by more than a second, gets a fault.
    """
    places: dict[str, list[int]] = {}
    for index, signal in enumerate(signals):
        places.setdefault(signal.file, []).append(index)
    faults: dict[str, str | None] = {}
    frames: dict[str, int | None] = {}
    for name, at in places.items():
        faults[name], frames[name] = _check_file(path, name, signals, at, record, found)
    sizes = [frames[name] for name in places if not faults[name] and frames[name] is not None]
    longest = max(sizes, default=promised)
    n_frames = longest if promised is None else min(longest, promised)
    if n_frames is not None:
        least = n_frames - rate_of(path, record)
        for name, size in frames.items():
            if size is not None and size < least and not faults[name]:
                faults[name] = f"ends after {size} of {n_frames} frames"
        n_frames = min([n_frames, *(size for size in sizes if size >= least)])
    for index, signal in enumerate(signals):
        if fault := faults[signal.file]:
            signals[index] = replace(signal, fault=signal.fault or fault)
    if signals and all(signal.fault for signal in signals):
        raise InputError(
            f"{path}: no signal can be read, the first {signals[0].fault}; expected the files "
            "that the header names beside it"
        )
    if promised is not None and n_frames < promised:
        found.notes.append(
            f"truncated: {n_frames} frames of the {promised} that {path.name} promises"
        )
    return n_frames


def _check_file(
    path: Path,
    name: str,
    signals: list[SegmentSignal],
    at: list[int],
    record: "wfdb.Record",
    found: Found,
) -> tuple[str | None, int | None]:
    """Return what is wrong with a file of signals, and how many frames it holds, if known."""
    group = [signals[index] for index in at]
    file = path.with_name(name)
    formats = {signal.format for signal in group}
    if name in ("", "~", ".", ".."):
        return "has no file", None
    if not file.is_file():
        return f"is in {name}, which is not there", None
    found.files.add(file)
    if len(formats) > 1 or at != list(range(at[0], at[-1] + 1)):
        return f"shares {name} with signals of another format or place", None
    if group[0].format not in _BITS:
        return f"has the WFDB format {group[0].format[:9]}, which is not read", None
    if group[0].format not in _PACKED:
        return None, None
    samples, size = _PACKED[group[0].format]
    stored = max(0, file.stat().st_size - (record.byte_offset[at[0]] or 0)) * samples // size
    return None, stored // sum(signal.per_frame for signal in group)


def _signal(record: "wfdb.Record", index: int) -> SegmentSignal:
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
    return SegmentSignal(label, name, record.fmt[index], per_frame, unit, limits, fault)
