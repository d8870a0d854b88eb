"""Any folder of recordings: the files of the stages, the subjects, unscored recordings."""

from pathlib import Path

import edfio
import numpy as np
import pytest
from psgvlm.builders.build.examine import Choices, examine
from psgvlm.builders.readers import find_nights, folder
from real_recordings import real_recording
from recordings import montage, noise, signal, with_gap, write_edf, write_nsrr, write_profusion

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.signals.filters import band_pass

LABELS = ("F4-M1", "C4-M1", "O2-M1", "E1-M2", "E2-M1", "chin")
STAGES = ("W", "N1", "N2", "N3", "R", None)


def night_of(raw, name="night.edf", annotations=None):
    write_edf(raw / name, montage(LABELS, 180), annotations)
    (night,) = find_nights(folder, raw)
    return night


def stages(night):
    return folder.read_scores(night).stages


### Stages


def test_without_stages_the_whole_recording_is_drawn_unscored(tmp_path):
    night = night_of(tmp_path)
    assert folder.read_scores(night) is None
    seen = examine(folder, night, PRESETS["wide"], Choices())
    assert not seen.scored
    assert seen.night.onsets_s.tolist() == [0, 30, 60, 90, 120, 150]
    assert seen.scores.stages == (None,) * 6
    assert "unscored" in seen.notes


def test_its_own_annotations(tmp_path):
    words = ("W", "N1", "2", "4", "R", "?")
    noted = [edfio.EdfAnnotation(30 * i, 30, f"Sleep stage {w}") for i, w in enumerate(words)]
    night = night_of(tmp_path, annotations=[*noted, edfio.EdfAnnotation(40, 3, "Arousal")])
    assert stages(night) == STAGES


@pytest.mark.parametrize("name", ["night-Hypnogram.edf", "night.edf"])
def test_annotations_over_many_epochs(tmp_path, name):
    """One annotation of Sleep-EDF covers a run of epochs with the same stage."""
    runs = [(0, 60, "Sleep stage W"), (60, 90, "Sleep stage 2"), (150, 30, "Movement time")]
    scored = [edfio.EdfAnnotation(*run) for run in runs]
    if name == "night.edf":
        night = night_of(tmp_path, annotations=scored)
    else:
        write_edf(tmp_path / name, (), scored)
        night = night_of(tmp_path)
        assert [path.name for path in night.scores] == [name]
    assert stages(night) == ("W", "W", "N2", "N2", "N2", None)


def test_sleep_edf_s_names(tmp_path):
    """The scorer's letter differs, both nights are one subject, each has its own stages."""
    for code, letter, stage in (("SC4001", "C", "W"), ("SC4002", "H", "R")):
        write_edf(tmp_path / f"{code}E0-PSG.edf", montage(LABELS, 60))
        scored = [edfio.EdfAnnotation(0, 60, f"Sleep stage {stage}")]
        write_edf(tmp_path / f"{code}E{letter}-Hypnogram.edf", (), scored)
    nights = find_nights(folder, tmp_path)
    assert [night.subject for night in nights] == ["SC400", "SC400"]
    assert [night.recording for night in nights] == ["SC4001E0-PSG", "SC4002E0-PSG"]
    assert [stages(night) for night in nights] == [("W", "W"), ("R", "R")]


@pytest.mark.parametrize("name", ["night.xml", "night-nsrr.xml", "night-profusion.xml"])
def test_xml(tmp_path, name):
    write = write_nsrr if "nsrr" in name else write_profusion
    write(tmp_path / name, (0, 1, 2, 4, 5, 9))
    assert stages(night_of(tmp_path)) == STAGES


def test_a_damaged_hypnogram_is_no_recording_of_its_own(tmp_path):
    (tmp_path / "night-Hypnogram.edf").write_bytes(b"0       " + b"x" * 300)
    night = night_of(tmp_path)
    with pytest.raises(InputError, match=r"night-Hypnogram\.edf"):
        stages(night)


