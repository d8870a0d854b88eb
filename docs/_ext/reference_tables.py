"""Pages of the reference that are read from the code: commands, ImageSpec, rooms."""

import ast
import contextlib
import dataclasses
import importlib
import io
import os
from functools import cache
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from unittest import mock

from benchmark_tables import table
from numpydoc.docscrape import NumpyDocString

import psgvlm
from psgvlm.commands.main import COMMANDS
from psgvlm.hub import cohorts
from psgvlm.image_spec import PRESETS, ImageSpec
from psgvlm.images import fidelity as fidelity_module
from psgvlm.images import image_tokens as image_tokens_module
from psgvlm.recordings.lane_rules import LANES, Step

ROOT = Path(__file__).parents[2]
# The top-level folders that are installed as parts of psgvlm.
OUTER_ROOMS = ("builders", "dataset_card", "model_card")
# The doors may import anything; they are no room.
DOORS = ("__init__", "__main__", "api")
ROW_COLUMNS = {
    "images": "the image of the epoch, in a list of one",
    "prompt": "the question, as a conversation",
    "completion": "the answer, as a conversation",
    "stage": "W, N1, N2, N3 or R by the scorer; none if unscored",
    "stage_2": "the same by a second scorer, where there is one",
    "votes": "the share of the scorers for W, N1, N2, N3 and R; none with one scorer",
    "cohort": "the cohort of the recording",
    "subject": "the number of the subject in its cohort",
    "recording": "the number of the recording in its cohort",
    "fold": "the fold in which the subject is tested, for cross-validation",
    "epoch": "the number of the epoch on the grid of the scores, from 0",
    "onset": "the start of the epoch in s from the start of the recording",
    "lanes": "the lanes that the recording has; the others are blank",
    "pixels": "a hash of the pixels of the image",
}


### Commands


def command_names() -> list[str]:
    """Return the names of the sub-commands of `psgvlm`, in the order of `psgvlm --help`."""
    return [name for name in COMMANDS if find_spec(f"psgvlm.commands.{name}")]


def help_text(name: str, *words: str) -> str:
    """Return what `psgvlm NAME --help` prints."""
    module = importlib.import_module(f"psgvlm.commands.{name}")
    printed = io.StringIO()
    # argparse wraps at the width of the terminal, and from Python 3.14 on prints colours.
    with (
        mock.patch.dict(os.environ, {"COLUMNS": "88", "NO_COLOR": "1"}),
        contextlib.redirect_stdout(printed),
        contextlib.suppress(SystemExit),
    ):
        module.main([*words, "--help"])
    return printed.getvalue().rstrip()


def commands() -> str:
    """Return a section for each command, with its help text."""
    lines = [[f"[`psgvlm {name}`](#psgvlm-{name})", COMMANDS[name]] for name in command_names()]
    parts = [table(["command", "what it does"], lines), ""]
    for name in command_names():
        parts.append(f"## psgvlm {name}\n\n```text\n{help_text(name)}\n```\n")
    return "\n".join(parts)


### ImageSpec


def image_spec_fields() -> str:
    """Return the fields of ImageSpec with type, default and meaning."""
    documented = {
        name.strip(): " ".join(parameter.desc).strip()
        for parameter in NumpyDocString(ImageSpec.__doc__ or "")["Parameters"]
        for name in parameter.name.split(",")
    }
    rows = []
    for field in dataclasses.fields(ImageSpec):
        kind = getattr(field.type, "__name__", None) or str(field.type)
        kind = "two floats" if "tuple" in str(field.type) else kind
        default = "" if field.default is dataclasses.MISSING else f"`{field.default!r}`"
        rows.append([f"`{field.name}`", kind, default, documented.get(field.name, "")])
    return table(["field", "type", "default", "meaning"], rows)


def presets() -> str:
    """Return the presets with what distinguishes them."""
    rows = []
    for name, spec in PRESETS.items():
        scale = {
            "fixed": f"EEG ±{spec.eeg_uv:g}, EOG ±{spec.eog_uv:g}, EMG ±{spec.emg_uv:g} µV",
            "minmax": "each epoch to its own extremes",
            "robust": "each lane to its own record",
        }[spec.scale]
        rows.append(
            [
                f"`{name}`" + (" (default)" if name == "wide" else ""),
                f"{spec.width} × {spec.height}",
                " ".join(spec.lanes),
                str(spec.fold),
                f"{spec.width * spec.fold / spec.shown_s:.1f}",
                scale,
            ]
        )
    head = ["preset", "pixels", "lanes", "rows", "px/s", "half height of a lane"]
    return table(head, rows)


def fidelity() -> str:
    """Return what pictures of every preset keep of the signal."""
    return fidelity_module.fidelity_table(PRESETS.values())


def image_tokens() -> str:
    """Return what a picture of every preset costs each family of models."""
    return image_tokens_module.token_table(PRESETS.values())


