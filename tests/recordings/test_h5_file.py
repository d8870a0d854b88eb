"""HDF5 recordings as DOD and psg-utils write them."""

import multiprocessing

import h5py
import numpy as np
import pytest
from other_formats import write_dod, write_psg_utils
from recordings import SECRET, noise

from psgvlm.errors import InputError
from psgvlm.recordings import h5_file, h5_process
from psgvlm.recordings.h5_file import names_in, read_row
from psgvlm.recordings.recording import Recording


@pytest.fixture
def path(tmp_path):
    return write_dod(tmp_path / "night.h5")


def test_labels_rates_and_samples_of_dod(path):
    recording = Recording(path)
    assert set(recording.labels) == {"C3_M2", "F4_M1", "EOG1", "EOG2", "EMG", "ECG"}
    assert {channel.rate_hz for channel in recording.channels} == {250}
    assert {channel.unit for channel in recording.channels} == {"uV"}
    assert recording.duration_s == 120
    assert recording.clock_s is None
    assert recording.notes == ()
    assert recording.segments == ((0, 120),)
    assert recording.limits_uv("EMG") == (-np.inf, np.inf)
    with h5py.File(path) as file:
        written = file["signals/eog/EOG1"][:]
    assert (recording.read_uv("EOG1") == written).all()
    assert recording.read_uv("EOG1").dtype == np.float32
    first, span = recording.read_span_uv(["EOG1"], 30, 60.001)["EOG1"]
    assert first == 7500
    assert (span == written[7500:15001]).all()
    assert not len(recording.read_span_uv(["EOG1"], 200, 230)["EOG1"][1])


@pytest.mark.parametrize(("unit", "factor"), [("mV", 1000), (b"V", 1e6), (np.array(["uV"]), 1)])
def test_units_are_those_of_the_group(tmp_path, unit, factor):
    unit = unit if isinstance(unit, str | bytes) else unit.astype(object)
    path = write_dod(tmp_path / "x.h5", unit=unit)
    with h5py.File(path) as file:
        written = file["signals/eeg/C3_M2"][:]
    assert Recording(path).read_uv("C3_M2") == pytest.approx(written * factor)


@pytest.mark.parametrize(("volts", "unit"), [(1e-6, "V"), (1, "")])
def test_psg_utils_gives_no_unit_so_the_amplitude_tells_and_a_note_says_so(tmp_path, volts, unit):
    recording = Recording(write_psg_utils(tmp_path / "psg.h5", volts=volts))
    assert recording.labels == ("F4-M1", "C4-M1", "CHIN")
    assert {channel.unit for channel in recording.channels} == {unit}
    assert recording.read_uv("C4-M1") == pytest.approx(noise(120, 128, seed=1), rel=1e-5)
    assert any("unit" in note for note in recording.notes)


