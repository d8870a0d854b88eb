"""JSON with stages: a list, as Dreem's scorers have it, or events with times and stages."""

import json
import re
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.scores.formats.events import listed
from psgvlm.scores.sheet import Sheet

_FORMAT = "JSON list"
_KEYS = ("hypnogram", "hypno", "stages", "sleep_stages", "scores")
_DREEM = re.compile(r"scorer_\d+")  # scorers/dodh/scorer_1/ID.json


def read(path: Path, text: str) -> Sheet | None:
    """Return a list of stages, or events that are read as the rows of a table; None if no JSON."""
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
    if _is_list(stages := _stages_in(content)):
        texts = [_cell(value).removesuffix(".0") for value in stages]
        codes = "aasm" if _DREEM.fullmatch(path.parent.name) else None
        return Sheet(path, _FORMAT, listed(path, texts), codes=codes)
    if (table := _table(content)) and (sheet := _read_table(path, table)):
        return sheet
    raise InputError(
        f"{path}: JSON without stages; expected a list of stages, or events with a time and a stage"
    )


def _stages_in(content: object) -> object:
    if isinstance(content, dict):
        return next((content[key] for key in _KEYS if _is_list(content.get(key))), None)
    return content


def _is_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_scalar, value))


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _table(content: object) -> list[list[str]] | None:
    """Return a header and rows from a list of events, or from columns of equal length."""
    if isinstance(content, dict):
        columns = {key: value for key, value in content.items() if _is_list(value)}
        if len(columns) > 1 and len({len(column) for column in columns.values()}) == 1:
            rows = zip(*columns.values(), strict=True)
            return [list(columns), *([_cell(value) for value in row] for row in rows)]
        content = next((value for value in content.values() if _are_events(value)), None)
    if not _are_events(content):
        return None
    keys = [key for key, value in content[0].items() if _is_scalar(value)]
    return [keys, *([_cell(event.get(key)) for key in keys] for event in content)]


def _are_events(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _cell(value: object) -> str:
    return " ".join(str(value).split()) if _is_scalar(value) and value is not None else ""


def _read_table(path: Path, table: list[list[str]]) -> Sheet | None:
    from psgvlm.scores.formats import read_text_sheet

    return read_text_sheet(path, "\n".join("\t".join(row) for row in table))
