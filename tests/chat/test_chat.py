"""Prompts and answers, and the rows of a corpus that hold them."""

import pytest

from psgvlm import chat
from psgvlm.corpus import row_schema
from psgvlm.stages import STAGES


@pytest.mark.parametrize("stage", STAGES)
def test_the_answer_about_an_epoch_is_its_stage(stage):
    (message,) = chat.completion(chat.answer("staging", stage, None))
    assert message["role"] == "assistant"
    assert message["content"] == [{"type": "text", "text": stage}]
    assert chat.completion(chat.answer("staging", None, None)) == []


def test_a_prompt_shows_its_images_before_the_question():
    (message,) = chat.prompt("What stage?", 3)
    assert [part["type"] for part in message["content"]] == ["image"] * 3 + ["text"]
    assert message["content"][-1]["text"] == f"{chat.NEIGHBOURS_NOTE} What stage?"
    with_one = chat.prompt("What stage?")[0]["content"]
    assert with_one == [{"type": "image", "text": None}, {"type": "text", "text": "What stage?"}]


def test_rows_have_the_schema_of_the_corpus():
    table = row_schema.table(
        [b"png", b"other"], "What stage?", ["R", None], [None, "N1"], [3, 4], [90.0, 120.0],
        pixels=["a" * 32, "b" * 32],
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
    assert (row["pixels"], unscored["pixels"]) == ("a" * 32, "b" * 32)
    assert unscored["completion"] == []
    assert (unscored["stage"], unscored["stage_2"]) == (None, 1)
    assert unscored["images"][0]["bytes"] == b"other"


def test_a_name_that_is_no_stage_does_not_pass_for_unscored():
    with pytest.raises(KeyError, match="N4"):
        row_schema.table(
            [b"png"], "What stage?", ["N4"], [None], [0], [0.0], pixels=["a" * 32],
            cohort="c", subject="s", recording="r", fold=None, lanes=[],
        )  # fmt: skip
