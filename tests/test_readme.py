"""The README tells the truth: its commands run as written, and its tree is the tree."""

import re
import shlex
import subprocess
import sys

from conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")
OWN_DATA = README.split("## On your own data")[1].split("\n## ")[0]


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
    assert len(ran) == 7
    for written in ("ADAPTER/training.json", "report/report.md", "night/hypnogram.csv"):
        assert (tmp_path / written).is_file()
    (snippet,) = blocks(OWN_DATA, "python")
    names = {}
    exec(snippet.replace('"CORPUS"', repr(str(tmp_path / "CORPUS"))), names)
    assert names["epochs"][0]["images"][0].size == (336, 336)


def test_the_tree_names_every_file():
    (tree,) = [block for block in blocks(README, "") if block.startswith("builders/")]
    for folder in ("psgvlm", "builders"):
        for path in (ROOT / folder).iterdir():
            known = path.name.startswith("__") or path.name in tree or f"{path.name}/" in tree
            assert known, f"{folder}/{path.name} is not in the README's tree"
    for name in re.findall(r"[\w/]+\.py|\b\w+/", tree):
        assert list(ROOT.glob(name)) or list(ROOT.glob(f"*/{name}")), f"{name} does not exist"


def test_pictures_and_presets_exist():
    from psgvlm.image_spec import PRESETS

    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert len(pictures) >= 2
    for picture in pictures:
        assert (ROOT / picture).read_bytes().startswith(b"\x89PNG")
    for name, spec in PRESETS.items():
        assert re.search(rf"\| `{name}`[^|]*\| {spec.width} × {spec.height} \|", README), name
