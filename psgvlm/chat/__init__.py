"""Epochs as conversations: the prompts and answers of each task, and the findings they state."""

from psgvlm.chat.messages import (
    NEIGHBOURS_NOTE,
    TASKS,
    answer,
    cohort_and_task,
    completion,
    configuration,
    prompt,
)

__all__ = [
    "NEIGHBOURS_NOTE",
    "TASKS",
    "answer",
    "cohort_and_task",
    "completion",
    "configuration",
    "prompt",
]
