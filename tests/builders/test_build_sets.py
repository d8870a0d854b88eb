"""A build of a tree of several data sets: configurations, splits, votes, warnings and status."""

import json

import edfio
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset
from psgvlm.builders.__main__ import main
from psgvlm.builders.build import state
from psgvlm.builders.check import verify
from psgvlm.builders.readers import READERS
from recordings import montage, write_edf, write_isruc

from psgvlm.errors import InputError
from psgvlm.hub.cohorts import COHORTS
from psgvlm.stages import STAGES

WORDS = ("W", "N1", "N2", "N3", "R")


def write_scores(path, stages):
    events = [edfio.EdfAnnotation(30 * i, 30, f"Sleep stage {s}") for i, s in enumerate(stages)]
    write_edf(path, (), events)


def write_hmc(folder, number, stages=WORDS):
    write_edf(folder / f"SN{number:03d}.edf", montage(["C4-M1"], 30 * len(stages)))
    write_scores(folder / f"SN{number:03d}_sleepscoring.edf", stages)


def write_ipa(folder, name, *opinions):
    write_edf(folder / f"{name}_sleep.edf", montage(["C4-M1"], 30 * len(opinions[0])))
    for number, stages in enumerate(opinions, 1):
        write_scores(folder / f"{name}_sleep_manual_scorer{number}.edf", stages)


def write_own(folder, name, stages=WORDS):
    folder.mkdir(parents=True, exist_ok=True)
    write_edf(folder / f"{name}.edf", montage(["C4-M1"], 30 * max(1, len(stages))))
    if stages:
        (folder / f"{name}.txt").write_text("\n".join(stages) + "\n")


def build(raw, out, *words, reader="folder"):
    options = ("--out", str(out), "--image", "square", "--workers", "1", "--split", "100/0/0")
    return main([reader, str(raw), *options, *map(str, words)])


def manifest(out):
    return {row["recording"]: row for row in pq.read_table(out / "manifest.parquet").to_pylist()}


def rows(out, config, split="train"):
    return load_dataset(str(out), config, split=split).remove_columns("images").to_list()


@pytest.fixture
def tree(tmp_path):
    """HMC, ISRUC and a person's own recordings in one tree."""
    raw = tmp_path / "raw"
    for number in (1, 2, 3):
        write_hmc(raw / "hmc" / "recordings", number)
        write_isruc(raw / "subgroupIII" / str(number), str(number), WORDS)
        write_own(raw / "own", f"P{number}")
    return raw


### Data sets


def test_each_data_set_of_a_tree_is_a_configuration(tree, tmp_path, capsys):
    out = tmp_path / "corpus"
    assert build(tree, out) == 0
    printed = capsys.readouterr()
    for said in ("HMC", "3 recordings of 3 people", "ISRUC-Sleep"):
        assert said in printed.err
    assert printed.out.splitlines()[-1].endswith("45 epochs of 9 nights, 0 skipped")
    assert {line.split(":")[0] for line in printed.out.splitlines()[:-1]} == {
        "hmc", "isruc", "folder",
    }  # fmt: skip
    found = manifest(out)
    assert {row["cohort"]: row["reader"] for row in found.values()} == {
        "hmc": "hmc", "isruc": "isruc", "folder": "folder",
    }  # fmt: skip
    for config in ("hmc", "isruc", "folder"):
        by_recording = [row["stage"] for row in rows(out, config)]
        assert by_recording == [0, 1, 2, 3, 4] * 3
    assert list(verify.Check(out).faults()) == []


def test_naming_the_reader_builds_its_recordings_alone(tree, tmp_path):
    out = tmp_path / "corpus"
    assert build(tree, out, reader="hmc") == 0
    assert {row["cohort"] for row in manifest(out).values()} == {"hmc"}
    other = tmp_path / "other"
    assert build(tree / "hmc", other) == 0
    strip = [{**row, "recording": None} for row in rows(out, "hmc")]
    assert strip == [{**row, "recording": None} for row in rows(other, "hmc")]


