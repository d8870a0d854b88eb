"""The stages in the score files of the simulated layouts, read without psgvlm.

`STAGES_OF` has a function for each cohort. It takes the path of a recording and returns the stage
of every 30 s by onset, "" for an epoch without one. The functions also assert what is particular to
the files.
"""

import csv
from datetime import datetime, timedelta
from xml.etree import ElementTree

import edfio
import h5py
import mne
import numpy as np
import wfdb

RK = {"W": "W", "1": "N1", "2": "N2", "3": "N3", "4": "N3", "R": "R", "REM": "R"}
AASM = {stage: stage for stage in ("W", "N1", "N2", "N3", "R")}
UCDDB = {"0": "W", "1": "R", "2": "N1", "3": "N2", "4": "N3", "5": "N3"}
DREAMS = {"5": "W", "4": "R", "3": "N1", "2": "N2", "1": "N3", "0": "N3"}
NETWORK = {"0": "W", "1": "N1", "2": "N2", "3": "N3", "4": "R"}


def spread(events, meaning):
    """Return {onset: stage} of every 30 s of (onset, duration, word); "" for unknown words."""
    return {
        onset_s + 30 * epoch: meaning.get(word, "")
        for onset_s, duration_s, word in events
        for epoch in range(round(duration_s / 30))
    }


def annotations_of(path):
    found = edfio.read_edf(path).annotations
    return [(a.onset, a.duration, a.text.removeprefix("Sleep stage ")) for a in found]


def sleep_edf_stages(path):
    if path.suffix == ".rec":
        (signal,) = edfio.read_edf(path.with_suffix(".hyp")).signals
        codes = [str(round(code)) for code in signal.data]
        meaning = RK | {"0": "W", "5": "R"}
        return {30.0 * epoch: meaning.get(code, "") for epoch, code in enumerate(codes)}
    (hypnogram,) = path.parent.glob(f"{path.stem[:7]}?-Hypnogram.edf")
    whole = mne.read_annotations(hypnogram)
    assert set(whole.description) >= {"Movement time", "Sleep stage ?", "Sleep stage W"}
    return spread(annotations_of(hypnogram), RK)


def hmc_stages(path):
    read = []
    scores = path.with_name(f"{path.stem}_sleepscoring.edf")
    if scores.exists():
        read.append(spread(annotations_of(scores), AASM))
    if scores.with_suffix(".txt").exists():
        with scores.with_suffix(".txt").open() as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
        start = edfio.read_edf(path).starttime
        for row in rows:
            onset_s = int(row["Recording onset"])
            time = datetime.combine(datetime(2001, 1, 1), start) + timedelta(seconds=onset_s)
            assert datetime.strptime(f"{row['Date']} {row['Time']}", "%d.%m.%y %H.%M.%S") == time
        texts = {row["Annotation"] for row in rows}
        assert texts == {f"Sleep stage {s}" for s in AASM} | {"Lights off", "Lights on"}
        events = [
            (float(r["Recording onset"]), float(r["Duration"]), r["Annotation"].split()[-1])
            for r in rows
        ]
        read.append(spread(events, AASM))
    assert read[0] == read[-1]
    return read[0]


def psg_ipa_stages(path):
    manual = path.parents[1] / "Annotations" / "manual"
    scorers = sorted(manual.glob(f"{path.stem}_manual_scorer*.edf"))
    read = [spread(annotations_of(scores), AASM) for scores in scorers]
    assert len(read) >= 3 and all(one != read[0] for one in read[1:])
    for scores, stages in zip(scorers, read, strict=True):
        with scores.with_suffix(".txt").open() as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
        assert rows[-1]["Annotation"] == "Unscored"
        events = [
            (float(r["Recording onset"]), float(r["Duration"]), r["Annotation"].split()[-1])
            for r in rows
        ]
        assert spread(events, AASM) == stages
    return read[0]


def cap_stages(path):
    lines = path.with_suffix(".txt").read_text().splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("Sleep Stage\t"))
    names = lines[head].split("\t")
    time_at, event_at = names.index("Time [hh:mm:ss]"), names.index("Event")
    edf = edfio.read_edf(path)
    start_s = timedelta(
        hours=edf.starttime.hour, minutes=edf.starttime.minute, seconds=edf.starttime.second
    ).total_seconds()
    stages = {}
    for line in lines[head + 1 :]:
        fields = line.split("\t")
        if fields[event_at].startswith("SLEEP-"):
            hours, minutes, seconds = map(int, fields[time_at].replace(".", ":").split(":"))
            onset_s = (3600 * hours + 60 * minutes + seconds - start_s) % 86400
            word = fields[event_at].removeprefix("SLEEP-")
            meaning = RK | {f"S{n}": RK[str(n)] for n in (1, 2, 3, 4)} | {"S0": "W"}
            stages[onset_s] = meaning.get(word, "")
    return stages


