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
        A name that `derive` takes, or a key of `SLOW`.
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


def derive(night, name):
    """Return a signal of a night in µV, shape (samples,).

    `name` is a lane of the night ("C4-M1"), an electrode against the reference of the recording
    ("C4", "M1") or against the linked ears ("C4-LER"), or one of the two chin electrodes ("chin1",
    "chin2"), which also carry what both have in common.
    """
    signals = night.signals
    if name in signals:
        return signals[name]
    if name in ("chin1", "chin2"):
        common = signals["M2"] + 0.02 * signals["ECG"]
        return common + signals["chin"] * (0.5 if name == "chin1" else -0.5)
    if name.endswith("-LER"):
        ears = (signals["M1"] + signals["M2"]) / 2
        return derive(night, name.removesuffix("-LER")) - ears
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


SLOW = {"saturation": _saturation, "pulse": _pulse, "breath": _breath, "steps": _steps}


def edf_signal(channel, night, rng, records, record_s=1, first_sample=0):
    """Return a channel as 16-bit samples over `records` data records of `record_s` seconds each.

    The recording starts with the sample `first_sample` of the night.
    """
    rate_hz = channel.samples / record_s
    count = channel.samples * records
    if channel.source in SLOW:
        x = SLOW[channel.source](rng, np.arange(count) / rate_hz)
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


def write_edf(path, signals, recording, record_s=1, annotations=None, kept=1.0):
    """Write an EDF file, or EDF+ if there are annotations. Its header names no person.

    `kept` is the share of the bytes that is written: less than 1 for a download that was cut short.
    Return the duration in seconds of the whole data records in the file.
    """
    edf = edfio.Edf(
        signals,
        patient=edfio.Patient(code=f"SIM-{recording}".replace(" ", "_")),
        recording=edfio.Recording(
            startdate=datetime.date(2001, 1, 1), equipment_code="simulated_not_a_person"
        ),
        starttime=datetime.time(22, 30),
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
