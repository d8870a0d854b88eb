"""The examples in docstrings run, and the docstrings of the public interface are complete."""

import doctest
import importlib
import inspect
import re

import pytest
import small_corpus
from commands import ROOT
from random_model import write_random_model
from recordings import montage, write_edf

import psgvlm

FOLDERS = {
    "psgvlm": "psgvlm",
    **{name: f"psgvlm.{name}" for name in ("builders", "dataset_card", "model_card")},
}


def modules_with_examples():
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            if re.search(r"^\s*>>> ", path.read_text("utf-8"), re.MULTILINE):
                parts = path.relative_to(ROOT / folder).with_suffix("").parts
                yield ".".join((package, *parts)).removesuffix(".__init__")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder that examples run in.

    It holds `night.edf`, a `corpus`, and an `adapter` with random weights.
    """
    folder = tmp_path_factory.mktemp("examples")
    write_edf(folder / "night.edf", montage(("C4-M1", "E1-M2", "E2-M1", "chin"), 150))
    write_random_model(folder / "adapter")
    small_corpus.write(folder / "corpus")
    return folder


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_of_docstrings_run(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    results = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert results.attempted > 0
    assert results.failed == 0  # doctest has printed which


def documented(docstring):
    """Return the names in a numpydoc docstring's section Parameters."""
    section = re.search(r"Parameters\n-+\n(.*?)(?:\n\n\w+\n-+\n|\Z)", docstring, re.DOTALL)
    lines = re.findall(r"^([\w, ]+) : ", section[1], re.MULTILINE) if section else []
    return [name.strip() for line in lines for name in line.split(",")]


@pytest.mark.parametrize("name", sorted(set(psgvlm.__all__) - {"__version__", "StagedNight"}))
def test_every_parameter_of_the_public_interface_is_documented(name):
    """`StagedNight` is made by `Stager`, never by a user."""
    value = getattr(psgvlm, name)
    docstring = inspect.getdoc(value)
    assert documented(docstring) == [*inspect.signature(value).parameters]
    if inspect.isfunction(value):
        for section in ("Returns", "Raises", "Examples"):
            assert f"\n{section}\n{'-' * len(section)}\n" in docstring
