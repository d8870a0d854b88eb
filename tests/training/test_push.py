"""A training run that pushes its model: complete, at its end, and private."""

import pytest
from loopback_hub import LoopbackHub
from training_runs import FULL, words

NAME = "tester/tiny"
LOAD = """
import sys
from psgvlm.models import vlm
from psgvlm.training import run_record
model = vlm.load(sys.argv[1], "cpu")
print(model.spec.name, run_record.read(sys.argv[1])["steps"])
"""


@pytest.fixture
def hub():
    with LoopbackHub() as hub:
        yield hub


def test_the_pushed_model_is_private_and_complete_and_can_be_loaded(hub, corpus, tmp_path):
    out = tmp_path / "adapter"
    pushed = {"push_to_hub": True, "hub_model_id": NAME, "max_steps": 2}
    pushed["i_am_allowed"] = "MASS"
    saved = {"save_strategy": "steps", "save_steps": 1}
    done = hub.command(tmp_path, "train_sft.py", *words(corpus, out, **FULL | pushed | saved))
    assert done.returncode == 0, done.stderr
    repo = hub.repos["models", NAME]
    assert repo["private"] is True
    assert repo["gated"] == "manual"  # of MASS
    files = repo["commits"][repo["refs"]["main"]]
    here = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    assert {name: files[name] for name in here} == here
    assert set(files) - set(here) == {".gitattributes"}  # no checkpoints
    assert {"image_spec.json", "README.md", "model.safetensors", "training.json"} <= set(here)
    # From the first commit with weights on, all that belongs to them is there; the card comes last.
    for commit, _ in repo["log"]:
        names = set(repo["commits"][commit])
        assert names == {".gitattributes"} or names | {"README.md"} == set(files)
    assert "tester" not in here["training.json"].decode().replace(NAME, "")

    done = hub.command(tmp_path / "fresh", "-c", LOAD, NAME)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["square", "2"]


def test_a_hub_that_cannot_be_reached_costs_no_training(hub, corpus, tmp_path):
    hub.server.shutdown()
    hub.server.server_close()
    out = tmp_path / "adapter"
    pushed = {"push_to_hub": True, "hub_model_id": NAME, "max_steps": 2, "i_am_allowed": "MASS"}
    done = hub.command(tmp_path, "train_sft.py", *words(corpus, out, **FULL | pushed))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("error: push_to_hub: ")
    assert "training has not started" in line
    assert not (out / "training.json").exists()
