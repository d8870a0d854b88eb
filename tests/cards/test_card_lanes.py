"""A card says which lanes substitutes fill, and which are empty."""

import pytest
from psgvlm.builders.__main__ import main
from psgvlm.dataset_card import lanes
from recordings import montage, write_edf

SETS = ("EEG Fpz-Cz,EOG-L", "C4-M1,EOG-L", "C4-M1,LOC", "C4-M1,PSG_EOGL", "C4-M1,POL E1,C4-M1")


@pytest.fixture(scope="module")
def statement(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lanes")
    for number, labels in enumerate(SETS):
        write_edf(folder / "raw" / f"n{number}.edf", montage(labels.split(","), 60))
    words = ["folder", folder / "raw", "--out", folder / "corpus", "--image", "square"]
    assert main([*map(str, words), "--unscored", "--workers", "1"]) == 0
    return lanes.statement(folder / "corpus").splitlines()


def test_lanes_with_one_reason_are_one_line_with_their_signals(statement):
    (line,) = (line for line in statement if "`E1 <- " in line)
    assert "EOG-L or " in line and " or 1 other, a substitute: " in line
    assert line.endswith("(5 of 5)")


def test_rare_substitutes_and_empty_lanes_are_listed(statement):
    (line,) = (line for line in statement if "EEG Fpz-Cz, a substitute: " in line)
    assert line.startswith("- folder: `C4-M1 <- ") and line.endswith("(1 of 5)")
    assert "- folder: `chin is empty` (5 of 5)" in statement
    assert "- folder: `E2 is empty` (5 of 5)" in statement
    (line,) = (line for line in statement if "of 2 such signals" in line)
    assert line.endswith("(1 of 5)")
