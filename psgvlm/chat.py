"""Epochs as conversations: the prompt, the answer, rows of the corpus, an answer read back."""

import re
from collections.abc import Sequence
from functools import cache

import numpy as np

from psgvlm.stages import INDEX, STAGES

# Single letters only in capitals: a lower-case "r" or "w" is a word of the sentence.
_STAGE = re.compile(
    r"\b(?:N\s?([123])|stage\s+([123])|(REM|(?-i:R))|(wake|(?-i:W)))\b", re.IGNORECASE
)


def prompt(text: str) -> list[dict]:
    """The question about one image, in the conversational form that TRL and chat templates take."""
    # The parts of a message are one Arrow struct, hence the empty text beside the image.
    parts = [{"type": "image", "text": None}, {"type": "text", "text": text}]
    return [{"role": "user", "content": parts}]


def completion(stage: str | None) -> list[dict]:
    """The answer, as the assistant's message; none for an epoch that nobody scored."""
    if stage is None:
        return []
    return [{"role": "assistant", "content": [{"type": "text", "text": stage}]}]


def features():
    """The schema of a row of the corpus."""
    from datasets import ClassLabel, Features, Image, List, Value

    message = {
        "role": Value("string"),
        "content": List({"type": Value("string"), "text": Value("string")}),
    }
    label = ClassLabel(names=list(STAGES))
    return Features(
        {
            "images": List(Image(mode="RGB")),
            "prompt": List(message),
            "completion": List(message),
            "stage": label,
            "stage_2": label,
            "cohort": Value("string"),
            "subject": Value("string"),
            "recording": Value("string"),
            "fold": Value("int32"),
            "epoch": Value("int32"),
            "onset": Value("float64"),
            "lanes": List(Value("string")),
        }
    )  # fmt: skip


@cache
def schema():
    """The same as an Arrow schema, without what `load_dataset` reads beside it.

    Written out, so that a worker need not import datasets: a second, and 80 MB.
    """
    import pyarrow as pa

    text = pa.string()
    message = pa.struct(
        {"role": text, "content": pa.list_(pa.struct({"type": text, "text": text}))}
    )
    return pa.schema(
        {
            "images": pa.list_(pa.struct({"bytes": pa.binary(), "path": text})),
            "prompt": pa.list_(message),
            "completion": pa.list_(message),
            "stage": pa.int64(),
            "stage_2": pa.int64(),
            "cohort": text,
            "subject": text,
            "recording": text,
            "fold": pa.int32(),
            "epoch": pa.int32(),
            "onset": pa.float64(),
            "lanes": pa.list_(text),
        }
    )


def table(
    pngs: Sequence[bytes],
    text: str,
    stages: Sequence[str | None],
    second: Sequence[str | None],
    epochs: Sequence[int],
    onsets_s: Sequence[float],
    **where,
):
    """Rows of the corpus as an Arrow table: one for each picture, its bytes as they are.

    `stages` and `second` are `None` where the scorer left an epoch unscored, or there is none;
    `where` fills what all rows share: cohort, subject, recording, fold, lanes.
    """
    import pyarrow as pa

    types = {field.name: field.type for field in schema()}
    count = len(pngs)
    # Whatever repeats is made once and taken by index: a dictionary for every row costs more than
    # drawing it.
    answers = {stage: index for index, stage in enumerate((*STAGES, None))}
    answer = pa.array([completion(stage) for stage in answers], types["completion"])
    repeated = {"prompt": prompt(text), **where}
    first = pa.array(np.zeros(count, np.int32))
    images = pa.StructArray.from_arrays(
        [pa.array(pngs, pa.binary()), pa.nulls(count, pa.string())], ["bytes", "path"]
    )
    columns = {
        **{name: pa.array([value], types[name]).take(first) for name, value in repeated.items()},
        "images": pa.ListArray.from_arrays(np.arange(count + 1, dtype=np.int32), images),
        "completion": answer.take(pa.array([answers[stage] for stage in stages], pa.int32())),
        "stage": pa.array([INDEX.get(stage) for stage in stages], types["stage"]),
        "stage_2": pa.array([INDEX.get(stage) for stage in second], types["stage_2"]),
        "epoch": pa.array(epochs, types["epoch"]),
        "onset": pa.array(onsets_s, types["onset"]),
    }
    return pa.table([columns[name] for name in types], schema())


def read_answer(text: str) -> str | None:
    """The stage that a free answer names; `None` where it names none.

    `R`, `REM`, `Stage N2` and `2` after the word stage are understood. Of several stages the last
    one counts: a model that lists the choices gives its answer after them.
    """
    found = _STAGE.findall(text)
    if not found:
        return None
    n, number, rem, _ = found[-1]
    return f"N{n or number}" if n or number else "R" if rem else "W"
