"""The Wisconsin Sleep Cohort's files: `.stg.txt`, numbered epochs, and `.allscore.txt`, events."""

from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.scores.clock import DAY_S, read_clock
from psgvlm.scores.formats.table_sheet import sheet_of_table
from psgvlm.scores.formats.text_table import TextTable
from psgvlm.scores.sheet import CLOCK, OWN, Mark, Sheet
from psgvlm.scores.words import is_stage_text

STAGES_SUFFIX, EVENTS_SUFFIX = ".stg.txt", ".allscore.txt"
PAUSED, RESUMED, STARTED = "PAUSED", "RECORDING RESUMED", "START RECORDING"
COLUMNS = ("Epoch", "User-Defined Stage", "CAST-Defined Stage")


def read(path: Path, text: str) -> Sheet | None:
    """Return what a file of the cohort says; None for a file of another name."""
    name = path.name.lower()
    if name.endswith(STAGES_SUFFIX):
        return _read_stages(path, text)
    return _read_events(path, text) if name.endswith(EVENTS_SUFFIX) else None


def _read_stages(path: Path, text: str) -> Sheet | None:
    """Return numbered epochs. Some files lack the header, so that the columns count, not it."""
    rows = [line.split() for line in text.splitlines()]
    rows = [row[:3] for row in rows if len(row) > 1 and row[0].isdecimal()]
    if not rows:
        return None
    width = min(map(len, rows))
    table = TextTable(COLUMNS[:width], tuple(tuple(row[:width]) for row in rows))
    return sheet_of_table(path, table, format="WSC stages", codes="rk")


def _read_events(path: Path, text: str) -> Sheet | None:
    """Return the stages at their changes, in seconds of the recording.

    The clock goes on while the recording is paused, and the recording does not: the pauses before
    a stage are taken off its time.
    """
    events = []
    for line in text.splitlines():
        clock, _, said = line.partition("\t")
        if (time := read_clock(clock.strip())) and said.strip():
            events.append((time[1], said.strip()))
    if not events:
        return None
    began = next((second for second, said in events if said.upper() == STARTED), None)
    origin = CLOCK if began is None else OWN
    marks: list[Mark] = []
    previous, days, paused_s, pause_from = events[0][0], 0.0, 0.0, None
    for second, said in events:
        days += DAY_S if second < previous - DAY_S / 2 else 0.0
        previous, now = second, second + days - (began or 0.0)
        if said.upper() == PAUSED and pause_from is None:
            pause_from = now
        elif said.upper() == RESUMED and pause_from is not None:
            paused_s, pause_from = paused_s + now - pause_from, None
        elif is_stage_text(said):
            marks.append(Mark(said, (now if pause_from is None else pause_from) - paused_s))
    if not marks:
        raise InputError(f"{path}: no line STAGE - W, N1, N2, N3 or R; expected the stages")
    notes = (f"pauses of {paused_s:g} s are taken off the times",) if paused_s else ()
    return Sheet(path, "WSC events", {"": tuple(marks)}, origin, began, notes=notes)
