"""Readers of the public data sets: who was recorded, whose scores are read, what is refused."""

import json

import h5py
import numpy as np
import pytest
from layouts import (
    SECONDS,
    STAGES,
    hypnogram,
    nsrr,
    recording,
    remlogic,
    sleep_edf,
    text,
)
from psgvlm.builders.readers import READERS, find_nights
from recordings import noise

from psgvlm.errors import InputError

CASSETTE = "sleep-cassette/"


def nights_of(name, raw):
    return {night.recording: night for night in find_nights(READERS[name], raw)}


def stages_of(name, raw, recorded, **options):
    return READERS[name].read_scores(nights_of(name, raw)[recorded], **options).stages


def subjects_of(name, raw):
    return {name: night.subject for name, night in nights_of(name, raw).items()}


@pytest.mark.parametrize("name", READERS)
def test_every_reader_says_what_it_is(name, tmp_path):
    reader = READERS[name]
    assert reader.NAME and reader.EXPECTED
    assert isinstance(reader.ALIASES, dict)
    with pytest.raises(InputError, match="no such folder") as caught:
        find_nights(reader, tmp_path / "missing")
    assert reader.EXPECTED in str(caught.value)
    with pytest.raises(InputError, match="no recordings"):
        find_nights(reader, tmp_path)


### Sleep-EDF


def test_sleep_edf_pairs_nights_of_one_person_in_all_editions(tmp_path):
    sleep_edf(tmp_path, f"{CASSETTE}SC4001E", f"{CASSETTE}SC4002E", "sleep-telemetry/ST7011J")
    sleep_edf(tmp_path, "SC4241E")
    recording(tmp_path / "2002/sc4002e0.rec", ("EEG Fpz-Cz",))
    assert subjects_of("sleep-edf", tmp_path) == {
        "sleep-cassette/SC4001E0-PSG": "SC400",
        "sleep-cassette/SC4002E0-PSG": "SC400",
        "sleep-telemetry/ST7011J0-PSG": "ST701",
        "SC4241E0-PSG": "SC424",
        "2002/sc4002e0": "SC400",
    }
    assert stages_of("sleep-edf", tmp_path, "sleep-cassette/SC4001E0-PSG") == STAGES


def test_sleep_edf_takes_any_letter_of_a_scorer(tmp_path):
    recording(tmp_path / "SC4001E0-PSG.edf", ("EEG Fpz-Cz",))
    recording(tmp_path / "SC4002E0-PSG.edf", ("EEG Fpz-Cz",))
    hypnogram(tmp_path / "SC4001EV-Hypnogram.edf", "WWWWWW")
    hypnogram(tmp_path / "SC4002EP-Hypnogram.edf", "RRRRRR")
    assert stages_of("sleep-edf", tmp_path, "SC4001E0-PSG") == ("W",) * 6
    assert stages_of("sleep-edf", tmp_path, "SC4002E0-PSG") == ("R",) * 6


def test_a_night_without_its_hypnogram_is_unscored(tmp_path):
    recording(tmp_path / "SC4001E0-PSG.edf", ("EEG Fpz-Cz",))
    (night,) = nights_of("sleep-edf", tmp_path).values()
    assert READERS["sleep-edf"].read_scores(night) is None


### HMC and PSG-IPA


def test_hmc_reads_one_of_two_files_and_says_which(tmp_path):
    recording(tmp_path / "recordings/SN001.edf")
    hypnogram(tmp_path / "recordings/SN001_sleepscoring.edf")
    text(tmp_path / "recordings/SN001_sleepscoring.txt", "not read\n")
    (night,) = nights_of("hmc", tmp_path).values()
    assert night.cohort == "hmc" and night.subject == "SN001"
    scores = READERS["hmc"].read_scores(night)
    assert scores.stages == STAGES
    (note,) = scores.notes
    assert note.index("SN001_sleepscoring.edf") < note.index("SN001_sleepscoring.txt")


