"""The README tells the truth: its commands run as written, and its tree is the tree."""

import json
import re
import shlex
import subprocess
import sys

import pyarrow.parquet as pq
from commands import ROOT, command

README = (ROOT / "README.md").read_text("utf-8")
OWN_DATA = README.split("## On your own data")[1].split("\n## ")[0]
TRAINING = README.split("## Training")[1].split("\n## ")[0]


def blocks(text, language):
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [body for name, body in found if name == language]


def test_the_commands_for_one_s_own_data_run_as_written(raw, tmp_path):
    """From raw cohorts to a staged night; only the number of training steps is made small."""
    night = next((raw / "shhs").rglob("*.edf"))
    places = {"RAW": raw, "night.edf": night}
    places |= {name: tmp_path / name for name in ("CORPUS", "ADAPTER", "report", "night")}

    def placed(word):
        first, slash, rest = word.partition("/")
        return f"{places[first]}{slash}{rest}" if first in places else word

    ran = []
    for line in "".join(blocks(OWN_DATA, "")).splitlines():
        words = [placed(word) for word in shlex.split(line)]
        if words[0] == "accelerate":
            words[:2] = ["python", "-m", "accelerate.commands.launch"]
            words += ["--max_steps", "2", "--per_device_train_batch_size", "4"]
        assert words[0] == "python", line
        done = subprocess.run(
            [sys.executable, *words[1:]], cwd=ROOT, capture_output=True, text=True, timeout=280
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        ran.append(words)
    assert len(ran) == 9
    for written in ("ADAPTER/training.json", "report/report.md", "night/hypnogram.csv"):
        assert (tmp_path / written).is_file()
    (snippet,) = blocks(OWN_DATA, "python")
    names = {}
    exec(snippet.replace('"CORPUS"', repr(str(tmp_path / "CORPUS"))), names)
    assert names["epochs"][0]["images"][0].size == (336, 336)


def test_training_on_two_processes_runs_as_written(corpus, tmp_path, two_processes):
    """Two, and not the one that `accelerate launch --cpu --num_processes 2` would start."""
    (line,) = "".join(blocks(TRAINING, "")).splitlines()
    places = {"CORPUS": corpus, "ADAPTER2": tmp_path / "adapter"}
    words = [str(places.get(word, word)) for word in shlex.split(line)]
    assert words[:2] == ["accelerate", "launch"]
    few = ("--max_steps", 2, "--per_device_train_batch_size", 2)
    done = command("-m", "accelerate.commands.launch", *words[2:], *few)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "adapter" / "training.json").read_text())
    assert (report["steps"], report["processes"]) == (2, 2)


def test_the_commands_for_the_literature_s_corpora_run_as_written(tmp_path):
    """On a tree of all raw variants, each into a corpus of its own."""
    raw = tmp_path / "RAW"
    words = ("simulate", raw, "--variants", "--seed", 2)
    assert command("-m", "builders", *words).returncode == 0
    listed = tmp_path / "attnsleep_ids.txt"
    listed.write_text("200003\n200001\n200002\n")
    recipes = (ROOT / "recipes" / "README.md").read_text("utf-8")
    lines = "".join(block for block in blocks(recipes, "")).splitlines()
    splits = []
    for number, line in enumerate(lines):
        line = line.replace("RAW/", f"{raw}/").replace("attnsleep_ids.txt", str(listed))
        corpus = tmp_path / f"corpus{number}"
        done = command(*shlex.split(line.replace("CORPUS", str(corpus)))[1:])
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        table = pq.read_table(corpus / "manifest.parquet").to_pylist()
        splits.append({row["recording"]: (row["split"], row["fold"]) for row in table})
    loso, no_40, folds, sleepvlm, attn, ratio = splits
    assert sorted(fold for _, fold in loso.values()) == [0, 1]
    assert "I-40" not in no_40
    assert "II-3-1" not in no_40
    assert {"I-1", "III-2"} <= set(no_40)
    assert len({fold for _, fold in folds.values()}) == 8
    assert {name[4] for name, (split, _) in sleepvlm.items() if split == "test"} == {"1"}
    assert {name[4] for name, (split, _) in sleepvlm.items() if split == "pretrain"} == set("245")
    assert attn["shhs1-200003"] == ("test", 0)
    assert attn["shhs1-200001"] == attn["shhs2-200001"] == ("validation", 1)
    assert {split for split, _ in ratio.values()} == {"train", "test"}


def test_pictures_and_presets_exist():
    from psgvlm.image_spec import PRESETS

    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert len(pictures) >= 2
    for picture in pictures:
        assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")
    for name, spec in PRESETS.items():
        assert re.search(rf"\| `{name}`[^|]*\| {spec.width} × {spec.height} \|", README), name
