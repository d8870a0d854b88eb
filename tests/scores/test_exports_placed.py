"""Exports of programs beside a recording over midnight: the right stage in every epoch."""

import datetime

import edfio
import numpy as np
import pytest
import test_binary_scores as binary
import test_edf_scores as edf
import test_exports as exports
import test_xml as xml
from recordings import montage, write_edf

from psgvlm.errors import InputError
from psgvlm.recordings import Recording
from psgvlm.scores import annotated_scores, place, read_sheet

STAGES = ("W", "N1", "N2", "N3", "R", "W")
START = datetime.datetime(2020, 3, 31, 23, 58, 0)
FIRST_S = 60  # the scores begin a minute after the recording


def times(step_s=30, form="%H:%M:%S"):
    first = START + datetime.timedelta(seconds=FIRST_S)
    return [
        (first + datetime.timedelta(seconds=step_s * i)).strftime(form)
        for i in range(len(STAGES) + 1)
    ]


def remlogic(folder):
    words = dict(zip(("W", "N1", "N2", "N3", "R"), ("S0", "S1", "S2", "S4", "REM"), strict=True))
    rows = [
        (stage, "Left", time, f"SLEEP-{words[stage]}", "30", "C4-A1")
        for stage, time in zip(STAGES, times(form="%H.%M.%S"), strict=False)
    ]
    return exports.export(folder / "n1.txt", exports.ALL, *rows)


def embla(folder):
    words = {"W": "S0", "N1": "S1", "N2": "S2", "N3": "S3", "R": "REM"}
    clocks = times(form="%Y-%m-%dT%H:%M:%S.000000")
    inner = "".join(
        f"<Event><Type>SLEEP-{words[stage]}</Type><StartTime>{start}</StartTime>"
        f"<StopTime>{stop}</StopTime></Event>"
        for stage, start, stop in zip(STAGES, clocks, clocks[1:], strict=False)
    )
    text = f"{xml.HEAD}<EventExport><Events>{inner}</Events></EventExport>"
    return xml.write(folder / "n1.xml", text)


def domino(form):
    def write(folder):
        words = {"W": "Wach", "R": "Rem"}
        rows = [
            f"{time},000; {words.get(stage, stage)}"
            for stage, time in zip(STAGES, times(form=form), strict=False)
        ]
        path = folder / "Schlafprofil.txt"
        path.write_text("\n".join([*exports.GERMAN, *rows]))
        return path

    return write


def sleepware(folder):
    words = {"W": "Wake", "N1": "NonREM1", "N2": "NonREM2", "N3": "NonREM3", "R": "REM"}
    # The session begins with the scores; the program's stages are others.
    stages = [(words[stage], 30 * i) for i, stage in enumerate(STAGES)]
    text = xml.rml(stages, [("REM", 0)], duration=f"<Duration>{30 * len(STAGES)}</Duration>")
    text = text.replace("2020-03-01T21:30:00", times(form="%Y-%m-%dT%H:%M:%S")[0])
    return xml.write(folder / "n1.rml", text, "utf-16").rename(folder / "n2.rml")


def edfbrowser(folder):
    inner = "".join(
        f"<annotation><onset>{time}.0000000</onset><duration>30.0</duration>"
        f"<description>Sleep stage {stage}</description></annotation>"
        for stage, time in zip(STAGES, times(form="%Y-%m-%dT%H:%M:%S"), strict=False)
    )
    return xml.write(folder / "n1.xml", f"{xml.HEAD}<annotationlist>{inner}</annotationlist>")


def hypnogram(folder):
    clock = (START + datetime.timedelta(seconds=FIRST_S)).time()
    events = [(30 * i, 30, f"Sleep stage {stage}") for i, stage in enumerate(STAGES)]
    return edf.write_annotations(folder / "n1-Hypnogram.edf", events, clock)


