"""When each mark of a sheet begins and ends, in seconds of the recording."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.edf_header import MAX_DURATION_S
from psgvlm.recordings.recording import Recording
from psgvlm.scores.sheet import CLOCK, EMPTY_LINE, OWN, Mark, Sheet
from psgvlm.scores.words import LIGHTS, UNSCORED, meaning_of
from psgvlm.stages import EPOCH_S

DAY_S = 86400.0
LENGTHS_S = (30.0, 20.0, 10.0, 5.0)  # of epochs, in the order in which they are tried
RARE_LENGTHS_S = (15.0, 4.0, 2.0, 1.0)  # taken if they fit to the second
MOST_BEYOND = 1.5  # a list that is longer than the recording by more than this is of another one
LONGEST_TAIL_S = 3600.0  # a last stage without an end that is held for longer is a warning
LEAST_COVERED = 0.9  # a list of fewer epochs than this share of the recording may be shifted


@dataclass(frozen=True)
class Times:
    """When marks begin and end, shape (n,) each, in seconds of the recording; and what is odd.

    `epoch_s` is the length of the scored epochs where marks follow each other evenly, else None.
    """

    onsets_s: np.ndarray
    ends_s: np.ndarray
    epoch_s: float | None
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def times_of(
    sheet: Sheet, marks: Sequence[Mark], recording: Recording, epoch_s: float | None
) -> Times:
    """Return when marks begin and end.

    Parameters
    ----------
    sheet : Sheet
        The file, which says what onsets count from.
    marks : sequence of Mark
        At least one, all with onsets or all without.
    recording : Recording
        The recording, for its length and its time of day.
    epoch_s : float or None
        The length of an epoch in seconds where the user says so.

    Raises
    ------
    InputError
        If the marks do not fit the recording, or if times of day cannot be placed.
    """
    without = sum(mark.onset_s is None for mark in marks)
    if without == len(marks):
        return _listed(sheet, marks, recording, epoch_s)
    if without:
        raise InputError(
            f"{sheet.path}: {without} of {len(marks)} stages have no onset; expected one for each"
        )
    onsets_s = np.array([mark.onset_s for mark in marks], float)
    durations_s = np.array([-1.0 if m.duration_s is None else m.duration_s for m in marks], float)
    if not (np.isfinite(onsets_s).all() and np.isfinite(durations_s).all()):
        raise InputError(f"{sheet.path}: an onset or a duration is no number; expected seconds")
    if sheet.origin == CLOCK:
        onsets_s = _over_midnight(onsets_s, np.clip(durations_s, 0, None))
    order = np.argsort(onsets_s, kind="stable")
    ends_s, step_s, notes = _ends(onsets_s, durations_s, order, epoch_s)
    shift_s, more = _shift(sheet, onsets_s, ends_s, recording)
    onsets_s, ends_s = onsets_s + shift_s, _without_lights(marks, onsets_s, ends_s) + shift_s
    last = marks[int(np.argmax(onsets_s))]
    tail_s = recording.duration_s - float(onsets_s.max())
    warnings = ()
    if np.isinf(ends_s).any() and tail_s > LONGEST_TAIL_S and meaning_of(last.text) != UNSCORED:
        # The file may be cut short, or the scorer may have stopped before the recording did.
        warnings = (
            f"{sheet.path.name}: the last stage, at {onsets_s.max():g} s, has no end; it is held "
            f"to the end of the recording, for {tail_s / 3600:.1f} h",
        )
    return Times(onsets_s, ends_s, step_s, (*notes, *more), warnings)


def _without_lights(marks: Sequence[Mark], onsets_s: np.ndarray, ends_s: np.ndarray) -> np.ndarray:
    """Return where marks end; a mark of lights out or on ends at once if a stage follows within it.

    Such a mark says nothing about the stage of an epoch.
    """
    lights = np.array([meaning_of(mark.text) == LIGHTS for mark in marks])
    if not lights.any():
        return ends_s
    others_s = np.append(np.sort(onsets_s[~lights]), np.inf)
    next_s = others_s[np.searchsorted(others_s, onsets_s)]
    return np.where(lights & (next_s < ends_s), onsets_s, ends_s)


def _listed(
    sheet: Sheet, marks: Sequence[Mark], recording: Recording, epoch_s: float | None
) -> Times:
    """Place a list without times: it begins with the recording.

    An empty line is an epoch without a stage, unless the list fits better without the empty lines.
    """
    sized_s = np.array([0.0]), np.array([EPOCH_S * len(marks)])
    shift_s, said = _shift(sheet, *sized_s, recording)
    total_s = recording.duration_s - max(0.0, shift_s)
    counted = np.array([mark.text != EMPTY_LINE for mark in marks])
    count, filled = len(marks), int(counted.sum())
    length_s, shorter_s = (_length(sheet, n, total_s, epoch_s) for n in (count, filled))
    notes, warnings = said, []
    if abs(filled * shorter_s - total_s) < abs(count * length_s - total_s):
        notes.append(f"{count - filled} empty lines are passed over")
        count, length_s = filled, shorter_s
    else:
        counted[:] = True
    list_s = count * length_s
    if list_s > MOST_BEYOND * total_s and list_s - total_s > EPOCH_S:
        raise InputError(
            f"{sheet.path}: {count} epochs of {length_s:g} s are {list_s:g} s, and the recording "
            f"lasts {total_s:g} s; expected the scores of this recording, or the length of an "
            "epoch in seconds",
            "epoch_length",
        )
    if list_s < LEAST_COVERED * total_s:
        if sheet.epoch_s is None and all(a.text != b.text for a, b in pairwise(marks)):
            raise InputError(
                f"{sheet.path}: names {count} stage{'s' * (count > 1)} without times, none of them "
                f"twice in a row, and the recording is {total_s:g} s long: a summary, a legend or "
                "changes of stage; expected a stage for each epoch, or onsets in seconds"
            )
        warnings.append(
            f"{sheet.path.name} has {count} epochs of {length_s:g} s without times, and the "
            f"recording is {total_s:g} s long: they are taken to begin with it"
            if not shift_s
            else f"{sheet.path.name} has {count} epochs of {length_s:g} s for {total_s:g} s"
        )
    if length_s != EPOCH_S:
        notes.append(f"{count} epochs of {length_s:g} s, put on epochs of 30 s by the longer share")
    ends_s = shift_s + length_s * np.cumsum(counted)
    return Times(ends_s - length_s * counted, ends_s, length_s, tuple(notes), tuple(warnings))


def _length(sheet: Sheet, count: int, total_s: float, epoch_s: float | None) -> float:
    """Return how long an epoch of a list is: as the user or the file says, or as it fits."""
    if given_s := epoch_s or sheet.epoch_s:
        return given_s
    fitting = [s for s in LENGTHS_S if abs(count * s - total_s) <= max(s, total_s / 100)]
    fitting += [s for s in RARE_LENGTHS_S if abs(count * s - total_s) <= 1]
    return (fitting or [EPOCH_S])[0]


def _over_midnight(clock_s: np.ndarray, lengths_s: np.ndarray) -> np.ndarray:
    """Place each time of day on the day on which it is nearest to the end of the mark before it.

    Times that pass 24 h come from dates and stay as they are.
    """
    if (clock_s >= DAY_S).any():
        return clock_s
    placed_s, expected_s = np.empty_like(clock_s), clock_s[0]
    for i, clock in enumerate(clock_s.tolist()):
        placed_s[i] = clock + DAY_S * round((expected_s - clock) / DAY_S)
        expected_s = placed_s[i] + lengths_s[i]
    return placed_s


def _ends(
    onsets_s: np.ndarray, durations_s: np.ndarray, order: np.ndarray, epoch_s: float | None
) -> tuple[np.ndarray, float | None, list[str]]:
    """Return where marks end. One without a duration ends where the next begins.

    The last mark without a duration, if marks are stages at changes, has an infinite end: it holds
    until the end of the recording.
    """
    ends_s = onsets_s + durations_s
    open_ended = durations_s < 0
    step_s = _even_step(onsets_s[order])
    if not open_ended.any():
        lengths_s = np.unique(np.round(durations_s, 1))
        one_s = float(lengths_s[0]) if len(lengths_s) == 1 else None
        notes = []
        if one_s and one_s % EPOCH_S and one_s == step_s:
            notes.append(
                f"{len(onsets_s)} events of {one_s:g} s, put on epochs of 30 s by the longer share"
            )
        return ends_s, one_s, notes
    sorted_s = onsets_s[order]
    later = np.searchsorted(sorted_s, sorted_s, side="right")  # marks of one onset end together
    following = np.append(sorted_s, np.inf)[later]
    ends_s = ends_s.copy()
    if length_s := epoch_s or step_s:
        following = np.minimum(following, sorted_s + length_s)
    held = np.empty_like(following)
    held[order] = following
    ends_s[open_ended] = held[open_ended]
    if length_s:
        odd = [] if length_s == EPOCH_S else [f"no durations: an epoch every {length_s:g} s"]
        return ends_s, length_s, odd
    return ends_s, None, ["stages without a duration hold until the next stage"]


def _even_step(onsets_s: np.ndarray) -> float | None:
    """Return the step from mark to mark if nearly all steps are one usual length, else None."""
    if len(onsets_s) < 3:
        return None
    steps_s = np.diff(onsets_s)
    step_s = float(median(steps_s.tolist()))
    usual = min(LENGTHS_S, key=lambda length_s: abs(length_s - step_s))
    if abs(usual - step_s) > 0.5 or np.mean(np.abs(steps_s - usual) < 1) < 0.9:
        return None
    return usual


def _shift(
    sheet: Sheet, onsets_s: np.ndarray, ends_s: np.ndarray, recording: Recording
) -> tuple[float, list[str]]:
    """Return how many seconds to add to onsets, and what to say about it."""
    first_s, path = float(onsets_s.min()), sheet.path
    last_s = float(ends_s[np.isfinite(ends_s)].max(initial=float(onsets_s.max())))
    if last_s - first_s > MAX_DURATION_S or abs(first_s) > MAX_DURATION_S:
        raise InputError(
            f"{path}: stages from {first_s:g} s to {last_s:g} s; expected less than "
            f"{MAX_DURATION_S / DAY_S:.0f} days"
        )
    clock_s = recording.clock_s
    if sheet.origin == CLOCK:
        if clock_s is None:
            raise InputError(
                f"{path}: gives times of day, and {recording.path.name} does not say when it "
                "began; expected a recording with a start time, or onsets in seconds"
            )
        shift_s = _nearest_day(first_s - clock_s, last_s - first_s, recording.duration_s) - first_s
        lag_s = first_s + shift_s
        if abs(lag_s) <= 1:
            return shift_s, []
        return shift_s, [f"{path.name}: the first stage is at {_clock(first_s)}, {_lag(lag_s)}"]
    if sheet.origin != OWN or sheet.start_clock_s is None or clock_s is None:
        return 0.0, []
    shift_s = _nearest_day(sheet.start_clock_s - clock_s, last_s, recording.duration_s)
    if abs(shift_s) <= 1:
        return 0.0, []
    if sheet.start_clock_s == 0 and shift_s > -DAY_S / 2:
        # A start at midnight sharp is what programs write that remove times.
        return 0.0, [f"{path.name} gives 00:00:00 as its start: taken as no start of its own"]
    return shift_s, [f"{path.name} starts at {_clock(sheet.start_clock_s)}, {_lag(shift_s)}"]


def _nearest_day(lag_s: float, length_s: float, total_s: float) -> float:
    """Return a difference of two times of day plus the days that let the scores overlap most."""
    lag_s %= DAY_S
    candidates = (lag_s, lag_s - DAY_S)
    return max(candidates, key=lambda lag: min(lag + length_s, total_s) - max(lag, 0.0))


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds) % 86400, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"


def _lag(lag_s: float) -> str:
    side = "after" if lag_s > 0 else "before"
    return f"{abs(lag_s):g} s {side} the recording: stages are placed by that time"
