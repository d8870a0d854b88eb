"""An adapter pushed to a hub on loopback: which files are uploaded, and what is refused."""

import json
import shutil

import pytest
from loopback_hub import LoopbackHub
from psgvlm.model_card import __main__ as model_card
from psgvlm.model_card import push

from psgvlm.errors import InputError

NAME = "tester/psgvlm"
ALLOWED = ("--i-am-allowed", "MASS", "NSRR")


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with LoopbackHub() as hub:
        hub.here(monkeypatch, tmp_path / "cache")
        yield hub


@pytest.fixture
def mine(adapter, tmp_path):
    return shutil.copytree(adapter, tmp_path / "mine")


def test_an_adapter_is_pushed_without_other_files_and_works_afterwards(hub, mine, capsys):
    (mine / "checkpoint-2").mkdir()
    (mine / "checkpoint-2" / "optimizer.pt").write_bytes(b"pickle")
    (mine / "notes.txt").write_text("of Mrs Jones")
    (mine / "link.json").symlink_to("/etc/hostname")
    model_card.main(["push", str(mine), NAME, *ALLOWED])
    output = capsys.readouterr().out
    assert "not uploaded: checkpoint-2, link.json, notes.txt" in output
    assert "files, read back; private, tag v1" in output
    repo = hub.repos["models", NAME]
    files = repo["commits"][repo["tags"]["v1"]]
    names = set(files) - {".gitattributes"}
    assert names == {path.name for path in mine.iterdir() if path.is_file()} - {
        "notes.txt",
        "link.json",
    }
    assert repo["private"] is True
    assert repo["gated"] == "manual"


@pytest.mark.parametrize("name", ["pytorch_model.bin", "adapter_model.BIN", "x.pt", "x.pkl"])
def test_a_pickle_is_refused_before_any_request(hub, mine, name):
    (mine / name).write_bytes(b"")
    (mine / "training.json").write_text("no JSON")
    with pytest.raises(InputError, match=f"holds {name}, which may run code.*safetensors"):
        push.prepare(mine)


def test_a_folder_without_an_adapter_is_refused(mine):
    (mine / "README.md").unlink()
    with pytest.raises(InputError, match=r"no README\.md"):
        push.prepare(mine)


@pytest.mark.parametrize("words", [(), ("--i-am-allowed", "MASS"), (*ALLOWED, "--public")])
def test_the_terms_of_the_training_cohorts_apply_to_an_adapter(hub, mine, words):
    with pytest.raises(InputError, match="expected"):
        model_card.main(["push", str(mine), NAME, *words])
    assert not hub.log


def test_an_adapter_whose_record_names_no_cohorts_is_refused(hub, mine):
    record = json.loads((mine / "training.json").read_text())
    record |= {"config": None, "fingerprint": {}}
    (mine / "training.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="cannot tell which cohort"):
        model_card.main(["push", str(mine), NAME, *ALLOWED])
