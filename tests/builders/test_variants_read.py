"""Every simulated variant of the raw formats is read and compared with its truth."""

import csv

import pytest
from psgvlm.builders import simulate
from psgvlm.builders.__main__ import main
from psgvlm.builders.build.examine import Choices, examine
from psgvlm.builders.readers import find_nights, isruc, mass, shhs

from psgvlm.image_spec import PRESETS

READERS = {"isruc": isruc, "mass": mass, "shhs": shhs}
RECORDINGS = [
    (cohort, recording.name)
    for cohort in READERS
    for recording in simulate.cohorts.variants(cohort)
]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("variants")
    simulate.write_variants(root, hours=0.5, seed=1)
    return root


@pytest.fixture(scope="module")
def nights(root):
    return {
        (cohort, night.recording): night
        for cohort, reader in READERS.items()
        for night in find_nights(reader, root / cohort)
    }


def truth_of(root, cohort, recording):
    with (root / "truth" / cohort / f"{recording}.stages.csv").open() as file:
        return list(csv.DictReader(file))


def test_all_are_found(nights):
    assert set(nights) == set(RECORDINGS)


@pytest.mark.parametrize(("cohort", "recording"), RECORDINGS)
def test_every_epoch_has_the_stage_and_the_place_that_were_planted(root, nights, cohort, recording):
    seen = examine(READERS[cohort], nights[cohort, recording], PRESETS["square"], Choices())
    assert seen.night.lanes.missing_names == ()
    truth = truth_of(root, cohort, recording)
    assert len(seen.night.epochs) > 0.55 * len(truth)  # one file ends early
    # 20-s epochs are extended by 5 s on both sides.
    margin_s = (30 - float(truth[0].get("duration_s", 30))) / 2
    rate_hz = seen.night.recording.channel(seen.night.lanes.sources[0].plus).rate_hz
    assert seen.night.starts_s.tolist() == seen.night.onsets_s.tolist()
    for number, onset_s in zip(seen.night.epochs.tolist(), seen.night.onsets_s, strict=True):
        row = truth[number]
        assert abs(onset_s + margin_s - float(row["onset_s"])) < 1 / rate_hz
        # Without its xlsx an ISRUC recording cannot tell unscored epochs from wake.
        if recording == "III-4" and seen.scores.stages[number] == "W":
            continue
        assert seen.scores.stages[number] == row["stage"]


def test_inspect_has_a_line_for_each(root, capsys):
    assert main(["inspect", str(root)]) == 0
    text = capsys.readouterr().out
    for _, recording in RECORDINGS:
        (line,) = (x for x in text.splitlines() if x.startswith(f"{recording} "))
        assert line.endswith(" ok")
    assert "shhs1-200005: truncated: " in text
    assert "I-14: 5 epochs beyond the ends of the signal are left out" in text
    assert "I-17: the signal goes on for 60 s after the last scored epoch" in text
    assert "III-4: no 4_1.xlsx: unscored epochs count as wake" in text
    assert max(map(len, text.splitlines())) < 120


def test_the_odd_ones(nights):
    def scores(cohort, recording, **options):
        return READERS[cohort].read_scores(nights[cohort, recording], **options)

    assert scores("isruc", "I-20").second is None
    assert 0.6 < scores("isruc", "I-1").kappa < 0.95
    assert scores("isruc", "II-3-1").stages != scores("isruc", "II-3-2").stages
    assert {n.subject for (_, name), n in nights.items() if name.startswith("II-")} == {"II-3"}
    assert [n.subject for (_, name), n in nights.items() if name.endswith("200001")] == [
        "200001"
    ] * 2
    for recording in ("01-02-0001", "01-04-0001", "01-05-0001"):
        assert scores("mass", recording).step_s == pytest.approx(20, abs=1e-4)
    assert scores("mass", "01-03-0001").step_s == pytest.approx(30, abs=1e-4)
