"""The scripts that `make bench` runs: they end, print their tables and write their figures."""

import json

import pytest
from commands import python


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("render", "| a night, EDF to Parquet |"),
        ("corpus", "| drawing |"),
        ("reading", "| loader, at random, 2 workers |"),
    ],
)
def test_a_round(tmp_path, script, line):
    done = python(f"bench/{script}.py", "--rounds", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert line in done.stdout
    (written,) = tmp_path.iterdir()
    assert str(written) in done.stdout
    assert json.loads(written.read_text())["rounds"] == 1