def test_another_hdf5_file_is_refused_with_its_groups(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["weights/layer"] = np.zeros(3)
        file["Jane"] = np.zeros(3)
    with pytest.raises(InputError, match=r"groups Jane, weights; expected signals/KIND"):
        Recording(tmp_path / "x.h5")


def test_a_file_that_is_not_hdf5_is_refused(tmp_path):
    (tmp_path / "x.h5").write_text(f"{SECRET[0]} wrote this\n")
    with pytest.raises(InputError, match=r"not an HDF5 file \(text") as caught:
        Recording(tmp_path / "x.h5")
    assert SECRET[0] not in str(caught.value)
    (tmp_path / "y.h5").touch()
    with pytest.raises(InputError, match=r"not an HDF5 file \(empty"):
        Recording(tmp_path / "y.h5")


def test_hdf5_is_known_by_its_first_bytes(path):
    assert Recording(path.rename(path.with_suffix(".edf"))).duration_s == 120


def test_a_truncated_file_is_refused(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="damaged HDF5 file") as caught:
        Recording(path)
    assert str(path) in str(caught.value)


def replace_signal(path, place, **dataset):
    with h5py.File(path, "a") as file:
        del file[place]
        file.create_dataset(place, **dataset)


@pytest.mark.parametrize(
    ("dataset", "reason"),
    [
        ({"data": np.array([b"a", b"b"])}, "holds no numbers"),
        ({"data": np.zeros((100, 3))}, "is not a row of samples"),
        ({"data": np.zeros(0)}, "is not a row of samples"),
        ({"data": np.zeros(25_000)}, "ends after 100 s of 120 s"),
        ({"shape": (10**13,), "dtype": "f4", "chunks": (1000,)}, "is longer than any night"),
        (
            {"shape": (10**8,), "dtype": "f4", "chunks": (1000,)},
            "has more samples than the file holds",
        ),
    ],
)
def test_a_fault_of_one_signal_does_not_lose_the_night(path, dataset, reason):
    replace_signal(path, "signals/emg/EMG", **dataset)
    recording = Recording(path)
    assert recording.duration_s == 120
    assert len(recording.read_uv("C3_M2")) == 30_000
    with pytest.raises(InputError, match=f"channel 'EMG' {reason}"):
        recording.read_uv("EMG")


def test_a_longer_signal_is_cut_and_noted(path):
    replace_signal(path, "signals/emg/EMG", data=noise(180, 250))
    recording = Recording(path)
    assert recording.duration_s == 120
    assert len(recording.read_uv("EMG")) == 30_000
    assert any("EMG" in note and "180" in note for note in recording.notes)


def test_signals_in_other_files_are_not_followed(path, tmp_path):
    write_dod(tmp_path / "other.h5")
    with h5py.File(path, "a") as file:
        del file["signals/emg/EMG"]
        file["signals/emg/EMG"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "signals/emg/EMG")
        layout = h5py.VirtualLayout(shape=(30_000,), dtype="f4")
        layout[:] = h5py.VirtualSource(
            str(tmp_path / "other.h5"), "signals/emg/ECG", shape=(30_000,)
        )
        del file["signals/emg/ECG"]
        file["signals/emg"].create_virtual_dataset("ECG", layout)
    recording = Recording(path)
    for label in ("EMG", "ECG"):
        assert recording.channel(label).fault
    assert len(recording.read_uv("EOG1")) == 30_000


def test_a_group_without_a_rate_loses_only_its_signals(path):
    with h5py.File(path, "a") as file:
        del file["signals/emg"].attrs["fs"]
    recording = Recording(path)
    assert recording.channel("EMG").fault
    assert recording.channel("EOG1").fault is None


def test_no_usable_signal_is_refused(tmp_path):
    path = write_dod(tmp_path / "x.h5", fs="often")
    with pytest.raises(InputError, match="no signal can be read"):
        Recording(path)


def test_names_and_rows(path):
    assert {"hypnogram", "signals", "signals/eeg", "signals/emg"} <= set(names_in(path))
    assert read_row(path, "hypnogram").tolist() == [0, 0, 0, 0]
    assert read_row(path, "signals") is None
    assert read_row(path, "missing/place") is None


@pytest.mark.parametrize("command", ["import os; os.abort()", "import time; time.sleep(99)"])
def test_a_file_that_ends_or_stops_libhdf5_is_refused(path, monkeypatch, command):
    """Damage can crash libhdf5, so it runs in a process of its own; the next file is read again."""
    h5_process.stop()
    with monkeypatch.context() as patch:
        patch.setattr(h5_process, "_COMMAND", command)
        patch.setattr(h5_process, "TIMEOUT_S", 1)
        with pytest.raises(InputError, match="damaged HDF5 file") as caught:
            Recording(path)
        assert str(path) in str(caught.value)
    assert Recording(path).duration_s == 120


def test_a_forked_process_reads_with_a_reader_of_its_own(path):
    context = multiprocessing.get_context("fork")
    Recording(path)
    with context.Pool(2) as pool:
        sums = pool.map(_sum, [path] * 4)
    assert set(sums) == {_sum(path)}


def _sum(path):
    return float(Recording(path).read_uv("EMG").sum())


def test_a_long_signal_is_read_in_pieces(path, monkeypatch):
    whole = Recording(path).read_uv("EMG")
    monkeypatch.setattr(h5_file, "PIECE_SAMPLES", 7001)
    assert (Recording(path).read_uv("EMG") == whole).all()
