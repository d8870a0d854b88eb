"""The header of an EDF or EDF+ file, as the specification lays it out.

The specification is at https://www.edfplus.info/specs/edfplus.html. The personal fields (patient,
technician, dates) are not read, so that no error message can quote them.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from psgvlm.errors import InputError

ANNOTATIONS = "EDF Annotations"
MAX_DURATION_S = 31 * 86400.0  # no night is longer: a file that says so is damaged

_INT16 = (-32768, 32767)
# Names and widths of the fields that every signal has, in file order.
_WIDTHS = {
    **{"label": 16, "transducer": 80, "unit": 8, "physical minimum": 8, "physical maximum": 8},
    **{"digital minimum": 8, "digital maximum": 8, "prefiltering": 80, "samples per record": 8},
    "reserved": 32,
}


@dataclass(frozen=True)
class Signal:
    """One signal as the header describes it.

    Attributes
    ----------
    label, unit : str
        As the header has them.
    samples : int
        How many samples a data record holds.
    gain, offset : float
        A stored integer times `gain` plus `offset` is the value in the signal's own unit.
    limits : tuple of (float, float)
        The lowest and the highest value that can be stored, in the signal's own unit.
    fault : str or None
        Why the signal cannot be read; None if it can.
    """

    label: str
    unit: str
    samples: int
    gain: float = 1.0
    offset: float = 0.0
    limits: tuple[float, float] = (-math.inf, math.inf)
    fault: str | None = None


@dataclass(frozen=True)
class EdfHeader:
    """What a header says.

    Attributes
    ----------
    size : int
        Bytes of the header.
    signals : tuple of Signal
        All signals in file order, those that hold annotations included.
    record_s : float
        The duration of a data record in seconds.
    n_records : int
        The number of data records; -1 if the recorder did not write it.
    discontinuous : bool
        Whether the file says that it may have gaps (EDF+D).
    clock_s : int or None
        The time of day at which the file begins, in seconds after midnight; None if unknown.
    """

    size: int
    signals: tuple[Signal, ...]
    record_s: float
    n_records: int
    discontinuous: bool
    clock_s: int | None


def read_header(path: Path) -> EdfHeader:
    """Read the header of an EDF or EDF+ file.

    Raises
    ------
    InputError
        If the file is missing, is not an EDF file, or its header contradicts itself.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an EDF or EDF+ recording")
    with path.open("rb") as file:
        start = file.read(256)
        if len(start) < 256 or start[:8] != b"0       ":
            raise InputError(
                f"{path}: not an EDF file ({path.stat().st_size} bytes, without EDF's version at "
                "the start); expected an EDF or EDF+ recording"
            )
        count = int(_number(path, "number of signals", start[252:256], 1, 9999))
        size = 256 * (count + 1)
        _number(path, "header bytes", start[184:192], size, size)
        fields = file.read(256 * count)
    if len(fields) < 256 * count:
        raise InputError(
            f"{path}: ends within its header ({path.stat().st_size} bytes); expected {size} bytes "
            f"of header for {count} signals"
        )
    record_s = _number(path, "record duration", start[244:252], 0, MAX_DURATION_S)
    signals = tuple(_signals(path, fields, count))
    if not any(signal.samples for signal in signals):
        raise InputError(f"{path}: all signals are at 0 Hz; expected samples")
    if record_s == 0 and any(s.samples and s.label != ANNOTATIONS for s in signals):
        raise InputError(f"{path}: its data records last 0 s; expected a duration")
    n_records = int(_number(path, "number of data records", start[236:244], -1, 1e8))
    if n_records * record_s > MAX_DURATION_S:
        raise InputError(
            f"{path}: its header promises {n_records} data records of {record_s:g} s; expected no "
            f"more than {MAX_DURATION_S / 86400:.0f} days"
        )
    discontinuous = start[192:197] == b"EDF+D"
    return EdfHeader(size, signals, record_s, n_records, discontinuous, _clock_s(start[176:184]))


def text_of(field: bytes) -> str:
    """Decode a text in UTF-8 or else in Latin-1, and replace control characters with spaces."""
    try:
        text = field.decode("utf-8")
    except UnicodeDecodeError:
        text = field.decode("latin-1")
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _signals(path: Path, fields: bytes, count: int) -> Iterator[Signal]:
    # The header holds the labels of all signals, then the transducers of all signals, and so on.
    columns, start = {}, 0
    for name, width in _WIDTHS.items():
        columns[name] = [fields[start + width * i :][:width] for i in range(count)]
        start += width * count
    for i in range(count):
        field = {name: column[i] for name, column in columns.items()}
        label, unit = text_of(field["label"]), text_of(field["unit"])
        name = f"samples of signal {i + 1}"
        samples = int(_number(path, name, field["samples per record"], 0, 1e8))
        ranges = [
            _float(field[f"{kind} {end}"])
            for kind in ("physical", "digital")
            for end in ("minimum", "maximum")
        ]
        fault = None if label == ANNOTATIONS else _fault(*ranges, samples)
        if fault or label == ANNOTATIONS:
            yield Signal(label, unit, samples, fault=fault)
        else:
            gain = (ranges[1] - ranges[0]) / (ranges[3] - ranges[2])
            offset = ranges[0] - gain * ranges[2]
            yield Signal(label, unit, samples, gain, offset, tuple(sorted(ranges[:2])))


def _fault(physical_min, physical_max, digital_min, digital_max, samples) -> str | None:
    """Say what is wrong with a signal's rate and ranges; return None if nothing is."""
    if samples == 0:
        return "is at 0 Hz"
    if None in (physical_min, physical_max, digital_min, digital_max):
        return "has a range that is not a number in its header"
    if not _INT16[0] <= digital_min < digital_max <= _INT16[1]:
        return f"has a digital range of {digital_min:g} to {digital_max:g}, not within 16 bits"
    if physical_min == physical_max:
        return f"has a physical minimum equal to its maximum ({physical_min:g})"
    return None


def _number(path: Path, name: str, field: bytes, lowest: float, highest: float) -> float:
    """Return the number in a header field; raise InputError if it is outside the limits."""
    value = _float(field)
    if value is None or not lowest <= value <= highest:
        actual = "not a number" if value is None else f"{value:.10g}"
        same = lowest == highest
        expected = f"{lowest:.10g}" if same else f"{lowest:.10g} to {highest:.10g}"
        raise InputError(f"{path}: damaged EDF header, {name}: {actual}; expected {expected}")
    return value


def _float(field: bytes) -> float | None:
    """Return the number in a header field, None if it holds no finite number.

    Some programs write a decimal comma.
    """
    try:
        value = float(field.strip(b" \x00").replace(b",", b"."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _clock_s(field: bytes) -> int | None:
    """Return `hh.mm.ss` as seconds after midnight, None if the field is no time of day."""
    if not (match := re.fullmatch(rb"(\d\d)[.:](\d\d)[.:](\d\d)", field)):
        return None
    hours, minutes, seconds = map(int, match.groups())
    return 3600 * hours + 60 * minutes + seconds if hours < 24 and minutes < 60 > seconds else None