def test_psg_ipa_has_many_scorers_of_one_night(tmp_path):
    recording(tmp_path / "Sleep_stages/PSG/SN1_Stages.edf")
    manual = tmp_path / "Sleep_stages/Annotations/manual"
    for number, words in ((1, "WW2233"), (2, "W12233"), (10, "W12333")):
        hypnogram(manual / f"SN1_Stages_manual_scorer{number}.edf", words)
    (night,) = nights_of("hmc", tmp_path).values()
    assert (night.cohort, night.subject) == ("psg-ipa", "SN1")
    assert [path.stem[-8:] for path in night.scores] == ["_scorer1", "_scorer2", "scorer10"]
    scores = READERS["hmc"].read_scores(night)
    assert scores.stages == ("W", "W", "N2", "N2", "N3", "N3")
    assert scores.votes[1] == pytest.approx((1 / 3, 2 / 3, 0, 0, 0))
    assert READERS["hmc"].read_scores(night, scorer="10").stages[3] == "N3"


### CAP, DREAMS, UCDDB


def test_cap(tmp_path):
    recording(tmp_path / "n1.edf")
    recording(tmp_path / "nfle40.edf")
    remlogic(tmp_path / "n1.txt")
    assert subjects_of("cap", tmp_path) == {"n1": "n1", "nfle40": "nfle40"}
    assert stages_of("cap", tmp_path, "n1") == STAGES


def test_dreams_prefers_the_aasm_s_hypnogram_and_tells_excerpts_apart(tmp_path):
    for name in ("Subjects/subject1", "Spindles/excerpt1", "Apnea/excerpt1"):
        recording(tmp_path / f"{name}.edf")
    for name in ("HypnogramR&K_subject1", "HypnogramAASM_subject1"):
        text(tmp_path / f"Subjects/{name}.txt", f"[{name[:-9]}]\n5\n")
    text(tmp_path / "Apnea/Hypnogram_excerpt1.txt", "[hypnogram]\n5\n")
    nights = nights_of("dreams", tmp_path)
    assert {name: night.subject for name, night in nights.items()} == {
        "Subjects/subject1": "subject1",
        "Spindles/excerpt1": "Spindles/excerpt1",
        "Apnea/excerpt1": "Apnea/excerpt1",
    }
    names = [path.name for path in nights["Subjects/subject1"].scores]
    assert names == ["HypnogramAASM_subject1.txt", "HypnogramR&K_subject1.txt"]


def test_ucddb_s_holter_recording_is_no_night(tmp_path):
    recording(tmp_path / "ucddb002.rec")
    recording(tmp_path / "ucddb002_lifecard.edf", ("chan 1", "chan 2"))
    text(tmp_path / "ucddb002_stage.txt", "0\n2\n3\n5\n1\n8\n")
    text(tmp_path / "ucddb002_respevt.txt", "00:30:10 HYP-O 20\n")
    (night,) = nights_of("ucddb", tmp_path).values()
    assert [path.name for path in night.scores] == ["ucddb002_stage.txt"]


@pytest.mark.parametrize(
    ("reader", "signal", "scores"),
    [
        ("sleep-edf", "SC4001E0-PSG.edf", "SC4001EC-Hypnogram.edf"),
        ("hmc", "SN001.edf", "SN001_sleepscoring.txt"),
        ("cap", "n1.edf", "n1.txt"),
        ("dreams", "subject1.edf", "HypnogramAASM_subject1.txt"),
        ("ucddb", "ucddb002.rec", "ucddb002_stage.txt"),
        ("stages", "BOGN00004.edf", "BOGN00004.csv"),
        ("nsrr", "mesa-sleep-0001.edf", "mesa-sleep-0001-nsrr.xml"),
    ],
)
def test_scores_in_a_folder_of_their_own_belong_to_the_nearest_recording(
    tmp_path, reader, signal, scores
):
    recording(tmp_path / "set/psg" / signal)
    recording(tmp_path / "mine" / signal)
    text(tmp_path / "set/scores" / scores, "")
    nights = nights_of(reader, tmp_path)
    stem = signal.rpartition(".")[0]
    assert [path.name for path in nights[f"set/psg/{stem}"].scores] == [scores]
    assert nights[f"mine/{stem}"].scores == ()


