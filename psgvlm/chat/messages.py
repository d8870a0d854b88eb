"""Epochs as conversations: the prompt and the answer of each task."""

from psgvlm.chat.findings import EpochFindings
from psgvlm.chat.perception import PROMPT as PERCEPTION_PROMPT
from psgvlm.chat.perception import perception
from psgvlm.chat.rationale import PROMPT as RATIONALE_PROMPT
from psgvlm.chat.rationale import rationale

NEIGHBOURS_NOTE = (
    "The middle image is the epoch in question; the others are the epochs before and after it, "
    "without traces where there is none."
)
# The prompt of each task. None: staging uses the prompt of the image spec.
TASKS = {"staging": None, "perception": PERCEPTION_PROMPT, "rationale": RATIONALE_PROMPT}


def prompt(text: str, images: int = 1) -> list[dict]:
    """Return the user's message, in the conversational form of TRL and chat templates.

    Parameters
    ----------
    text : str
        The question about the epoch.
    images : int
        How many images the message shows: an odd number, in the order of time. The question is
        about the middle one.

    Returns
    -------
    list of dict
        One message, whose parts are the images and the text.

    Examples
    --------
    >>> prompt("Which stage?")[0]["content"]
    [{'type': 'image', 'text': None}, {'type': 'text', 'text': 'Which stage?'}]
    """
    if images > 1:
        text = f"{NEIGHBOURS_NOTE} {text}"
    # All parts of a message have the same Arrow type, so the image has a text, too: None.
    parts = [{"type": "image", "text": None} for _ in range(images)]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": text}]}]


def completion(answer: str | None) -> list[dict]:
    """Return the assistant's message with an answer; an empty list if there is no answer."""
    if not answer:
        return []
    return [{"role": "assistant", "content": [{"type": "text", "text": answer}]}]


def configuration(cohort: str, task: str) -> str:
    """Return the name of a cohort's configuration for a task: `isruc`, `isruc-rationale`."""
    return cohort if task == "staging" else f"{cohort}-{task}"


def cohort_and_task(configuration: str) -> tuple[str, str]:
    """Return the cohort and the task of a configuration; the reverse of `configuration`."""
    cohort, _, task = configuration.rpartition("-")
    return (cohort, task) if cohort and task in TASKS else (configuration, "staging")


def answer(task: str, stage: str | None, findings: dict | None) -> str | None:
    """Return the right answer about an epoch.

    Parameters
    ----------
    task : str
        One of `TASKS`.
    stage : str or None
        The scored stage; None if the epoch was not scored.
    findings : dict or None
        The result of `EpochFindings.to_dict`. Every task but staging needs it.

    Returns
    -------
    str or None
        None if the epoch was not scored, or if nothing could be measured in it. The task
        "perception" has an answer for unscored epochs, too.
    """
    if task == "perception":
        return perception(EpochFindings.from_dict(findings)) or None
    if task == "rationale" and stage is not None:
        return rationale(EpochFindings.from_dict(findings), stage)
    return stage
