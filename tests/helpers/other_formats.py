"""Write small recordings in other formats than EDF: BDF, WFDB, the HDF5 of DOD and psg-utils."""

import datetime
import warnings
from pathlib import Path

import edfio
import h5py
import numpy as np
from recordings import SECRET, noise


def bdf_signal(label: str, x: np.ndarray, rate_hz: float, unit: str = "uV", limit: float = 262144):
    """Return a BDF signal with the samples `x` in the unit `unit`."""
    return edfio.BdfSignal(
        x, rate_hz, label=label, physical_dimension=unit, physical_range=(-limit, limit)
    )


def write_bdf(path: Path, signals, annotations=None, **options) -> Path:
    """Write a BDF, or with annotations a BDF+; its header names a person who does not exist."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        edfio.Bdf(
            signals,
            patient=edfio.Patient(code=SECRET[1], name=SECRET[0]),
            recording=edfio.Recording(startdate=datetime.date(2001, 1, 1)),
            annotations=annotations,
            **options,
        ).write(path)
    return path


def wfdb_header(name: str, signals, n_frames: int, rate_hz: float = 200, time: str = "") -> str:
    """Return a header of one segment. A signal is (file and format, gain and unit, label)."""
    lines = [f"{name} {len(signals)} {rate_hz:g} {n_frames} {time}".rstrip()]
    lines += [f"{file} {gain} 16 0 0 0 0 {label}" for file, gain, label in signals]
    return "\n".join(lines) + "\n"


def write_wfdb(folder: Path, name: str, columns, gain: float = 100, time: str = "23:07:00") -> Path:
    """Write a record at 200 Hz of signals in µV, `{label: samples}`, in a file of format 16."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = np.round(np.stack(list(columns.values()), axis=1) * gain).astype("<i2")
    (folder / f"{name}.dat").write_bytes(stored.tobytes())
    signals = [(f"{name}.dat 16", f"{gain:g}/uV", label) for label in columns]
    path = folder / f"{name}.hea"
    path.write_text(wfdb_header(name, signals, len(stored), time=time) + f"# {SECRET[0]}\n")
    return path


def packed(samples: np.ndarray, form: str) -> bytes:
    """Return integers of one dimension as a WFDB format stores them."""
    if form in ("16", "32", "61", "80", "160"):
        offset = {"80": 128, "160": 32768}.get(form, 0)
        kind = {"16": "<i2", "32": "<i4", "61": ">i2", "80": "u1", "160": "<u2"}[form]
        return (samples + offset).astype(kind).tobytes()
    if form == "24":
        return samples.astype("<i4").view("u1").reshape(-1, 4)[:, :3].tobytes()
    if form == "212":
        one, two = (samples.reshape(-1, 2) & 0xFFF).T
        columns = [one & 0xFF, one >> 8 | two >> 8 << 4, two & 0xFF]
        return np.stack(columns, axis=1).astype("u1").tobytes()
    one, two, three = (samples.reshape(-1, 3) & 0x3FF).T
    if form == "311":
        return (one | two << 10 | three << 20).astype("<u4").tobytes()
    words = [one << 1 | (three & 0x1F) << 11, two << 1 | three >> 5 << 11]  # format 310
    return np.stack(words, axis=1).astype("<u2").tobytes()


def write_dod(path: Path, seconds: float = 120, rate_hz: float = 250, **attributes) -> Path:
    """Write an HDF5 file as DOD has it: groups of signals with a rate and a unit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    groups = {"eeg": ("C3_M2", "F4_M1"), "eog": ("EOG1", "EOG2"), "emg": ("EMG", "ECG")}
    with h5py.File(path, "w") as file:
        file.attrs["start_time"], file.attrs["duration"] = 473385600, seconds
        file.attrs["description"] = SECRET[0]
        file["hypnogram"] = np.zeros(int(seconds // 30), "i8")
        for kind, labels in groups.items():
            group = file.create_group(f"signals/{kind}")
            group.attrs.update({"fs": rate_hz, "unit": "uV"} | attributes)
            for label in labels:
                samples = noise(seconds, rate_hz, seed=sum(map(ord, label)))
                group.create_dataset(label, data=samples.astype("f4"), chunks=True)
    return path


def write_psg_utils(path: Path, seconds: float = 120, rate_hz: float = 128, volts: float = 1e-6):
    """Write an HDF5 file as psg-utils has it: channels of one rate, without a unit."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.attrs["sample_rate"], file.attrs["date"] = rate_hz, "UNKNOWN"
        for index, label in enumerate(("F4-M1", "C4-M1", "CHIN")):
            samples = (noise(seconds, rate_hz, seed=index) * volts).astype("f4")
            one = file.create_dataset(f"channels/{label}", data=samples, compression="gzip")
            one.attrs["channel_index"] = index
    return path
