"""Prompts, answers, and answers read back."""

import pytest

from psgvlm import chat
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


def test_a_row_has_the_schema_of_the_corpus():
    import pyarrow as pa

    schema = chat.features().arrow_schema
    row = chat.row(
        b"png", "What stage?", "R", None,
        cohort="c", subject="s", recording="r", epoch=3, onset=90.0, lanes=["C4-M1"],
    )  # fmt: skip
    back = pa.Table.from_pylist([row], schema).to_pylist()[0]
    assert back["stage"] == 4
    assert back["stage_2"] is None
    assert back["prompt"][0]["content"] == [
        {"type": "image", "text": None},
        {"type": "text", "text": "What stage?"},
    ]
    assert back["completion"][0]["content"][0]["text"] == "R"
    assert back["images"][0]["bytes"] == b"png"
