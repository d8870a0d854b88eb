"""Lights off and lights on: which part of a recording the sleep statistics count."""

import re
from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.stages import EPOCH_S

DAY_S = 86400


@dataclass(frozen=True)
class Lights:
    """When the lights went off and on, in seconds of the record."""

    off_s: float
    on_s: float

    def epochs(self) -> range:
        """Return the indices of the epochs whose middle lies between lights off and lights on."""
        first, stop = np.ceil((np.array([self.off_s, self.on_s]) - EPOCH_S / 2) / EPOCH_S)
        return range(max(0, int(first)), int(stop))


def find(
    off: str | float | None,
    on: str | float | None,
    recording: str,
    duration_s: float,
    clock_s: float | None,
) -> Lights:
    """Return lights off and lights on as a user gives them.

    Parameters
    ----------
    off, on : str, float or None
        A time of day, as `"23:10"` or `"23:10:30"`, or seconds from the start of the record. The
        first such time after the start of the record is meant, or after lights off. None means the
        start or the end of the record.
    recording : str
        The name of the recording for error messages.
    duration_s : float
        The length of the recording in seconds.
    clock_s : float or None
        The time of day at which it began, in seconds after midnight, if known.

    Raises
    ------
    InputError
        If a time cannot be read, or if no epoch lies between the two.
    """
    off_s, on_s = 0.0, duration_s
    if off is not None:
        off_s = _seconds(str(off), "lights_off", recording, clock_s, 0.0)
    if on is not None:
        on_s = _seconds(str(on), "lights_on", recording, clock_s, off_s)
    lights = Lights(off_s, on_s)
    if not (0 <= off_s < on_s <= duration_s + EPOCH_S and lights.epochs()):
        raise InputError(
            f"{recording}: lights off at {off_s:g} s and on at {on_s:g} s; expected an epoch or "
            f"more between them, within the record's {duration_s:g} s",
            "lights_off" if on is None else "lights_on",
        )
    return lights


def check_format(text: str, parameter: str) -> tuple[float, bool]:
    """Return a time in seconds, and whether it is a time of day; raise InputError otherwise."""
    if re.fullmatch(r"\d{1,7}(\.\d*)?", text):
        return float(text), False
    match = re.fullmatch(r"(\d\d?):(\d\d)(?::(\d\d))?", text)
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (99, 0, 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise InputError(
            f"{parameter.replace('_', ' ')} {text!r}: expected a time of day, as 23:10 or "
            "23:10:30, or seconds from the start of the record",
            parameter,
        )
    return 3600.0 * hours + 60 * minutes + seconds, True


def _seconds(
    text: str, parameter: str, recording: str, clock_s: float | None, after_s: float
) -> float:
    """Return a time as seconds of the record; a time of day is the first one after `after_s`."""
    time_s, of_day = check_format(text, parameter)
    if not of_day:
        return time_s
    if clock_s is None:
        raise InputError(
            f"{recording}: does not say at what time of day it began; expected "
            f"{parameter.replace('_', ' ')} in seconds from its start",
            parameter,
        )
    return after_s + (time_s - clock_s - after_s) % DAY_S
