"""Recordings in the other formats that MNE reads (BDF, BrainVision, EEGLAB, FIF, GDF, CNT)."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.edf import Annotation

WINDOW_S = 600
SUFFIXES = (".bdf", ".gdf", ".vhdr", ".set", ".fif", ".cnt")


class MneFile:
    """What `psgvlm.recordings.recording` needs of a file that MNE opens: labels, one rate, samples.

    MNE brings all channels of a file to one rate. Raises `InputError` where it cannot open one.
    """

    def __init__(self, path: Path):
        import mne

        self.path = path
        self.notes: list[str] = []
        try:
            self._raw = mne.io.read_raw(path, preload=False, verbose="ERROR")
            self._raw.get_data(stop=1)
        # MNE's readers raise whatever their parsers raise, and may quote a header that names a
        # person: only the kind of error is told.
        except Exception as error:
            raise InputError(
                f"{path}: MNE cannot read it ({type(error).__name__}); expected an intact file: "
                "or export it as EDF"
            ) from error
        self.labels = tuple(self._raw.ch_names)
        self.rate_hz = float(self._raw.info["sfreq"])
        self.n_samples = int(self._raw.n_times)
        self.clock_s = self._clock_s()
        # MNE gives volts where it knows that a channel is one.
        volts = mne.io.constants.FIFF.FIFF_UNIT_V
        self.units = tuple("V" if c["unit"] == volts else "none" for c in self._raw.info["chs"])

    def windows(
        self, factors: Mapping[int, float], spread: int | None = None
    ) -> Iterator[dict[int, np.ndarray]]:
        """The samples of several channels, some minutes at a time, as `edf.EdfFile.windows`."""
        length = math.ceil(self.rate_hz * (WINDOW_S if spread is None else 1))
        starts = range(0, self.n_samples, length)
        if spread is not None:
            last = max(0, self.n_samples - length)
            starts = np.unique(np.linspace(0, last, spread).astype(int)).tolist()
        indexes = list(factors)
        for start in starts:
            stop = min(start + length, self.n_samples)
            parts = self._raw.get_data(indexes, start, stop, verbose="ERROR")
            yield {
                index: (part * factors[index]).astype(np.float32)
                for index, part in zip(indexes, parts, strict=True)
            }

    def part(
        self, factors: Mapping[int, float], start_s: float, stop_s: float
    ) -> dict[int, tuple[int, np.ndarray]]:
        """The samples of several channels between two times, as `edf.EdfFile.part`."""
        first = min(max(0, math.floor(start_s * self.rate_hz)), self.n_samples)
        last = max(first, min(self.n_samples, math.ceil(stop_s * self.rate_hz)))
        parts = self._raw.get_data(list(factors), first, last, verbose="ERROR")
        return {
            index: (first, (part * factor).astype(np.float32))
            for (index, factor), part in zip(factors.items(), parts, strict=True)
        }

    def _clock_s(self) -> int | None:
        """The time of day of the first sample; FIF has it in UTC, which is no time on a wall."""
        start = self._raw.info["meas_date"]
        if start is None or self.path.suffix.lower() == ".fif":
            return None
        return round(start.hour * 3600 + start.minute * 60 + start.second + self._raw.first_time)

    def limits(self, index: int) -> tuple[float, float]:
        """Not known through MNE: infinite."""
        return -np.inf, np.inf

    def annotations(self) -> list[Annotation]:
        """All annotations in order of onset; onsets count from the first sample."""
        found = self._raw.annotations
        start_s = self._raw.first_time if found.orig_time is not None else 0.0
        return sorted(
            Annotation(float(onset) - start_s, float(duration), str(text))
            for onset, duration, text in zip(
                found.onset, found.duration, found.description, strict=True
            )
        )