def mne_text(folder):
    start = times(form="%Y-%m-%d %H:%M:%S")[0]
    rows = "".join(f"{30 * i}, 30.0, Sleep stage {stage}\n" for i, stage in enumerate(STAGES))
    path = folder / "n1-annot.txt"
    path.write_text(f"# MNE-Annotations\n# orig_time : {start}\n# onset, duration, text\n{rows}")
    return path


BY_TIME = {
    "RemLogic": remlogic,
    "Embla": embla,
    "Domino": domino("%H:%M:%S"),
    "Domino, newer": domino("%d.%m.%Y %H:%M:%S"),
    "Sleepware": sleepware,
    "EDFbrowser": edfbrowser,
    "EDF+": hypnogram,
    "MNE": mne_text,
}


@pytest.fixture
def recording(tmp_path):
    seconds = FIRST_S + 30 * len(STAGES)
    path = write_edf(tmp_path / "n1.edf", montage(["C4-M1"], seconds), starttime=START.time())
    return Recording(path)


@pytest.mark.parametrize("write", BY_TIME.values(), ids=BY_TIME)
def test_scores_are_placed_by_their_time(tmp_path, recording, write):
    scores = place(read_sheet(write(tmp_path)), recording)
    assert scores.onset_s % 30 == 0
    placed = {scores.start_s(i): stage for i, stage in enumerate(scores.stages) if stage}
    assert placed == {FIRST_S + 30 * i: stage for i, stage in enumerate(STAGES)}
    assert not scores.warnings


def elan(folder):
    codes = {"W": "0", "N1": "1", "N2": "2", "N3": "4", "R": "5"}
    lines = [codes[stage] for stage in STAGES for _ in range(3)]
    head = "time_base 10.000000\nsampling_period 0.001\nepoch_nb 18\nepoch_list\n"
    (folder / "x.hyp").write_text(head + "\n".join(lines))
    return folder / "x.hyp"


def visbrain(folder):
    lines = "".join(f"{stage}\t{30 * i + 30}\n" for i, stage in enumerate(STAGES))
    (folder / "x.txt").write_text("*Duration_sec\t180\n" + lines.replace("R\t", "REM\t"))
    return folder / "x.txt"


def visbrain_codes(folder):
    codes = {"W": "5", "N1": "3", "N2": "2", "N3": "1", "R": "0"}
    (folder / "x.txt").write_text("".join(f"{codes[stage]}\n" * 30 for stage in STAGES))
    (folder / "x_description.txt").write_text("time 1\nW 5\nN1 3\nN2 2\nN3 1\nREM 0\n")
    return folder / "x.txt"


def usleep(folder):
    np.save(folder / "x_TRUE.npy", np.array([0, 1, 2, 3, 4, 0]))
    return folder / "x_TRUE.npy"


def challenge(folder):
    notes = [(6000 * i, stage) for i, stage in enumerate(STAGES)]
    return binary.write_wfdb(folder, "x", "arousal", [*notes[:3], (18000, "(resp_x"), *notes[3:]])


def slpdb(folder):
    words = {"N1": "1", "N2": "2 HA", "N3": "4"}
    notes = [(max(1, 6000 * i), words.get(stage, stage)) for i, stage in enumerate(STAGES)]
    return binary.write_wfdb(folder, "x", "st", notes)


def luna(folder):
    inner = "".join(
        f'<Instance class="{stage}"><Start>{30 * i}</Start><Duration>30</Duration></Instance>'
        for i, stage in enumerate(STAGES)
    )
    return xml.write(folder / "x.xml", f"<Annotations><Instances>{inner}</Instances></Annotations>")


def hyp(folder):
    """Six values a record, as the edition of 2002 has one record for its values."""
    codes = [{"W": 0, "N1": 1, "N2": 2, "N3": 3, "R": 5}[stage] for stage in STAGES]
    signal = edf.stage_signal("Hypnogram", codes, 1 / 30)
    path = write_edf(folder / "x.edf", [signal], starttime=START.time(), data_record_duration=180)
    return path.rename(folder / "x.hyp")


