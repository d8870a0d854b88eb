"""`eval.yaml`: it tells the Hub that a corpus is a benchmark, with a leaderboard for each cohort.

The Hub defines its form (https://huggingface.co/docs/hub/eval-results) and checks the file when it
is pushed. It accepts only frameworks of a list that the Hub's team keeps, and `psgvlm` has to be
entered there first. The file is therefore written only on request.
"""

from pathlib import Path

from psgvlm.files import write_text

FILE_NAME = "eval.yaml"


def write(corpus: Path, configs: list[str], prompt: str) -> Path:
    """Write `eval.yaml` with one task for each configuration, on its test split; return its path.

    The `.eval_results` of adapters name the same tasks.
    """
    import yaml

    content = {
        "name": "Sleep staging by looking",
        "description": f"{prompt} κ with the scorer over all epochs of held-out subjects.",
        "evaluation_framework": "psgvlm",
        "tasks": [{"id": config, "config": config, "split": "test"} for config in configs],
    }
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return write_text(corpus / FILE_NAME, text)
