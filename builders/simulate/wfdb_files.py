"""Headers, signals and annotations in the formats of WFDB."""

import struct
from dataclasses import dataclass

import numpy as np

from psgvlm.files import replacing

SKIP, NOTE, TEXT = 59, 22, 63  # codes of the annotation format


@dataclass(frozen=True)
class WfdbSignal:
    """A signal of a record.

    Parameters
    ----------
    label : str
        Its description in the header.
    samples : ndarray
        The samples as they are stored, int of shape (samples,).
    gain : float
        How many units of the converter one physical unit is.
    unit : str
        The physical unit.
    """

    label: str
    samples: np.ndarray
    gain: float
    unit: str = "mV"


def header(name, rate_hz, signals, file, form, bits):
    """Return the text of a header: the record, then a line for each signal."""
    lines = [f"{name} {len(signals)} {rate_hz} {len(signals[0].samples)}"]
    for signal in signals:
        total = int(signal.samples.astype(np.int64).sum())
        checksum = (total + 32768) % 65536 - 32768
        first = int(signal.samples[0])
        lines.append(
            f"{file} {form} {signal.gain:g}/{signal.unit} {bits} 0 {first} {checksum} 0 "
            f"{signal.label}"
        )
    return "\n".join(lines) + "\n"


def matlab_4(signals):
    """Return the signals as a MATLAB 4 matrix of int16, and where its samples start."""
    name = b"val\0"
    rows = np.array([signal.samples for signal in signals], "<i2")
    head = struct.pack("<5i", 30, *rows.shape, 0, len(name)) + name
    return head + rows.tobytes(order="F"), len(head)


def format_212(signals):
    """Return the signals in format 212: two samples of 12 bits in three bytes.

    The number of all samples is even.
    """
    samples = np.array([signal.samples for signal in signals]).T & 0xFFF
    first, second = samples.reshape(-1, 2).T
    packed = [first & 0xFF, (first >> 8) | ((second >> 8) << 4), second & 0xFF]
    return np.stack(packed, axis=1).astype(np.uint8).tobytes()


def annotations(marks):
    """Return notes in the annotation format of MIT; `marks` are (sample, text) in order of time."""
    content, last = b"", 0
    for sample, text in marks:
        step = sample - last
        content += struct.pack("<HHH", SKIP << 10, step >> 16, step & 0xFFFF)
        content += struct.pack("<HH", NOTE << 10, TEXT << 10 | len(text))
        content += text.encode() + b"\0" * (len(text) % 2)
        last = sample
    return content + b"\0\0"


def write_bytes(path, content):
    """Write a file whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as new:
        new.write_bytes(content)
