"""HDF5 files of the Dreem Open Datasets (DOD) and of psg-utils (DCSM), read with h5py.

HDF5 has no layout of its own for signals, so only these two layouts are read:

- DOD: `signals/KIND/LABEL`, with the attributes `fs` and `unit` on the groups.
- psg-utils: `channels/LABEL`, with the attribute `sample_rate` of the file and no unit.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.channel import Annotation, Channel
from psgvlm.recordings.edf_header import MAX_DURATION_S
from psgvlm.recordings.file_kind import HDF5_VERSION, kind_of

if TYPE_CHECKING:
    import h5py

MAX_SIGNALS = 1000
MAX_RATE_HZ = 1e6
# gzip can make no data smaller than this, so a file that claims more is damaged.
MAX_COMPRESSION = 1100
# psg-utils stores what MNE returns, which is volts. No EEG in µV is as small as this.
MAX_VOLTS = 0.02


@dataclass(frozen=True)
class _Signal:
    """A dataset that holds a signal."""

    place: str
    channel: Channel


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
        self._signals = self._open(self._find_signals)
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

        def read(file: "h5py.File") -> dict[int, tuple[int, np.ndarray]]:
            spans = {}
            for index, factor in factors.items():
                signal = self._signals[index]
                total, rate_hz = signal.channel.n_samples, signal.channel.rate_hz
                first = min(max(0, math.floor(start_s * rate_hz)), total)
                last = max(first, min(total, math.ceil(stop_s * rate_hz)))
                samples = file[signal.place][first:last].reshape(-1).astype(np.float32)
                if len(samples) != last - first:
                    raise InputError(f"{self.path}: ended while it was read")
                samples *= np.float32(factor)
                spans[index] = first, samples
            return spans

        return self._open(read)

    def _open(self, function):
        """Return what a function makes of the opened file; raise InputError if h5py fails."""
        import h5py

        try:
            # Files on a shared disk often cannot be locked, and reading needs no lock.
            with h5py.File(self.path, "r", locking=False) as file:
                return function(file)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"{self.path}: a damaged HDF5 file ({type(error).__name__}); expected an intact "
                "one: download it again"
            ) from error

    def _find_signals(self, file: "h5py.File") -> list[_Signal]:
        if (group := _group(file, "signals")) is not None:
            return list(self._dod_signals(group))
        if (group := _group(file, "channels")) is not None:
            return list(self._psg_utils_signals(group, _number(file, "sample_rate")))
        names = ", ".join(repr(str(name))[1:-1][:40] for name in list(file)[:20]) or "none"
        raise InputError(
            f"{self.path}: an HDF5 file with the groups {names}; expected signals/KIND/LABEL as in "
            "DOD, or channels/LABEL as psg-utils writes it: export the recording as EDF"
        )

    def _dod_signals(self, signals: "h5py.Group") -> Iterator[_Signal]:
        for kind in list(signals)[:MAX_SIGNALS]:
            if (group := _group(signals, kind)) is None:
                continue
            for label in list(group)[:MAX_SIGNALS]:
                holders = [group, signals]
                if (dataset := _dataset(group, label)) is not None:
                    holders.insert(0, dataset)
                rate_hz = next(filter(None, (_number(one, "fs") for one in holders)), None)
                unit = next(filter(None, (_text(one, "unit") for one in holders)), "")
                yield _signal(f"signals/{kind}/{label}", label, dataset, rate_hz, unit)

    def _psg_utils_signals(self, group: "h5py.Group", rate_hz: float | None) -> Iterator[_Signal]:
        labels = list(group)[:MAX_SIGNALS]
        datasets = {label: _dataset(group, label) for label in labels}
        sizes = []
        for dataset in datasets.values():
            if _fault(dataset, rate_hz) is None:
                samples = np.nan_to_num(dataset[: round(600 * rate_hz)].astype(float))
                if samples.any():
                    sizes.append(float(np.median(np.abs(samples - np.median(samples)))))
        unit = ""
        if sizes and np.median(sizes) < MAX_VOLTS:
            unit = "V"
        self.notes.append(f"the file gives no unit: its values were taken for {unit or 'µV'}")
        order = {}
        for label, dataset in datasets.items():
            place = None if dataset is None else _number(dataset, "channel_index")
            order[label] = math.inf if place is None else place
        for label in sorted(labels, key=order.__getitem__):
            yield _signal(f"channels/{label}", label, datasets[label], rate_hz, unit)

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


def _signal(place: str, label: str, dataset, rate_hz: float | None, unit: str) -> _Signal:
    fault = _fault(dataset, rate_hz)
    label = "".join(c if c.isprintable() else " " for c in label).strip()[:80]
    if fault:
        return _Signal(place, Channel(label, 0.0, unit, 0, fault))
    return _Signal(place, Channel(label, rate_hz, unit, int(dataset.size)))


def _fault(dataset: "h5py.Dataset | None", rate_hz: float | None) -> str | None:
    """Say why a dataset cannot be read as a signal; return None if it can."""
    if dataset is None:
        return "is no dataset of the file itself"
    if rate_hz is None or not 0 < rate_hz <= MAX_RATE_HZ:
        return "has no rate (the attribute fs or sample_rate)"
    if dataset.dtype.kind not in "iuf":
        return "holds no numbers"
    if dataset.ndim not in (1, 2) or dataset.size != dataset.shape[0] or not dataset.size:
        return "is not a row of samples"
    if dataset.size > MAX_DURATION_S * rate_hz:
        return "is longer than any night"
    if dataset.size * dataset.dtype.itemsize > MAX_COMPRESSION * dataset.id.get_storage_size():
        return "has more samples than the file holds"
    return None


def _group(parent: "h5py.Group", name: str) -> "h5py.Group | None":
    """Return a group that lies in the file itself, None if there is none of this name."""
    import h5py

    child = _child(parent, name)
    return child if isinstance(child, h5py.Group) else None


def _dataset(parent: "h5py.Group", name: str) -> "h5py.Dataset | None":
    """Return a dataset whose samples lie in the file itself, None if there is none."""
    import h5py

    child = _child(parent, name)
    if not isinstance(child, h5py.Dataset) or child.is_virtual or child.external:
        return None
    return child


def _child(parent: "h5py.Group", name: str):
    """Return what a name in a group stands for; a link to another file stands for nothing."""
    import h5py

    if not isinstance(parent.get(name, getlink=True), h5py.HardLink):
        return None
    return parent[name]


def _number(holder, name: str) -> float | None:
    """Return an attribute as a number, None if it is not one."""
    try:
        value = float(np.asarray(holder.attrs[name]).reshape(-1)[0])
    except (KeyError, IndexError, ValueError, TypeError, OSError):
        return None
    return value if math.isfinite(value) else None


def _text(holder, name: str) -> str:
    """Return an attribute as a text, empty if it is not one."""
    try:
        value = np.asarray(holder.attrs[name]).reshape(-1)[0]
    except (KeyError, IndexError, ValueError, TypeError, OSError):
        return ""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(c if c.isprintable() else " " for c in text).strip()[:40]
