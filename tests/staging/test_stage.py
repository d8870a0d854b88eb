"""The command that stages nights, run as a technologist runs it."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from commands import command
from real_recordings import real_recording
from recordings import montage, noise, signal, write_edf

from psgvlm import errors
from psgvlm.commands import stage
from psgvlm.evaluation.predictions import PROBABILITIES
from psgvlm.models import inference, vlm
from psgvlm.stages import STAGES
from psgvlm.staging import REVIEW_UNDER, night_files

CORE = ("C4-M1", "E1-M2", "E2-M1", "chin")


def read(path: Path) -> list[dict]:
    with path.open() as file:
        return list(csv.DictReader(file))


def run(*words) -> int:
    """Run the command in this process and return its exit status."""
    return stage.main([*map(str, words)])


def test_a_night_is_staged_without_its_scores(adapter, raw, tmp_path):
    edf = next(path for path in sorted((raw / "mass").rglob("*.edf")) if "Base" not in path.name)
    alone = tmp_path / "night one.edf"
    alone.symlink_to(edf)
    out = tmp_path / "out"
    done = command("stage.py", alone, "--model", adapter, "--out", out, "--lights-off", "60")
    assert done.returncode == 0, done.stderr
    assert "lanes: C4-M1 <- " in done.stdout
    assert "not calibrated" in done.stdout
    rows = read(out / "hypnogram.csv")
    # The epochs count from the start of the record; MASS has up to two before the first scored one.
    assert 60 <= len(rows) <= 62
    assert [float(row["onset_s"]) for row in rows] == [30.0 * i for i in range(len(rows))]
    for row in rows:
        p = np.array([float(row[f"p_{name}"]) for name in STAGES])
        assert abs(p.sum() - 1) < 1e-5
        assert row["stage"] == STAGES[p.argmax()]
    assert sorted(path.name for path in out.iterdir()) == sorted(night_files.FILES)
    statistics = json.loads((out / "statistics.json").read_text())
    assert statistics["lights_off"]["s"] == 60


def test_evaluation_and_staging_give_the_same_probabilities(adapter, corpus, raw, tmp_path):
    """The images of a test night are the same in the corpus and from the raw file."""
    import pandas as pd

    words = ("--model", adapter, "--dataset", corpus, "--config", "shhs", "--out", tmp_path / "r")
    done = command("eval.py", *words)
    assert done.returncode == 0, done.stderr
    frame = pd.read_parquet(tmp_path / "r" / "predictions.parquet")
    edf = next((raw / "shhs").rglob(f"{frame['recording'][0]}.edf"))
    assert run(edf, "--model", adapter, "--out", tmp_path / "out") == 0
    night = {float(row["onset_s"]): row for row in read(tmp_path / "out" / "hypnogram.csv")}
    for _, row in frame.iterrows():
        for name in PROBABILITIES:
            assert abs(row[name] - float(night[row["onset"]][name])) < 1e-4
    assert (tmp_path / "r" / "hypnogram_1_best.png").is_file()


def test_a_real_recording(adapter, tmp_path, capsys):
    assert run(real_recording("nox_a1_2min.edf"), "--model", adapter, "--out", tmp_path) == 0
    assert "C4-M1 <- C4-M1, E1 <- E1-M2, E2 <- E2-M1, chin <- 1-2" in capsys.readouterr().out
    assert [float(row["onset_s"]) for row in read(tmp_path / "hypnogram.csv")] == [0, 30, 60, 90]


def test_a_bad_recording_is_skipped_and_staged_nights_are_not_staged_again(
    adapter, tmp_path, capsys, monkeypatch
):
    nights = [write_edf(tmp_path / who / "psg.edf", montage(CORE, 95)) for who in ("a", "b")]
    text = tmp_path / "c" / "notes.edf"
    text.parent.mkdir()
    text.write_text("this is no recording\n" * 50)
    out = tmp_path / "out"
    words = (nights[0], text, nights[1], "--model", adapter, "--out", out)
    assert run(*words) == 3
    said = capsys.readouterr()
    (line,) = [line for line in said.err.splitlines() if line.startswith("error: ")]
    assert f"{text}: not an EDF file" in line
    assert "1 of 3 nights were not staged" in said.err
    folders = {path.name: path for path in out.iterdir()}
    assert set(folders) == {"a_psg.edf", "b_psg.edf"}  # psg alone would be both
    for folder in folders.values():
        assert sorted(path.name for path in folder.iterdir()) == sorted(night_files.FILES)
    assert run(text, "--model", adapter, "--out", tmp_path / "none") == 1
    assert not (tmp_path / "none").exists()

    ### A second run neither loads the model nor stages the nights again
    monkeypatch.setattr(inference.StageClassifier, "probabilities", None)
    monkeypatch.setattr(vlm, "load", None)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.*")}
    capsys.readouterr()
    assert run(*words) == 3
    said = capsys.readouterr().out
    assert said.count("staged already") == 2
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.*")} == before
    # Other times of the lights need no new stages.
    stages = (out / "a_psg.edf" / "hypnogram.csv").read_bytes()
    assert run(*words, "--lights-off", "30") == 3
    assert "staged already" not in capsys.readouterr().out
    found = json.loads((out / "a_psg.edf" / "statistics.json").read_text())
    assert found["statistics"]["TIB"]["value"] == 1
    assert (out / "a_psg.edf" / "hypnogram.csv").read_bytes() == stages
    # A missing file is written again.
    (out / "b_psg.edf" / "night.png").unlink()
    assert run(*words, "--lights-off", "30") == 3
    assert (out / "b_psg.edf" / "night.png").is_file()
    # Another recording under the old name needs the model, which was removed above.
    shutil.copyfile(write_edf(tmp_path / "d.edf", montage(CORE, 125)), nights[0])
    with pytest.raises(TypeError):
        run(*words)


def test_an_interrupted_night_continues(adapter, tmp_path, capsys, monkeypatch):
    edf = write_edf(tmp_path / "night.edf", montage(CORE, 300))
    out = tmp_path / "out"
    words = (edf, "--model", adapter, "--out", out, "--batch-size", 4)
    score = inference.StageClassifier.probabilities

    def stopped(scorer, epochs):
        for done, p in enumerate(score(scorer, epochs)):
            if done == 8:
                raise KeyboardInterrupt
            yield p

    monkeypatch.setattr(inference.StageClassifier, "probabilities", stopped)
    with pytest.raises(KeyboardInterrupt):
        run(*words)
    assert "8 of 10 epochs are done and kept" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == [stage.KEPT]
    scored = []
    monkeypatch.setattr(
        inference.StageClassifier,
        "probabilities",
        lambda *a: (scored.append(p) or p for p in score(*a)),
    )
    assert run(*words) == 0
    assert len(scored) == 2
    assert sorted(path.name for path in out.iterdir()) == sorted(night_files.FILES)
    kept = {path.name: path.read_bytes() for path in out.iterdir()}
    shutil.rmtree(out)
    assert run(*words) == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == kept


def test_a_folder_with_other_files_is_refused(adapter, tmp_path, capsys):
    edf = write_edf(tmp_path / "night.edf", montage(CORE, 65))
    out = tmp_path / "mine"
    out.mkdir()
    (out / "hypnogram.csv").write_text("my own scores")
    assert run(edf, "--model", adapter, "--out", out) == 1
    said = capsys.readouterr().err
    assert "hypnogram.csv: exists" in said and "another --out" in said
    assert (out / "hypnogram.csv").read_text() == "my own scores"
    assert run(edf, "--model", adapter, "--out", tmp_path / "out") == 0
    other = write_edf(tmp_path / "other.edf", montage(CORE, 65))
    assert run(other, "--model", adapter, "--out", tmp_path / "out") == 1
    assert "holds the staged night night.edf" in capsys.readouterr().err
    (tmp_path / "file").write_text("x")
    assert run(edf, "--model", adapter, "--out", tmp_path / "file") == 1
    assert "file: exists, and is no folder" in capsys.readouterr().err


def slow(path):
    return write_edf(path, [signal("C4-M1", noise(120, 1), 1)])


def short(path):
    return write_edf(path, montage(CORE, 10))


def flat(path):
    lanes = [signal(name, np.zeros(12_000), 100) for name in CORE]
    return write_edf(path, lanes)


def legs(path):
    return write_edf(path, montage(("Left Leg",), 60))


def in_pieces(path):
    """Write an EDF+D of 120 data records of 1 s, each of which begins 2 s after the one before."""
    write_edf(path, montage(CORE, 120), ())
    content = path.read_bytes().replace(b"EDF+C", b"EDF+D", 1)
    for second in range(119, 0, -1):
        old, new = f"+{second}\x14\x14\x00".encode(), f"+{2 * second}\x14\x14\x00".encode()
        content = content.replace(old + b"\x00" * (len(new) - len(old)), new, 1)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "more", "said"),
    [
        (slow, (), "C4-M1 is at 1 Hz; expected an EEG at 32 Hz or more"),
        (short, (), ": 10 s long"),
        (flat, (), "C4-M1 is flat for most of the record"),
        (legs, (), "no EEG lane found"),
        (legs, ("--map", "C4-M1=Right Leg"), "no label 'Right Leg'"),
        (legs, ("--map", "leg=Left Leg"), "'leg=Left Leg'"),
        (in_pieces, (), "with gaps"),
    ],
)
def test_recordings_that_cannot_be_staged(adapter, tmp_path, capsys, make, more, said):
    edf = make(tmp_path / "night.edf")
    assert run(edf, "--model", adapter, "--out", tmp_path / "out", *more) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and said in line
    assert more or str(edf) in line
    assert not (tmp_path / "out").exists()


def test_an_adapter_without_its_base_model_ends_the_command(adapter, tmp_path):
    """There is one error, not one for each night."""
    lora = tmp_path / "lora"
    lora.mkdir()
    for name in ("image_spec.json", "processor_config.json", "tokenizer.json"):
        shutil.copyfile(adapter / name, lora / name)
    about = {"base_model_name_or_path": "nobody/no-such-base", "peft_type": "LORA"}
    (lora / "adapter_config.json").write_text(json.dumps(about))
    nights = [write_edf(tmp_path / f"{n}.edf", montage(CORE, 35)) for n in (1, 2)]
    with pytest.raises(errors.InputError, match="its base model nobody/no-such-base on this mach"):
        run(*nights, "--model", lora, "--out", tmp_path / "out")


def test_each_night_gets_its_own_folder():
    def names(*paths):
        return [
            str(folder)
            for folder in stage.output_folders([Path(p) for p in paths], Path("o")).values()
        ]

    assert names("a/x.edf") == ["o"]
    assert names("a/x.edf", "a/x.edf") == ["o"]
    assert names("a/x.edf", "b/y.rec") == ["o/x", "o/y"]
    assert names("a/x.edf", "a/x.rec") == ["o/x.edf", "o/x.rec"]
    assert names("a/1/x.edf", "a/2/x.edf") == ["o/1_x.edf", "o/2_x.edf"]


def test_the_default_threshold_is_that_of_the_library():
    # The command repeats it so that its help needs no other module.
    args = stage.parse(["night.edf", "--model", "m", "--out", "o"])
    assert args.review_under == REVIEW_UNDER
