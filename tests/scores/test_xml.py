"""Stages in XML, of NSRR, Profusion, Embla, Luna, Sleepware and EDFbrowser."""

import pytest

from psgvlm.errors import InputError
from psgvlm.scores.formats import read_sheet
from psgvlm.scores.sheet import CLOCK, OWN, RECORD, Mark

HEAD = '<?xml version="1.0"?>'


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def nsrr(*events, more=""):
    inner = "".join(
        f"<ScoredEvent><EventType>{kind}</EventType><EventConcept>{concept}</EventConcept>"
        f"<Start>{start}</Start><Duration>{duration}</Duration></ScoredEvent>"
        for kind, concept, start, duration in events
    )
    return f"{HEAD}<PSGAnnotation>{more}<ScoredEvents>{inner}</ScoredEvents></PSGAnnotation>"


def profusion(codes, declared="UTF-8", length="30"):
    inner = "".join(f"<SleepStage>{code}</SleepStage>" for code in codes)
    return (
        f'<?xml version="1.0" encoding="{declared}"?><CMPStudyConfig>'
        f"<EpochLength>{length}</EpochLength><SleepStages>{inner}</SleepStages></CMPStudyConfig>"
    )


def test_nsrr_takes_stages_alone(tmp_path):
    text = nsrr(
        ("", "Recording Start Time", 0, 1200),
        ("Stages|Stages", "Beginning of analysis period", 0, 0),
        ("Stages|Stages", "Wake|0", 0, 90),
        ("Respiratory|Respiratory", "Hypopnea|Hypopnea", 20, 11),
        ("Arousals|Arousals", "Arousal|Arousal ()", 25, 3),
        ("Stages|Stages", "REM sleep|5", 90, 30),
        ("Stages|Stages", "Movement|6", 120, 30),
        ("Stages|Stages", "End of analysis period", 150, 0),
    )
    sheet = read_sheet(write(tmp_path / "a-nsrr.xml", text))
    marks = (Mark("Wake|0", 0, 90), Mark("REM sleep|5", 90, 30), Mark("Movement|6", 120, 30))
    assert (sheet.marks, sheet.origin, sheet.codes) == ({"": marks}, RECORD, "rk")


def test_nsrr_keeps_an_unknown_concept_so_that_it_is_counted(tmp_path):
    text = nsrr(("Stages|Stages", "Wake|0", 0, 30), ("Stages|Stages", "Dozing|77", 30, 30))
    (marks,) = read_sheet(write(tmp_path / "a.xml", text)).marks.values()
    assert [mark.text for mark in marks] == ["Wake|0", "Dozing|77"]


def test_nsrr_events_of_another_type_are_stages_by_their_concept(tmp_path):
    text = nsrr(
        ("", "Recording Start Time", "", ""),
        ("Sleep", "SRO:Wake", 0, 30),
        ("Sleep", "SRO:Stage34Sleep", 30, 30),
        ("", "Hypopnea", "", ""),
    )
    (marks,) = read_sheet(write(tmp_path / "a.xml", text)).marks.values()
    assert [mark.text for mark in marks] == ["SRO:Wake", "SRO:Stage34Sleep"]


def test_a_namespace_makes_no_difference(tmp_path):
    text = nsrr(("Stages|Stages", "Wake|0", 0, 30))
    text = text.replace("<PSGAnnotation>", '<PSGAnnotation xmlns="http://example.org/x">')
    assert read_sheet(write(tmp_path / "a.xml", text)).marks == {"": (Mark("Wake|0", 0, 30),)}


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("UTF-16", "utf-8"),
        ("UTF-8", "utf-16"),
        ("UTF-8", "utf-16-le"),
        ("utf-16", "utf-16-be"),
        ("windows-1252", "cp1252"),
        ("no-such-code", "utf-8"),
        ("UTF-8", "latin-1"),
    ],
)
def test_any_declared_and_any_real_encoding(tmp_path, declared, encoding):
    text = profusion("00512", declared).replace("<SleepStages>", "<!-- é --><SleepStages>")
    sheet = read_sheet(write(tmp_path / "a.xml", text, encoding))
    assert (sheet.marks, sheet.codes) == ({"": tuple(map(Mark, "00512"))}, "rk")


