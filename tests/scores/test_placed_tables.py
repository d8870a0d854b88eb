"""Tables and lists on their recording: starts in the head, lights, runs without times."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from psgvlm.errors import InputError
from psgvlm.scores import place
from psgvlm.scores.formats import read_sheet

CYCLE = ("W", "W", "N1", "N2", "N2", "N3", "N3", "R", "R", "W")


@dataclass
class FakeRecording:
    """What placing needs to know of a recording; it starts at 22:00:00."""

    duration_s: float
    clock_s: int = 22 * 3600
    path: Path = Path("night.edf")


@pytest.fixture
def placed(tmp_path):
    """Return a function that reads a text as a file of scores and places it."""

    def read_and_place(text: str, seconds: float = 300, name: str = "night.csv", **options):
        path = tmp_path / name
        path.write_text(text)
        return place(read_sheet(path), FakeRecording(seconds), **options)

    return read_and_place


def lines(form: str, stages=CYCLE) -> str:
    return "".join(form.format(i=i, s=stage, t=30 * i) + "\n" for i, stage in enumerate(stages))


@pytest.mark.parametrize("key", ["Start Time", "Start", "Recording start time", "StartTime"])
def test_a_start_in_the_head_of_numbered_epochs_places_them(placed, key):
    scores = placed(f"Patient,X\n{key},22:01:00\n\nEpoch,Stage\n" + lines("{i},{s}"), 360)
    assert (scores.onset_s, scores.stages) == (60, CYCLE)
    assert "60 s after the recording" in " ".join(scores.notes)
    same = placed(f"Patient,X\n{key},22:00:00\n\nEpoch,Stage\n" + lines("{i},{s}"))
    assert (same.onset_s, same.stages, same.notes) == (0, CYCLE, ())


def test_a_row_of_lights_does_not_take_the_epoch_in_which_it_stands(placed):
    head = "class\tinstance\tchannel\tstart\tstop\tmeta\n"
    annot = head + "L\t.\t.\t0\t90\t.\n" + lines("{s}\t.\t.\t{t}\t+30\t.")
    assert placed(annot, name="night.annot").stages == CYCLE
    table = "onset,duration,stage\n0,30,Lights off\n" + lines("{t},30,{s}") + "300,30,Lights on\n"
    assert placed(table, 330).stages[:10] == CYCLE


def test_lights_where_no_stage_stands_end_the_stage_before_them(placed):
    head = "class\tinstance\tchannel\tstart\tstop\tmeta\n"
    rows = "W\t.\t.\t0\t...\t.\nL\t.\t.\t60\t120\t.\nN1\t.\t.\t120\t150\t.\n"
    assert placed(head + rows, 150, "night.annot").stages == ("W", "W", None, None, "N1")


def test_changes_of_stage_without_times_are_no_list_of_epochs(placed):
    with pytest.raises(InputError, match=r"night\.csv.*changes of stage"):
        placed("first_sample,last_sample,stage\n0,999,W\n999,2500,N1\n2500,7000,N2\n7000,8000,R\n")


def test_body_positions_beside_the_stages_are_no_scorer(placed):
    rows = "".join(f"{'RLSW'[i % 4]},{stage}\n" for i, stage in enumerate(CYCLE))
    scores = placed("Position,Sleep Stage\n" + rows)
    assert scores.stages == CYCLE and scores.votes is None


def test_a_comment_says_what_the_numbers_of_a_table_mean(placed):
    numbers = [{"W": 0, "N1": 1, "N2": 2, "N3": 3, "R": 4}[stage] for stage in CYCLE]
    text = "# 0=W 1=N1 2=N2 3=N3 4=REM\nepoch,stage\n" + lines("{i},{s}", numbers)
    assert placed(text).stages == CYCLE


@pytest.mark.parametrize(
    "rows",
    [
        "Start,Duration,Event,Stage\n22:01:00,12,Hypopnea,N2\n22:05:00,20,Apnea,REM\n"
        "22:09:00,15,Hypopnea,N2\n",
        "onset,duration,stage\n100,5,N2\n310,4.2,N2\n511,6,R\n",
        "Start,End,Stage\n100,112,N2\n310,330,N2\n511,560,R\n",
    ],
)
def test_the_stage_during_another_event_is_no_scored_epoch(placed, rows):
    with pytest.raises(InputError, match=r"night\.csv"):
        placed(rows, 1200)