def test_a_hypnogram_with_a_slow_signal_beside_the_annotations(tmp_path):
    noted = [edfio.EdfAnnotation(30 * i, 30, f"Sleep stage {w}") for i, w in enumerate("W124R?")]
    marker = signal("marker", np.zeros(180), 1)
    write_edf(tmp_path / "night-Hypnogram.edf", [marker], noted)
    assert stages(night_of(tmp_path)) == STAGES


def test_xml_of_another_kind(tmp_path):
    (tmp_path / "night.xml").write_text("<gpx/>")
    with pytest.raises(InputError, match=r"night\.xml.*'gpx'.*expected.*CMPStudyConfig"):
        stages(night_of(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "onset\tduration\ttrial_type\n0\t30\tW\n30\t30\tN1\n31\t2\tarousal\n60\t30\tN2\n90\t30\tN3\n"
        "120\t30\tREM\n150\t30\tn/a\n",
        "onset\tduration\tstage\tvalue\n0.0\t30\twake\t0\n30\t30\t1\t1\n60\t30\tSleep stage 2\t2\n"
        "90\t30\tStage 4\t4\n120\t30\tR\t5\n150\t30\tunscored\t9\n",
    ],
)
def test_bids_events(tmp_path, text):
    (tmp_path / "sub-07" / "eeg").mkdir(parents=True)
    (tmp_path / "sub-07" / "eeg" / "sub-07_task-sleep_events.tsv").write_text(text)
    night = night_of(tmp_path, "sub-07/eeg/sub-07_task-sleep_eeg.edf")
    assert night.subject == "sub-07"
    assert stages(night) == STAGES


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("night.txt", "W\nN1\nN2\nN3\nR\n?\n"),
        ("night_hypnogram.txt", "W\r\nN1\r\nN2\r\nN3\r\nR\r\n?\r\n"),
        ("night.csv", "wake\nS1\nS2\nS4\nREM\nMT\n"),
        ("night.csv", "epoch,onset_s,stage,p_W\n0,0,W,1\n1,30,N1,0\n2,60,N2,0\n3,90,N3,0\n"
         "4,120,R,0\n5,150,?,0\n"),
        ("night.csv", "\ufeffepoch;stage\n0;W\n1;N1\n2;N2\n3;N3\n4;R\n5;unscored\n"),
    ],
)  # fmt: skip
def test_lists(tmp_path, name, text):
    (tmp_path / name).write_text(text, "utf-8", newline="")
    assert stages(night_of(tmp_path)) == STAGES


def test_numbers_need_a_table_of_codes(tmp_path):
    (tmp_path / "night.txt").write_text("0\r\n1\r\n2\r\n4\r\n5\r\n9\r\n", newline="")
    night = night_of(tmp_path)
    with pytest.raises(InputError, match=r"night\.txt.*0 1 2 4 5 9"):
        stages(night)
    assert folder.read_scores(night, codes="rk").stages == STAGES
    assert folder.read_scores(night, codes="aasm").stages == ("W", "N1", "N2", "R", None, None)


def test_epochs_of_another_length(tmp_path):
    (tmp_path / "night.txt").write_text("W\n" * 6 + "N2\n" * 12)
    night = night_of(tmp_path)
    assert stages(night) == ("W", "W", "N2", "N2", "N2", "N2")  # 18 epochs of 10 s in 180 s
    assert folder.read_scores(night, epoch_length=5).stages == ("W", "N2", "N2")


