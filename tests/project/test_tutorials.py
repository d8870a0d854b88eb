"""The tutorials run from their first cell to their last."""

import os
import shutil
import sys
from pathlib import Path

import pytest
from commands import ROOT

TUTORIALS = ROOT / "docs" / "tutorials"


@pytest.fixture
def run(raw, corpus, adapter, tmp_path, monkeypatch):
    """Run a tutorial on the shared cohorts, corpus and model; return its outputs as text."""
    import nbclient
    from myst_nb.core.read import read_myst_markdown_notebook

    (tmp_path / "RAW").symlink_to(raw)
    (tmp_path / "CORPUS").symlink_to(corpus)
    shutil.copytree(adapter, tmp_path / "ADAPTER")  # a tutorial calibrates it
    monkeypatch.setenv("PSGVLM_TUTORIALS", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for variable in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(variable, str(tmp_path / "jupyter"))

    def run(name: str) -> str:
        text = (TUTORIALS / f"{name}.md").read_text("utf-8")
        notebook = read_myst_markdown_notebook(text)
        client = nbclient.NotebookClient(
            notebook,
            timeout=250,
            kernel_name="python3",
            resources={"metadata": {"path": TUTORIALS}},
        )
        client.execute()  # raises CellExecutionError with the cell and its traceback
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
        assert outputs
        texts = (output.get("text") or output["data"].get("text/plain", "") for output in outputs)
        return "\n".join(texts)

    run.folder = tmp_path
    return run


def test_stage_a_night(run):
    shown = run("stage_a_night")
    for lane in ("C4-M1", "E1", "E2", "chin"):
        assert lane in shown
    assert "p_N3" in shown
    assert "TST" in shown
    assert (run.folder / "night" / "report.html").is_file()


@pytest.mark.slow  # the README's commands build, train and evaluate in `make test`
def test_build_and_fine_tune(run):
    shown = run("build_and_fine_tune")
    assert "Choose from: W, N1, N2, N3, R." in shown
    assert "'steps': 6" in shown
    assert (run.folder / "small" / "ADAPTER" / "model.safetensors").is_file()


def test_explain(run):
    shown = run("explain")
    assert "'C4-M1'" in shown
    assert (run.folder / "why.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_benchmark(run):
    """`make test` runs the same command as part of the README; `make docs` runs this page."""
    shown = run("benchmark")
    assert "yasa" in shown
    assert "p_N3" in shown
    assert (run.folder / "report" / "report.html").is_file()