def test_the_card_has_the_command_of_every_reader(tree, tmp_path):
    out = tmp_path / "corpus"
    assert build(tree, out) == 0
    card = (out / "README.md").read_text("utf-8")
    for reader in ("hmc", "isruc", "folder"):
        assert f"psgvlm build {reader} RAW/{reader} --out CORPUS" in card
    assert "CC BY 4.0" in card and "Alvarez-Estevez" in card


def test_a_data_set_without_an_option_is_named(tree, tmp_path, capsys):
    assert build(tree, tmp_path / "corpus", "--codes", "rk") == 0
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "--codes" in line]
    assert "hmc" in said and "folder" in said
    assert said.index("isruc") > max(said.index("hmc"), said.index("folder"))


def test_an_option_goes_to_the_readers_that_have_it(tree, tmp_path, capsys):
    out = tmp_path / "corpus"
    with pytest.raises(SystemExit):
        build(tree / "hmc", out, "--twenty-second", "skip")
    assert "--twenty-second is an option of mass" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        build(tree, out, "--scorer", "Anna")
    assert "isruc takes one of 1, 2" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        build(tree, out, "--twenty-second", "skip", reader="hmc")


def test_every_public_data_set_has_its_terms():
    """Without terms, a data set would count as the user's own recordings."""
    own = {"bids", "folder"}  # the layouts of anybody's recordings
    for name, reader in READERS.items():
        assert set(getattr(reader, "NAMES", {name: ""})) - own <= set(COHORTS), name


### Splits


def test_a_list_of_splits_over_several_data_sets(tree, tmp_path, capsys):
    out, path = tmp_path / "corpus", tmp_path / "list.csv"
    lines = ["subject,split", "SN001,train", "SN002,test", "III-1,train", "III-3,test"]
    path.write_text("\n".join(lines))
    words = ["folder", tree, "--out", out, "--image", "square", "--workers", "1"]
    assert main([str(word) for word in (*words, "--split", path)]) == 0
    found = {row["subject"]: row["split"] for row in manifest(out).values()}
    assert found == {"SN001": "train", "SN002": "test", "III-1": "train", "III-3": "test"}
    said = capsys.readouterr().err
    assert "hmc: --split" in said and "SN003" in said and "leaves out 3 of 3" in said
    assert "--split SPLIT" in (out / "README.md").read_text("utf-8")
    assert str(path) not in (out / "README.md").read_text("utf-8")
    path.write_text("SN001,train\nSN009,test\n")  # SN009 was not downloaded
    assert main([str(word) for word in (*words, "--split", path)]) == 0
    assert "1 of 2 names not found: SN009" in capsys.readouterr().err
    path.write_text("SN008,train\nSN009,test\n")
    with pytest.raises(InputError, match=r"none of its 2 names.*SN008"):
        main([str(word) for word in (*words, "--split", path)])


def test_two_nights_of_a_person_never_part(tmp_path):
    raw, path = tmp_path / "raw", tmp_path / "list.csv"
    for name in ("P1_n1", "P1_n2", "P2_n1", "P2_n2"):
        write_own(raw, name)
    words = ["folder", str(raw), "--out", str(tmp_path / "c"), "--image", "square"]
    path.write_text("P1_n1,train\nP2_n1,test\nP2_n2,train\n")
    with pytest.raises(InputError, match="line 3: subject P2"):
        main([*words, "--split", str(path)])
    path.write_text("P1_n1,train\nP2_n2,test\n")
    assert main([*words, "--workers", "1", "--split", str(path)]) == 0
    splits = {row["recording"]: row["split"] for row in manifest(tmp_path / "c").values()}
    assert splits == {"P1_n1": "train", "P1_n2": "train", "P2_n1": "test", "P2_n2": "test"}


### Votes


