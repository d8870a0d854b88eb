"""SHHS: both kinds of XML, both visits, movement and unscored epochs, sampling rates."""

from dataclasses import replace

import numpy as np
import pytest
from psgvlm.builders.build.examine import Choices, examine
from psgvlm.builders.readers import shhs
from recordings import noise, signal, write_nsrr, write_profusion, write_shhs

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.scores.scores import Scores, trim_wake

CODES = (0, 1, 2, 3, 4, 5, 6, 9, 2, 0)
STAGES = ("W", "N1", "N2", "N3", "N3", "R", None, None, "N2", "W")

SHHS = replace(PRESETS["wide"], montage="shhs")


def read(raw):
    (night,) = shhs.find(raw)
    return shhs.read_scores(night)


### Files


@pytest.mark.parametrize("level", ["", "files"])
def test_both_visits_are_one_subject(tmp_path, level):
    for stem in ("shhs1-200001", "shhs1-200077", "shhs2-200077"):
        write_shhs(tmp_path / level, stem, CODES)
    nights = shhs.find(tmp_path)
    assert [(night.subject, night.recording) for night in nights] == [
        ("200001", "shhs1-200001"),
        ("200077", "shhs1-200077"),
        ("200077", "shhs2-200077"),
    ]
    names = [path.name for path in nights[2].scores]
    assert names == ["shhs2-200077-profusion.xml", "shhs2-200077-nsrr.xml"]


def test_no_stages(tmp_path):
    write_shhs(tmp_path, "shhs1-200001", CODES, profusion=False, nsrr=False)
    with pytest.raises(InputError, match=r"found neither shhs1-200001-profusion.xml nor -nsrr.xml"):
        read(tmp_path)


### Stages


@pytest.mark.parametrize("kind", ["profusion", "nsrr"])
def test_either_xml(tmp_path, kind):
    """Stages 3 and 4 are N3, movement is unscored, and one event may cover several epochs."""
    codes = (*CODES, 2, 2, 2)
    kinds = {"profusion": kind == "profusion", "nsrr": kind == "nsrr"}
    write_shhs(tmp_path, "shhs1-200001", codes, **kinds)
    assert read(tmp_path) == Scores(0.0, (*STAGES, "N2", "N2", "N2"))


def test_both_xmls_are_compared(tmp_path):
    write_shhs(tmp_path, "shhs1-200001", CODES)
    assert read(tmp_path).notes == ()
    write_shhs(tmp_path, "shhs1-200001", CODES, nsrr=(1, 1, 2, 3, 3, 5, 6, 9, 2, 2, 2))
    scores = read(tmp_path)
    assert scores.stages == STAGES
    (note,) = scores.notes
    assert note.startswith("Profusion and NSRR XML (10 and 11 epochs) differ in 2: Profusion")


def test_nsrr_events_that_start_late(tmp_path):
    path = write_nsrr(tmp_path / "x-nsrr.xml", (2, 2))
    path.write_text(path.read_text().replace("<Start>0.0<", "<Start>90<"))
    assert shhs._read(path) == (None, None, None, "N2", "N2")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("<SleepStage>1<", "<SleepStage>7<", "stage '7'; expected one of 0 1 2 3 4 5 6 9"),
        ("<SleepStage>1<", "<SleepStage>²<", "stage '²'"),
        ("<SleepStage>1<", "<SleepStage><", "stage ''"),
        ("SleepStages", "Stages", "no SleepStages/SleepStage"),
        ("</CMPStudyConfig>", "", "not complete XML"),
        (
            "<SleepStages>",
            "<EpochLength>20</EpochLength><SleepStages>",
            "epochs of 20 s; expected 30",
        ),
    ],
)
def test_a_damaged_profusion_xml(tmp_path, old, new, reason):
    path = write_profusion(tmp_path / "x-profusion.xml", CODES)
    path.write_text(path.read_text().replace(old, new), "utf-8")
    with pytest.raises(InputError, match=reason) as caught:
        shhs._read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Wake|0", "Wake|7", "stage '7'"),
        ("<Start>30.0<", "<Start>now<", "Start 'now'; expected seconds"),
        ("<Duration>30.0<", "<Duration>nan<", "Duration 'nan'"),
        ("<Duration>30.0<", "<Duration>1e12<", "less than a day"),
        ("<Start>30.0<", "<Start>-600<", "expected none before 0 s"),
        ("ScoredEvent>", "Event>", "no ScoredEvent of type"),
    ],
)
def test_a_damaged_nsrr_xml(tmp_path, old, new, reason):
    path = write_nsrr(tmp_path / "x-nsrr.xml", CODES)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError, match=reason):
        shhs._read(path)


