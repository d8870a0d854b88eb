"""HDF5 recordings, in the layouts that `psgvlm.recordings.h5_layout` describes."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings import h5_process
from psgvlm.recordings.channel import Annotation, Channel
from psgvlm.recordings.file_kind import HDF5_VERSION, kind_of
from psgvlm.recordings.h5_layout import H5Signal

PIECE_SAMPLES = 1 << 22  # more are read in several pieces


def read_row(path: Path, place: str) -> np.ndarray | None:
    """Return a row of numbers in an HDF5 file, such as a hypnogram.

    Parameters
    ----------
    path : Path
    place : str
        Its place, such as `"hypnogram"`.

    Returns
    -------
    ndarray of shape (n,) or None
        None if there is no row of numbers at this place.

    Raises
    ------
    InputError
        If the file is damaged, or no HDF5 file.
    """
    return h5_process.call(path, "row", place)


def names_in(path: Path) -> list[str]:
    """Return the names in an HDF5 file and in its groups, such as `signals` and `signals/eeg`.

    Raises InputError if the file is damaged, or no HDF5 file.
    """
    return h5_process.call(path, "names")


class H5File:
    """An opened HDF5 file, as `psgvlm.recordings.recording` reads it.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        If the file is damaged, or in neither of the layouts that are read.
    """

    def __init__(self, path: Path):
        self.path, self.files = path, (path,)
        self.notes: list[str] = []
        # A start is given in seconds since 1970 in UTC, which is not the laboratory's time of day.
        self.clock_s: int | None = None
        with path.open("rb") as file:
            start = file.read(256)
        if not start.startswith(HDF5_VERSION):
            raise InputError(f"{path}: not an HDF5 file ({kind_of(start)}); expected HDF5")
        signals, notes = h5_process.call(path, "signals")
        self._signals = [H5Signal(place, Channel(**channel)) for place, channel in signals]
        self.notes += notes
        if not self._signals:
            raise InputError(f"{path}: holds no signals; expected a recording with EEG")
        self._duration_s = self._common_duration_s()

    def channels(self) -> list[tuple[int, Channel]]:
        """Return the channels, each with its number."""
        return [(number, signal.channel) for number, signal in enumerate(self._signals)]

    def segments(self) -> tuple[tuple[float, float], ...]:
        """Return start and stop of the only segment in seconds: these files have no gaps."""
        return ((0.0, self._duration_s),)

    def limits(self, index: int) -> tuple[float, float]:
        """Return infinite limits: these files do not say which values they can store."""
        return -math.inf, math.inf

    def annotations(self) -> list[Annotation]:
        """Return no annotations: a hypnogram in the file is read as scores."""
        return []

    def read(
        self, factors: Mapping[int, float], start_s: float, stop_s: float
    ) -> dict[int, tuple[int, np.ndarray]]:
        """Read the stored samples of several channels between two times, as `EdfFile.read` does."""
        spans = {}
        for index, factor in factors.items():
            channel = self._signals[index].channel
            first = min(max(0, math.floor(start_s * channel.rate_hz)), channel.n_samples)
            last = max(first, min(channel.n_samples, math.ceil(stop_s * channel.rate_hz)))
            samples = np.empty(last - first, np.float32)
            for start in range(first, last, PIECE_SAMPLES):
                stop = min(last, start + PIECE_SAMPLES)
                piece = h5_process.call(self.path, "read", self._signals[index].place, start, stop)
                if len(piece) != stop - start:
                    raise InputError(
                        f"{self.path}: changed while it was read; expected {channel.n_samples} "
                        "samples as when it was opened"
                    )
                samples[start - first : stop - first] = piece
            samples *= np.float32(factor)
            spans[index] = first, samples
        return spans

    def _common_duration_s(self) -> float:
        """Return the duration of most signals, and mark or cut the others."""
        durations = [
            round(signal.channel.n_samples / signal.channel.rate_hz, 3)
            for signal in self._signals
            if signal.channel.fault is None
        ]
        if not durations:
            fault = self._signals[0].channel.fault
            raise InputError(
                f"{self.path}: no signal can be read, the first {fault}; expected a recording "
                "with EEG"
            )
        common = max(Counter(durations).items(), key=lambda item: (item[1], item[0]))[0]
        for number, signal in enumerate(self._signals):
            channel = signal.channel
            duration_s = channel.n_samples / channel.rate_hz if channel.fault is None else common
            if duration_s < common - 1:
                fault = f"ends after {duration_s:g} s of {common:g} s"
                channel = replace(channel, fault=fault)
            elif duration_s > common + 1:
                self.notes.append(f"{channel.label}: cut from {duration_s:g} s to {common:g} s")
                channel = replace(channel, n_samples=int(common * channel.rate_hz))
            self._signals[number] = replace(signal, channel=channel)
        return common