### DOD and DCSM


def dod_file(path, hypnogram_codes=(0, 1, 2, 3, 4, -1)):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.attrs["start_time"], file.attrs["duration"] = 0, SECONDS
        for kind, label in (("eeg", "C3_M2"), ("eog", "EOG1"), ("emg", "EMG")):
            group = file.create_group(f"signals/{kind}")
            group.attrs["fs"], group.attrs["unit"] = 100, "uV"
            group[label] = noise(SECONDS, 100)
        file["hypnogram"] = np.array(hypnogram_codes)


def test_dod_reads_the_consensus_of_the_file(tmp_path):
    dod_file(tmp_path / "dodh/a.h5")
    (night,) = nights_of("dod", tmp_path).values()
    scores = READERS["dod"].read_scores(night)
    assert scores.stages == STAGES
    assert "consensus" in " ".join(scores.notes)
    with pytest.raises(InputError, match="scorer_2"):
        READERS["dod"].read_scores(night, scorer="scorer_2")


def test_dod_says_that_its_hypnogram_is_shorter_than_its_signals(tmp_path):
    dod_file(tmp_path / "a.h5", (0, 1, 2, 3))
    (night,) = nights_of("dod", tmp_path).values()
    scores = READERS["dod"].read_scores(night)
    assert scores.stages == STAGES[:4]
    assert "60 s shorter" in " ".join(scores.notes)


def test_dod_s_consensus_of_scorers_anywhere_below_the_folder(tmp_path):
    """At a tie the scorer who agrees best with the others decides."""
    dod_file(tmp_path / "dodh/a.h5", (0,) * 6)
    for number, codes in enumerate(
        ([0, 1, 2, 3, 4, 0], [0, 1, 2, 3, 4, 0], [0, 1, 2, 2, 4, 1], [0, 0, 2, 2, 4, 1]), 1
    ):
        path = tmp_path / f"evaluation/scorers/dodh/scorer_{number}/a.json"
        text(path, json.dumps(codes))
    (night,) = nights_of("dod", tmp_path).values()
    read = READERS["dod"].read_scores
    scores = read(night)
    assert scores.stages == ("W", "N1", "N2", "N3", "R", "W")
    assert scores.votes[3] == (0, 0, 0.5, 0.5, 0)
    assert scores.votes[1] == (0.25, 0.75, 0, 0, 0)
    assert read(night, scorer="scorer_4").stages == ("W", "W", "N2", "N2", "R", "N1")
    path.write_text('{"stages": 1}')
    with pytest.raises(InputError, match=r"scorer_4/a\.json"):
        read(night)


def test_a_damaged_hdf5_file_is_refused(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500))
    (night,) = nights_of("dod", tmp_path).values()
    with pytest.raises(InputError, match=r"a\.h5"):
        READERS["dod"].read_scores(night)


def test_dcsm_s_subjects_are_folders(tmp_path):
    for name in ("tp1", "tp2"):
        recording(tmp_path / name / "psg.edf")
        text(tmp_path / name / "hypnogram.ids", "0,60,W\n60,120,N2\n")
        (tmp_path / name / "psg.h5").touch()
    assert subjects_of("dcsm", tmp_path) == {"tp1/psg": "tp1", "tp2/psg": "tp2"}


### NSRR


