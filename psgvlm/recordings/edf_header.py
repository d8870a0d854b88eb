"""The header of an EDF, EDF+, BDF or BDF+ file, as the specification lays it out.

The specification is at https://www.edfplus.info/specs/edfplus.html; BDF differs in its version and
stores 24 bits a sample instead of 16. The personal fields (patient, technician, dates) are not
read, so that no error message can quote them. Fields that recorders often get wrong are corrected
where the rest of the file leaves no doubt, and each correction is noted.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.recordings.edf_fields import (
    clock_of,
    float_of,
    is_whole,
    number_in,
    text_of,
    whole_number,
)
from psgvlm.recordings.file_kind import BDF_VERSION, kind_of

ANNOTATIONS = "EDF Annotations"
MAX_DURATION_S = 31 * 86400.0  # no night is longer: a file that says so is damaged

# Names and widths of the fields that every signal has, in file order.
_WIDTHS = {
    **{"label": 16, "transducer": 80, "unit": 8, "physical minimum": 8, "physical maximum": 8},
    **{"digital minimum": 8, "digital maximum": 8, "prefiltering": 80, "samples per record": 8},
    "reserved": 32,
}
# A version is 0. Some recorders leave bytes behind it that are no characters, or blank it.
_VERSION = re.compile(rb"[\x00-\x20]*0?[\x00-\x20\x7f-\xff]*", re.DOTALL)
_SAMPLES_AT = sum(list(_WIDTHS.values())[:8])  # bytes a signal before its samples per record
_NO_NUMBER = "has a number of samples that is no whole number in its header"


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

    @property
    def holds_annotations(self) -> bool:
        """Whether the signal holds annotations instead of samples."""
        return is_annotation_label(self.label)


@dataclass(frozen=True)
class EdfHeader:
    """What a header says.

    Attributes
    ----------
    size : int
        Bytes of the header.
    sample_bytes : int
        Bytes of a stored sample: 2 in EDF, 3 in BDF.
    signals : tuple of Signal
        All signals in file order, those that hold annotations included.
    record_s : float
        The duration of a data record in seconds.
    n_records : int
        The number of data records; -1 if the recorder did not write it.
    discontinuous : bool
        Whether the file says that it may have gaps (EDF+D, BDF+D).
    clock_s : int or None
        The time of day at which the file begins, in seconds after midnight; None if unknown.
    notes : tuple of str
        What is wrong with the header but does not prevent reading the file.
    """

    size: int
    sample_bytes: int
    signals: tuple[Signal, ...]
    record_s: float
    n_records: int
    discontinuous: bool
    clock_s: int | None
    notes: tuple[str, ...] = ()


def read_header(path: Path) -> EdfHeader:
    """Read the header of an EDF, EDF+, BDF or BDF+ file.

    Raises
    ------
    InputError
        If the file is missing, is not an EDF or BDF file, or its header contradicts itself.
    """
    if not path.is_file():
        hint = ""
        if path.is_symlink():
            hint = " (it is a link to a file that is not there: download its content)"
        problem = "a folder" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {problem}{hint}; expected an EDF, EDF+ or BDF recording")
    n_bytes = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(256)
        sample_bytes = _sample_bytes(path, start, n_bytes)
        record_s = number_in(path, "record duration", start[244:252], 0, MAX_DURATION_S)
        n_records = _n_records(path, start[236:244])
        if n_records * record_s > MAX_DURATION_S:
            raise InputError(
                f"{path}: its header promises {n_records} data records of {record_s:g} s; expected "
                f"no more than {MAX_DURATION_S / 86400:.0f} days"
            )
        count = whole_number(path, "number of signals", start[252:256], 1, 9999)
        count, size, notes = _layout(path, file, start, count, n_records, sample_bytes, n_bytes)
        file.seek(256)
        fields = file.read(256 * count)
    if len(fields) < 256 * count:
        raise InputError(
            f"{path}: ends within its header ({n_bytes} bytes); expected {size} bytes of header "
            f"for {count} signals"
        )
    record_bytes, rest = divmod(n_bytes - size, n_records) if n_records > 0 else (0, 0)
    if rest:
        record_bytes = 0
    signals = _signals(path, fields, count, sample_bytes, record_bytes)
    if not any(signal.samples for signal in signals):
        raise InputError(f"{path}: all signals are at 0 Hz; expected samples")
    if record_s == 0:
        signals = _without_samples(path, signals)
    clock_s, unknown = clock_of(start[176:184])
    return EdfHeader(
        size,
        sample_bytes,
        signals,
        record_s,
        n_records,
        start[193:197] == b"DF+D",
        clock_s,
        (*notes, *unknown),
    )


def is_annotation_label(label: str) -> bool:
    """Return whether a signal of this label holds the annotations of an EDF+ or BDF+ file."""
    return label.casefold().rstrip("s") in ("edf annotation", "bdf annotation")


def _sample_bytes(path: Path, start: bytes, n_bytes: int) -> int:
    """Return 2 for EDF and 3 for BDF; raise InputError if the file is neither."""
    if start[:8] == BDF_VERSION and len(start) == 256:
        return 3
    if len(start) == 256 and _VERSION.fullmatch(start[:8]):
        # Without the 0, another field must say that this is a header of EDF.
        count = float_of(start[252:256])
        if b"0" in start[:8] or (is_whole(count) and float_of(start[184:192]) == 256 * (count + 1)):
            return 2
    hint = ""
    if path.suffix.lower() != ".hea" and path.with_suffix(".hea").is_file():
        hint = f", or the WFDB header {path.with_suffix('.hea').name} that lies beside it"
    raise InputError(
        f"{path}: not an EDF file ({n_bytes} bytes, {kind_of(start)}); expected an EDF, EDF+ or "
        f"BDF recording{hint}"
    )


def _n_records(path: Path, field: bytes) -> int:
    """Return the number of data records, -1 if the field is blank."""
    if not field.strip(b" \0"):
        return -1
    return whole_number(path, "number of data records", field, -1, 1e8)


def _layout(
    path: Path, file, start: bytes, count: int, n_records: int, sample_bytes: int, n_bytes: int
) -> tuple[int, int, list[str]]:
    """Return the number of signals, the bytes of the header, and notes.

    Where the two contradict each other, the file's length must tell which is right: the header and
    the promised data records fill the file exactly in one reading only.
    """
    expected = 256 * (count + 1)
    promised = float_of(start[184:192])
    if not is_whole(promised) or promised > 1e8:
        return count, expected, [f"its header does not state its own length; read as {expected} B"]
    promised = int(promised)
    if promised == expected:
        return count, expected, []
    readings = [(count, expected), (count, promised)]
    if promised % 256 == 0 and promised > 256:
        readings.append((promised // 256 - 1, promised))
    for signals, size in readings:
        if n_records < 1 or not 256 * (signals + 1) <= size <= n_bytes:
            continue
        file.seek(256 + _SAMPLES_AT * signals)
        samples = [float_of(file.read(8)) for _ in range(signals)]
        if not all(map(is_whole, samples)):
            continue
        if size + n_records * sample_bytes * sum(samples) == n_bytes:
            note = (
                f"its header states {count} signals and {promised} header bytes, which contradict "
                f"each other; read as {signals} signals and {size} header bytes, which fit the "
                "length of the file"
            )
            return signals, size, [note]
    raise InputError(
        f"{path}: damaged EDF header, header bytes: {promised}; expected {expected} for {count} "
        "signals"
    )


def _signals(
    path: Path, fields: bytes, count: int, sample_bytes: int, record_bytes: int
) -> tuple[Signal, ...]:
    # The header holds the labels of all signals, then the transducers of all signals, and so on.
    columns, start = {}, 0
    for name, width in _WIDTHS.items():
        columns[name] = [fields[start + width * i :][:width] for i in range(count)]
        start += width * count
    samples = _samples(path, columns["samples per record"], sample_bytes, record_bytes)
    signals = []
    for i in range(count):
        field = {name: column[i] for name, column in columns.items()}
        label, unit = text_of(field["label"]), text_of(field["unit"])
        ranges = [
            float_of(field[f"{kind} {end}"])
            for kind in ("physical", "digital")
            for end in ("minimum", "maximum")
        ]
        fault = None
        if not is_annotation_label(label):
            fault = _fault(*ranges, samples[i], 8 * sample_bytes)
            if not is_whole(float_of(field["samples per record"])):
                fault = _NO_NUMBER
        if fault or is_annotation_label(label):
            signals.append(Signal(label, unit, samples[i], fault=fault))
            continue
        gain = (ranges[1] - ranges[0]) / (ranges[3] - ranges[2])
        offset = ranges[0] - gain * ranges[2]
        limits = (min(ranges[:2]), max(ranges[:2]))
        signals.append(Signal(label, unit, samples[i], gain, offset, limits))
    return tuple(signals)


def _samples(path: Path, fields: list[bytes], sample_bytes: int, record_bytes: int) -> list[int]:
    """Return how many samples each signal has in a data record.

    If one field is not a number, the length of the file gives it, so that the other signals can
    still be read.
    """
    unknown = [i for i, field in enumerate(fields) if not is_whole(float_of(field))]
    if len(unknown) == 1 and len(fields) > 1:
        known = [field for i, field in enumerate(fields) if i != unknown[0]]
        rest = record_bytes // sample_bytes - sum(_samples(path, known, sample_bytes, 0))
        if rest >= 0 and record_bytes % sample_bytes == 0:
            fields = [b"%d" % rest if i in unknown else field for i, field in enumerate(fields)]
    return [
        whole_number(path, f"samples of signal {i + 1}", field, 0, 1e8)
        for i, field in enumerate(fields)
    ]


def _without_samples(path: Path, signals: tuple[Signal, ...]) -> tuple[Signal, ...]:
    """Return the signals of a file whose data records last 0 s: only its annotations are read."""
    if not any(signal.samples and signal.holds_annotations for signal in signals):
        raise InputError(f"{path}: its data records last 0 s; expected a duration")
    return tuple(
        signal
        if signal.holds_annotations
        else Signal(signal.label, signal.unit, signal.samples, fault="is in data records of 0 s")
        for signal in signals
    )


def _fault(physical_min, physical_max, digital_min, digital_max, samples, bits) -> str | None:
    """Say what is wrong with a signal's rate and ranges; return None if nothing is."""
    if samples == 0:
        return "is at 0 Hz"
    if None in (physical_min, physical_max, digital_min, digital_max):
        return "has a range that is not a number in its header"
    span = f"has a digital range of {digital_min:g} to {digital_max:g}"
    if digital_min == digital_max:
        return f"{span}, which is empty"
    if digital_min != int(digital_min) or digital_max != int(digital_max):
        return f"{span}, which are no whole numbers"
    # Some programs write 2 ** 15 for the highest value of 16 bits, so one too many is tolerated.
    if max(abs(digital_min), abs(digital_max)) > 2 ** (bits - 1):
        return f"{span}, not within {bits} bits"
    if physical_min == physical_max:
        return f"has a physical minimum equal to its maximum ({physical_min:g})"
    return None
