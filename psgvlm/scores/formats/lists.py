"""Lists of stages: one a line, or all in one line, with a few lines before them at most."""

import re
from collections.abc import Sequence
from pathlib import Path

from psgvlm.scores.formats.cells import code_of
from psgvlm.scores.formats.columns import EVENTS, is_stage_header, name_of
from psgvlm.scores.formats.legend import legend_of
from psgvlm.scores.formats.moments import CLOCK_TIME, moment_of
from psgvlm.scores.sheet import EMPTY_LINE, OWN, RECORD, Mark, Sheet
from psgvlm.scores.words import ARTEFACT, LIGHTS, MOVEMENT, UNSCORED, meaning_of
from psgvlm.stages import EPOCH_S, STAGES

DREAMS = {"hypnogramaasm", "hypnogramr&k", "hypnogram"}
DREAMS_EPOCH_S = 5.0
MOST = 1_000_000
_BLANK = " \t\r\u00a0\ufeff\"';,"
_COMMENT = re.compile(r"(#|%|//)(?!\s*\d+$)")
_FIELD = re.compile(r"#?\s*([A-Za-z][A-Za-z _]{0,30}?)\s*[=:]\s*(.*)")
_BRACKETS = re.compile(r"(?:np\.)?(?:array)?\(?\[(.*)\]\)?", re.DOTALL)
_LEAST_IN_LINE = 4  # so many stages in one line are a list


def read(path: Path, text: str) -> Sheet | None:
    """Return what a list of stages says; None if the text is no list."""
    if "\0" in text:
        return None
    lines = _without_outer_blanks([line.strip(_BLANK) for line in text.splitlines()])
    if not lines or len(lines) > MOST:
        return None
    head, body = _parted(lines)
    cells = _cells(body)
    if cells is None:
        return None
    codes, epoch_s, origin, start_clock_s = None, None, RECORD, None
    if len(head) == 1 and _is_dreams(head[0], cells):
        codes, epoch_s = "dreams", DREAMS_EPOCH_S
    for field in filter(None, map(_FIELD.fullmatch, head)):
        name, moment = name_of(field[1]), moment_of(field[2])
        if moment is None:
            continue
        if (
            name in ("epoch", "epochlength", "epochduration", "epochsec")
            and 1 <= moment.value < 120
        ):
            epoch_s = moment.value
        if name in ("start", "starttime", "startdatetime") and moment.kind == CLOCK_TIME:
            origin, start_clock_s = OWN, moment.value
    words = legend_of(head)
    texts = [cell or EMPTY_LINE if (code := code_of(cell)) is None else str(code) for cell in cells]
    marks = tuple(Mark(words.get(text, text)) for text in texts)
    notes = []
    if origin == OWN:
        if epoch_s is None:
            epoch_s = EPOCH_S
            notes.append(f"a list with a start and no length of epochs: taken as {EPOCH_S:g} s")
        marks = tuple(Mark(m.text, i * epoch_s, epoch_s) for i, m in enumerate(marks))
    kind = "DREAMS list" if codes else "list of stages"
    return Sheet(path, kind, {"": marks}, origin, start_clock_s, epoch_s, codes, notes=tuple(notes))


def _is_dreams(head: str, cells: Sequence[str]) -> bool:
    """Return whether a list is one of DREAMS: numbers below its name in brackets."""
    named = head.startswith("[") and head.strip("[]").casefold() in DREAMS
    return named and all(code_of(cell) is not None for cell in cells if cell)


def _without_outer_blanks(lines: Sequence[str]) -> list[str]:
    """Return lines from the first to the last with text; without empty ones if most are empty."""
    filled = [index for index, line in enumerate(lines) if line]
    if not filled:
        return []
    inner = lines[filled[0] : filled[-1] + 1]
    return inner if 3 * len(filled) > 2 * len(inner) else [line for line in inner if line]


def _parted(lines: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the lines before a list and all comments, and the list.

    Empty lines below a header are epochs; below comments, they part them from the list.
    """
    comments = [line for line in lines if _COMMENT.match(line)]
    lines = [line for line in lines if not _COMMENT.match(line)]
    start = 0
    while start < min(len(lines), 20) and _is_head(lines[start]):
        start += 1
    head, body = lines[:start], lines[start:]
    if not (head and is_stage_header(head[-1])):
        body = body[next((i for i, line in enumerate(body) if line), 0) :]
    return [*comments, *head], body


def _is_head(line: str) -> bool:
    if meaning_of(line) is not None or code_of(line) is not None:
        return False
    in_brackets = line.strip("[]#").strip()
    return (
        in_brackets.casefold() in DREAMS
        or bool(_FIELD.fullmatch(line))
        or is_stage_header(in_brackets)
        or name_of(in_brackets) in EVENTS
    )


def _cells(lines: Sequence[str]) -> list[str] | None:
    """Return the entries of a list: a line each, or those of one line or of brackets."""
    stated = [meaning_of(line) not in (None, LIGHTS) or code_of(line) is not None for line in lines]
    if lines and 2 * sum(stated) >= len(lines) and _are_stages(lines):
        return list(lines)
    text = "\n".join(lines)
    bracketed = _BRACKETS.fullmatch(text)
    if len(lines) != 1 and not bracketed:
        return None
    cells = re.split(r"[\s,;|]+", bracketed[1] if bracketed else text)
    cells = [cell.strip(_BLANK) for cell in cells if cell.strip(_BLANK)]
    if not _LEAST_IN_LINE <= len(cells) <= MOST:
        return None
    known = all(meaning_of(cell) is not None or code_of(cell) is not None for cell in cells)
    return cells if known and _are_stages(cells) else None


def _are_stages(cells: Sequence[str]) -> bool:
    """Return whether entries hold a stage other than REM, whose R has other meanings too.

    Beside numbers, R is REM.
    """
    found = {cell for cell in cells if cell}
    meanings = {meaning_of(cell) for cell in found if code_of(cell) is None}
    if meanings & (set(STAGES) - {"R"}):
        return True
    numbers = sum(code_of(cell) is not None for cell in found)
    return numbers > 0 and meanings <= {"R", UNSCORED, MOVEMENT, ARTEFACT}
