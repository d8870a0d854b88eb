"""Prompts, answers, and answers read back."""

import pytest

from psgvlm import chat
from psgvlm.corpus import row_schema
from psgvlm.stages import STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_every_answer_reads_back(stage):
    (message,) = chat.completion(stage)
    assert message["role"] == "assistant"
    assert chat.read_answer(message["content"][0]["text"]) == stage


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("R", "R"),
        ("REM", "R"),
        ("rem sleep", "R"),
        ("N2", "N2"),
        ("n 3.", "N3"),
        ("Stage N2", "N2"),
        ("Sleep stage 3", "N3"),
        ("Wake", "W"),
        ("The stages are W, N1, N2, N3 and R. Answer: N2", "N2"),
        ("No slow waves, so it is not N3 but N2", "N2"),
        ("", None),
        ("I cannot tell", None),
        ("it lasts 3 seconds", None),
        ("r", None),
        ("N4", None),
    ],
)
def test_free_answers(text, stage):
    assert chat.read_answer(text) == stage


def test_rows_have_the_schema_of_the_corpus():
    table = row_schema.table(
        [b"png", b"other"], "What stage?", ["R", None], [None, "N1"], [3, 4], [90.0, 120.0],
        cohort="c", subject="s", recording="r", fold=None, lanes=["C4-M1"],
    )  # fmt: skip
    assert table.schema.equals(row_schema.features().arrow_schema, check_metadata=True)
    table.validate(full=True)
    row, unscored = table.to_pylist()
    assert row["stage"] == 4
    assert row["stage_2"] is None
    assert row["prompt"][0]["content"] == [
        {"type": "image", "text": None},
        {"type": "text", "text": "What stage?"},
    ]
    assert row["completion"][0]["content"][0]["text"] == "R"
    assert row["images"] == [{"bytes": b"png", "path": None}]
    assert (row["epoch"], row["onset"], row["lanes"]) == (3, 90.0, ["C4-M1"])
    assert unscored["completion"] == []
    assert (unscored["stage"], unscored["stage_2"]) == (None, 1)
    assert unscored["images"][0]["bytes"] == b"other"


def test_a_name_that_is_no_stage_does_not_pass_for_unscored():
    with pytest.raises(KeyError, match="N4"):
        row_schema.table(
            [b"png"], "What stage?", ["N4"], [None], [0], [0.0],
            cohort="c", subject="s", recording="r", fold=None, lanes=[],
        )  # fmt: skip