def test_entities_are_not_expanded(tmp_path):
    path = tmp_path / "x-profusion.xml"
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    path.write_text(
        f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><CMPStudyConfig><SleepStages>'
        "<SleepStage>&l11;</SleepStage></SleepStages></CMPStudyConfig>"
    )
    with pytest.raises(InputError, match=r"refused, its XML defines entities"):
        shhs._read(path)


def test_an_xml_that_is_too_large(tmp_path):
    path = tmp_path / "x-profusion.xml"
    path.write_bytes(b"<CMPStudyConfig>" + b" " * 17_000_000)
    with pytest.raises(InputError, match=r"17 MB; expected .* 16 MB"):
        shhs._read(path)


### Signals


def test_the_eegs_and_their_own_rates(tmp_path):
    """EEG is C4-A1 at 125 Hz, EEG(sec) C3-A2; the EOG stays at 50 Hz."""
    write_shhs(tmp_path, "shhs1-200001", CODES)
    (night,) = shhs.find(tmp_path)
    seen = examine(shhs, night, SHHS, Choices())
    assert seen.night.lanes.missing_names == ("ECG",)
    traces = seen.night.traces()
    rates = [trace.rate_hz if trace else None for trace in traces]
    assert rates == [125, 125, 50, 50, 125, None]
    assert [len(trace.samples_uv) / trace.rate_hz for trace in traces if trace] == [300] * 5
    assert np.corrcoef(traces[1].samples_uv, noise(300, 125, seed=5))[0, 1] > 0.5
    assert np.corrcoef(traces[0].samples_uv, noise(300, 125, seed=1))[0, 1] > 0.5


def test_an_eeg_of_an_impossible_height_is_not_drawn(tmp_path):
    x = noise(300, 125)
    for factor, unit, limit in ((1, "mV", 500), (1e-6, "uV", 5e-4), (1e-3, "V", 0.5)):
        eeg = signal("EEG", x * factor, 125, unit, limit)
        write_shhs(tmp_path, "shhs1-200001", CODES, signals=[eeg])
        (night,) = shhs.find(tmp_path)
        wrong = rf"C4-M1 .*EEG \({unit}\) spans .*a likely error of unit or gain"
        with pytest.raises(InputError, match=wrong):
            examine(shhs, night, SHHS, Choices())


def test_a_flat_eeg(tmp_path):
    flat = [signal("EEG", np.zeros(300 * 125), 125)]
    write_shhs(tmp_path, "shhs1-200001", CODES, signals=flat)
    (night,) = shhs.find(tmp_path)
    with pytest.raises(InputError, match=r"C4-M1 .*EEG is flat for most of the record"):
        examine(shhs, night, SHHS, Choices())
    both = [*flat, signal("EEG(sec)", noise(300, 125), 125)]
    write_shhs(tmp_path, "shhs1-200001", CODES, signals=both)
    assert len(examine(shhs, night, SHHS, Choices()).night.epochs) == 8


### Wake around the night


def test_trim_wake():
    night = ("W",) * 100 + ("N1", None, "W", "N2") + ("W",) * 100
    trimmed = trim_wake(Scores(0.0, night), 30).stages
    assert trimmed == (None,) * 40 + night[40:164] + (None,) * 40
    assert trim_wake(Scores(0.0, ("W", "W")), 30).stages == ("W", "W")
    assert trim_wake(Scores(0.0, ("W", "N1", "W")), 0).stages == (None, "N1", None)
