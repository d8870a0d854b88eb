"""A polysomnography recording on disk: labels, each channel's own rate, samples in microvolts."""

import math
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.edf import ANNOTATIONS, Annotation, EdfFile
from psgvlm.recordings.mne_file import SUFFIXES, MneFile

if TYPE_CHECKING:
    from mne.io import BaseRaw

_VOLTS = {"": 1e6, "m": 1e3, "u": 1.0, "n": 1e-3}
# The micro sign, mu, and what is left of them after a wrong character set.
_MICRO = re.compile(r"^(µ|μ|Âµ|Î¼|\?|\ufffd|mu(?=v)|micro)", re.IGNORECASE)


@dataclass(frozen=True)
class Channel:
    """One signal of a recording: its label as written, rate (Hz), unit and number of samples.

    `fault` says why it cannot be read as a voltage, `None` where it can.
    """

    label: str
    rate_hz: float
    unit: str
    n_samples: int
    fault: str | None = None


class Recording:
    """A recording opened lazily; a channel is read when asked for.

    Personal fields of a file's header are never exposed.

    Parameters
    ----------
    recording : path or mne.io.BaseRaw
        An EDF or EDF+ file (`.edf`, `.EDF`, `.rec`), another file that MNE reads, or a Raw object.
        Of a Raw, samples within `BAD_ACQ_SKIP` annotations are gaps, and an `EDGE` annotation is a
        gap without a length: no epoch reaches across it.
    gaps : bool
        Whether a recording with gaps is opened; `segments` then says where its samples lie in time.

    Attributes
    ----------
    path : Path
        The file; `raw` for a Raw object that was made in memory.
    channels : tuple of Channel
        The signals in file order, at their own rates.
    segments : tuple of (float, float)
        Start and stop of each run of stored samples, in seconds from the first sample of the file.
    clock_s : int or None
        The time of day of the first sample in seconds after midnight, `None` if it is not known.
        The date is not read.
    notes : tuple of str
        What is wrong with the recording but does not prevent reading it.

    Raises
    ------
    InputError
        If the file is missing or damaged, or has gaps that were not asked for.
    """

    def __init__(self, recording: "str | os.PathLike | BaseRaw", gaps: bool = False):
        path = Path(recording) if isinstance(recording, str | os.PathLike) else None
        self._file: EdfFile | MneFile
        self._raw: MneFile | None = None  # only of a Raw object
        if path and not (path.suffix.lower() in SUFFIXES and path.is_file()):
            self._file = EdfFile(path)
            self.channels = tuple(self._edf_channels(self._file))
        else:
            self._file = MneFile(path or recording)
            self._raw = None if path else self._file
            self.channels = tuple(self._mne_channels(self._file))
        self.path, self.segments = self._file.path, self._file.segments()
        if not self.channels:
            raise InputError(f"{self.path}: holds no signals; expected a recording with EEG")
        self.notes = tuple(self._file.notes)
        self.clock_s = self._file.clock_s
        if len(self.segments) > 1 and not gaps:
            raise InputError(
                f"{self.path}: discontinuous (EDF+D) with {len(self.segments) - 1} gaps, which "
                "would shift every later epoch; expected EDF or EDF+C: export it as a continuous "
                "file"
            )

    def content_key(self) -> list[int | str]:
        """Return what changes when the content does: a file's size and time, or a Raw's hash."""
        if self._raw is not None:
            return [self._raw.digest()]
        status = self.path.stat()
        return [status.st_size, status.st_mtime_ns]

    def _edf_channels(self, file: EdfFile) -> Iterator[Channel]:
        self._positions = [i for i, s in enumerate(file.signals) if s.label != ANNOTATIONS]
        for signal in (file.signals[i] for i in self._positions):
            rate_hz = signal.samples / file.record_s if file.record_s else 0.0
            n_samples = signal.samples * file.n_records
            yield Channel(signal.label, rate_hz, signal.unit, n_samples, signal.fault)

    def _mne_channels(self, file: MneFile) -> Iterator[Channel]:
        self._positions = list(range(len(file.labels)))
        for label, unit in zip(file.labels, file.units, strict=True):
            yield Channel(label, file.rate_hz, unit, file.n_samples)

    @property
    def labels(self) -> tuple[str, ...]:
        """Signal labels in file order, as written."""
        return tuple(channel.label for channel in self.channels)

    @property
    def duration_s(self) -> float:
        """Seconds from the first sample to the end of the last one, gaps included."""
        return self.segments[-1][1]

    def stored_s(self, onset_s: float, duration_s: float) -> float | None:
        """Where, in seconds of the stored samples, a stretch of time begins.

        `None` where it is not recorded as a whole: it reaches over an end, or over a gap.
        """
        before_s = 0.0
        for start_s, stop_s in self.segments:
            # A millisecond of grace: durations in headers are rounded.
            if onset_s >= start_s - 1e-3 and onset_s + duration_s <= stop_s + 1e-3:
                return before_s + onset_s - start_s
            before_s += stop_s - start_s
        return None

    def channel(self, label: str) -> Channel:
        """The channel with this label; `InputError` where two have it."""
        return self.channels[self._position(label)]

    @property
    def stored_duration_s(self) -> float:
        """Seconds of stored samples: the duration without the gaps."""
        return sum(stop_s - start_s for start_s, stop_s in self.segments)

    def part_uv(
        self, labels: Iterable[str], start_s: float, stop_s: float
    ) -> dict[str, tuple[int, np.ndarray]]:
        """Read the stored samples from `start_s` to `stop_s` of some channels.

        Every sample that psgvlm draws or measures is read here: what changes a recording's samples
        (`psgvlm.signals.damage`) overrides this method alone.

        Parameters
        ----------
        labels : iterable of str
            Labels of the channels.
        start_s, stop_s : float
            Seconds of the stored samples. Times beyond them have no samples.

        Returns
        -------
        dict of str to (int, ndarray)
            For each label the number of the first sample, and the samples in µV, float32 of
            shape (n,).

        Raises
        ------
        InputError
            If two channels have one of the labels, or if a channel cannot be read as a voltage.
        """
        indexes = {label: self._positions[self._position(label)] for label in labels}
        factors = {index: self._factor(label) for label, index in indexes.items()}
        with np.errstate(over="ignore", invalid="ignore"):
            parts = self._file.part(factors, start_s, stop_s)
        samples_by_label = {}
        for label, index in indexes.items():
            first, samples = parts[index]
            rate_hz = self.channel(label).rate_hz
            # The file gives whole data records, which may be long.
            skip = min(max(0, math.floor(start_s * rate_hz) - first), len(samples))
            samples = samples[skip : max(skip, math.ceil(stop_s * rate_hz) - first)]
            samples_by_label[label] = first + skip, self._finite(label, samples)
        return samples_by_label

    def read_uv(self, label: str) -> np.ndarray:
        """Read all samples of a channel in µV, float32 of shape (n,); see `part_uv`."""
        return self.part_uv([label], 0.0, self.stored_duration_s + 1.0)[label][1]

    def _finite(self, label: str, samples: np.ndarray) -> np.ndarray:
        if not np.isfinite(samples).all():
            raise InputError(f"{self.path}: channel {label!r} holds values that are no numbers")
        return samples

    def _factor(self, label: str) -> float:
        """How many µV one unit of a channel is; `InputError` where it cannot be read as µV."""
        channel = self.channel(label)
        factor = microvolts(channel.unit)
        fault = channel.fault
        if fault is None and factor is None:
            fault = f"is in {channel.unit!r}, which is no voltage"
        if fault or factor is None:
            raise InputError(
                f"{self.path}: channel {label!r} {fault}; expected uV, mV or V, and a range, in "
                "the header"
            )
        return factor

    def limits_uv(self, label: str) -> tuple[float, float]:
        """The lowest and highest value in µV that the file can store; infinite if unknown."""
        position = self._position(label)
        factor = microvolts(self.channels[position].unit) or 1.0
        low, high = self._file.limits(self._positions[position])
        return low * factor, high * factor

    def annotations(self) -> list[Annotation]:
        """The annotations in the file itself, in order of onset."""
        return self._file.annotations()

    def _position(self, label: str) -> int:
        count = self.labels.count(label)
        if count != 1:
            raise InputError(
                f"{self.path}: {count} signals are labelled {label!r}; expected one: rename the "
                "others"
            )
        return self.labels.index(label)


def microvolts(unit: str) -> float | None:
    """How many µV one of this unit is; `None` where it is no voltage.

    No unit at all is taken as µV: whoever draws the signal checks its amplitude.
    """
    key = _MICRO.sub("u", unit.strip()).lower()
    if not key:
        return 1.0
    found = re.fullmatch(r"(u|m|n|)v(?:olts?)?", key.replace("milli", "m"))
    return _VOLTS[found[1]] if found else None