def dreams_stages(path):
    kind = "Hypnogram" if path.stem.startswith("excerpt") else "HypnogramAASM"
    data = path.with_name(f"{kind}_{path.stem}.txt").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n")
    head, *codes = data.decode().split()
    assert head.lower() == f"[{kind.lower()}]"
    assert len(codes) * 5 == edfio.read_edf(path).duration
    blocks = [set(codes[start : start + 6]) for start in range(0, len(codes), 6)]
    return {30.0 * i: DREAMS.get(code, "") for i, (code,) in enumerate(blocks)}


def ucddb_stages(path):
    codes = path.with_name(f"{path.stem}_stage.txt").read_text().split()
    return {30.0 * epoch: UCDDB.get(code, "") for epoch, code in enumerate(codes)}


def dod_stages(path):
    with h5py.File(path) as file:
        codes = file["hypnogram"][:].tolist()
    return {30.0 * epoch: NETWORK.get(str(code), "") for epoch, code in enumerate(codes)}


def nsrr_stages(path):
    base = next(parent for parent in path.parents if parent.name == "polysomnography")
    folder = path.parent.relative_to(base / "edfs")
    meaning = RK | {"0": "W", "5": "R"}
    read = []
    profusion = base / "annotations-events-profusion" / folder / f"{path.stem}-profusion.xml"
    if profusion.exists():
        codes = [e.text for e in ElementTree.parse(profusion).findall("./SleepStages/SleepStage")]
        read.append({30.0 * i: meaning.get(code, "") for i, code in enumerate(codes)})
    nsrr = base / "annotations-events-nsrr" / folder / f"{path.stem}-nsrr.xml"
    if nsrr.exists():
        events = [
            [event.findtext(tag) for tag in ("Start", "Duration", "EventConcept")]
            for event in ElementTree.parse(nsrr).iter("ScoredEvent")
            if event.findtext("EventType") == "Stages|Stages"
        ]
        events = [(float(x), float(y), word.rpartition("|")[2]) for x, y, word in events]
        read.append(spread(events, meaning))
    assert read[0] == read[-1]
    return read[0]


def boas_stages(path):
    events = path.with_name(path.stem.replace("_eeg", "_events.tsv"))
    with events.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        assert int(row["begsample"]) == 256 * int(row["onset"]) + 1
        assert int(row["endsample"]) == 256 * (int(row["onset"]) + 30)
    return {float(row["onset"]): NETWORK.get(row["stage_hum"], "") for row in rows}


def nchsdb_stages(path):
    with path.with_suffix(".tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert rows[0]["description"] == "Start Recording"
    events = [
        (float(row["onset"]), float(row["duration"]), row["description"].split()[-1])
        for row in rows
        if row["description"].startswith("Sleep stage")
    ]
    if written := edfio.read_edf(path).annotations:
        assert [a.text for a in written] == [row["description"] for row in rows]
        np.testing.assert_allclose([a.onset for a in written], [float(r["onset"]) for r in rows])
    return spread(events, AASM | RK)


def clock_s(path, time):
    """Return when a time of day is, in seconds of the recording."""
    begin = edfio.read_edf(path).starttime
    hours, minutes, seconds = time.split(":")
    moment_s = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    return (moment_s - 3600 * begin.hour - 60 * begin.minute - begin.second) % 86400


def held(changes, end_s, meaning):
    """Return {onset: stage} where every word holds until the next."""
    ends = [*(onset_s for onset_s, _ in changes[1:]), end_s]
    return spread(
        [(at, end - at, word) for (at, word), end in zip(changes, ends, strict=True)], meaning
    )


def wsc_stages(path):
    if (scores := path.with_name(f"{path.stem}.stg.txt")).exists():
        rows = [line.split("\t") for line in scores.read_text().splitlines()]
        rows = [row for row in rows if row[0] != "Epoch"]
        meaning = RK | {"0": "W", "5": "R"}
        return {30.0 * (int(epoch) - 1): meaning.get(code, "") for epoch, code, _ in rows}
    lines = path.with_name(f"{path.stem}.allscore.txt").read_text("latin-1").splitlines()
    assert lines[0].endswith("START RECORDING") and any("µV" in line for line in lines)
    rows = [line.split("\t") for line in lines]
    changes = [(clock_s(path, time), text[8:]) for time, text in rows if text[:8] == "STAGE - "]
    return held(changes, edfio.read_edf(path).duration, AASM)


def apples_stages(path):
    with path.with_suffix(".annot").open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["channel"] == "."]
    changes = [(clock_s(path, row["start"]), row["class"]) for row in rows]
    if rows[0]["stop"] != "...":
        assert {clock_s(path, r["stop"]) - clock_s(path, r["start"]) for r in rows} == {30}
    return held(changes, changes[-1][0] + 30, AASM)