def test_an_unknown_word_costs_its_epoch_alone_and_is_said(tmp_path):
    (tmp_path / "night.txt").write_text("W\nN7\nN2\nN3\nR\n?\n")
    scores = folder.read_scores(night_of(tmp_path))
    assert scores.stages == ("W", None, "N2", "N3", "R", None)
    assert "N7" in " ".join(scores.warnings)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("night.txt", "0\n1\n2\n4\n", "4 is stage 4 or REM"),
        ("night.txt", "", "no stages"),
        ("night.csv", "epoch,stage\n", "no stages"),
        ("night_events.tsv", "onset\tduration\n0\t30\n", "onset, duration"),
        ("night_events.tsv", "onset\tduration\tstage\nsoon\t30\tW\n", "'onset'"),
        ("night_events.tsv", "", "no stages"),
    ],
)
def test_lists_that_are_none(tmp_path, name, text, reason):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=reason) as caught:
        stages(night_of(tmp_path))
    assert name in str(caught.value)


def test_a_file_goes_before_annotations_and_other_files_are_noted(tmp_path):
    (tmp_path / "night.txt").write_text("R\n" * 6)
    write_profusion(tmp_path / "night.xml", (2,) * 6)
    scores = folder.read_scores(
        night_of(tmp_path, annotations=[edfio.EdfAnnotation(0, 30, "Sleep stage W")])
    )
    assert scores.stages == ("N2",) * 6
    (note,) = scores.notes
    assert note.index("night.xml") < note.index("not from night.txt")


### Recordings


def test_subjects_and_recordings(tmp_path):
    assert [folder._subject(Path(f"{name}.edf")) for name in ("Jan1", "Jan2")] == ["Jan1", "Jan2"]
    assert [folder._subject(Path(f"P1{n}.edf")) for n in ("_n2", "night1", "-ses-3")] == ["P1"] * 3
    names = ("P01/night1.edf", "P01/night2.EDF", "P02_ses-1.edf", "P02_ses-2.rec", "Ünal K 3.edf")
    for name in names:
        write_edf(tmp_path / name, montage(LABELS, 60))
    nights = find_nights(folder, tmp_path)
    assert {(night.recording, night.subject) for night in nights} == {
        ("P01/night1", "P01"),
        ("P01/night2", "P01"),
        ("P02_ses-1", "P02"),
        ("P02_ses-2", "P02"),
        ("Ünal K 3", "Ünal K 3"),
    }


def test_subjects_where_every_folder_has_the_same_names(tmp_path):
    """A folder is a person where its files have the names of kinds, and not of people."""
    names = ("tp1/psg.edf", "tp2/psg.edf", "z1/EEG L.edf", "z1/EEG R.edf", "z2/EEG L.edf")
    names += ("control/1.edf", "control/2.edf", "patient/1.edf", "patient/3.edf")
    names += ("baseline/K1.edf", "followup/K1.edf")
    for name in names:
        write_edf(tmp_path / name, montage(LABELS, 60))
    subjects = {night.recording: night.subject for night in find_nights(folder, tmp_path)}
    assert subjects["tp1/psg"] == "tp1" and subjects["tp2/psg"] == "tp2"
    assert subjects["z1/EEG L"] == "z1" and subjects["z2/EEG L"] == "z2"
    assert len({subjects[name] for name in subjects if name[0] in "cp"}) == 4
    assert subjects["baseline/K1"] == subjects["followup/K1"] == "K1"


def test_scores_in_a_folder_beside_that_of_the_recordings(tmp_path):
    write_edf(tmp_path / "study/edfs/P1.edf", montage(LABELS, 180))
    (tmp_path / "study/hypnograms").mkdir()
    (tmp_path / "study/hypnograms/P1.txt").write_text("W\nN1\nN2\nN3\nR\n?\n")
    for raw in (tmp_path, tmp_path / "study/edfs"):
        (night,) = find_nights(folder, raw)
        assert stages(night) == STAGES


def test_the_same_name_with_two_suffixes(tmp_path):
    for name in ("x.edf", "x.rec"):
        write_edf(tmp_path / name, montage(LABELS, 60))
    assert [n.recording for n in find_nights(folder, tmp_path)] == ["x.edf", "x.rec"]