def test_profusion_says_which_codes_it_does_not_document(tmp_path):
    sheet = read_sheet(write(tmp_path / "a.xml", profusion([0, 10, 10, 6, 7], length="20")))
    assert sheet.epoch_s == 20
    assert [("10" in note, "7" in note) for note in sheet.notes] == [(True, False), (False, True)]


@pytest.mark.parametrize("length", ["0", "-30", "nan", "1e9", "thirty"])
def test_profusion_with_an_impossible_length_is_refused(tmp_path, length):
    with pytest.raises(InputError, match=r"a\.xml"):
        read_sheet(write(tmp_path / "a.xml", profusion("00", length=length)))


def test_embla_gives_dates_with_times(tmp_path):
    events = [
        ("LIGHTS-OFF", "2010-12-31T23:58:00.000000", "2010-12-31T23:58:00.000000"),
        ("SLEEP-S0", "2010-12-31T23:59:30.000000", "2011-01-01T00:00:00.000000"),
        ("AROUSAL", "2010-12-31T23:59:45.000000", "2010-12-31T23:59:48.000000"),
        ("SLEEP-REM", "2011-01-01T00:00:00.000000", "2011-01-01T00:01:00.000000"),
    ]
    inner = "".join(
        f"<Event><Type>{kind}</Type><Location>EEG-C4-M1</Location><StartTime>{start}</StartTime>"
        f"<StopTime>{stop}</StopTime></Event>"
        for kind, start, stop in events
    )
    text = f"{HEAD}<EventExport><Device/><Events>{inner}</Events></EventExport>"
    sheet = read_sheet(write(tmp_path / "a.xml", text))
    assert sheet.origin == CLOCK
    assert sheet.marks == {"": (Mark("SLEEP-S0", 86370, 30), Mark("SLEEP-REM", 86400, 60))}


def rml(person, program, duration="<Duration>300</Duration>"):
    def staging(name, stages):
        inner = "".join(f'<Stage Type="{kind}" Start="{start}" />' for kind, start in stages)
        rules = f"<NeuroAdultAASMStaging>{inner}</NeuroAdultAASMStaging>"
        return f"<{name}>{rules}</{name}>" if stages else f"<{name}/>"

    return (
        f'{HEAD}<PatientStudy xmlns="http://www.respironics.com/PatientStudy.xsd">'
        "<Acquisition><Sessions><Session><RecordingStart>2020-03-01T21:30:00</RecordingStart>"
        f"{duration}</Session></Sessions></Acquisition><ScoringData><StagingData>"
        f"{staging('UserStaging', person)}{staging('MachineStaging', program)}"
        "</StagingData></ScoringData></PatientStudy>"
    )


def test_sleepware_gives_the_persons_and_the_programs_stages(tmp_path):
    text = rml([("Wake", 0), ("NonREM2", 90), ("REM", 240)], [("NotScored", 0), ("NonREM3", 30)])
    sheet = read_sheet(write(tmp_path / "a.rml", text))
    assert (sheet.origin, sheet.start_clock_s) == (OWN, 77400)
    assert sheet.algorithms == {"MachineStaging"}
    person = (Mark("Wake", 0, 90), Mark("NonREM2", 90, 150), Mark("REM", 240, 60))
    program = (Mark("NotScored", 0, 30), Mark("NonREM3", 30, 270))
    assert sheet.marks == {"UserStaging": person, "MachineStaging": program}


def test_sleepware_without_the_length_of_the_session(tmp_path):
    text = rml([("Wake", 0), ("REM", 60)], [], duration="")
    sheet = read_sheet(write(tmp_path / "a.rml", text))
    assert sheet.marks == {"UserStaging": (Mark("Wake", 0, 60), Mark("REM", 60, None))}


