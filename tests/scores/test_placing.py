"""Placing marks on a recording: words, numbers, lengths of epochs, times, several scorers."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgvlm.errors import InputError
from psgvlm.scores import CLOCK, CODES, OWN, Mark, Sheet, consensus, place, votes
from psgvlm.scores.sheet import EMPTY_LINE
from psgvlm.stages import EPOCH_S, STAGES


@dataclass
class FakeRecording:
    """The two facts of a recording that placing needs."""

    duration_s: float
    clock_s: int | None = 22 * 3600
    path: Path = Path("night.edf")


def sheet(marks, **more) -> Sheet:
    return Sheet(Path("scores.txt"), "test", {"": tuple(marks)}, **more)


def listed(*words, **more) -> Sheet:
    return sheet([Mark(word) for word in words], **more)


def stage_at(scores, second: float):
    epoch = (second - scores.onset_s) / EPOCH_S
    return scores.stages[int(epoch)] if 0 <= epoch < len(scores.stages) else None


def test_a_list_of_words():
    scores = place(listed("W", "S1", "Sleep stage 2", "SLEEP-S4", "REM", "?"), FakeRecording(180))
    assert scores.stages == ("W", "N1", "N2", "N3", "R", None)
    assert scores.onset_s == 0 and not scores.notes and not scores.warnings


@pytest.mark.parametrize("length_s", [5, 10, 20])
def test_the_length_of_an_epoch_is_found_from_the_length_of_the_recording(length_s):
    words = [stage for stage in STAGES for _ in range(60 // length_s)]
    scores = place(listed(*words), FakeRecording(300))
    assert scores.stages == tuple(stage for stage in STAGES for _ in range(2))
    assert f"{length_s} s" in " ".join(scores.notes)


def test_epochs_of_20_s_take_the_stage_of_most_seconds():
    words = ["W", "W", "N1", "N2", "N2", "N2"]  # 0-40 W, 40-60 N1, 60-120 N2
    scores = place(listed(*words), FakeRecording(120))
    assert scores.stages == ("W", "N1", "N2", "N2")


def test_a_tie_is_unscored_and_counted():
    scores = place(
        sheet([Mark("W", 0, 15), Mark("N1", 15, 15), Mark("N1", 30, 30)]), FakeRecording(60)
    )
    assert scores.stages == (None, "N1")
    assert "1 epoch" in " ".join(scores.notes)


def test_numbers_need_a_table():
    numbers = listed("0", "1", "4")
    with pytest.raises(InputError) as caught:
        place(numbers, FakeRecording(90))
    assert "0 1 4" in str(caught.value) and caught.value.parameter == "codes"
    assert place(numbers, FakeRecording(90), codes="aasm").stages == ("W", "N1", "R")
    assert place(numbers, FakeRecording(90), codes="rk").stages == ("W", "N1", "N3")
    assert place(numbers, FakeRecording(90), codes="ucddb").stages == ("W", "R", "N3")
    assert place(listed("0", "1", codes="dreams"), FakeRecording(60)).stages == ("N3", "N3")
    with pytest.raises(InputError, match="expected one of"):
        place(numbers, FakeRecording(90), codes="nothing")


def test_numbers_beside_the_words_w_and_r_are_stages_of_sleep():
    scores = place(listed("W", "1", "2", "3", "4", "R"), FakeRecording(180))
    assert scores.stages == ("W", "N1", "N2", "N3", "N3", "R")


@pytest.mark.parametrize("name", CODES)
def test_every_table_has_all_five_stages(name):
    assert set(CODES[name].values()) >= set(STAGES)


def test_an_unknown_word_loses_its_epochs_alone_and_is_listed():
    words = ["W"] * 30 + ["foo"] + ["N2"] * 30
    scores = place(listed(*words), FakeRecording(61 * 30))
    assert scores.stages == ("W",) * 30 + (None,) + ("N2",) * 30
    assert any("'foo' (1)" in note for note in scores.notes) and not scores.warnings


def test_many_unknown_words_and_no_known_word_are_warnings():
    some = place(listed("W", "foo", "N2"), FakeRecording(90))
    assert any("'foo' (1)" in warning for warning in some.warnings)
    none = place(listed("foo", "bar"), FakeRecording(60))
    assert none.stages == (None, None)
    assert any("no epoch has a stage" in warning for warning in none.warnings)


def test_a_long_unknown_text_is_not_quoted():
    name = "Jane Example slept badly here"
    scores = place(listed("W", name, "N2"), FakeRecording(90))
    assert name not in " ".join(scores.warnings + scores.notes)


def test_a_list_longer_than_the_recording_by_far_is_refused():
    with pytest.raises(InputError, match="30"):
        place(listed(*["W"] * 30), FakeRecording(480))


def test_a_list_much_shorter_than_the_recording_is_a_warning():
    scores = place(listed(*["W"] * 40), FakeRecording(8 * 3600))
    assert "taken to begin with it" in " ".join(scores.warnings)


def test_a_file_with_a_start_of_its_own_is_placed_by_it():
    marks = [Mark("W", 0, 30), Mark("N1", 30, 60)]
    own = sheet(marks, origin=OWN, start_clock_s=22 * 3600 + 600)
    scores = place(own, FakeRecording(1200))
    assert scores.onset_s == 600 and scores.stages == ("W", "N1", "N1")
    assert "22:10:00" in " ".join(scores.notes) and "600 s after" in " ".join(scores.notes)


def test_a_start_over_midnight():
    own = sheet([Mark("W", 0, 30)], origin=OWN, start_clock_s=300)
    assert place(own, FakeRecording(1200, 23 * 3600 + 3590)).onset_s == 310


def test_a_start_at_midnight_sharp_is_no_start():
    own = sheet([Mark("W", 0, 30)], origin=OWN, start_clock_s=0)
    scores = place(own, FakeRecording(8 * 3600))
    assert scores.onset_s == 0 and "00:00:00" in " ".join(scores.notes)


def test_times_of_day_pass_midnight():
    start_s = 23 * 3600 + 59 * 60
    marks = [Mark("W", start_s, 30), Mark("N1", start_s + 30, 30), Mark("N2", 0.0, 30)]
    scores = place(sheet(marks, origin=CLOCK), FakeRecording(600, start_s - 60))
    assert scores.onset_s == 60 and scores.stages == ("W", "N1", "N2")


def test_times_of_day_need_a_recording_with_a_start():
    with pytest.raises(InputError, match="start time"):
        place(sheet([Mark("W", 0.0, 30)], origin=CLOCK), FakeRecording(600, None))


def test_stages_without_durations_hold_until_the_next():
    marks = [Mark("W", 0), Mark("N1", 300), Mark("N2", 390)]
    scores = place(sheet(marks), FakeRecording(600))
    assert scores.stages == ("W",) * 10 + ("N1",) * 3 + ("N2",) * 7
    assert "duration" in " ".join(scores.notes)


def test_even_onsets_without_durations_are_epochs_with_holes():
    marks = [Mark("N2", 30.0 * i) for i in range(20) if i != 7]
    scores = place(sheet(marks), FakeRecording(900))
    assert scores.stages == tuple(None if i == 7 else "N2" for i in range(20))


def test_a_short_first_epoch_does_not_shift_the_others():
    marks = [Mark("W", 0, 17)] + [Mark("N1", 17 + 30 * i, 30) for i in range(5)]
    scores = place(sheet(marks), FakeRecording(300))
    assert stage_at(scores, 17) == "N1" and stage_at(scores, 16.9) == "W"
    assert (17 - scores.onset_s) % 30 == 0


def test_two_stages_for_the_same_seconds_give_none():
    marks = [Mark("W", 0, 60), Mark("N1", 30, 30)]
    assert place(sheet(marks), FakeRecording(60)).stages == ("W", None)


def test_stages_outside_the_recording_are_refused():
    with pytest.raises(InputError, match="outside"):
        place(sheet([Mark("W", 5000, 300)]), FakeRecording(600))


SCORERS = {
    "a": ("W", "N1", "N2", "N3", "R"),
    "b": ("W", "N1", "N2", "N2", "R"),
    "stage_ai": ("N1", "N1", "N1", "N1", "N1"),
}


def several(*names) -> Sheet:
    marks = {name: tuple(Mark(word) for word in SCORERS[name]) for name in names}
    return Sheet(Path("s.tsv"), "test", marks, algorithms=frozenset({"stage_ai"}))


def test_all_people_are_kept_and_no_program():
    scores = place(several("stage_ai", "a", "b"), FakeRecording(150))
    assert scores.stages == SCORERS["a"] and scores.second == SCORERS["b"]
    assert scores.scorers == ("a", "b")
    assert "not of stage_ai, b" in " ".join(scores.notes)
    assert scores.votes[3] == (0, 0, 0.5, 0.5, 0) and scores.votes[0] == (1, 0, 0, 0, 0)
    assert place(several("a", "b"), FakeRecording(150), scorer="b").stages == SCORERS["b"]


def test_a_program_is_taken_only_when_it_is_named():
    with pytest.raises(InputError, match="stage_ai"):
        place(several("stage_ai"), FakeRecording(150))
    asked = place(several("stage_ai", "a"), FakeRecording(150), scorer="stage_ai")
    assert asked.stages == SCORERS["stage_ai"]
    (note,) = place(several("stage_ai", "a"), FakeRecording(150)).notes
    assert "those of a, not of stage_ai" in note
    with pytest.raises(InputError, match="nobody"):
        place(several("a"), FakeRecording(150), scorer="nobody")


def test_files_of_one_scorer_each_are_opinions_of_one_night():
    one = Sheet(Path("n_scorer1.txt"), "test", {"": tuple(map(Mark, SCORERS["a"]))})
    two = Sheet(Path("n_scorer2.txt"), "test", {"": tuple(map(Mark, SCORERS["b"]))})
    scores = place([one, two], FakeRecording(150))
    assert scores.second == SCORERS["b"] and scores.scorers == ("n_scorer1", "n_scorer2")


def test_consensus_is_the_majority_and_at_a_tie_the_scorer_who_agrees_best():
    first, second = ("W", "N1", "N2", "W", "N1"), ("W", "N1", "N2", "N1", "R")
    third, fourth = ("W", "N2", "N2", "N1", "R"), ("N1", "N2", "N3", "W", "N2")
    # They agree with the others in 6, 7, 7 and 2 epochs: in the fourth epoch the second decides.
    assert consensus([first, second, third, fourth]) == ("W", "N1", "N2", "N1", "R")
    assert votes([(None,), (None,)]) == (None,)


runs = st.lists(st.tuples(st.integers(1, 12), st.sampled_from([*STAGES, "?"])), min_size=1)


@given(runs, st.integers(0, 5), st.sampled_from([5, 10, 15, 30]))
def test_however_a_hypnogram_is_written_its_epochs_come_back(runs, lead, length_s):
    """Runs, pieces of any usual length, and changes without durations say the same."""
    stages = [stage for count, stage in runs for _ in range(count)]
    expected = [None if stage == "?" else stage for stage in stages]
    onset_s, total_s = EPOCH_S * lead, EPOCH_S * (lead + len(stages))
    recording = FakeRecording(total_s)
    at, as_runs = onset_s, []
    for count, stage in runs:
        as_runs.append(Mark(stage, at, EPOCH_S * count))
        at += EPOCH_S * count
    pieces = [
        Mark(stage, onset_s + EPOCH_S * i + piece, length_s)
        for i, stage in enumerate(stages)
        for piece in range(0, 30, length_s)
    ]
    for marks in (as_runs, pieces, list(reversed(pieces))):
        scores = place(sheet(marks), recording)
        assert scores.onset_s == onset_s and list(scores.stages) == expected


@given(st.lists(st.tuples(st.floats(-1e4, 1e5), st.floats(0, 1e4), st.sampled_from(STAGES))))
def test_no_epoch_has_a_stage_that_covers_less_than_half_of_it(events):
    marks = [Mark(stage, onset, duration) for onset, duration, stage in events]
    try:
        scores = place(sheet(marks), FakeRecording(1e5))
    except InputError:
        return
    for epoch, stage in enumerate(scores.stages):
        start = scores.start_s(epoch)
        covered = sum(
            max(0.0, min(onset + duration, start + 30) - max(onset, start))
            for onset, duration, other in events
            if other == stage
        )
        assert stage is None or covered > 14.99


@pytest.mark.parametrize(
    ("last", "hours", "warned"), [("N2", 4, True), ("N2", 0.5, False), ("?", 4, False)]
)
def test_a_last_stage_without_an_end_is_not_held_for_hours_without_a_word(last, hours, warned):
    marks = [Mark("W", 0), Mark("N1", 300), Mark("R", 1000), Mark(last, 1200)]
    scores = place(sheet(marks), FakeRecording(1200 + 3600 * hours))
    assert bool(scores.warnings) == warned
    if warned:
        (warning,) = scores.warnings
        assert "scores.txt" in warning and "1200 s" in warning and "4.0 h" in warning


def test_an_empty_line_counts_as_an_epoch_where_the_list_then_fits():
    words = ["W", "N1", EMPTY_LINE, "N2", "N2", "R"]
    with_empty = place(listed(*words), FakeRecording(180))
    assert with_empty.stages == ("W", "N1", None, "N2", "N2", "R")
    without = place(listed(*words), FakeRecording(150))
    assert without.stages == ("W", "N1", "N2", "N2", "R")
    assert "1 empty line" in " ".join(without.notes)


@pytest.mark.parametrize("length_s", [15, 2, 1])
def test_rare_lengths_of_an_epoch_are_taken_if_they_fit_to_the_second(length_s):
    words = [stage for stage in STAGES for _ in range(60 // length_s)]
    scores = place(listed(*words), FakeRecording(300))
    assert scores.stages == tuple(stage for stage in STAGES for _ in range(2))
    assert f"{length_s} s" in " ".join(scores.notes)


def test_numbers_beside_words():
    night = FakeRecording(180)
    assert place(listed(*"001R42"), night).stages == ("W", "W", "N1", "R", "N3", "N2")
    assert place(listed(*"WW1233"), night).stages == ("W", "W", "N1", "N2", "N3", "N3")
    with pytest.raises(InputError) as caught:  # without REM, 4 may be REM
        place(listed(*"WW1234"), night)
    assert caught.value.parameter == "codes"
