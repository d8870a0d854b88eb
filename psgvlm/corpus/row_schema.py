"""The rows of a corpus: their schema, and a table of rows made from pictures and stages."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from psgvlm import chat
from psgvlm.stages import INDEX, STAGES


def features():
    """Return the schema of a row as `datasets.Features`."""
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
            "votes": List(Value("float32")),
            "cohort": Value("string"),
            "subject": Value("string"),
            "recording": Value("string"),
            "fold": Value("int32"),
            "epoch": Value("int32"),
            "onset": Value("float64"),
            "lanes": List(Value("string")),
            "pixels": Value("string"),
        }
    )


@cache
def schema():
    """Return the same as an Arrow schema, which tells `load_dataset` the images and labels."""
    return features().arrow_schema


def table(
    pngs: Sequence[bytes],
    text: str,
    stages: Sequence[str | None],
    second: Sequence[str | None],
    epochs: Sequence[int],
    onsets_s: Sequence[float],
    pixels: Sequence[str],
    findings: Sequence[dict] | None = None,
    task: str = "staging",
    votes: Sequence[Sequence[float] | None] | None = None,
    **shared,
):
    """Make rows of a corpus, one for each picture.

    Parameters
    ----------
    pngs : sequence of bytes
        The pictures; their bytes are stored as they are.
    text : str
        The question about the stage.
    stages, second : sequence of str or None
        The stages of the scorer and of a second scorer; `None` if an epoch was not scored.
    epochs : sequence of int
        The numbers of the epochs on the grid of the scores.
    onsets_s : sequence of float
        When the epochs start, in seconds of the recording.
    pixels : sequence of str
        The hash of each picture (`psgvlm.images.pixels.pixel_hash`).
    findings : sequence of dict, optional
        What was measured in each epoch; tasks other than staging need it (see `chat.answer`).
    task : str
        A task of `chat.TASKS`.
    votes : sequence of (sequence of float, or None), optional
        The share of the scorers for W, N1, N2, N3 and R; `None` if there is one scorer, or if none
        of them staged the epoch.
    **shared
        Columns with one value for all rows: cohort, subject, recording, fold, lanes.

    Returns
    -------
    pyarrow.Table
        Rows with the schema of this module.
    """
    import pyarrow as pa

    count, asked = len(pngs), chat.prompt(chat.TASKS[task] or text)
    # All pictures as one buffer: Arrow's builder would hold them twice while it grows.
    ends = np.cumsum([0, *map(len, pngs)], dtype=np.int32)
    content = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(pngs))]
    images = pa.StructArray.from_arrays(
        [pa.Array.from_buffers(pa.binary(), count, content), pa.nulls(count, pa.string())],
        ["bytes", "path"],
    )
    columns = {
        **{name: [value] * count for name, value in {"prompt": asked, **shared}.items()},
        "completion": [
            chat.completion(chat.answer(task, stage, measured))
            for stage, measured in zip(stages, findings or [None] * count, strict=True)
        ],
        "stage": [_label(stage) for stage in stages],
        "stage_2": [_label(stage) for stage in second],
        "votes": votes or [None] * count,
        "epoch": epochs,
        "onset": onsets_s,
        "pixels": pixels,
    }
    arrays = {
        field.name: pa.array(columns[field.name], field.type)
        for field in schema()
        if field.name != "images"
    }
    images = pa.ListArray.from_arrays(np.arange(count + 1, dtype=np.int32), images)
    return pa.table({"images": images, **arrays}, schema())


def _label(stage: str | None) -> int | None:
    """Return the label of a stage. Only `None` is unscored: an unknown name raises `KeyError`."""
    return None if stage is None else INDEX[stage]
