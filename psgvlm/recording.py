"""A polysomnography recording on disk: labels, each channel's own rate, samples in microvolts."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from psgvlm.errors import InputError

MICROVOLTS = {"uv": 1.0, "µv": 1.0, "μv": 1.0, "mv": 1e3, "v": 1e6, "nv": 1e-3}


@dataclass(frozen=True)
class Channel:
    """One signal of a recording: its label as written, rate (Hz), unit and number of samples."""

    label: str
    rate_hz: float
    unit: str
    n_samples: int


class Recording:
    """An EDF or EDF+C file (`.edf`, `.EDF`, `.rec`), opened lazily: a channel is read when asked.

    Personal fields of the header (patient, technician, dates) are never exposed.

    Raises `InputError` where the file is missing, is no EDF, or is discontinuous (EDF+D).
    """

    def __init__(self, path: str | Path):
        # Imported here so that command lines which read no recording start at once.
        from edfio import read_edf

        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{self.path}: no such file; expected an EDF or EDF+ recording")
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            start = file.read(256)
        if len(start) < 256 or start[:8] != b"0       ":
            raise InputError(
                f"{self.path}: not an EDF file ({size} bytes, starts with {start[:8]!r}); "
                "expected an EDF or EDF+ recording"
            )
        if start[192:197] == b"EDF+D":
            raise InputError(
                f"{self.path}: discontinuous EDF+D, whose gaps would shift every later epoch; "
                "expected EDF or EDF+C: export it as a continuous file"
            )
        try:
            # Some systems write labels in Latin-1 or UTF-8; both decode, byte by byte, as Latin-1.
            self._edf = read_edf(self.path, lazy_load_data=True, header_encoding="latin-1")
            self._signals = self._edf.signals
            self.channels = tuple(
                Channel(
                    label=signal.label,
                    rate_hz=signal.sampling_frequency,
                    unit=signal.physical_dimension.strip(),
                    n_samples=signal.samples_per_data_record * self._edf.num_data_records,
                )
                for signal in self._signals
            )
        except (ValueError, ZeroDivisionError, OverflowError, EOFError, OSError) as error:
            raise InputError(
                f"{self.path}: damaged EDF header ({error}); expected a whole EDF or EDF+ recording"
            ) from error
        if not self.channels:
            raise InputError(f"{self.path}: holds no signals; expected a recording with EEG")

    @property
    def labels(self) -> tuple[str, ...]:
        """Signal labels in file order, as written."""
        return tuple(channel.label for channel in self.channels)

    @property
    def duration_s(self) -> float:
        """Length of the recording in seconds."""
        return float(self._edf.duration)

    def channel(self, label: str) -> Channel:
        """The first channel with this label."""
        return self.channels[self._position(label)]

    def read_uv(self, label: str) -> np.ndarray:
        """All samples of the first channel with this label, float32 in µV, shape (n_samples,)."""
        position = self._position(label)
        unit = self.channels[position].unit
        factor = MICROVOLTS.get(unit.lower())
        if factor is None:
            raise InputError(
                f"{self.path}: channel {label!r} is in {unit or 'no unit'!r}; "
                "expected uV, mV or V in the header"
            )
        return (self._signals[position].data * factor).astype(np.float32)

    def _position(self, label: str) -> int:
        return self.labels.index(label)
