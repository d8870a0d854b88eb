"""What lies in an HDF5 file of the Dreem Open Datasets (DOD) or of psg-utils (DCSM).

HDF5 has no layout of its own for signals, so only these two layouts are read:

- DOD: `signals/KIND/LABEL`, with the attributes `fs` and `unit` on the groups.
- psg-utils: `channels/LABEL`, with the attribute `sample_rate` of the file and no unit.

The functions of this module run in a process of their own (`psgvlm.recordings.h5_process`).
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.channel import Channel
from psgvlm.recordings.edf_header import MAX_DURATION_S

if TYPE_CHECKING:
    import h5py

MAX_NAMES = 1000
MAX_ROW = 1_000_000
MAX_RATE_HZ = 1e6
# gzip can make no data smaller than this, so a file that claims more is damaged.
MAX_COMPRESSION = 1100
# psg-utils stores what MNE returns, which is volts. No EEG in µV is as small as this.
MAX_VOLTS = 0.02


@dataclass(frozen=True)
class H5Signal:
    """A dataset that holds a signal: its place in the file, and what it is."""

    place: str
    channel: Channel


def names(file: "h5py.File") -> list[str]:
    """Return the names in a file and in its groups, such as `signals` and `signals/eeg`."""
    found = []
    for name in list(file)[:MAX_NAMES]:
        found.append(name)
        if (group := _group(file, name)) is not None:
            found += [f"{name}/{inner}" for inner in list(group)[:MAX_NAMES]]
    return found


def row(file: "h5py.File", place: str) -> np.ndarray | None:
    """Return a row of numbers, such as a hypnogram; None if there is none at this place."""
    dataset = _dataset(file, place)
    if dataset is None or dataset.dtype.kind not in "iuf" or dataset.size > MAX_ROW:
        return None
    return np.asarray(dataset[()]).reshape(-1)


def signals(file: "h5py.File") -> tuple[list[tuple[str, dict]], list[str]]:
    """Return the fields of each `H5Signal` in a file, and notes.

    Raises InputError if the layout of the file is not known.
    """
    found, notes = _signals_and_notes(file)
    return [(one.place, asdict(one.channel)) for one in found], notes


def _signals_and_notes(file: "h5py.File") -> tuple[list[H5Signal], list[str]]:
    if (group := _group(file, "signals")) is not None:
        return list(_dod_signals(group)), []
    if (group := _group(file, "channels")) is not None:
        return _psg_utils_signals(group, _number(file, "sample_rate"))
    found = ", ".join(_printable(name) for name in list(file)[:20]) or "none"
    raise InputError(
        f"an HDF5 file with the groups {found}; expected signals/KIND/LABEL as in DOD, or "
        "channels/LABEL as psg-utils writes it: export the recording as EDF"
    )


def read(file: "h5py.File", place: str, first: int, last: int) -> np.ndarray:
    """Return samples `first` to before `last` of a signal, as float32."""
    return file[place][first:last].reshape(-1).astype(np.float32)


def _dod_signals(group: "h5py.Group") -> Iterator[H5Signal]:
    for kind in list(group)[:MAX_NAMES]:
        if (inner := _group(group, kind)) is None:
            continue
        for label in list(inner)[:MAX_NAMES]:
            holders = [inner, group]
            if (dataset := _dataset(inner, label)) is not None:
                holders.insert(0, dataset)
            rate_hz = next(filter(None, (_number(one, "fs") for one in holders)), None)
            unit = next(filter(None, (_text(one, "unit") for one in holders)), "")
            yield _signal(f"signals/{kind}/{label}", label, dataset, rate_hz, unit)


def _psg_utils_signals(
    group: "h5py.Group", rate_hz: float | None
) -> tuple[list[H5Signal], list[str]]:
    datasets = {label: _dataset(group, label) for label in list(group)[:MAX_NAMES]}
    sizes = []
    for dataset in datasets.values():
        if _fault(dataset, rate_hz) is None:
            samples = np.nan_to_num(dataset[: round(600 * rate_hz)].reshape(-1).astype(float))
            if samples.any():
                sizes.append(float(np.median(np.abs(samples - np.median(samples)))))
    unit = "V" if sizes and np.median(sizes) < MAX_VOLTS else ""
    found = []
    for label, dataset in datasets.items():
        order = None if dataset is None else _number(dataset, "channel_index")
        one = _signal(f"channels/{label}", label, dataset, rate_hz, unit)
        found.append((math.inf if order is None else order, one))
    found.sort(key=lambda pair: pair[0])
    note = f"the file gives no unit: its values were taken for {unit or 'µV'}"
    return [one for _, one in found], [note]


def _signal(place: str, label: str, dataset, rate_hz: float | None, unit: str) -> H5Signal:
    fault = _fault(dataset, rate_hz)
    if fault:
        return H5Signal(place, Channel(_printable(label), 0.0, unit, 0, fault))
    return H5Signal(place, Channel(_printable(label), rate_hz, unit, int(dataset.size)))


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
    return _printable(text)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).strip()[:80]
