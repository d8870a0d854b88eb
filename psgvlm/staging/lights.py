"""When the lights went off and on: what of a recording counts as the night."""

import re
from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.stages import EPOCH_S

DAY_S = 86400


@dataclass(frozen=True)
class Lights:
    """Seconds of the record from which to which the lights were off."""

    off_s: float
    on_s: float

    def epochs(self) -> range:
        """Epochs of the record's grid of 30 s that count: their middle lies in the dark."""
        first, stop = np.ceil((np.array([self.off_s, self.on_s]) - EPOCH_S / 2) / EPOCH_S)
        return range(max(0, int(first)), int(stop))


def find(off: str | None, on: str | None, recording) -> Lights:
    """Lights off and on as a user says them: `"23:10"`, `"23:10:30"` or seconds of the record.

    A time of day is the first such time after the recording began, or after lights off; left out,
    it is the record's begin or end. `recording` has `path`, `duration_s` and `clock_s`. Raises
    `InputError` where a time cannot be read, or no epoch lies between the two.
    """
    off_s = 0.0 if off is None else _seconds(off, "--lights-off", recording, 0.0)
    on_s = recording.duration_s
    if on is not None:
        on_s = _seconds(on, "--lights-on", recording, off_s)
    lights = Lights(off_s, on_s)
    if not (0 <= off_s < on_s <= recording.duration_s + EPOCH_S and lights.epochs()):
        raise InputError(
            f"{recording.path}: lights off at {off_s:g} s and on at {on_s:g} s; expected an epoch "
            f"or more between them, within the record's {recording.duration_s:g} s"
        )
    return lights


def _seconds(text: str, option: str, recording, after_s: float) -> float:
    if re.fullmatch(r"\d{1,7}(\.\d*)?", text):
        return float(text)
    found = re.fullmatch(r"(\d\d?):(\d\d)(?::(\d\d))?", text)
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (99, 0, 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise InputError(
            f"{option} {text!r}: expected a time of day, as 23:10 or 23:10:30, or seconds from the "
            "start of the record"
        )
    if recording.clock_s is None:
        raise InputError(
            f"{recording.path}: does not say at what time of day it began; expected {option} in "
            "seconds from its start"
        )
    since_s = 3600 * hours + 60 * minutes + seconds - recording.clock_s
    return after_s + (since_s - after_s) % DAY_S
