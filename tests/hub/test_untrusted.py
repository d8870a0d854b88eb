"""A malicious adapter, in a folder and on a hub."""

import json
import re
import shutil
from pathlib import Path

import pytest
from commands import ROOT
from loopback_hub import LoopbackHub

from psgvlm import files
from psgvlm.errors import InputError
from psgvlm.hub import repo_files
from psgvlm.image_spec import PRESETS, ImageSpec
from psgvlm.models import adapter_files, calibration, vlm
from psgvlm.training import run_record

NAME = "tester/evil"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with LoopbackHub() as hub:
        hub.here(monkeypatch, tmp_path / "cache")
        yield hub


def offer(hub, files: dict[str, bytes]) -> None:
    """Make a model repository with these files."""
    from huggingface_hub import HfApi

    HfApi().create_repo(NAME, private=True)
    repo = hub.repos["models", NAME]
    repo["commits"][repo["refs"]["main"]].update(files)


@pytest.mark.parametrize("name", ["adapter_model.bin", "pytorch_model.bin", "optimizer.PT"])
def test_a_pickle_is_refused_before_anything_is_read(hub, adapter, tmp_path, name):
    mine = shutil.copytree(adapter, tmp_path / "mine")
    (mine / name).write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    (mine / "image_spec.json").write_text("no JSON")
    with pytest.raises(InputError, match=f"holds {name}, which may run code"):
        vlm.load(str(mine), "cpu")
    offer(hub, {path.name: path.read_bytes() for path in mine.iterdir()})
    hub.log.clear()
    with pytest.raises(InputError, match=f"holds {name}, which may run code"):
        vlm.load(NAME, "cpu")
    assert not [request for request in hub.log if "/resolve/" in request]


def test_a_base_that_is_an_adapter_with_a_pickle_is_refused(tmp_path, adapter):
    base = shutil.copytree(adapter, tmp_path / "base")
    (base / "adapter_config.json").write_text('{"base_model_name_or_path": "x"}')
    (base / "adapter_model.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"holds adapter_model\.bin"):
        vlm.load_base(str(base))


@pytest.mark.parametrize(
    "path", ["../evil.json", "a/../../evil.json", "/tmp/evil.json", "a\\..\\b"]
)
def test_a_path_that_leaves_the_repository_is_refused(hub, adapter, tmp_path, path):
    from huggingface_hub import snapshot_download

    offer(hub, {path: b"{}", "image_spec.json": b"{}"})
    with pytest.raises(InputError, match="no path that leads out of"):
        vlm.load(NAME, "cpu")
    before = set(tmp_path.rglob("*"))
    try:
        folder = Path(snapshot_download(NAME, cache_dir=tmp_path / "deep" / "cache"))
    except (ValueError, OSError):
        folder = tmp_path / "deep" / "cache"
    new = {file for file in set(tmp_path.rglob("*")) - before if file.name.startswith("evil")}
    assert all(file.is_relative_to(folder) for file in new)
    assert not Path("/tmp/evil.json").exists()


HOSTILE = {
    "huge": b'{"a": "' + b"x" * files.JSON_BYTES + b'"}',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "latin": b'{"a": "\xe9"}',
    "cut": b'{"a":',
    "digits": b'{"neighbours": ' + b"9" * 5000 + b"}",
    "list": b"[1, 2]",
}
READERS = {
    "image_spec.json": lambda name: repo_files.load_image_spec(name, "model"),
    "neighbours.json": adapter_files.load_neighbours,
    "calibration.json": calibration.load,
    "training.json": run_record.read,
}


@pytest.mark.parametrize("file", READERS)
@pytest.mark.parametrize("kind", HOSTILE)
def test_json_from_a_hub_is_read_with_limits(hub, file, kind):
    offer(hub, {file: HOSTILE[kind]})
    with pytest.raises(InputError, match=re.escape(file)) as error:
        READERS[file](NAME)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("image_spec.json", {"width": 10**6, "height": 10**6}),
        ("image_spec.json", {"width": "336"}),
        ("image_spec.json", {"eeg_uv": float("nan")}),
        ("image_spec.json", {"context_s": float("inf")}),
        ("neighbours.json", {"neighbours": -1}),
        ("neighbours.json", {"neighbours": 10**9}),
        ("neighbours.json", {"neighbours": True}),
        ("neighbours.json", {"neighbours": 1, "more": 2}),
        ("calibration.json", {"temperature": float("nan")}),
        ("calibration.json", {"temperature": 1e9}),
        ("calibration.json", {"temperature": "1"}),
        ("training.json", {"subjects": [{}]}),
        ("training.json", {"base_cohorts": [[]]}),
        ("training.json", {"fingerprint": {"mass": 3}}),
        ("training.json", {"config": ["mass"]}),
    ],
)
def test_types_and_ranges_of_json_from_a_hub_are_checked(hub, tmp_path, file, content):
    if file == "image_spec.json":
        PRESETS["square"].save(tmp_path)
        content = json.loads((tmp_path / file).read_text()) | content
    offer(hub, {file: json.dumps(content).encode()})
    with pytest.raises(InputError):
        READERS[file](NAME)


def test_a_spec_of_a_trillion_pixels_is_refused(tmp_path):
    values = json.loads(PRESETS["square"].save(tmp_path).read_text())
    path = tmp_path / "image_spec.json"
    path.write_text(json.dumps(values | {"width": 10**6, "height": 10**6}))
    with pytest.raises(InputError, match="width and height are 16 to 4096"):
        ImageSpec.load(path)


def test_no_code_of_a_repository_is_run():
    """No source of this project trusts remote code, or unpickles."""
    sources = [*ROOT.glob("*.py"), *ROOT.glob("recipes/*.yaml")]
    for folder in ("psgvlm", "builders", "model_card", "dataset_card", "bench"):
        sources += (ROOT / folder).rglob("*.py")
    assert len(sources) > 100
    for path in sources:
        text = path.read_text("utf-8")
        said = re.findall(r"trust_remote_code\W*[=:]\s*(\w+)", text)
        assert set(said) <= {"False"}, path
        assert not re.search(r"\btorch\.load\b|\bpickle\.loads?\b|allow_pickle=True", text), path
