"""JSON with a list of stages, as Dreem's scorers have it (`scorers/dodh/scorer_1/ID.json`)."""

import json
import re
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.scores.sheet import Mark, Sheet

_FORMAT = "JSON list"
_KEYS = ("hypnogram", "hypno", "stages", "sleep_stages", "scores")
_DREEM = re.compile(r"scorer_\d+")


def read(path: Path, text: str) -> Sheet | None:
    """Return the list, or the list under a key such as `hypnogram`; None if there is none."""
    if not text.lstrip().startswith(("[", "{")):
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        if path.suffix.lower() != ".json":
            return None
        raise InputError(
            f"{path}: not complete JSON ({type(error).__name__}); expected a list of stages"
        ) from error
    if isinstance(content, dict):
        content = next((content[key] for key in _KEYS if key in content), None)
    if not isinstance(content, list) or not content:
        return None
    if not all(isinstance(value, str | int | float | None) for value in content):
        return None
    texts = ["" if value is None else f"{value}".removesuffix(".0") for value in content]
    codes = "aasm" if _DREEM.fullmatch(path.parent.name) else None
    return Sheet(path, _FORMAT, {"": tuple(map(Mark, texts))}, codes=codes)