def test_a_name_that_is_no_utf_8(tmp_path):
    path = write_edf(tmp_path / "x.edf", montage(LABELS, 60))
    path.rename(tmp_path / b"n\xe4cht.edf".decode("utf-8", "surrogateescape"))
    (night,) = find_nights(folder, tmp_path)
    assert night.recording == "n\ufffdcht"
    assert len(examine(folder, night, PRESETS["wide"], Choices()).night.epochs) == 2


def test_a_map_for_unusual_labels(tmp_path):
    write_edf(tmp_path / "x.edf", montage(("left", "Kanal 7", "EMG1", "EMG2"), 60))
    (night,) = find_nights(folder, tmp_path)
    with pytest.raises(InputError, match="no EEG lane found"):
        examine(folder, night, PRESETS["square"], Choices())
    choices = Choices(map="C4-M1=Kanal 7,chin=EMG1-EMG2")
    seen = examine(folder, night, PRESETS["square"], choices)
    assert (
        str(seen.night.lanes)
        == "C4-M1 <- Kanal 7, E1 <- missing, E2 <- missing, chin <- EMG1 - EMG2"
    )
    with pytest.raises(InputError, match="no label 'Kanal 8'"):
        examine(folder, night, PRESETS["square"], Choices(map="C4-M1=Kanal 8"))


def test_a_missing_unit_is_noted(tmp_path):
    write_edf(tmp_path / "x.edf", [signal("C4-M1", noise(60, 100), 100, "")])
    (night,) = find_nights(folder, tmp_path)
    seen = examine(folder, night, PRESETS["square"], Choices())
    assert "no unit for C4-M1: taken as uV" in seen.notes


def test_gaps_become_unscored_and_no_epoch_straddles_one(tmp_path):
    with_gap(tmp_path / "x.edf")  # 60 s recorded, 45 s gap, 60 s recorded
    (tmp_path / "x.txt").write_text("N2\n" * 6)
    (night,) = find_nights(folder, tmp_path)
    seen = examine(folder, night, PRESETS["square"], Choices())
    assert seen.night.epochs.tolist() == [0, 1, 4]
    assert seen.night.onsets_s.tolist() == [0, 30, 120]
    assert seen.night.starts_s.tolist() == [0, 30, 75]
    assert (seen.night.n_beyond, seen.night.n_in_gaps) == (1, 2)
    assert sum("left out" in note for note in seen.notes) == 2
    # The filter does not see across the gap either: each side is filtered alone.
    (trace, *_) = seen.night.traces()
    raw = seen.night.recording.read_uv("C4-M1")
    alone = band_pass(raw[3000:], 50, PRESETS["square"].eeg_hz)
    assert np.abs(trace.samples_uv[3000:] - alone).max() < 1e-3


def test_files_that_mne_reads_are_listed(tmp_path):
    import mne

    info = mne.create_info(["C4-M1"], 100, "eeg")
    raw = mne.io.RawArray(noise(90, 100)[np.newaxis] * 1e-6, info, verbose="ERROR")
    raw.set_annotations(mne.Annotations([0, 30], [30, 60], ["Sleep stage W", "Sleep stage 2"]))
    raw.save(tmp_path / "x_raw.fif", verbose="ERROR")
    (night,) = find_nights(folder, tmp_path)
    seen = examine(folder, night, PRESETS["square"], Choices())
    assert seen.scores.stages == ("W", "N2", "N2")
    assert len(seen.night.epochs) == 3


def test_a_real_recording():
    path = real_recording("nox_a1_2min.edf")
    (night,) = (n for n in find_nights(folder, path.parent) if n.signal.name == path.name)
    seen = examine(folder, night, PRESETS["wide"], Choices())
    assert str(seen.night.lanes) == (
        "F4-M1 <- F4-M1, C4-M1 <- C4-M1, O2-M1 <- O2-M1, E1 <- E1-M2, E2 <- E2-M1, chin <- 1-2"
    )
    assert len(seen.night.epochs) == 4
    assert not seen.scored
