"""Which files are taken for the scores of a recording, by their names alone."""

from pathlib import Path

import pytest

from psgvlm.scores.beside import ScoreFiles, files_beside, is_likely, is_program


def tree(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def beside(root: Path, signal: str) -> list[str]:
    return [path.relative_to(root).as_posix() for path in files_beside(root / signal)]


@pytest.mark.parametrize(
    ("signal", "scores"),
    [
        ("night.edf", "night.txt"),
        ("night.edf", "night-Hypnogram.edf"),
        ("night.edf", "night_hypnogram.csv"),
        ("night.edf", "night_sleepscoring.txt"),
        ("night.edf", "night.eannot"),
        ("night.edf", "night_scorer1.txt"),
        ("night.edf", "Hypnogram_night.txt"),
        ("night.edf", "HypnogramAASM_night.txt"),
        ("night.bdf", "night.xml"),
        ("SC4001E0-PSG.edf", "SC4001EC-Hypnogram.edf"),
        ("01-03-0001 PSG.edf", "01-03-0001 Base.edf"),
        ("sub-1_task-sleep_eeg.edf", "sub-1_task-sleep_events.tsv"),
        ("sub-1_task-sleep_eeg.edf", "sub-1_task-sleep_hypnogram.tsv"),
        ("wsc-visit1-10119-nsrr.edf", "wsc-visit1-10119.stg.txt"),
        ("EPCTL01 - fixed.edf", "EPCTL01.txt"),
        ("P1.EDF", "P1.TXT"),
        ("patient/rec.edf", "patient/Schlafprofil.txt"),
        ("patient/rec.edf", "patient/Analysedaten/Schlafprofil.txt"),
        ("EPCTL01/EPCTL01 - fixed.edf", "EPCTL01/test1.txt"),
        ("edfs/a/x-1.edf", "annotations-events-nsrr/a/x-1-nsrr.xml"),
        ("PSG/SN1_Respiration.edf", "Annotations/manual/SN1_Respiration_manual_scorer1.edf"),
        ("recordings/P1.edf", "hypnograms/P1.csv"),
    ],
)
def test_names_of_scores(tmp_path, signal, scores):
    tree(tmp_path, signal, scores)
    assert beside(tmp_path, signal) == [scores]
    shared = ScoreFiles([tmp_path / signal], [tmp_path / scores])
    assert shared.of(tmp_path / signal) == [tmp_path / scores]


@pytest.mark.parametrize(
    "other",
    [
        "night10.txt",
        "mynight.txt",
        "ucddb_lifecard.edf",
        "night_respevt.txt",
        "night_channels.tsv",
        "night.log.txt",
        "night.png",
        "elsewhere/night.txt",
        "readme.pdf",
    ],
)
def test_names_of_other_files(tmp_path, other):
    tree(tmp_path, "night.edf", "other.edf", other)
    assert beside(tmp_path, "night.edf") == []


def test_scores_of_another_acquisition_are_not_this_one_s(tmp_path):
    tree(tmp_path, "sub-1_acq-psg_eeg.edf", "sub-1_acq-headband_events.tsv")
    assert beside(tmp_path, "sub-1_acq-psg_eeg.edf") == []


def test_the_likeliest_comes_first(tmp_path):
    names = ["p1-hypnogram.edf", "p1-profusion.xml", "p1-nsrr.xml", "p1.xml", "p1_events.tsv"]
    names += ["p1.csv", "p1.txt", "p1_notes.txt", "p1_usleep.tsv"]
    tree(tmp_path, "p1.edf", *reversed(names))
    assert beside(tmp_path, "p1.edf") == names
    likely = [is_likely(tmp_path / "p1.edf", tmp_path / name) for name in names]
    assert likely == [True] * 7 + [False, False]


def test_the_aasm_s_hypnogram_comes_first(tmp_path):
    names = ["HypnogramAASM_subject1.txt", "HypnogramR&K_subject1.txt"]
    tree(tmp_path, "subject1.edf", *names)
    assert beside(tmp_path, "subject1.edf") == names


def test_the_longer_name_has_the_file(tmp_path):
    signals = ["P1.edf", "P1_2.edf"]
    tree(tmp_path, *signals, "P1.txt", "P1_2.txt")
    shared = ScoreFiles([tmp_path / name for name in signals], tmp_path.iterdir())
    assert [[p.name for p in shared.of(tmp_path / s)] for s in signals] == [
        ["P1.txt"],
        ["P1_2.txt"],
    ]


def test_equal_names_in_two_groups_are_told_apart_by_the_group(tmp_path):
    """A recording whose scores are missing does not get those of another of the same name."""
    signals = [tmp_path / f"edfs/visit{i}/P1.edf" for i in (1, 2)]
    only = tmp_path / "annotations/visit2/P1.xml"
    shared = ScoreFiles(signals, [only])
    assert [shared.of(signal) for signal in signals] == [[], [only]]


def test_a_folder_with_two_recordings_gives_none_a_nameless_file(tmp_path):
    tree(tmp_path, "a.edf", "b.edf", "Schlafprofil.txt")
    assert beside(tmp_path, "a.edf") == []


def test_a_sleep_profile_is_found_beside_a_report_with_the_recording_s_name(tmp_path):
    tree(tmp_path, "P1/rec.edf", "P1/rec.txt", "P1/Flow Events.txt", "P1/Schlafprofil.txt")
    assert sorted(beside(tmp_path, "P1/rec.edf")) == ["P1/Schlafprofil.txt", "P1/rec.txt"]


def test_a_sleep_profile_in_a_folder_of_something_else_is_nobody_s(tmp_path):
    tree(tmp_path, "P1.edf", "other/Schlafprofil.txt")
    paths = [tmp_path / "P1.edf", tmp_path / "other/Schlafprofil.txt"]
    assert ScoreFiles(paths[:1], paths[1:]).of(paths[0]) == []


def test_a_program_is_known_by_what_the_name_has_besides():
    assert is_program(Path("P1.edf"), Path("P1_yasa.csv"))
    assert is_program(Path("P1.edf"), Path("P1_PRED.npy"))
    assert not is_program(Path("a_yasa.edf"), Path("a_yasa.csv"))
    assert not is_program(Path("P1.edf"), Path("P1_hypnogram.csv"))
