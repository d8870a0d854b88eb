"""Random tables of a known night as programs write them: every stage comes back in its place."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from psgvlm.scores import CLOCK, meaning_of
from psgvlm.scores.formats import TEXT
from psgvlm.stages import STAGES

SPELLINGS = {
    "W": ("W", "Wake", "WK", "Sleep stage W", "SLEEP-S0", "Wach"),
    "N1": ("N1", "S1", "Stage 1", "Sleep stage 1", "SLEEP-S1", "NREM1"),
    "N2": ("N2", "S2", "Stage 2", "Sleep stage 2", "SLEEP-S2", "NREM2"),
    "N3": ("N3", "S3", "Stage 3", "Sleep stage 3", "SLEEP-S3", "NREM3"),
    "R": ("R", "REM", "RE", "Sleep stage R", "SLEEP-REM", "Rem"),
}
STAGE_HEADS = st.sampled_from(
    [
        "stage",
        "Sleep Stage",
        "sleep_stage",
        "Hypnogram",
        "Schlafstadium",
        "Stade",
        "label",
        "Event",
        "annotation",
        "trial_type",
        "Description",
        "SLEEPSTAGE",
    ]
)
START_HEADS = st.sampled_from(["onset", "start", "Start Time", "Zeit", "time", "Begin", "Inicio"])
DURATION_HEADS = st.sampled_from(["duration", "Duration[s]", "Dauer", "duration_s", "Durée"])
EPOCH_HEADS = st.sampled_from(["epoch", "Epoche", "No.", "", "Epoch Number", "index"])
EXTRA = {  # other columns that stand in such tables, and their cells
    "Position": ("L", "R", "S", "P"),
    "SpO2": ("97", "96", "93"),
    "Artefact": ("0", "1"),
    "note": ("", "turns", "asks for REM and water"),
    "Channel": ("C4-M1", "Fpz-Cz"),
    "confidence": ("0.9", "0.75", "1"),
    "HR (bpm)": ("60", "71", "55"),
}


def clock(second: float, style: int) -> str:
    second = round(second) % 86400
    hours, minutes, seconds = second // 3600, second // 60 % 60, second % 60
    if style == 0:
        return f"{hours:02}:{minutes:02}:{seconds:02}"
    if style == 1:
        return f"{hours}.{minutes:02}.{seconds:02}"
    return f"{hours % 12 or 12}:{minutes:02}:{seconds:02} {'AM' if hours < 12 else 'PM'}"


@st.composite
def nights(draw):
    """Draw a table of a night, the stage at each of its epochs, and where the first one begins."""
    spelling = draw(st.integers(0, 5))
    stages = draw(st.lists(st.sampled_from(STAGES), min_size=3, max_size=12))
    stages = ["N2", "W", *stages, "N2"]  # any night has some
    step = draw(st.sampled_from([30, 20]))
    kind = draw(st.sampled_from(["seconds", "clock", "epochs"]))
    first = draw(st.sampled_from([0, 30, 600])) if kind == "seconds" else 0
    began = draw(st.integers(1, 86399))
    style, base = draw(st.integers(0, 2)), draw(st.sampled_from([0, 1]))
    with_durations = kind != "epochs" and draw(st.booleans())
    table = {}
    if kind == "epochs":
        table[draw(EPOCH_HEADS)] = [str(base + i) for i in range(len(stages))]
    elif kind == "seconds":
        table[draw(START_HEADS)] = [str(first + step * i) for i in range(len(stages))]
    else:
        head = draw(START_HEADS.filter(lambda head: head != "onset"))
        table[head] = [clock(began + step * i, style) for i in range(len(stages))]
    if with_durations:
        table[draw(DURATION_HEADS)] = [str(step)] * len(stages)
    table[draw(STAGE_HEADS)] = [SPELLINGS[stage][spelling] for stage in stages]
    for head in draw(st.lists(st.sampled_from(list(EXTRA)), unique=True, max_size=3)):
        table[head] = [draw(st.sampled_from(EXTRA[head])) for _ in stages]
    heads = list(table)
    if "" in heads:  # pandas writes an index first
        heads = ["", *(head for head in draw(st.permutations(heads)) if head)]
    else:
        heads = draw(st.permutations(heads))
    separator = draw(st.sampled_from([",", ";", "\t", " , "]))
    rows = [heads, *zip(*(table[head] for head in heads), strict=True)]
    text = draw(st.sampled_from(["\n", "\r\n"])).join(separator.join(row) for row in rows)
    return text, stages, kind, first if kind == "seconds" else began, step


@given(nights())
def test_every_stage_comes_back_in_its_place(night):
    text, stages, kind, first, step = night
    sheet = next(filter(None, (module.read(Path("night.csv"), text) for module in TEXT)))
    assert len(sheet.marks) == 1 and not sheet.algorithms
    (marks,) = sheet.marks.values()
    assert [meaning_of(mark.text) for mark in marks] == stages
    if kind == "epochs":
        assert {mark.onset_s for mark in marks} == {None}
        return
    assert (sheet.origin == CLOCK) == (kind == "clock")
    assert [mark.onset_s % 86400 for mark in marks] == [
        (first + step * i) % 86400 for i in range(len(stages))
    ]
    assert {mark.duration_s for mark in marks} <= {step, None}


OTHERS = (  # events beside the stages, with durations
    ("arousal", 3),
    ("Hypopnea", 22.5),
    ("patient turns in REM", 0),
    ("Lights off", 0),
    ("Lights On", 0),
    ("W", None),
    ("Sleep spindle", 1.1),
    ("desaturation", 30),
    ("limb movement, left", 2),
)


@st.composite
def events(draw):
    """Draw a table of events of a night: stages of any number of epochs among other events."""
    spelling = draw(st.integers(1, 4))
    runs = draw(st.lists(st.tuples(st.sampled_from(STAGES), st.integers(1, 4)), min_size=4))
    runs = [("N2", 1), *runs, ("W", 2)]
    rows, second, expected = [], draw(st.sampled_from([0, 30, 95])), []
    for stage, count in runs:
        rows.append((float(second), 30 * count, SPELLINGS[stage][spelling]))
        expected.append((second, 30 * count, stage))
        second += 30 * count
    start = expected[0][0]
    for text, length in draw(st.lists(st.sampled_from(OTHERS), max_size=8)):
        if length is None:
            continue
        at = start + draw(st.integers(0, int(second - start) - 1))
        rows.append((at + 0.25, length, text))
    rows.sort()
    clock_s = draw(st.none() | st.integers(1, 86399))
    separator = draw(st.sampled_from(["\t", ";"]))
    head = draw(st.booleans())
    names = [
        "Start Time" if clock_s else "onset",
        "duration",
        draw(st.sampled_from(["trial_type", "Event", "description", "annotation", "Ereignis"])),
    ]
    lines = [names] if head else []
    for onset, length, text in rows:
        time = f"{onset:g}" if clock_s is None else clock(clock_s + onset, 0)
        lines.append([time, f"{length:g}", text])
    text = "\n".join(map(separator.join, lines))
    return text, expected, clock_s


@given(events())
def test_stages_are_found_among_other_events(night):
    text, expected, clock_s = night
    sheet = next(filter(None, (module.read(Path("night.txt"), text) for module in TEXT)))
    (marks,) = sheet.marks.values()
    found = [
        ((mark.onset_s - (clock_s or 0)) % 86400, mark.duration_s, meaning_of(mark.text))
        for mark in marks
        if meaning_of(mark.text) in STAGES
    ]
    assert found == expected


@st.composite
def scored_by_several(draw):
    """Draw a table of persons and programs, in a column each or told apart by a column."""
    names = draw(
        st.lists(
            st.sampled_from(
                [
                    "Scorer 1",
                    "Scorer 2",
                    "rater_a",
                    "AB",
                    "YASA",
                    "stage_ai",
                    "expert1",
                    "Dr. Roe",
                    "U-Sleep",
                ]
            ),
            min_size=2,
            max_size=4,
            unique=True,
        )
    )
    count = draw(st.integers(3, 9))
    staged = {}
    for name in names:
        more = draw(st.lists(st.sampled_from(STAGES), min_size=count, max_size=count))
        staged[name] = ["N2", "W", *more, "N3"]
    count += 3
    if draw(st.booleans()):
        start = draw(st.sampled_from(["epoch", "onset"]))
        step = 1 if start == "epoch" else 30
        rows = [[start, *names]]
        rows += [[str(step * i), *(staged[name][i] for name in names)] for i in range(count)]
    else:
        column = draw(st.sampled_from(["scorer", "annotator", "rater_id", "annotator_id"]))
        rows = [["onset", "duration", "stage", column]]
        triples = [(i, name) for i in range(count) for name in names]
        if draw(st.booleans()):
            triples.sort(key=lambda triple: triple[1])
        rows += [[str(30 * i), "30", staged[name][i], name] for i, name in triples]
    separator = draw(st.sampled_from([",", "\t", ";"]))
    return "\n".join(map(separator.join, rows)), staged


@given(scored_by_several())
def test_every_scorer_keeps_his_stages(night):
    text, staged = night
    sheet = next(filter(None, (module.read(Path("night.csv"), text) for module in TEXT)))
    found = {name: [meaning_of(mark.text) for mark in marks] for name, marks in sheet.marks.items()}
    assert found == staged
    assert sheet.algorithms == staged.keys() & {"YASA", "stage_ai", "U-Sleep"}
