"""A simulated night as an EDF file, with the labels and sampling rates of a cohort."""

import datetime
import os
from dataclasses import dataclass

import edfio
import numpy as np
from scipy.signal import resample_poly

from psgvlm.files import replacing


@dataclass(frozen=True)
class SimulatedChannel:
    """One signal of an EDF file and what is simulated in it.

    Parameters
    ----------
    label : str
        Its label in the file.
    source : str
        A name that `derive` takes, a key of `SLOW`, or `ENVELOPE`.
    samples : int
        Samples in each data record.
    unit : str
        The physical dimension in the header.
    limit : float
        The physical maximum in the header; the minimum is its negative.
    """

    label: str
    source: str
    samples: int
    unit: str = "uV"
    limit: float = 1000.0


# When a simulated recording starts, unless its cohort says otherwise.
START = datetime.datetime(2001, 1, 1, 22, 30)
# The mean of the rectified chin EMG, as the cassettes of Sleep-EDF store it.
ENVELOPE = "envelope of chin"
# Electrodes that the simulated night does not have: sums of electrodes that it has.
SUMS = {
    "Fpz": {"F3": 0.7, "F4": 0.7},
    "Fp1": {"F3": 1.1},
    "Fp2": {"F4": 1.1},
    "Fz": {"F3": 0.55, "F4": 0.55},
    "F7": {"F3": 0.8, "M1": 0.2},
    "F8": {"F4": 0.8, "M2": 0.2},
    "Cz": {"C3": 0.5, "C4": 0.5},
    "P3": {"C3": 0.5, "O1": 0.5},
    "P4": {"C4": 0.5, "O2": 0.5},
    "Pz": {"C3": 0.25, "C4": 0.25, "O1": 0.25, "O2": 0.25},
    "Oz": {"O1": 0.5, "O2": 0.5},
    "T3": {"C3": 0.6, "M1": 0.4},
    "T4": {"C4": 0.6, "M2": 0.4},
}
CHIN_SHARE = {"chin1": 0.5, "chin2": -0.5, "chin3": 0.1}


def derive(night, name):
    """Return a signal of a night in µV, shape (samples,).

    `name` is a lane of the night ("C4-M1"), an electrode against the reference of the recording
    ("C4", "M1", "Fpz"), against the linked ears ("C4-LER") or against another electrode
    ("Fpz-Cz"), or one of the three chin electrodes ("chin1" to "chin3"), which also carry what all
    have in common.
    """
    signals = night.signals
    if name in signals:
        return signals[name]
    if name in CHIN_SHARE:
        common = signals["M2"] + 0.02 * signals["ECG"]
        return common + signals["chin"] * CHIN_SHARE[name]
    if name.endswith("-LER"):
        ears = (signals["M1"] + signals["M2"]) / 2
        return derive(night, name.removesuffix("-LER")) - ears
    if "-" in name:
        plus, minus = name.split("-")
        return derive(night, plus) - derive(night, minus)
    if name in SUMS:
        return sum(share * derive(night, electrode) for electrode, share in SUMS[name].items())
    lane = next(lane for lane in signals if lane.startswith(f"{name}-"))
    return signals[lane] + signals[lane[-2:]]


def _saturation(rng, t):
    return np.clip(96 + np.cumsum(rng.normal(0, 0.02, len(t))), 88, 99)


def _pulse(rng, t):
    return 62 + 6 * np.sin(2 * np.pi * t / 5400) + rng.normal(0, 1.5, len(t))


def _breath(rng, t):
    return 0.4 * np.sin(2 * np.pi * rng.uniform(0.2, 0.3) * t) + rng.normal(0, 0.03, len(t))


def _steps(rng, t):
    return rng.integers(0, 3, int(t[-1] // 3600) + 1)[(t // 3600).astype(int)]


def _temperature(rng, t):
    return 37 + 0.3 * np.sin(2 * np.pi * t / 86400) + rng.normal(0, 0.01, len(t))


SLOW = {
    "saturation": _saturation,
    "pulse": _pulse,
    "breath": _breath,
    "steps": _steps,
    "temperature": _temperature,
}


def channels_of(sources, samples):
    """Return a channel in µV for each label of `{label: source}`, the ECG with a wider range.

    `samples` is the number of samples of each channel in a data record.
    """
    return [
        SimulatedChannel(label, source, samples, limit=3000 if source == "ECG" else 1000)
        for label, source in sources.items()
    ]


def edf_signal(channel, night, rng, records, record_s=1, first_sample=0):
    """Return a channel as 16-bit samples over `records` data records of `record_s` seconds each.

    The recording starts with the sample `first_sample` of the night.
    """
    rate_hz = channel.samples / record_s
    count = channel.samples * records
    if channel.source in SLOW:
        x = SLOW[channel.source](rng, np.arange(count) / rate_hz)
    elif channel.source == ENVELOPE:
        muscle = np.abs(night.signals["chin"][first_sample:])
        x = muscle[: round(night.rate_hz / rate_hz) * count].reshape(count, -1).mean(axis=1)
    else:
        x = derive(night, channel.source)[first_sample:]
        if rate_hz != night.rate_hz:
            x = resample_poly(x, channel.samples, round(night.rate_hz * record_s))
        x = x[:count] * (1e-3 if channel.unit == "mV" else 1)
    digital = np.clip(np.rint(x * (32767 / channel.limit)), -32767, 32767).astype(np.int16)
    return edfio.EdfSignal.from_digital(
        digital,
        channel.samples,  # as if records lasted 1 s; `write_edf` puts the true duration in
        label=channel.label,
        physical_dimension=channel.unit,
        physical_range=(-channel.limit, channel.limit),
        digital_range=(-32767, 32767),
    )


def write_edf(path, signals, recording, record_s=1, annotations=None, kept=1.0, start=START):
    """Write an EDF file, or EDF+ if there are annotations. Its header names no person.

    Annotations go with records of one second, or into a file without signals.
    `kept` is the share of the bytes that is written: less than 1 for a download that was cut short.
    Return the duration in seconds of the whole data records in the file.
    """
    edf = edfio.Edf(
        signals,
        patient=edfio.Patient(code=f"SIM-{recording}".replace(" ", "_")),
        recording=edfio.Recording(startdate=start.date(), equipment_code="simulated_not_a_person"),
        starttime=start.time(),
        annotations=annotations,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as new:
        edf.write(new)
        if record_s != 1:
            # edfio compares durations as floats and refuses every sixth number of records that
            # last 3.99975 s, so the true duration is written into the finished header.
            with new.open("r+b") as file:
                file.seek(244)
                file.write(f"{record_s:<8}".encode())
        size, header = new.stat().st_size, edf.bytes_in_header_record
        left = int(size * kept)
        os.truncate(new, left)
    return (left - header) * edf.num_data_records // (size - header) * record_s