### Lanes


def lanes() -> str:
    """Return what may fill each lane of the right side, best first."""
    rows = []
    for name in ("F4-M1", "C4-M1", "O2-M1", "E1", "E2", "chin", "ECG"):
        steps = (step for step in LANES[name].steps if step.pairs)
        for note, alike in groupby(steps, lambda step: step.note):
            signals = ", ".join(map(_step_text, alike))
            rows.append([f"`{name}`", signals, note or "the lane's own derivation"])
    return table(["lane", "signals, the best first", "what psgvlm says of them"], rows)


def _step_text(step: Step) -> str:
    """Return the signals of a step in one line: `C4-M1`, or `C4 − M1` for a difference."""
    words = []
    for electrode, reference in step.pairs:
        # An asterisk means any reference, or electrodes that the rest of the file makes certain.
        electrode, other = electrode.rstrip("*"), (reference or "").rstrip("*")
        dash = " − " if step.difference else "-"
        words.append(f"`{electrode}{dash}{other}`" if other else f"`{electrode}`")
    return ", ".join(dict.fromkeys(words))


### Rooms


def rooms() -> str:
    """Return every room with its purpose and the rooms that it imports, from the ground up."""
    imports = {name: _imported_rooms(name, path) for name, path in _room_paths().items()}
    purposes = {name: _purpose(path) for name, path in _room_paths().items()}
    order: list[str] = []
    while len(order) < len(imports):
        ready = [name for name in imports if name not in order and imports[name] <= set(order)]
        # A cycle of imports has no order; its rooms are listed as they come.
        order += sorted(ready) or sorted(set(imports) - set(order))
    rows = [
        [f"`{name}`", purposes[name], ", ".join(sorted(imports[name], key=order.index)) or "–"]
        for name in order
    ]
    return table(["room", "what it is for", "imports from"], rows)


@cache
def _room_paths() -> dict[str, list[Path]]:
    """Return the Python files of every room; a module at the root of psgvlm is a room itself."""
    package = Path(psgvlm.__file__).parent
    rooms = {path.stem: [path] for path in package.glob("*.py") if path.stem not in DOORS}
    for init in package.glob("*/__init__.py"):
        rooms[init.parent.name] = sorted(init.parent.rglob("*.py"))
    for name in OUTER_ROOMS:
        rooms[name] = sorted((ROOT / name).rglob("*.py"))
    return rooms


def _purpose(paths: list[Path]) -> str:
    """Return the first paragraph of a room's docstring, on one line."""
    door = next((path for path in paths if path.name == "__init__.py"), paths[0])
    text = ast.get_docstring(ast.parse(door.read_text("utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def _imported_rooms(own: str, paths: list[Path]) -> set[str]:
    """Return the rooms that any module of a room imports, inside functions too."""
    found = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    names = {name.split(".")[1] for name in found if name.startswith("psgvlm.")}
    return (names & set(_room_paths())) - {own}


### Publication


def publication_terms() -> str:
    """Return what may be uploaded of each cohort, and which statement it needs."""
    words = {None: "refused", cohorts.NOTHING: "allowed"}
    rows = []
    for name in (*cohorts.COHORTS, "own"):
        terms = cohorts.terms_of(name)
        permissions = (terms.private, terms.public, terms.public_labels)
        cells = [words.get(needed, f"with `--i-am-allowed {needed}`") for needed in permissions]
        licence = terms.licence and f"[{terms.licence}]({terms.source})"
        rows.append([terms.name or "your own recordings", licence or "–", *cells])
    head = ["recordings", "licence", "private repository", "public repository (`--public`)"]
    return table([*head, "public labels without images (`--labels-only`)"], rows)


### Installation


def extras() -> str:
    """Return the extras of pyproject.toml with what they add."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    rows = []
    for name, packages in project["optional-dependencies"].items():
        names = [package.partition(">")[0].partition("=")[0] for package in packages]
        rows.append([f"`pip install 'psgvlm[{name}]'`", ", ".join(names)])
    return table(["command", "adds"], rows)


### Files


def row_columns() -> str:
    """Return the columns of a corpus with their types and what they hold."""
    from psgvlm.corpus import row_schema

    rows = [
        [f"`{name}`", _type_name(feature), ROW_COLUMNS[name]]
        for name, feature in row_schema.features().items()
    ]
    return table(["column", "type", "what it holds"], rows)


def _type_name(feature) -> str:
    """Return a feature's type in a word or two."""
    if isinstance(feature, list) or type(feature).__name__ in ("List", "LargeList", "Sequence"):
        inner = feature.feature
        return "list of messages" if isinstance(inner, dict) else f"list of {_type_name(inner)}"
    name = type(feature).__name__
    return {"Image": "image", "ClassLabel": "class label"}.get(name) or feature.dtype