def test_luna_gives_instances_of_classes(tmp_path):
    inner = "".join(
        f'<Instance class="{name}"><Name>.</Name><Start>{start}</Start><Duration>{s}</Duration>'
        "</Instance>"
        for name, start, s in [("W", 0, 30), ("arousal", 12, 3), ("N2", 30, 30), ("?", 60, 30)]
    )
    text = f"{HEAD}<Annotations><Instances>{inner}</Instances></Annotations>"
    sheet = read_sheet(write(tmp_path / "a.xml", text))
    assert sheet.marks == {"": (Mark("W", 0, 30), Mark("N2", 30, 30), Mark("?", 60, 30))}


@pytest.mark.parametrize(
    ("onsets", "origin", "first_s"),
    [
        (("2001-01-01T22:10:00.0000000", "2001-01-01T22:10:30.0000000"), CLOCK, 79800),
        (("600.0000000", "630.0000000"), RECORD, 600),
    ],
)
def test_edfbrowser_gives_times_or_seconds(tmp_path, onsets, origin, first_s):
    inner = "".join(
        f"<annotation><onset>{onset}</onset><duration>30.0</duration>"
        f"<description>{text}</description></annotation>"
        for onset, text in zip(onsets, ("Sleep stage W", "Sleep stage N1"), strict=True)
    )
    note = f"<annotation><onset>{onsets[0]}</onset><description>Lights off</description>"
    text = f"{HEAD}<annotationlist>{note}</annotation>{inner}</annotationlist>"
    sheet = read_sheet(write(tmp_path / "a.xml", text))
    marks = (Mark("Sleep stage W", first_s, 30), Mark("Sleep stage N1", first_s + 30, 30))
    assert (sheet.origin, sheet.marks) == (origin, {"": marks})


def wonambi(*raters):
    inner = "".join(
        f'<rater name="{name}"><events/><stages>'
        + "".join(
            f"<epoch><epoch_start>{30 * i}</epoch_start><epoch_end>{30 * i + 30}</epoch_end>"
            f"<stage>{stage}</stage><quality>Good</quality></epoch>"
            for i, stage in enumerate(stages)
        )
        + "</stages></rater>"
        for name, stages in raters
    )
    start = "<dataset><start_time>2018-02-03T22:15:00</start_time></dataset>"
    return f'{HEAD}<annotations version="5">{start}{inner}</annotations>'


def test_wonambi_keeps_every_rater_who_staged(tmp_path):
    text = wonambi(("a", ["Wake", "NREM1"]), ("b", ["Unknown"] * 2), ("c", ["REM", "Unknown"]))
    sheet = read_sheet(write(tmp_path / "a.xml", text))
    assert (sheet.origin, sheet.start_clock_s) == (OWN, 80100)
    assert sheet.marks == {
        "a": (Mark("Wake", 0, 30), Mark("NREM1", 30, 30)),
        "c": (Mark("REM", 0, 30), Mark("Unknown", 30, 30)),
    }


@pytest.mark.parametrize(
    "text",
    [
        wonambi(("a", ["Unknown"])),
        f"{HEAD}<annotations/>",
        f"{HEAD}<CMPStudyConfig/>",
        f"{HEAD}<PSGAnnotation/>",
        f"{HEAD}<EventExport/>",
        f"{HEAD}<PatientStudy/>",
        f"{HEAD}<Annotations/>",
        f"{HEAD}<annotationlist/>",
        f"{HEAD}<html/>",
        f"{HEAD}<PSGAnnotation>",
        nsrr(("Stages|Stages", "Wake|0", "zero", 30)),
        nsrr(("Stages|Stages", "Wake|0", 0, "nan")),
        '<!DOCTYPE a [<!ENTITY x "y">]><PSGAnnotation>&x;</PSGAnnotation>',
        "<" * 5000,
        "",
    ],
)
def test_what_is_not_complete_is_refused_by_name(tmp_path, text):
    with pytest.raises(InputError, match=r"a\.xml"):
        read_sheet(write(tmp_path / "a.xml", text))
