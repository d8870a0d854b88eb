"""A simulated night as an EDF file, under the labels and at the rates of a cohort."""

import datetime
import os
from dataclasses import dataclass

import edfio
import numpy as np
from psgvlm.builders.simulate.files import beside
from scipy.signal import resample_poly


@dataclass(frozen=True)
class Channel:
    """One signal of a file: its label there, and the simulated lane or slow signal it carries.

    source: what `derive` knows, or a key of SLOW. samples: how many per data record. unit and
    limit: the header's dimension and its physical maximum (the minimum is its negative).
    """

    label: str
    source: str
    samples: int
    unit: str = "uV"
    limit: float = 1000.0


def derive(night, name):
    """(samples,) in µV of a signal by name.

    A lane of the night ("C4-M1"); an electrode against the recording's reference ("C4", "M1") or
    against the linked ears ("C4-LER"); or one of the two chin electrodes ("chin1", "chin2"), which
    also carry what both have in common.
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
    """`channel` over `records` data records of `record_s` each, as 16-bit samples.

    The record starts with sample `first_sample` of the night.
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
        channel.samples,  # as if records lasted a second, see write_edf
        label=channel.label,
        physical_dimension=channel.unit,
        physical_range=(-channel.limit, channel.limit),
        digital_range=(-32767, 32767),
    )


def write_edf(path, signals, recording, record_s=1, annotations=None, kept=1.0):
    """Write an EDF, or EDF+ where there are annotations; nobody's name is in its header.

    kept: the share of the file's bytes that is written, less than 1 for a download cut short.
    Returns the seconds of record in it: whole data records only.
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
    with beside(path) as part:
        edf.write(part)
        if record_s != 1:
            # edfio compares durations as floats and so refuses every sixth length of a record
            # that lasts 3.99975 s; put the true duration into the finished header instead
            with part.open("r+b") as file:
                file.seek(244)
                file.write(f"{record_s:<8}".encode())
        size, header = part.stat().st_size, edf.bytes_in_header_record
        left = int(size * kept)
        os.truncate(part, left)
    return (left - header) * edf.num_data_records // (size - header) * record_s
