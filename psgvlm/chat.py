"""Epochs as conversations: the prompt, the answer, rows of the corpus, an answer read back."""

import re
from collections.abc import Sequence
from functools import cache

import numpy as np

from psgvlm.findings import Epoch
from psgvlm.perception import PROMPT as PERCEPTION_PROMPT
from psgvlm.perception import perception
from psgvlm.rationale import PROMPT as RATIONALE_PROMPT
from psgvlm.rationale import rationale
from psgvlm.stages import INDEX, STAGES

CONTEXT = (
    "The middle image is the epoch in question; the others are the epochs before and after it, "
    "without traces where there is none."
)
# Staging is asked with the prompt of the image spec.
TASKS = {"staging": None, "perception": PERCEPTION_PROMPT, "rationale": RATIONALE_PROMPT}

# Single letters only in capitals: a lower-case "r" or "w" is a word of the sentence.
_STAGE = re.compile(
    r"\b(?:N\s?([123])|stage\s+([123])|(REM|(?-i:R))|(wake|(?-i:W)))\b", re.IGNORECASE
)


def prompt(text: str, images: int = 1) -> list[dict]:
    """The question about an image, in the conversational form that TRL and chat templates take.

    Of several images, an odd number in the order of time, the middle one is asked about.
    """
    if images > 1:
        text = f"{CONTEXT} {text}"
    # The parts of a message are one Arrow struct, hence the empty text beside the image.
    parts = [{"type": "image", "text": None} for _ in range(images)]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]


def completion(answer: str | None) -> list[dict]:
    """The answer, as the assistant's message; none where there is no answer."""
    if not answer:
        return []
    return [{"role": "assistant", "content": [{"type": "text", "text": answer}]}]


def configuration(cohort: str, task: str) -> str:
    """What a corpus calls the rows of a cohort for a task: `isruc`, `isruc-rationale`."""
    return cohort if task == "staging" else f"{cohort}-{task}"


def cohort_and_task(configuration: str) -> tuple[str, str]:
    """The cohort and the task that a configuration of a corpus is named after."""
    cohort, _, task = configuration.rpartition("-")
    return (cohort, task) if cohort and task in TASKS else (configuration, "staging")


def answer(task: str, stage: str | None, findings: dict | None) -> str | None:
    """What is to be answered about an epoch; `None` where nobody scored it, or nothing was seen.

    `findings` are those of `findings.Epoch.to_dict`, which all tasks but staging need. What the
    picture shows can be told of an unscored epoch, too.
    """
    if task == "perception":
        return perception(Epoch.from_dict(findings)) or None
    if task == "rationale" and stage is not None:
        return rationale(Epoch.from_dict(findings), stage)
    return stage


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

    count, asked = len(pngs), prompt(TASKS[task] or text)
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
            completion(answer(task, stage, seen))
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
