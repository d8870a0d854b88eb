"""`eval.yaml`: what tells the Hub that a corpus is a benchmark, with a leaderboard of each cohort.

The form is the Hub's (https://huggingface.co/docs/hub/eval-results). The Hub checks it when it is
pushed, and takes frameworks only from a list that its team keeps; `psgvlm` has to be entered there
first. So the file is written only where it is asked for.
"""

from pathlib import Path

FILE_NAME = "eval.yaml"


def write(corpus: Path, configs: list[str], prompt: str) -> Path:
    """Write `eval.yaml`: a task for each of the configurations, on its test split.

    Adapters' `.eval_results` name the same tasks.
    """
    import yaml

    content = {
        "name": "Sleep staging by looking",
        "description": f"{prompt} κ with the scorer over all epochs of subjects held out.",
        "evaluation_framework": "psgvlm",
        "tasks": [{"id": config, "config": config, "split": "test"} for config in configs],
    }
    path, part = corpus / FILE_NAME, corpus / f".{FILE_NAME}.part"
    part.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), "utf-8")
    return part.replace(path)
