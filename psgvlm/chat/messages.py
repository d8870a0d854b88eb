"""Epochs as conversations: the prompt, the answer, and an answer read back."""

import re

from psgvlm.chat.findings import EpochFindings
from psgvlm.chat.perception import PROMPT as PERCEPTION_PROMPT
from psgvlm.chat.perception import perception
from psgvlm.chat.rationale import PROMPT as RATIONALE_PROMPT
from psgvlm.chat.rationale import rationale

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
        return perception(EpochFindings.from_dict(findings)) or None
    if task == "rationale" and stage is not None:
        return rationale(EpochFindings.from_dict(findings), stage)
    return stage


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
