"""Recordings that MNE opens: files in other formats than EDF, and `mne.io.Raw` objects.

The formats are BrainVision, EEGLAB, FIF, GDF and CNT.
"""

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.channel import Annotation, Channel
from psgvlm.recordings.edf import EdfFile

if TYPE_CHECKING:
    from mne.io import BaseRaw

MNE_SUFFIXES = (".gdf", ".vhdr", ".set", ".fif", ".cnt")
# MNE's own filters stop at annotations with these prefixes, in any case: `EDGE boundary` where
# pieces were joined, `BAD_ACQ_SKIP` where the amplifier stored nothing.
GAPS = ("edge", "bad_acq_skip")


class MneFile:
    """A file that MNE opens, or a Raw object, as `psgvlm.recordings.recording` reads it.

    MNE brings all channels of a file to one rate, and gives volts if it knows the unit. Samples
    within a `BAD_ACQ_SKIP` annotation were not recorded: they are left out of the stored samples,
    and `segments` says where the other samples lie in time. An `EDGE` annotation ends a segment,
    because the signals before and after it were not recorded one after the other.
    Raises `InputError` if MNE cannot open the file.
    """

    def __init__(self, recording: "Path | BaseRaw"):
        import mne

        self.notes: list[str] = []
        if isinstance(recording, Path):
            self.path: Path = recording
            self._raw = _open(recording)
        elif isinstance(recording, mne.io.BaseRaw):
            self._raw = recording
            name = recording.filenames[0] if recording.filenames else None
            self.path = Path(name or "raw")
        else:
            raise InputError(
                f"{type(recording).__name__}: expected the path of a recording, or an mne.io.Raw"
            )
        # The samples of BrainVision and EEGLAB lie in a file beside the one that is opened.
        others = [Path(name) for name in self._raw.filenames or () if name is not None]
        self.files = tuple(dict.fromkeys((self.path, *(one for one in others if one.is_file()))))
        self.labels = tuple(self._raw.ch_names)
        self.rate_hz = float(self._raw.info["sfreq"])
        self._runs = self._recorded_runs()
        self.n_samples = sum(stop - start for start, stop in self._runs)
        self.clock_s = self._clock_s()
        volts = mne.io.constants.FIFF.FIFF_UNIT_V
        self.units = tuple("V" if c["unit"] == volts else "none" for c in self._raw.info["chs"])
        if bads := self._raw.info["bads"]:
            self.notes.append(f"marked as bad, but read where a lane needs it: {', '.join(bads)}")

    def channels(self) -> list[tuple[int, Channel]]:
        """Return the channels, each with its number."""
        return [
            (number, Channel(label, self.rate_hz, unit, self.n_samples))
            for number, (label, unit) in enumerate(zip(self.labels, self.units, strict=True))
        ]

    def segments(self) -> tuple[tuple[float, float], ...]:
        """Return start and stop of each segment without a gap, in seconds from the first sample."""
        return tuple((start / self.rate_hz, stop / self.rate_hz) for start, stop in self._runs)

    def read(
        self, factors: Mapping[int, float], start_s: float, stop_s: float
    ) -> dict[int, tuple[int, np.ndarray]]:
        """Read the stored samples of several channels between two times, as `EdfFile.read` does."""
        first = min(max(0, math.floor(start_s * self.rate_hz)), self.n_samples)
        last = max(first, min(self.n_samples, math.ceil(stop_s * self.rate_hz)))
        samples = self._read_samples(factors, first, last)
        return {index: (first, samples[index]) for index in factors}

    def limits(self, index: int) -> tuple[float, float]:
        """Return infinite limits: MNE does not say which values a file can store."""
        return -np.inf, np.inf

    def annotations(self) -> list[Annotation]:
        """Return all annotations in order of onset; onsets count from the first sample."""
        annotations = self._raw.annotations
        return sorted(
            Annotation(float(onset) - self._raw.first_time, float(duration), str(text))
            for onset, duration, text in zip(
                annotations.onset, annotations.duration, annotations.description, strict=True
            )
        )

    def digest(self) -> str:
        """Return a hash of the labels, the rate, the gaps and every sample."""
        about = [self.labels, self.rate_hz, self.segments()]
        digest = hashlib.sha256(repr(about).encode())
        factors = {index: 1.0 for index in range(len(self.labels))}
        length = math.ceil(600 * self.rate_hz)  # ten minutes
        for start in range(0, self.n_samples, length):
            samples = self._read_samples(factors, start, min(start + length, self.n_samples))
            for channel in samples.values():
                digest.update(channel.tobytes())
        return digest.hexdigest()

    def _read_samples(
        self, factors: Mapping[int, float], first: int, last: int
    ) -> dict[int, np.ndarray]:
        """Return stored samples `first` to before `last` times their factors, as float32."""
        pieces = [np.empty((len(factors), 0))]
        stored = 0
        for start, stop in self._runs:
            begin, end = max(start, first - stored + start), min(stop, last - stored + start)
            if begin < end:
                pieces.append(self._raw.get_data(list(factors), begin, end, verbose="ERROR"))
            stored += stop - start
        rows = np.concatenate(pieces, axis=1)
        return {
            index: (row * factor).astype(np.float32)
            for row, (index, factor) in zip(rows, factors.items(), strict=True)
        }

    def _recorded_runs(self) -> list[tuple[int, int]]:
        """Return the first and last sample number (exclusive) of each run without a gap."""
        gaps = [
            [round(seconds * self.rate_hz) for seconds in (onset_s, onset_s + duration_s)]
            for onset_s, duration_s, text in self.annotations()
            if text.lower().startswith(GAPS)
        ]
        n_samples = int(self._raw.n_times)
        runs, begin = [], 0
        for start, stop in [*gaps, [n_samples, n_samples]]:
            if start > begin:
                runs.append((begin, start))
            begin = max(begin, stop)
        if not runs:
            raise InputError(
                f"{self.path}: BAD_ACQ_SKIP annotations cover all of it; expected samples"
            )
        if len(runs) == 1:
            self._check_edf_gaps()
        return runs

    def _check_edf_gaps(self) -> None:
        """Refuse a Raw of an EDF+D file with gaps: MNE joins its samples and says nothing."""
        if self.path.suffix.lower() in (".edf", ".rec", ".bdf") and self.path.is_file():
            gaps = len(EdfFile(self.path).segments()) - 1
            if gaps:
                raise InputError(
                    f"{self.path}: discontinuous with {gaps} gaps, which MNE does not keep, "
                    "so that every later epoch would be shifted; expected the path of the file "
                    "instead of a Raw"
                )

    def _clock_s(self) -> int | None:
        """Return the time of day of the first sample in s after midnight, None if not known.

        FIF files and Raw objects made in memory have their start in UTC, which is not the time on
        the wall of the laboratory.
        """
        start = self._raw.info["meas_date"]
        if start is None or self.path.suffix.lower() in ("", ".fif", ".gz"):
            return None
        seconds = start.hour * 3600 + start.minute * 60 + start.second + self._raw.first_time
        return round(seconds) % 86400


def _open(path: Path) -> "BaseRaw":
    """Open a file with MNE without reading it all, and try to read its first sample."""
    import mne

    try:
        raw = mne.io.read_raw(path, preload=False, verbose="ERROR")
        raw.get_data(stop=1)
    # MNE's readers raise whatever their parsers raise, and may quote a header that names a
    # person, so the message says only the kind of the error.
    except Exception as error:
        raise InputError(
            f"{path}: MNE cannot read it ({type(error).__name__}); expected an intact file: "
            "or export it as EDF"
        ) from error
    return raw