@pytest.mark.parametrize(
    ("cohort", "name", "group", "subject"),
    [
        ("mesa", "mesa-sleep-0001", "", "0001"),
        ("mros", "mros-visit2-aa0001", "visit2", "aa0001"),
        ("chat", "chat-baseline-300001", "baseline", "300001"),
        ("chat", "chat-followup-300001", "followup", "300001"),
        ("chat", "chat-baseline-nonrandomized-300004", "nonrandomized", "300004"),
        ("ccshs", "ccshs-trec-1800001", "", "1800001"),
        ("sof", "sof-visit-8-00004", "", "00004"),
        ("abc", "abc-month09-900001", "month09", "900001"),
        ("homepap", "homepap-lab-split-1600002", "lab/split", "1600002"),
    ],
)
def test_nsrr_s_names(tmp_path, cohort, name, group, subject):
    nsrr(tmp_path, name, group)
    (night,) = nights_of("nsrr", tmp_path).values()
    assert (night.cohort, night.subject) == (cohort, subject)
    assert night.recording == f"polysomnography/edfs/{f'{group}/' if group else ''}{name}"
    scores = READERS["nsrr"].read_scores(night)
    assert scores.stages == STAGES
    (note,) = scores.notes
    assert note.index("-profusion.xml") < note.index("-nsrr.xml")


def test_a_data_set_of_nsrr_that_we_do_not_know_by_name(tmp_path):
    """Its terms are those of NSRR, and not those of the user's own recordings."""
    nsrr(tmp_path, "bestair-baseline-400001", "baseline")
    nsrr(tmp_path, "bestair-followup-400001", "followup")
    nights = nights_of("nsrr", tmp_path).values()
    assert {(night.cohort, night.subject) for night in nights} == {("nsrr", "bestair-400001")}
    assert all(len(night.scores) == 2 for night in nights)


@pytest.mark.parametrize(
    ("cohort", "signal", "scores", "subject"),
    [
        ("wsc", "wsc-visit1-10119-nsrr", "wsc-visit1-10119-nsrr.stg.txt", "10119"),
        ("wsc", "wsc-visit2-10119-nsrr", "wsc-visit2-10119.allscore.txt", "10119"),
        ("apples", "apples-130001", "apples-130001.annot", "130001"),
        ("nchsdb", "10000_17728", "10000_17728.tsv", "10000"),
        ("mnc", "ssc_1558_1-nsrr", "ssc_1558_1-nsrr.xml", "ssc_1558"),
        ("mnc", "chc001-nsrr", "chc001-nsrr.eannot", "chc001"),
        ("msp", "msp-S001", "msp-S001.annot", "s001"),
        ("apoe", "APOE_0001", "APOE_0001.STA", "0001"),
    ],
)
def test_nsrr_s_scores_beside_the_recording(tmp_path, cohort, signal, scores, subject):
    recording(tmp_path / f"{signal}.edf")
    text(tmp_path / scores, "onset\tduration\tdescription\n0\t0\tStart Recording\n")
    (night,) = nights_of("nsrr", tmp_path).values()
    assert (night.cohort, night.subject) == (cohort, subject)
    assert [path.name for path in night.scores] == [scores]


def test_wsc_s_events_are_stages_at_their_changes(tmp_path):
    recording(tmp_path / "wsc-visit1-10119-nsrr.edf")
    events = ("START RECORDING", "STAGE - W", "STAGE - N1", "NOTE - REM?", "STAGE - R")
    times = ("00:00:00.00", "00:00:00.00", "00:00:30.00", "00:00:40.00", "00:01:30.00")
    lines = (f"{time}\t{event}\r\n" for time, event in zip(times, events, strict=True))
    text(tmp_path / "wsc-visit1-10119-nsrr.allscore.txt", "".join(lines))
    (night,) = nights_of("nsrr", tmp_path).values()
    scores = READERS["nsrr"].read_scores(night)
    assert scores.stages == ("W", "N1", "N1", "R", "R", "R")
    assert scores.warnings == ()


