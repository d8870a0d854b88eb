"""Scores from whatever lies beside a recording; what was not read is named."""

import edfio
import numpy as np
import pytest
from recordings import montage, write_edf, write_profusion

from psgvlm.errors import InputError
from psgvlm.recordings import Recording
from psgvlm.scores import find_scores

STAGES = ("W", "N1", "N2", "N3", "R", None)


@pytest.fixture
def night(tmp_path):
    return write_edf(tmp_path / "night.edf", montage(["C4-M1"], 180))


def found(path, **options):
    return find_scores(Recording(path), **options)


def scorer(path, stages):
    noted = [edfio.EdfAnnotation(30 * i, 30, f"Sleep stage {s}") for i, s in enumerate(stages)]
    return write_edf(path, (), noted)


def test_nothing_beside_it(night):
    assert found(night) is None


def test_the_first_is_read_and_the_others_are_named(night):
    write_profusion(night.with_name("night-profusion.xml"), (0, 1, 2, 4, 5, 9))
    write_profusion(night.with_name("night.xml"), (2,) * 6)
    scores = found(night)
    assert scores.stages == STAGES
    (note,) = scores.notes
    assert note.index("night-profusion.xml") < note.index("night.xml")


def test_files_without_stages_are_named_in_a_warning(night):
    night.with_name("night_notes.txt").write_text("The technician was here.\n")
    scores = found(night)
    assert set(scores.stages) == {None}
    (warning,) = scores.warnings
    assert "night_notes.txt" in warning


def test_a_file_with_the_recording_s_name_that_cannot_be_read_is_refused(night):
    night.with_name("night.xml").write_text("<gpx/>")
    with pytest.raises(InputError, match=r"night\.xml"):
        found(night)


def test_a_file_that_cannot_be_read_is_named_where_another_can(night):
    night.with_name("night-profusion.xml").write_text("<CMPStudyConfig>")
    write_profusion(night.with_name("night.xml"), (0, 1, 2, 4, 5, 9))
    scores = found(night)
    assert scores.stages == STAGES
    (warning,) = scores.warnings
    assert "night-profusion.xml" in warning


def test_a_program_s_file_is_not_read_without_being_asked_for(night):
    scorer(night.with_name("night_autoscore.edf"), "WWWWWW")
    scores = found(night)
    assert set(scores.stages) == {None}
    assert "night_autoscore.edf" in scores.warnings[0]
    assert found(night, scorer="night_autoscore").stages == ("W",) * 6


def test_files_of_several_scorers_are_one_night(night):
    first, second, third = "WW2233", "W12233", "W12333"
    for name, stages in (("scorer1", first), ("scorer2", second), ("scorer3", third)):
        scorer(night.with_name(f"night_{name}.edf"), stages)
    scores = found(night)
    assert scores.stages == ("W", "W", "N2", "N2", "N3", "N3")
    assert scores.second == ("W", "N1", "N2", "N2", "N3", "N3")
    assert scores.votes[1] == pytest.approx((1 / 3, 2 / 3, 0, 0, 0))
    assert len(scores.scorers) == 3
    assert found(night, scorer="3").stages == ("W", "N1", "N2", "N3", "N3", "N3")
    assert found(night, scorer="scorer2").stages[1] == "N1"
    assert found(night, scorer="consensus").stages[1] == "N1"
    with pytest.raises(InputError, match="scorer"):
        found(night, scorer="4")


def test_its_own_annotations_are_the_last_resort(tmp_path):
    noted = [edfio.EdfAnnotation(30 * i, 30, f"Sleep stage {s}") for i, s in enumerate("W124R?")]
    path = write_edf(tmp_path / "x.edf", montage(["C4-M1"], 180), noted)
    assert found(path).stages == STAGES
    write_profusion(tmp_path / "x.xml", (2,) * 6)
    assert found(path).stages == ("N2",) * 6


def test_what_a_data_set_says_of_numbers_holds_for_a_signal_of_stages(night):
    codes = np.repeat([5, 3, 2, 1, 4, 4], 30).astype(float)
    stages = edfio.EdfSignal(codes, 1, label="hypnogram", physical_range=(0, 10))
    path = write_edf(night.with_name("own.edf"), [*montage(["C4-M1"], 180), stages])
    night.unlink()
    assert found(path, default_codes="dreams").stages == ("W", "N1", "N2", "N3", "R", "R")
    with pytest.raises(InputError) as caught:
        found(path)
    assert caught.value.parameter == "codes"


def test_a_description_of_the_recording_in_json_does_not_lose_it(night):
    night.with_suffix(".json").write_text('{"TaskName": "sleep", "EEGReference": "M1"}')
    scores = found(night)
    assert set(scores.stages) == {None}
    assert "night.json" in " ".join(scores.warnings)


def test_why_a_file_was_not_read_is_said_where_an_option_would_help(night):
    night.with_name("night_final.txt").write_text("0\n1\n2\n4\n5\n0\n")
    scores = found(night)
    assert set(scores.stages) == {None}
    assert "0 1 2 4 5" in " ".join(scores.warnings)
    assert found(night, codes="rk").stages == ("W", "N1", "N2", "N3", "R", "W")


def test_a_table_of_several_recordings_is_named_with_its_reason(night):
    rows = [f"{name},{epoch},N2" for name in ("night", "other") for epoch in range(6)]
    night.with_name("all.csv").write_text("\n".join(["recording,epoch,stage", *rows]))
    (warning,) = found(night).warnings
    assert "all.csv" in warning and "2 recordings" in warning
