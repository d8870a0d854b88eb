"""Epochs as conversations: prompts and answers of each task, and the findings that they tell."""

from psgvlm.chat.messages import (
    CONTEXT,
    TASKS,
    answer,
    cohort_and_task,
    completion,
    configuration,
    prompt,
    read_answer,
)

__all__ = [
    "CONTEXT",
    "TASKS",
    "answer",
    "cohort_and_task",
    "completion",
    "configuration",
    "prompt",
    "read_answer",
]