def test_the_shares_of_several_scorers(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "corpus"
    opinions = (
        ("W", "N1", "N2", "N3", "?"),
        ("W", "N2", "N2", "N3", "R"),
        ("W", "N2", "N3", "?", "R"),
    )
    write_ipa(raw, "SN1", *opinions)
    write_hmc(raw, 200)
    assert build(raw, out, "--scorer", "consensus") == 0
    scored = rows(out, "psg-ipa")
    for row, *said in zip(scored, *opinions, strict=True):
        given = [stage for stage in said if stage != "?"]
        shares = [given.count(stage) / len(given) for stage in STAGES]
        assert row["votes"] == pytest.approx(shares)
        assert STAGES[row["stage"]] == max(given, key=given.count)
    assert {row["votes"] for row in rows(out, "hmc")} == {None}
    assert list(verify.Check(out).faults()) == []


def test_votes_that_are_no_shares_are_found(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "corpus"
    write_ipa(raw, "SN1", WORDS, WORDS)
    assert build(raw, out) == 0
    (path,) = out.glob("psg-ipa/*.parquet")
    table = pq.read_table(path)
    votes = table["votes"].to_pylist()
    votes[2] = [0.5, 0.2, 0.0, 0.0, 0.0]
    index = table.schema.get_field_index("votes")
    column = pa.array(votes, table.schema.field(index).type)
    pq.write_table(table.set_column(index, table.schema.field(index), column), path)
    faults = [fault for fault in verify.Check(out).faults() if fault.kind == "label"]
    assert len(faults) == 1 and "votes" in faults[0].found


### Scores that a person should look at


def test_a_build_without_any_stage_says_what_to_do(tmp_path, capsys):
    raw, out = tmp_path / "raw", tmp_path / "corpus"
    write_own(raw, "P1", ())
    assert build(raw, out) == 3
    printed = capsys.readouterr()
    assert "no recording has a stage" in printed.err and "--unscored" in printed.err
    assert "1 unscored" in printed.out
    assert build(raw, out, "--unscored") == 0
    assert "no recording has a stage" not in capsys.readouterr().err


def test_one_data_set_without_stages_is_said(tree, tmp_path, capsys):
    for path in (tree / "own").glob("*.txt"):
        path.unlink()
    assert build(tree, tmp_path / "c") == 3
    assert "folder: no recording has a stage" in capsys.readouterr().err
    assert build(tree, tmp_path / "c", "--unscored") == 0


@pytest.mark.parametrize("words", [("?", "?", "?"), ("blau", "rot", "gelb")])
def test_a_night_whose_scores_hold_no_stage_is_drawn_with_a_warning(tmp_path, capsys, words):
    raw, out = tmp_path / "raw", tmp_path / "corpus"
    write_own(raw, "P1")
    write_hmc(raw, 7, words)
    write_hmc(raw, 8)
    assert build(raw, out) == 0
    printed = capsys.readouterr()
    found = manifest(out)
    (name,) = [name for name in found if name.endswith("SN007")]
    row = found[name]
    assert (row["status"], row["unscored"]) == ("built", 3)
    assert row["warnings"]
    assert printed.err.count(f"{name}: warning:") == len(row["warnings"])
    assert "1 unscored, 1 with warnings" in printed.out
    assert not any(found[other]["warnings"] for other in found if other != name)
    assert "1 with warnings" in (out / "README.md").read_text("utf-8")


### Corpora of other versions


def test_a_configuration_of_another_version_is_said(tree, tmp_path, capsys):
    out = tmp_path / "corpus"
    assert build(tree / "hmc", out) == 0
    path = out / ".build" / "hmc" / "state.json"
    saved = json.loads(path.read_text())
    path.write_text(json.dumps(saved | {"version": state.VERSION - 1}))
    assert build(tree / "own", out) == 0
    assert "hmc: another version of psgvlm" in capsys.readouterr().err
    assert build(tree / "hmc", out) == 0
    assert "another version" not in capsys.readouterr().err
