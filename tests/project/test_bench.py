"""What `make bench` runs: each script to its end, its tables printed, its figures written."""

import json

import pytest
from commands import command


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("render", "| a night, EDF to Parquet |"),
        ("corpus", "| drawing |"),
        ("reading", "| loader, at random, 2 workers |"),
    ],
)
def test_a_round(tmp_path, script, told):
    done = command(f"bench/{script}.py", "--rounds", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert told in done.stdout
    (written,) = tmp_path.iterdir()
    assert str(written) in done.stdout
    assert json.loads(written.read_text())["rounds"] == 1
