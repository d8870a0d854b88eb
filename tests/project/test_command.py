"""The command `psgvlm`: its table of sub-commands, what it refuses, and that help is quick."""

import json
import shlex
import subprocess
import sys
import types

import pytest
from commands import ROOT, python

import psgvlm
from psgvlm import errors
from psgvlm.commands import main

HEAVY = {
    "torch",
    "transformers",
    "datasets",
    "numba",
    "scipy",
    "mne",
    "matplotlib",
    "pandas",
    "trl",
}
# Ask every sub-command for its help in one new process, and say what was imported for it.
HELP_OF_ALL = """
import contextlib, io, json, sys
from psgvlm.commands import main
helps = {}
for name in main.COMMANDS:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        try:
            main.main([name, "--help"])
        except SystemExit as stopped:
            helps[name] = [stopped.code, output.getvalue()]
print(json.dumps({"helps": helps, "modules": [*sys.modules]}))
"""


@pytest.fixture(scope="module")
def asked():
    done = python("-c", HELP_OF_ALL)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_table_lists_the_modules_of_commands():
    folder = ROOT / "psgvlm" / "commands"
    modules = {
        path.stem for path in folder.glob("*.py") if "\ndef main(" in path.read_text("utf-8")
    }
    assert set(main.COMMANDS) == modules - {"main"}


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_sub_command_has_a_help(name, asked):
    status, text = asked["helps"][name]
    assert status == 0
    assert text.startswith(f"usage: psgvlm {name}")


def test_help_imports_nothing_heavy(asked):
    assert not HEAVY & set(asked["modules"])


def test_help_lists_the_sub_commands_and_what_they_do(capsys):
    with pytest.raises(SystemExit) as stopped:
        main.main(["--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    for name, text in main.COMMANDS.items():
        assert name in shown and text in shown


def test_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        main.main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"psgvlm {psgvlm.__version__}\n"


def test_an_unknown_sub_command_is_refused_with_the_list(capsys):
    with pytest.raises(SystemExit) as stopped:
        main.main(["stag", "night.edf"])
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert "'stag'" in message
    for name in main.COMMANDS:
        assert name in message


def test_without_a_sub_command_the_help_goes_to_stderr(capsys):
    assert main.main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "commands:" in captured.err


def test_words_and_status_are_those_of_the_sub_command(monkeypatch):
    words = []
    module = types.SimpleNamespace(main=lambda given: words.extend(given) or 3)
    monkeypatch.setitem(sys.modules, "psgvlm.commands.stage", module)
    assert main.main(["stage", "a.edf", "--out", "x"]) == 3
    assert words == ["a.edf", "--out", "x"]


def test_a_package_of_an_extra_that_is_missing_is_named_with_the_extra(monkeypatch):
    def needs(name):
        def run(words):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        monkeypatch.setitem(sys.modules, "psgvlm.commands.app", types.SimpleNamespace(main=run))

    needs("gradio")
    with pytest.raises(psgvlm.InputError, match=r"gradio.*pip install 'psgvlm\[app\]'"):
        main.main(["app"])
    needs("psgvlm.missing")  # a fault of ours: its traceback is wanted
    with pytest.raises(ModuleNotFoundError):
        main.main(["app"])


def test_an_input_error_is_a_line_with_the_option_that_would_mend_it(capsys):
    def refuse():
        raise psgvlm.InputError("night.edf: no\n such   file", "lights_off")

    with pytest.raises(SystemExit) as stopped:
        errors.run(refuse)
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "error: night.edf: no such file [--lights-off]\n"


def test_the_status_of_a_command_line_that_ends_otherwise(capsys):
    for result, status in ((None, 0), (0, 0), (3, 3)):
        with pytest.raises(SystemExit) as stopped:
            errors.run(lambda result=result: result)
        assert stopped.value.code == status

    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stopped:
        errors.run(interrupt)
    assert stopped.value.code == 130
    assert "stopped by the user" in capsys.readouterr().err


def test_a_pipe_that_is_closed_early_ends_the_command_without_a_traceback():
    write = "print('line\\n' * 100_000)"
    program = f"from psgvlm import errors; errors.run(lambda: {write})"
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)} | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == "line\n"
    assert done.stderr == ""
