"""The wheel of a clean checkout: what it holds, and that it works outside of the checkout."""

import ast
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from commands import ROOT
from random_model import write_random_model
from recordings import montage, write_edf

import psgvlm

FOLDERS = {"psgvlm": "psgvlm"} | {
    name: f"psgvlm/{name}" for name in ("builders", "dataset_card", "model_card")
}


EXTRAS_OF_USERS = ("train", "qlora", "app", "cluster", "baselines")


def run(*words, cwd, status=0):
    """Run a command without what the tests or a checkout put on the path of imports."""
    done = subprocess.run(
        [*map(str, words)], cwd=cwd, capture_output=True, text=True, env={"HF_HUB_OFFLINE": "1"}
    )
    assert done.returncode == status, done.stderr
    return done.stdout


def installed_files():
    """Return the tracked and new files of the packages, as paths in site-packages."""
    listed = run("git", "ls-files", "-z", "-co", "--exclude-standard", *FOLDERS, cwd=ROOT)
    names = [name for name in listed.split("\0") if name and (ROOT / name).exists()]
    for name in names:
        folder, _, rest = name.partition("/")
        yield f"{FOLDERS[folder]}/{rest}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of a copy of the checkout without anything that git ignores."""
    checkout = tmp_path_factory.mktemp("checkout")
    listed = run("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            path = checkout / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((ROOT / name).read_bytes())
    out = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    run(*pip, "--wheel-dir", out, checkout, cwd=out)
    (path,) = out.iterdir()
    return path


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """The Python of an environment with the wheel, and with what it needs from this one.

    A folder that a .pth file names is searched for packages; its own .pth files, such as that of
    an editable installation, are not read.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps")
    run(*pip, wheel, cwd=folder)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_the_packages_of_pyproject_are_the_folders():
    """They are written out, since three of them lie outside of the folder psgvlm."""
    folders = set()
    for folder, name in FOLDERS.items():
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.parent.relative_to(ROOT / folder).parts
            folders.add(".".join((name.replace("/", "."), *parts)))
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert sorted(listed["tool"]["setuptools"]["packages"]) == sorted(folders)


def test_the_wheel_holds_the_packages_and_their_data_under_one_name(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    about = f"psgvlm-{psgvlm.__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"psgvlm", about}
    inside = {name for name in names if name.startswith("psgvlm/")}
    assert inside == set(installed_files())
    assert {Path(name).suffix for name in inside} >= {".css", ".js", ".md", ".csv", ".typed"}
    entry_points = zipfile.ZipFile(wheel).read(f"{about}/entry_points.txt").decode()
    assert "psgvlm = psgvlm.commands.main:run" in entry_points


def test_a_night_is_staged_by_the_installed_command(python, tmp_path):
    command = python.with_name("psgvlm")
    where = run(
        python, "-c", "import psgvlm, psgvlm.builders as b; print(b.__file__)", cwd=tmp_path
    )
    assert Path(where).is_relative_to(python.parents[1])
    assert run(command, "--version", cwd=tmp_path) == f"psgvlm {psgvlm.__version__}\n"
    night = write_edf(tmp_path / "night.edf", montage(("C4-M1", "E1-M2", "E2-M1", "chin"), 90))
    model = write_random_model(tmp_path / "adapter")
    run(command, "stage", night, "--model", model, "--out", "out", cwd=tmp_path)
    assert (tmp_path / "out" / "hypnogram.csv").read_text().count("\n") == 4
    assert (tmp_path / "out" / "report.html").is_file()


def test_python_m_psgvlm_is_the_command(python, tmp_path):
    by_module = run(python, "-m", "psgvlm", "--help", cwd=tmp_path)
    assert by_module == run(python.with_name("psgvlm"), "--help", cwd=tmp_path)


def imported_packages():
    """Return the top-level names that any module of the packages imports, anywhere in it."""
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    yield from (alias.name.split(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    yield node.module.split(".")[0]


def test_what_is_imported_is_a_dependency_or_that_of_an_extra():
    """Nothing is there only because another package happens to bring it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    needed = {_distribution(text) for text in project["dependencies"]}
    optional = {_distribution(text) for name in EXTRAS_OF_USERS for text in extras[name]}
    of_name = packages_distributions()
    third_party = set(imported_packages()) - sys.stdlib_module_names - {"psgvlm"}
    imported = {_distribution(of_name[name][0]) for name in third_party}
    # braindecode is installed without its dependencies: see pyproject.toml.
    assert imported - needed <= optional | {"braindecode"}
    assert needed <= imported


def _distribution(requirement):
    """Return the name of a distribution as PyPI compares it."""
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")
