"""Options of a training run that are refused, or explained, before torch and TRL are imported."""

import pytest
from commands import python

from psgvlm.errors import InputError
from psgvlm.training import options

HEAVY = ("torch", "transformers", "trl", "datasets")
EARLY = f"""
import sys
from psgvlm.commands.train import main
try:
    main(sys.argv[1:])
finally:
    print(sorted(name for name in {HEAVY} if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--dataset_name", "{empty}"], ["{empty}", "image_spec.json"]),
        (["--config", "{empty}/none.yaml"], ["recipe or options", "none.yaml"]),
        (["--dataset_name", "ORG/c", "--tune", "head"], ["head", "language"]),
        (["--dataset-name", "ORG/c", "--balance", "evenly"], ["evenly", "uniform"]),
        (["--dataset_name", "ORG/c", "--augment", "gain=0.2"], ["gain=0.2; expected 1 to 10"]),
        (["--max_steps", "3"], ["no corpus given"]),
    ],
)
def test_options_that_are_refused_at_once(words, parts, tmp_path):
    words = [word.format(empty=tmp_path) for word in words]
    done = python("-c", EARLY, *words)
    assert done.stdout.splitlines()[-1] == "[]"
    last = done.stderr.splitlines()[-1]
    assert last.startswith("psgvlm.errors.InputError: ")
    for part in parts:
        assert part.format(empty=tmp_path) in last


def test_a_recipe_s_options_are_checked_and_the_command_line_overrides_them(tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("dataset_name: ORG/corpus\nbalance: evenly\n")
    with pytest.raises(InputError, match="evenly") as refused:
        options.check_early(["--config", str(recipe)])
    assert refused.value.parameter == "balance"
    options.check_early(["--config", str(recipe), "--balance", "sqrt"])


def test_the_help_is_quick_and_names_every_option_of_this_project(capsys):
    with pytest.raises(SystemExit) as ended:
        options.check_early(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for name in options.StagingArguments.__dataclass_fields__:
        assert f"--{name}" in text
    done = python("-c", EARLY, "--help")
    assert done.stdout.splitlines()[-1] == "[]"
    assert "--help_all" in done.stdout