FROM_THE_START = (elan, visbrain, visbrain_codes, usleep, challenge, slpdb, luna, hyp)


@pytest.mark.parametrize("write", FROM_THE_START)
def test_scores_that_begin_with_the_recording(tmp_path, write):
    path = write_edf(tmp_path / "n1.edf", montage(["C4-M1"], 180), starttime=START.time())
    scores = place(read_sheet(write(tmp_path)), Recording(path))
    assert (scores.onset_s, scores.stages) == (0, STAGES)
    assert not scores.warnings


def test_a_program_alone_is_not_taken_for_a_person(tmp_path, recording):
    text = xml.rml([], [("Wake", 0), ("REM", 60)], duration="<Duration>90</Duration>")
    path = xml.write(tmp_path / "n1.rml", text.replace("21:30:00", "23:58:00"))
    with pytest.raises(InputError, match="MachineStaging"):
        place(read_sheet(path), recording)
    assert place(read_sheet(path), recording, scorer="MachineStaging").stages == ("W", "W", "R")


def test_annotations_of_the_recording_end_where_the_next_begins(tmp_path):
    notes = [edfio.EdfAnnotation(t, None, f"Sleep stage {s}") for t, s in [(0, "W"), (90, "R")]]
    path = write_edf(tmp_path / "a.edf", montage(["C4-M1"], 150), notes)
    assert annotated_scores(Recording(path)).stages == ("W", "W", "W", "R", "R")


def write_long(folder, runs, form):
    """Write an export of runs `(onset, end, word)`, as text or as XML with dates."""
    start = datetime.datetime(2020, 3, 31, 8, 0, 0)
    times = [
        [(start + datetime.timedelta(seconds=s)).strftime(form) for s in run[:2]] for run in runs
    ]
    if "T" not in form:
        rows = [
            ("", t[0], run[2], f"{run[1] - run[0]}") for t, run in zip(times, runs, strict=True)
        ]
        return exports.export(folder / "x.txt", ("Sleep Stage", *exports.ALL[2:5]), *rows)
    inner = "".join(
        f"<Event><Type>{run[2]}</Type><StartTime>{t[0]}</StartTime><StopTime>{t[1]}</StopTime>"
        "</Event>"
        for t, run in zip(times, runs, strict=True)
    )
    return xml.write(folder / "x.xml", f"<EventExport><Events>{inner}</Events></EventExport>")


@pytest.mark.parametrize("form", ["%H:%M:%S", "%Y-%m-%dT%H:%M:%S"])
def test_a_run_of_more_than_half_a_day(tmp_path, form):
    """A whole day is recorded, and sleep comes after 14 h of wake."""
    runs = [(0, 50400, "SLEEP-S0"), (50400, 72000, "SLEEP-S2"), (72000, 82800, "SLEEP-REM")]
    signals = [edf.stage_signal("EEG", np.zeros(82800), 1)]
    path = write_edf(tmp_path / "n1.edf", signals, starttime=datetime.time(8, 0, 0))
    scores = place(read_sheet(write_long(tmp_path, runs, form)), Recording(path))
    assert scores.stages == ("W",) * 1680 + ("N2",) * 720 + ("R",) * 360


def test_a_duration_of_days_ends_where_the_next_stage_begins(tmp_path):
    events = [(0, 2592000, "Sleep stage W"), (60, 30, "Sleep stage R"), (90, 30, "Sleep stage N1")]
    path = write_edf(tmp_path / "n1.edf", montage(["C4-M1"], 120), starttime=START.time())
    hypnogram = edf.write_annotations(tmp_path / "n1-Hypnogram.edf", events, START.time())
    assert place(read_sheet(hypnogram), Recording(path)).stages == ("W", "W", "R", "N1")
