"""Epochs as conversations: the prompt, the answer, a row of the corpus, an answer read back."""

import re

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


def row(png: bytes, text: str, stage: str | None, stage_2: str | None, **where) -> dict:
    """A row of the corpus as Arrow stores it; `where` fills cohort, subject ... lanes.

    `stage` and `stage_2` are `None` where the scorer left the epoch unscored, or there is none.
    """
    return {
        "images": [{"bytes": png, "path": None}],
        "prompt": prompt(text),
        "completion": completion(stage),
        "stage": None if stage is None else INDEX[stage],
        "stage_2": None if stage_2 is None else INDEX[stage_2],
        **where,
    }


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