def test_recordings_of_mros_whose_stages_are_known_to_be_wrong(tmp_path):
    nsrr(tmp_path, "mros-visit1-aa2033", "visit1")
    nsrr(tmp_path, "mros-visit2-aa2033", "visit2")
    nights = nights_of("nsrr", tmp_path)
    wrong, right = nights.values()
    with pytest.raises(InputError, match=r"mros-visit1-aa2033\.edf.*known to be wrong"):
        READERS["nsrr"].read_scores(wrong)
    assert READERS["nsrr"].read_scores(right).stages == STAGES


def test_families_of_cfs_stay_together_where_a_table_says_who_they_are(tmp_path):
    for number in ("800002", "800005", "800010"):
        nsrr(tmp_path, f"cfs-visit5-{number}")
    (unknown, *_) = nights_of("nsrr", tmp_path).values()
    assert unknown.subject == "800002"
    assert "relatives" in " ".join(READERS["nsrr"].read_scores(unknown).notes)
    text(tmp_path / "datasets/cfs.csv", "nsrrid,famID,age\n800002,12,40\n800005,12,9\n")
    subjects = [night.subject for night in nights_of("nsrr", tmp_path).values()]
    assert subjects == ["family-12", "family-12", "800010"]
    (known, *_) = nights_of("nsrr", tmp_path).values()
    assert "famID in cfs.csv" in " ".join(READERS["nsrr"].read_scores(known).notes)


### BIDS, BOAS, ANPHY, STAGES, WFDB


def bids(raw, *names):
    for name in names:
        recording(raw / name.partition("_")[0] / "eeg" / f"{name}_eeg.edf")


def test_bids_subjects_and_their_persons(tmp_path):
    bids(tmp_path, "sub-1_task-sleep", "sub-2_task-sleep", "sub-3_task-sleep")
    assert set(subjects_of("bids", tmp_path).values()) == {"sub-1", "sub-2", "sub-3"}
    text(tmp_path / "participants.tsv", "participant_id\tpid\nsub-1\t7\nsub-2\t7\nsub-3\t9\n")
    assert list(subjects_of("bids", tmp_path).values()) == ["pid-7", "pid-7", "pid-9"]


def test_bids_files_put_into_one_folder_are_still_their_people_s(tmp_path):
    for name in ("sub-1_task-sleep", "sub-2_task-sleep"):
        recording(tmp_path / "flat" / f"{name}_eeg.edf")
    text(tmp_path / "flat/participants.tsv", "participant_id\tpid\nsub-1\t7\nsub-2\t7\n")
    assert list(subjects_of("bids", tmp_path).values()) == ["pid-7", "pid-7"]


def test_bids_subjects_of_two_data_sets_are_different_people(tmp_path):
    bids(tmp_path / "ds1", "sub-1_task-sleep")
    bids(tmp_path / "ds2", "sub-1_task-sleep")
    assert set(subjects_of("bids", tmp_path).values()) == {"ds1/sub-1", "ds2/sub-1"}


def test_bids_copies_are_not_read_beside_the_originals(tmp_path):
    bids(tmp_path, "sub-1_task-sleep")
    bids(tmp_path / "derivatives/filtered", "sub-1_task-sleep")
    assert list(nights_of("bids", tmp_path)) == ["sub-1/eeg/sub-1_task-sleep_eeg"]


def test_bids_with_one_subject_s_folder_as_raw(tmp_path):
    bids(tmp_path, "sub-1_task-sleep")
    assert subjects_of("bids", tmp_path / "sub-1") == {"eeg/sub-1_task-sleep_eeg": "sub-1"}