def apoe_stages(path):
    rows = [line.split() for line in path.with_suffix(".STA").read_text().splitlines()]
    assert [int(epoch) for epoch, _ in rows] == list(range(1, len(rows) + 1))
    meaning = RK | {"0": "W", "5": "R"}
    return {30.0 * (int(epoch) - 1): meaning.get(code, "") for epoch, code in rows}


def hsp_stages(path):
    table = path.with_name(path.name.replace("_eeg.edf", "_annotations.csv"))
    with table.open() as file:
        rows = list(csv.DictReader(file))
    stages = {}
    for row in rows:
        if row["event"].startswith("Sleep_stage_"):
            onset_s = clock_s(path, row["time"])
            assert onset_s == 30 * (int(row["epoch"]) - 1) and row["duration"] == "30"
            stages[onset_s] = AASM.get(row["event"].removeprefix("Sleep_stage_"), "")
    return stages


def stages_stages(path):
    words = {"Wake": "W", "Stage1": "N1", "Stage2": "N2", "Stage3": "N3", "REM": "R"}
    head, *lines = path.with_suffix(".csv").read_text().splitlines()
    assert head == "Start Time,Duration (seconds),Event"
    rows = [line.split(",", 2) for line in lines]
    assert sum("," in event for _, _, event in rows) == 2  # notes with commas, without quotes
    scored = [row for row in rows if row[2] in (*words, "UnknownStage")]
    if path.stem.startswith("BOGN"):
        assert {length for _, length, _ in scored} == {""}
        changes = [(clock_s(path, time), event) for time, _, event in scored]
        return held(changes, edfio.read_edf(path).duration, words)
    return {
        clock_s(path, time): words.get(event, "")
        for time, length, event in scored
        if length in ("30", "2592000")
    }


def anphy_stages(path):
    (table,) = path.parent.glob("*.txt")
    rows = [line.split("\t") for line in table.read_text().splitlines()]
    assert rows[0][0] == rows[-1][0] == "L"
    return spread([(float(start), float(length), word) for word, start, length in rows], AASM)


def dcsm_stages(path):
    rows = [line.split(",") for line in path.with_name("hypnogram.ids").read_text().splitlines()]
    return spread([(float(start), float(length), word) for start, length, word in rows], AASM | RK)


def cinc2018_stages(path):
    record = path.with_suffix("")
    end_s = wfdb.rdheader(str(record)).sig_len / 200
    notes = wfdb.rdann(str(record), "arousal")
    words = [(at / 200, text) for at, text in zip(notes.sample, notes.aux_note, strict=True)]
    assert any("(" in text for _, text in words) and "U" in notes.aux_note
    return held(
        [(at, text) for at, text in words if "(" not in text and ")" not in text], end_s, AASM
    )


def slpdb_stages(path):
    notes = wfdb.rdann(str(path.with_suffix("")), "st")
    assert notes.sample[0] == 1
    assert any(text.endswith(" HA") for text in notes.aux_note)
    return {
        30.0 * round(at / 7500): RK.get(text.split()[0], "")
        for at, text in zip(notes.sample.tolist(), notes.aux_note, strict=True)
    }


STAGES_OF = {
    "sleep-edf": sleep_edf_stages, "hmc": hmc_stages, "cap": cap_stages, "dreams": dreams_stages,
    "ucddb": ucddb_stages, "dod": dod_stages, "mesa": nsrr_stages, "mros": nsrr_stages,
    "cfs": nsrr_stages, "chat": nsrr_stages, "wsc": wsc_stages, "apples": apples_stages,
    "ccshs": nsrr_stages, "sof": nsrr_stages, "abc": nsrr_stages, "homepap": nsrr_stages,
    "psg-ipa": psg_ipa_stages, "apoe": apoe_stages, "hsp": hsp_stages,
    "nchsdb": nchsdb_stages, "stages": stages_stages, "boas": boas_stages, "anphy": anphy_stages,
    "dcsm": dcsm_stages, "cinc2018": cinc2018_stages, "slpdb": slpdb_stages,
}  # fmt: skip
