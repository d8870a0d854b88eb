"""Messages of the library: they name parameters, and the command adds its option."""

import ast
import re

import pytest
from commands import ROOT

FOLDERS = ("psgvlm", "builders", "dataset_card", "model_card")
# Modules that are command lines themselves, and may name their options.
COMMAND_LINES = ("psgvlm/commands/", "psgvlm/training/options.py")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
OF_PIP = {"--no-deps"}


def library_modules():
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(COMMAND_LINES) and path.name != "__main__.py":
                yield name


def options_in(source):
    """Return the options that error messages of a module name, with the lines of the messages."""
    errors = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        if re.search(r"(Error|NotFinite)$", ast.unparse(node.func))
    ]
    texts = [
        (error.lineno, text.value)
        for error in errors
        for text in ast.walk(error)
        if isinstance(text, ast.Constant) and isinstance(text.value, str)
    ]
    return [(line, option) for line, text in texts for option in OPTION.findall(text)]


def test_an_option_in_a_message_is_seen():
    source = 'x = "--out"\nraise errors.InputError(f"{x}: " "choose another --lights-off")'
    assert options_in(source) == [(2, "--lights-off")]
    assert options_in('raise InputError("a -- b, x--y and ---")') == []


@pytest.mark.parametrize("name", library_modules())
def test_no_error_message_of_the_library_names_an_option(name):
    named = options_in((ROOT / name).read_text("utf-8"))
    assert [(line, option) for line, option in named if option not in OF_PIP] == []