def test_bids_scores_that_several_recordings_share(tmp_path):
    names = ("ses-1_task-sleep_acq-PSG", "ses-1_task-sleep_acq-ear", "ses-2_task-sleep_acq-PSG")
    bids(tmp_path, *(f"sub-1_{name}" for name in names))
    events = "onset\tduration\tstage\n0\t30\tW\n"
    scoring = [f"sub-1_ses-1_task-sleep_acq-scoring{number}_events.tsv" for number in (1, 2)]
    for name in (*scoring, "sub-1_ses-2_task-sleep_acq-ear_events.tsv"):
        text(tmp_path / "sub-1/eeg" / name, events)
    nights = nights_of("bids", tmp_path).values()
    found = [[path.name for path in night.scores] for night in nights]
    assert sorted(found) == [[], scoring, scoring]
    assert len(READERS["bids"].read_scores(next(iter(nights))).scorers) == 2


def test_boas(tmp_path):
    bids(tmp_path, "sub-1_task-Sleep_acq-psg", "sub-1_task-Sleep_acq-headband")
    events = tmp_path / "sub-1/eeg/sub-1_task-Sleep_acq-psg_events.tsv"
    text(events, "onset\tduration\tstage_hum\tstage_ai\n0\t30\t0\t1\n")
    text(tmp_path / "participants.tsv", "participant_id\tpid\nsub-1\t7\n")
    nights = nights_of("boas", tmp_path)
    assert {night.subject for night in nights.values()} == {"pid-7"}
    assert nights["sub-1/eeg/sub-1_task-Sleep_acq-psg_eeg"].scores == (events,)
    assert nights["sub-1/eeg/sub-1_task-Sleep_acq-headband_eeg"].scores == ()


def test_anphy_is_paired_by_its_folders(tmp_path):
    recording(tmp_path / "EPCTL01/EPCTL01 - fixed.edf")
    text(tmp_path / "EPCTL01/test1.txt", "W\t0\t30\n")
    recording(tmp_path / "EPCTL02/EPCTL02.edf")
    text(tmp_path / "EPCTL02/EPCTL02.txt", "W\t0\t30\n")
    nights = nights_of("anphy", tmp_path).values()
    assert [(night.subject, night.scores[0].name) for night in nights] == [
        ("EPCTL01", "test1.txt"),
        ("EPCTL02", "EPCTL02.txt"),
    ]


def test_a_nap_of_stages_is_the_same_person_s(tmp_path):
    for name in ("BOGN00004", "BOGN00004_1"):
        recording(tmp_path / f"STAGES PSGs/BOGN/{name}.edf")
        text(tmp_path / f"STAGES PSGs/BOGN/{name}.csv", "Start Time,Duration (seconds),Event\n")
    nights = nights_of("stages", tmp_path).values()
    assert [night.subject for night in nights] == ["BOGN00004", "BOGN00004"]
    assert all(len(night.scores) == 1 for night in nights)


def test_two_recordings_of_slpdb_are_one_person_s(tmp_path):
    for name in ("slp01a", "slp01b", "slp32"):
        for suffix in (".hea", ".dat", ".st"):
            (tmp_path / f"{name}{suffix}").touch()
    nights = nights_of("wfdb", tmp_path)
    assert {night.cohort for night in nights.values()} == {"slpdb"}
    assert [night.subject for night in nights.values()] == ["slp01", "slp01", "slp32"]


def test_the_challenge_of_2018(tmp_path):
    for suffix in (".hea", ".mat", ".arousal"):
        text(tmp_path / f"training/tr03-0005/tr03-0005{suffix}", "")
    (night,) = nights_of("wfdb", tmp_path).values()
    assert (night.cohort, night.subject) == ("cinc2018", "tr03-0005")
    assert [path.suffix for path in night.scores] == [".arousal"]


### Options


def test_the_options_reach_the_scores(tmp_path):
    sleep_edf(tmp_path, "SC4001E")
    (night,) = nights_of("sleep-edf", tmp_path).values()
    with pytest.raises(InputError) as caught:
        READERS["sleep-edf"].read_scores(night, epoch_length=0.0)
    assert caught.value.parameter == "epoch_length"
    with pytest.raises(InputError, match="nobody"):
        READERS["sleep-edf"].read_scores(night, scorer="nobody")
