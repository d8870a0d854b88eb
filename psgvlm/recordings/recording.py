"""A recording: its channels, each at its own rate, and their samples in microvolts."""

import contextlib
import math
import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.channel import Annotation, Channel
from psgvlm.recordings.edf import EdfFile
from psgvlm.recordings.file_kind import BDF_VERSION, HDF5_VERSION
from psgvlm.recordings.h5_file import H5File
from psgvlm.recordings.mne_file import MNE_SUFFIXES, MneFile
from psgvlm.recordings.wfdb_file import WfdbFile

if TYPE_CHECKING:
    from mne.io import BaseRaw

# The files in which `builders folder` looks for a recording, in the order of preference.
SUFFIXES = (".edf", ".rec", ".bdf", ".hea", ".h5", ".hdf5", *MNE_SUFFIXES)

_H5_SUFFIXES = (".h5", ".hdf5")
_UV_BY_PREFIX = {"": 1e6, "m": 1e3, "u": 1.0, "n": 1e-3}
# The micro sign, the letter mu, and what a wrong character set makes of the two.
_MICRO = re.compile(r"^(µ|μ|Âµ|Î¼|\?|\ufffd|\.(?=v)|mu(?=v)|micro)", re.IGNORECASE)


class Recording:
    """A recording, opened. Samples are read when they are asked for.

    The personal fields of a file's header (patient, technician, dates) are not read.

    Parameters
    ----------
    recording : path or mne.io.Raw
        An EDF, EDF+, BDF or BDF+ file (`.edf`, `.EDF`, `.rec`, `.bdf`), the header of a WFDB record
        (`.hea`), an HDF5 file of DOD or psg-utils (`.h5`), another file that MNE reads, or a Raw
        object. In a Raw, a `BAD_ACQ_SKIP` annotation is a gap, and an `EDGE` annotation is a gap
        without a length: no epoch reaches across it.
    gaps : bool, optional
        Whether to open a recording that has gaps. `segments` then says where its samples lie in
        time. Default: raise InputError if there are gaps.

    Attributes
    ----------
    path : Path
        The file; `raw` for a Raw object that was made in memory.
    channels : tuple of Channel
        The signals in file order, at their own rates.
    segments : tuple of (float, float)
        Start and stop of each segment without a gap, in seconds from the first sample.
    clock_s : int or None
        The time of day of the first sample in seconds after midnight; None if it is not known.
        The date is not read.
    files : tuple of Path
        All files that hold the recording; of a WFDB record, the header and the files of signals.

    Raises
    ------
    InputError
        If the file is missing or damaged, or if it has gaps and `gaps` is False.

    Examples
    --------
    >>> import psgvlm
    >>> recording = psgvlm.Recording("night.edf")
    >>> recording.labels
    ('C4-M1', 'E1-M2', 'E2-M1', 'chin')
    >>> recording.channel("C4-M1").rate_hz, recording.duration_s
    (100.0, 150.0)
    >>> recording.read_uv("C4-M1").shape
    (15000,)
    >>> first, samples_uv = recording.read_span_uv(["chin"], 30, 60)["chin"]
    >>> first, len(samples_uv)
    (3000, 3000)
    """

    def __init__(self, recording: "str | os.PathLike | BaseRaw", gaps: bool = False):
        path = Path(recording) if isinstance(recording, str | os.PathLike) else None
        self._file = MneFile(recording) if path is None else _open(path)
        self._raw = self._file if path is None and isinstance(self._file, MneFile) else None
        numbered = self._file.channels()
        self._positions = [position for position, _ in numbered]
        self.channels = _with_unique_labels(channel for _, channel in numbered)
        self._labels = tuple(channel.label for channel in self.channels)
        self.path, self.segments = self._file.path, self._file.segments()
        if not self.channels:
            raise InputError(f"{self.path}: holds no signals; expected a recording with EEG")
        self.clock_s = self._file.clock_s
        if isinstance(self._file, EdfFile) and self.clock_s is not None:
            self.clock_s = (self.clock_s + round(self._file.start_s)) % 86400
        self.files = self._file.files
        if self.duration_s <= 0:
            raise InputError(f"{self.path}: lasts 0 s; expected a recording with EEG")
        if len(self.segments) > 1 and not gaps:
            raise InputError(
                f"{self.path}: discontinuous with {len(self.segments) - 1} gaps, which would shift "
                "every later epoch; expected a continuous recording: export it as EDF or EDF+C"
            )

    def content_key(self) -> list[int | str]:
        """Return a key that changes with the content.

        It holds the size and the time of each file, or a hash of the samples of a Raw object.
        """
        if self._raw is not None:
            return [self._raw.digest()]
        key: list[int | str] = []
        for path in self.files:
            status = path.stat()
            key += [status.st_size, status.st_mtime_ns]
        return key

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the channels in file order; no two are equal, see `Channel`."""
        return self._labels

    @property
    def notes(self) -> tuple[str, ...]:
        """What is wrong with the recording but does not prevent reading it.

        Samples that the file marks as invalid are noted when they are read.
        """
        return tuple(self._file.notes)

    @property
    def duration_s(self) -> float:
        """Seconds from the first sample to the end of the last one, gaps included."""
        return self.segments[-1][1]

    def stored_s(self, onset_s: float, duration_s: float) -> float | None:
        """Return where an interval of the record begins in the stored samples, in seconds.

        Gaps are not stored, so this is less than `onset_s` after a gap.

        Parameters
        ----------
        onset_s : float
            Seconds from the first sample, gaps included.
        duration_s : float
            The length of the interval in seconds.

        Returns
        -------
        float or None
            None if the interval was not recorded as a whole, because it reaches into a gap or
            beyond an end of the record.
        """
        before_s = 0.0
        for start_s, stop_s in self.segments:
            # Durations in headers are rounded, so a millisecond is tolerated.
            if onset_s >= start_s - 1e-3 and onset_s + duration_s <= stop_s + 1e-3:
                return before_s + onset_s - start_s
            before_s += stop_s - start_s
        return None

    def channel(self, label: str) -> Channel:
        """Return the channel with this label; raise InputError if none has it."""
        return self.channels[self._position(label)]

    @property
    def stored_duration_s(self) -> float:
        """Seconds of stored samples: the duration without the gaps."""
        return sum(stop_s - start_s for start_s, stop_s in self.segments)

    def read_span_uv(
        self, labels: Iterable[str], start_s: float, stop_s: float
    ) -> dict[str, tuple[int, np.ndarray]]:
        """Read the stored samples of several channels between two times.

        Every sample that psgvlm draws or measures is read by this method. A recording with other
        samples, such as `psgvlm.signals.DamagedRecording`, overrides this method alone.

        Parameters
        ----------
        labels : iterable of str
            Labels of the channels.
        start_s, stop_s : float
            Seconds of the stored samples (see `stored_s`). Times beyond them have no samples.

        Returns
        -------
        dict of str to (int, ndarray)
            For each label the number of the first sample, and the samples in µV, float32 of
            shape (n,).

        Raises
        ------
        InputError
            If no channel has one of the labels, or if a channel cannot be read as a voltage.
        """
        indexes = {label: self._positions[self._position(label)] for label in labels}
        factors = {index: self._factor(label) for label, index in indexes.items()}
        with np.errstate(over="ignore", invalid="ignore"):
            spans = self._file.read(factors, start_s, stop_s)
        samples_by_label = {}
        for label, index in indexes.items():
            first, samples = spans[index]
            rate_hz = self.channel(label).rate_hz
            # An EDF file is read in whole data records, so there may be samples outside the span.
            skip = min(max(0, math.floor(start_s * rate_hz) - first), len(samples))
            samples = samples[skip : max(skip, math.ceil(stop_s * rate_hz) - first)]
            samples_by_label[label] = first + skip, self._finite(label, samples)
        return samples_by_label

    def read_uv(self, label: str) -> np.ndarray:
        """Read all stored samples of a channel in µV, float32 of shape (n,).

        Raises InputError as `read_span_uv` does.
        """
        return self.read_span_uv([label], 0.0, self.stored_duration_s + 1.0)[label][1]

    def _finite(self, label: str, samples: np.ndarray) -> np.ndarray:
        if not np.isfinite(samples).all():
            raise InputError(f"{self.path}: channel {label!r} holds values that are not finite")
        return samples

    def _factor(self, label: str) -> float:
        """Return how many µV one unit of a channel is; raise InputError if it is no voltage."""
        channel = self.channel(label)
        factor = microvolts(channel.unit)
        fault = channel.fault
        if fault is None and factor is None:
            fault = f"is in {channel.unit!r}, which is not a voltage"
        if fault or factor is None:
            raise InputError(
                f"{self.path}: channel {label!r} {fault}; expected a header with a unit (uV, mV or "
                "V) and a range of values"
            )
        return factor

    def limits_uv(self, label: str) -> tuple[float, float]:
        """Return the lowest and highest value in µV that can be stored; infinite if unknown."""
        position = self._position(label)
        factor = microvolts(self.channels[position].unit) or 1.0
        low, high = self._file.limits(self._positions[position])
        return low * factor, high * factor

    def annotations(self) -> list[Annotation]:
        """Return the annotations in the file itself, in order of onset."""
        return self._file.annotations()

    def _position(self, label: str) -> int:
        if label not in self.labels:
            raise InputError(
                f"{self.path}: 0 signals are labelled {label!r}; expected one of "
                f"{', '.join(self.labels)}"
            )
        return self.labels.index(label)


def _open(path: Path) -> "EdfFile | H5File | MneFile | WfdbFile":
    """Open a file by its content where that is known, and otherwise by its suffix."""
    suffix, start = path.suffix.lower(), b""
    if path.is_file():
        with contextlib.suppress(OSError), path.open("rb") as file:
            start = file.read(8)
        if suffix == ".hea":
            return WfdbFile(path)
        if start == HDF5_VERSION or suffix in _H5_SUFFIXES:
            return H5File(path)
        if suffix in MNE_SUFFIXES and start != BDF_VERSION:
            return MneFile(path)
    return EdfFile(path)


def _with_unique_labels(channels: Iterable[Channel]) -> tuple[Channel, ...]:
    """Return the channels with `#2`, `#3` ... behind labels that an earlier channel has."""
    channels = list(channels)
    taken = {channel.label for channel in channels}
    seen: set[str] = set()
    unique = []
    for channel in channels:
        label, number = channel.label, 2
        if label in seen:
            while f"{label}#{number}" in taken:
                number += 1
            label = f"{label}#{number}"
            taken.add(label)
        seen.add(label)
        unique.append(replace(channel, label=label))
    return tuple(unique)


def microvolts(unit: str) -> float | None:
    """Return how many µV one of a unit is, None if the unit is not one of voltage.

    A signal without a unit is taken to be in µV, because its amplitude is checked before it is
    drawn (`psgvlm.nights.lane_choice`).
    """
    key = _MICRO.sub("u", unit.strip()).lower()
    if not key:
        return 1.0
    match = re.fullmatch(r"(u|m|n|)v(?:olts?)?", key.replace("milli", "m"))
    return _UV_BY_PREFIX[match[1]] if match else None
