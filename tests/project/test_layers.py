"""The order of the rooms: a module imports from rooms below its own, and no private names.

The imports are read from the source, also those inside functions.
"""

import ast
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
TOP_LEVEL_ROOMS = ("builders", "dataset_card", "model_card")
ROOT_MODULES = ("errors", "stages", "montages", "files", "image_spec")
ROOMS = (
    *(
        "metrics",
        "recordings",
        "scores",
        "signals",
        "images",
        "chat",
        "nights",
        "hub",
        "corpus",
        "models",
    ),
    *("training", "staging", "evaluation", "explanations", "app"),
    *("dataset_card", "model_card", "builders", "commands"),
)
ORDER = (*ROOT_MODULES, *ROOMS)
# A user enters the package through these modules and those named `__main__`, which `python -m`
# runs. They may import anything, and nothing imports them.
DOORS = {"psgvlm", "psgvlm.api"}


class Import(NamedTuple):
    """One name that a module imports from the project, as its dotted path."""

    importer: str
    line: int
    target: str


def name_of_module(path: Path) -> str:
    """Return the dotted name by which a source file is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] in TOP_LEVEL_ROOMS:
        parts = ("psgvlm", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def source_files() -> list[Path]:
    folders = ("psgvlm", *TOP_LEVEL_ROOMS)
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


TREES = {path: ast.parse(path.read_text("utf-8")) for path in source_files()}
MODULES = {name_of_module(path) for path in TREES}


def imports_in(tree: ast.AST, importer: str, is_package: bool) -> list[Import]:
    """Return what a module imports from the project.

    `from package import name` is an import of `package.name`, a module or an object in it.
    """
    imports = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = importer.split(".")
                package = package[: len(package) - node.level + is_package]
                base = ".".join([*package, base] if base else package)
            targets = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for target in targets:
            if target.split(".")[0] in TOP_LEVEL_ROOMS:
                target = f"psgvlm.{target}"
            if target.split(".")[0] == "psgvlm":
                imports.append(Import(importer, node.lineno, target))
    return imports


def room_of(dotted: str) -> str | None:
    """Return the room or root module of a dotted name; None for the package's own names."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ORDER else None


def wrong_imports(imports: list[Import]) -> list[str]:
    """Return a line for each import that goes upwards or takes a private name of another room."""
    faults = []
    for one in imports:
        if one.importer in DOORS or one.importer.endswith(".__main__"):
            continue
        importer, target = room_of(one.importer), room_of(one.target)
        where = f"{one.importer}, line {one.line}: imports {one.target}"
        if importer is None:
            faults.append(f"{one.importer}: belongs to no room of the order")
        elif target is None:
            if one.target not in ("psgvlm", "psgvlm.__version__"):
                faults.append(f"{where}, which belongs to no room of the order")
        elif ORDER.index(target) > ORDER.index(importer):
            faults.append(f"{where}: {importer} lies below {target}")
        elif target != importer and any(part.startswith("_") for part in one.target.split(".")[2:]):
            faults.append(f"{where}, a private name of another room")
    return faults


def private_names_used(tree: ast.AST, importer: str, imports: list[Import]) -> list[str]:
    """Return a line for each `module._name` where `module` belongs to another room."""
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                for one in imports:
                    if one.line == node.lineno and one.target.split(".")[-1] == alias.name:
                        modules[alias.asname or alias.name] = one.target
    return [
        f"{importer}, line {node.lineno}: uses {node.value.id}.{node.attr}, a private name of "
        "another room"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and modules.get(node.value.id) in MODULES
        and room_of(modules[node.value.id]) != room_of(importer)
    ]


def test_every_import_goes_downwards_and_takes_public_names():
    faults = []
    for path, tree in TREES.items():
        importer = name_of_module(path)
        imports = imports_in(tree, importer, path.name == "__init__.py")
        faults += wrong_imports(imports) + private_names_used(tree, importer, imports)
    assert not faults, "\n" + "\n".join(faults)


def test_no_two_public_classes_have_one_name():
    places = defaultdict(list)
    for path, tree in TREES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    doubled = {name: where for name, where in places.items() if len(where) > 1}
    assert not doubled


def test_few_modules_lie_outside_of_the_rooms():
    modules = sorted(path.name for path in (ROOT / "psgvlm").glob("*.py"))
    assert len(modules) <= 8, modules
    folders = {path.parent.relative_to(ROOT).parts for path in TREES}
    assert {parts[1] for parts in folders if parts[0] == "psgvlm" and len(parts) > 1} <= set(ROOMS)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("from psgvlm.app import page", "signals lies below app"),
        ("import psgvlm.images.raster", "signals lies below images"),
        ("def f():\n    from psgvlm import builders", "signals lies below builders"),
        ("from ..images import raster", "signals lies below images"),
        ("import builders.readers", "signals lies below builders"),
        ("from psgvlm.recordings.edf import _read", "private name"),
        ("from psgvlm.recordings import edf\nedf._read()", "private name"),
        ("from psgvlm.nowhere import x", "belongs to no room"),
        ("from psgvlm.recordings import edf\nfrom psgvlm.errors import InputError", None),
        ("from psgvlm.signals.filters import _gain\nfrom . import filters", None),
        ("import numpy as np\nfrom psgvlm import __version__", None),
    ],
)
def test_a_wrong_import_is_seen(source, fault):
    tree, importer = ast.parse(source), "psgvlm.signals.traces"
    imports = imports_in(tree, importer, is_package=False)
    faults = wrong_imports(imports) + private_names_used(tree, importer, imports)
    assert len(faults) == (fault is not None)
    assert fault is None or fault in faults[0]
