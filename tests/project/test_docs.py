"""The documentation is built without a warning, and says what the code says."""

import re
import shlex
import sys
from html.parser import HTMLParser

import pytest
from commands import ROOT, command

sys.path.insert(0, str(ROOT / "docs" / "_ext"))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The built pages. The tutorials are run by test_tutorials.py, not here."""
    folder = tmp_path_factory.mktemp("docs")
    words = ("-W", "--keep-going", "-q", "-D", "nb_execution_mode=off", "-b", "html")
    done = command("-m", "sphinx", *words, "-d", folder / "doctrees", "docs", folder / "html")
    assert done.returncode == 0, done.stderr
    return folder / "html"


class Text(HTMLParser):
    """Collects the text of a page."""

    def __init__(self, path):
        super().__init__()
        self.parts = []
        self.feed(path.read_text("utf-8"))

    def handle_data(self, data):
        self.parts.append(data)

    def __str__(self):
        return " ".join("".join(self.parts).split())


def test_every_page_is_built(pages):
    for source in (ROOT / "docs").rglob("*.md"):
        place = source.relative_to(ROOT / "docs")
        if place.parts[0] not in ("_build", "_generated"):
            assert (pages / place).with_suffix(".html").is_file(), place


def test_the_presets_and_fields_of_an_image_spec_are_those_of_the_code(pages):
    from dataclasses import fields

    from psgvlm.image_spec import PRESETS, ImageSpec

    text = str(Text(pages / "reference" / "image_spec.html"))
    for name, spec in PRESETS.items():
        assert name in text
        assert f"{spec.width} × {spec.height}" in text
    for field in fields(ImageSpec):
        assert f" {field.name} " in text


def test_benchmark_tables_hold_the_figures_of_the_results():
    import benchmark_tables

    layouts = benchmark_tables.read("layouts")["layouts"]
    table = benchmark_tables.layouts()
    assert len(table.splitlines()) == 2 + len(layouts)
    # The best drawing comes first, with the mean of its seeds.
    best = max(
        layouts.values(), key=lambda of: sum(run["kappa"] for run in of["seeds"].values()) / 3
    )
    kappas = [run["kappa"] for run in best["seeds"].values()]
    assert f"| {sum(kappas) / len(kappas):.2f} |" in table.splitlines()[2]
    cost = benchmark_tables.drawing_cost().splitlines()[2]
    cpu_s = benchmark_tables.read("render-amd-epyc")["cpu_s"]
    assert f"{1000 * cpu_s['ours, picture 448x224']:.2f} ms" in cost


def test_the_readme_s_results_are_those_of_the_demonstration():
    import benchmark_tables

    lines = (ROOT / "README.md").read_text("utf-8").splitlines()
    (row,) = (line for line in lines if line.startswith("| simulated"))
    figures = benchmark_tables.read("demo-amd-epyc")["kappa"]
    cells = [benchmark_tables.kappa_with_interval(figures[n]) for n in benchmark_tables.CONTENDERS]
    assert row.split(" | ")[1:] == [*cells[:-1], f"{cells[-1]} |"]
    assert len(benchmark_tables.demonstration().splitlines()) > len(cells)


def test_the_rooms_are_listed_from_the_ground_up(pages):
    import reference_tables

    lines = reference_tables.rooms().splitlines()[2:]
    names = [line.split("`")[1] for line in lines]
    assert {"recordings", "signals", "images", "staging", "builders"} <= set(names)
    assert names.index("errors") < names.index("recordings") < names.index("staging")


def test_the_glossary_defines_every_word_once():
    glossary = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    blocks = re.findall(r"```\{glossary\}\n:sorted:\n(.*?)```", glossary, re.DOTALL)
    words = [line for block in blocks for line in block.splitlines() if line[:1].strip()]
    assert len(words) > 50
    assert len(words) == len(set(words))
    assert all(line.startswith("  ") for block in blocks for line in block.splitlines()
               if line and line not in words)  # fmt: skip


def test_commands_on_the_pages_take_the_options_that_they_are_given():
    import reference_tables

    taken = {
        name: set(re.findall(r"--[a-z][a-z0-9_-]*", reference_tables.help_text(name)))
        for name in reference_tables.command_names()
        if name != "train"  # it takes all options of TRL
    }
    checked = 0
    for page in (ROOT / "docs").rglob("*.md"):
        text = page.read_text("utf-8").replace("\\\n", " ")
        for line in re.findall(r"^(psgvlm .*)$", text, re.MULTILINE):
            _, name, *words = shlex.split(line, comments=True)
            if name in taken:
                options = {word for word in words if word.startswith("--")}
                assert options <= taken[name], f"{page}: {line}"
                checked += 1
    assert checked > 15


def test_the_page_of_files_names_those_that_are_written(pages):
    from psgvlm import image_spec
    from psgvlm.corpus import manifest
    from psgvlm.models import adapter_files, calibration
    from psgvlm.staging import night_files
    from psgvlm.training import run_record

    text = str(Text(pages / "reference" / "files.html"))
    names = [*night_files.FILES, adapter_files.NEIGHBOURS]
    names += [module.FILE_NAME for module in (image_spec, manifest, calibration, run_record)]
    assert [name for name in names if name not in text] == []
