"""The rows of a corpus: their schema, and a table of them made of pictures and stages."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from psgvlm import chat
from psgvlm.stages import INDEX, STAGES


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
    )


@cache
def schema():
    """The same as an Arrow schema, by which `load_dataset` knows images and class labels."""
    return features().arrow_schema


def table(
    pngs: Sequence[bytes],
    text: str,
    stages: Sequence[str | None],
    second: Sequence[str | None],
    epochs: Sequence[int],
    onsets_s: Sequence[float],
    findings: Sequence[dict] | None = None,
    task: str = "staging",
    **where,
):
    """Rows of the corpus as an Arrow table: one for each picture, its bytes as they are.

    `text` asks for the stage. `stages` and `second` are `None` where the scorer left an epoch
    unscored, or there is none; `findings` (see `answer`) are for the other tasks; `where` fills
    what all rows share: cohort, subject, recording, fold, lanes.
    """
    import pyarrow as pa

    count, asked = len(pngs), chat.prompt(chat.TASKS[task] or text)
    # The pictures in one piece: Arrow's own builder would hold them twice while it grows.
    ends = np.cumsum([0, *map(len, pngs)], dtype=np.int32)
    content = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(pngs))]
    images = pa.StructArray.from_arrays(
        [pa.Array.from_buffers(pa.binary(), count, content), pa.nulls(count, pa.string())],
        ["bytes", "path"],
    )
    columns = {
        **{name: [value] * count for name, value in {"prompt": asked, **where}.items()},
        "completion": [
            chat.completion(chat.answer(task, stage, seen))
            for stage, seen in zip(stages, findings or [None] * count, strict=True)
        ],
        "stage": [_label(stage) for stage in stages],
        "stage_2": [_label(stage) for stage in second],
        "epoch": epochs,
        "onset": onsets_s,
    }
    arrays = {
        field.name: pa.array(columns[field.name], field.type)
        for field in schema()
        if field.name != "images"
    }
    images = pa.ListArray.from_arrays(np.arange(count + 1, dtype=np.int32), images)
    return pa.table({"images": images, **arrays}, schema())


def _label(stage: str | None) -> int | None:
    """Only `None` is unscored: a name that is no stage must not pass for it."""
    return None if stage is None else INDEX[stage]
