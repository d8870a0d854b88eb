"""The README is short, its links lead somewhere, and its commands run as they are written."""

import json
import re
import shlex

import pyarrow.parquet as pq
import pytest
from commands import ROOT, command

README = (ROOT / "README.md").read_text("utf-8")


def section(title):
    """Return the text below a heading of the README."""
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def blocks(text, *languages):
    """Return the bodies of all code blocks in one of the languages."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [body for language, body in fenced if language in languages]


def lines(text):
    """Return the command lines of a text, without comments."""
    joined = "".join(blocks(text, "bash", "")).replace("\\\n", " ")
    return [words for line in joined.splitlines() if (words := shlex.split(line, comments=True))]


def run(words, *more):
    """Run a command line of a page, in which the first word is a program that pip installs."""
    words = [str(word) for word in (*words, *more)]
    if words[0] == "python":
        done = command(*words[1:])
    elif words[0] == "psgvlm":
        done = command("-m", "psgvlm", *words[1:])
    else:
        assert words[:2] == ["accelerate", "launch"], words
        done = command("-m", "accelerate.commands.launch", *words[2:])
    assert done.returncode == 0, f"{words}\n{done.stderr}"


def placed(words, places):
    """Replace the README's names of files and folders, such as RAW/isruc, by real ones."""

    def place(word):
        first, slash, rest = word.partition("/")
        return f"{places[first]}{slash}{rest}" if first in places else word

    return [place(word) for word in words]


def test_it_is_short_and_begins_with_what_it_is_for():
    assert len(README.splitlines()) <= 170
    titles = re.findall(r"^## (.*)$", README, re.MULTILINE)
    assert titles[:5] == [
        *("Install", "Stage one night", "Build a dataset", "Fine-tune and evaluate"),
        "Use it from the Hub",
    ]


def test_links_and_pictures_exist():
    headings = re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) > 20
    for link in links:
        if link.startswith("#"):
            assert link[1:] in anchors, link
        elif not link.startswith("https://"):
            assert (ROOT / link).is_file(), link
            if link.endswith(".png"):
                assert (ROOT / link).read_bytes().startswith(b"\x89PNG")


def test_commands_build_train_evaluate_and_stage(raw, tmp_path):
    """From raw cohorts to a staged night; only the number of training steps is made small."""
    places = {"RAW": raw, "night.edf": next((raw / "shhs").rglob("*.edf"))}
    places |= {name: tmp_path / name for name in ("CORPUS", "ADAPTER", "report", "night")}
    titles = ("Build a dataset", "Fine-tune and evaluate", "Stage one night")
    commands = [words for title in titles for words in lines(section(title))]
    ran = []
    for words in commands:
        if words[0] == "accelerate":
            continue  # the next test runs it
        few = ("--max_steps", 2, "--per_device_train_batch_size", 4) if words[1] == "train" else ()
        run(placed(words, places), *few)
        ran.append(words[1])
    assert ran == [
        *("inspect", "build", "build", "build", "verify"),
        *("train", "eval", "stage", "inspect", "stage", "stage"),
    ]
    for file in ("ADAPTER/training.json", "report/report.html", "night/hypnogram.csv"):
        assert (tmp_path / file).is_file()
    assert "yasa" in json.loads((tmp_path / "report" / "metrics.json").read_text())["contenders"]
    explained = (tmp_path / "night" / "explained").glob("*.png")
    assert len(list(explained)) >= 6


def test_training_on_two_processes(corpus, tmp_path, two_processes):
    """Two, and not the one that `accelerate launch --cpu --num_processes 2` would start."""
    (words,) = (line for line in lines(README) if line[0] == "accelerate")
    few = ("--max_steps", 2, "--per_device_train_batch_size", 2, "--use_cpu", "true")
    run(placed(words, {"CORPUS": corpus, "ADAPTER2": tmp_path / "adapter"}), *few)
    report = json.loads((tmp_path / "adapter" / "training.json").read_text())
    assert (report["steps"], report["processes"]) == (2, 2)


def test_python_on_one_night_and_on_corpora_and_models_by_name(raw, corpus, adapter, tmp_path):
    places = {
        "night.edf": next((raw / "shhs").rglob("*.edf")),
        **{"night/": tmp_path / "night", "ADAPTER": adapter, "CORPUS": corpus},
        **{"ORG/psgvlm-adapter": adapter, "ORG/psg-images": corpus},
    }
    snippets = blocks(README, "python")
    assert len(snippets) == 3
    for snippet in snippets:
        for name, path in places.items():
            snippet = snippet.replace(f'"{name}"', repr(str(path)))
        names = {}
        exec(snippet, names)
        if "epochs" in names:
            assert names["epochs"][0]["images"][0].size == (336, 336)
        if "night" in names:
            assert len(names["night"].to_frame()) == 60
        if "model" in names:
            assert names["model"].processor
    assert (tmp_path / "night" / "hypnogram.edf").is_file()


def test_python_that_reads_a_corpus(corpus, adapter):
    """The code of the how-to page, from its first block to its last."""
    page = (ROOT / "docs" / "how_to" / "read_a_corpus.md").read_text("utf-8")
    names = {}
    for snippet in blocks(page, "python"):
        code = snippet.replace('"CORPUS', f'"{corpus}').replace('"ADAPTER', f'"{adapter}')
        exec(code, names)
        if "spec" in names and "streaming" not in code and "attach" in code:
            assert len(names["epochs"][0]["images"]) == 3
    row = next(iter(names["epochs"]))  # streamed
    assert row["shown"] == [False, True, True]
    spec = names["spec"]
    assert spec.differences(type(spec).load(adapter / "image_spec.json")) == ""


@pytest.mark.slow  # six builds; the splits themselves are tested in tests/corpus/test_splits.py
def test_the_commands_for_the_literature_s_corpora_run_as_written(tmp_path):
    """On a tree of all raw variants, each into a corpus of its own."""
    raw = tmp_path / "RAW"
    run(["psgvlm", "simulate", raw, "--variants", "--seed", 2])
    listed = tmp_path / "attnsleep_ids.txt"
    listed.write_text("200003\n200001\n200002\n")
    recipes = (ROOT / "recipes" / "README.md").read_text("utf-8")
    splits = []
    for number, words in enumerate(line for line in lines(recipes) if "--out" in line):
        corpus = tmp_path / f"corpus{number}"
        run(placed(words, {"RAW": raw, "attnsleep_ids.txt": listed, "CORPUS": corpus}))
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
