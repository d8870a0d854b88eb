"""What a column of cells holds, by the cells: codes, words for stages, times."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from psgvlm.scores.formats.moments import CLOCK_TIME, ELAPSED, moment_of, number_of
from psgvlm.scores.words import is_stage_text, meaning_of
from psgvlm.stages import STAGES

MOST_KNOWN = 0.9  # a column of stages holds at least this share of known words
CODES_RANGE = range(-9, 21)  # numbers outside it are no codes of stages
_CODE = re.compile(r"[+-]?\d{1,3}(?:\.\d*)?(?:e[+-]?\d\d?)?", re.ASCII | re.IGNORECASE)


def code_of(text: str) -> int | None:
    """Return the whole number in a cell if it may be the code of a stage, else None."""
    if len(text) > 32 or not _CODE.fullmatch(text):
        return None
    value = float(text)
    return int(value) if value in CODES_RANGE else None


@lru_cache(1 << 17)
def speaks(text: str) -> bool:
    """Return whether a cell is about a stage: by a word, or by a number that may be a code."""
    return is_stage_text(text) or code_of(text) is not None


def may_be_stages(cells: Sequence[str]) -> bool:
    """Return whether no cell of a column is a fraction, and numbers are in the range of codes."""
    numbers = [cell for cell in cells if number_of(cell) is not None]
    return bool(cells) and all(code_of(cell) is not None for cell in numbers)


def all_codes(cells: Sequence[str]) -> bool:
    """Return whether every cell is a number that may be a code."""
    return bool(cells) and all(code_of(cell) is not None for cell in cells)


def known_share(cells: Sequence[str]) -> float:
    """Return the share of cells with a known word; a column without words has none.

    Beside the words W and R, numbers are words, too.
    """
    known = sum(meaning_of(cell) is not None for cell in cells)
    if {"W", "R"} <= set(map(meaning_of, set(cells))):
        known += sum(code_of(cell) is not None for cell in cells)
    return known / max(1, len(cells))


def has_stages(cells: Sequence[str]) -> bool:
    """Return whether there is a stage that no other kind of column has.

    A column of body positions holds L, R and S, one of sexes M and W: a letter R or W alone is no
    sign of stages.
    """
    texts_by_stage: dict[str | None, set[str]] = {}
    for cell in set(cells):
        texts_by_stage.setdefault(meaning_of(cell), set()).add(cell)
    staged = texts_by_stage.keys() & set(STAGES)
    letters = staged <= {"W", "R"} and all(
        len(text) == 1 for stage in staged for text in texts_by_stage[stage]
    )
    return len(staged) > 1 or (bool(staged) and not letters)


def is_clock(cells: Sequence[str]) -> bool:
    """Return whether the first cells are times of day, or elapsed times such as 00:00:30."""
    cells = [cell for cell in cells[:200] if cell]
    moments = [moment_of(cell) for cell in cells]
    clocks = [m for m in moments if m and m.kind in (CLOCK_TIME, ELAPSED)]
    return bool(cells) and len(clocks) >= MOST_KNOWN * len(cells)


def rises(values: Sequence[float]) -> bool:
    """Return whether each number is greater than the one before it."""
    return len(values) > 1 and all(a < b for a, b in pairwise(values))
