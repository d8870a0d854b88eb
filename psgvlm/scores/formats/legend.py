"""What a file of scores says itself that its numbers mean: `0 = Wake, 1 = N1`."""

import re
from collections.abc import Sequence

from psgvlm.scores.words import meaning_of
from psgvlm.stages import STAGES

_WORD = r"[A-Za-z]+(?:\s?\d(?!\s*[=:]|\d))?"
_NUMBER_FIRST = re.compile(rf"(?<![\w.])(-?\d{{1,2}})\s*[=:]+\s*\"?({_WORD})")
_WORD_FIRST = re.compile(r"(?<!\w)([A-Za-z]+\s?\d?)\s*[=:]+\s*(-?\d{1,2})(?![\w.:])")
_LEAST_STAGES = 4  # so many stages with a number are a legend


def legend_of(lines: Sequence[str]) -> dict[str, str]:
    """Return what lines say that numbers mean: a stage word for each number, or nothing.

    Examples
    --------
    >>> legend_of(["0=W 1=N1 2=N2", "3: N3, 4: REM"])
    {'0': 'W', '1': 'N1', '2': 'N2', '3': 'N3', '4': 'REM'}
    >>> legend_of(["Wake: 0, N1: 1, N2: 2, N3: 3"])["3"], legend_of(["0 = W"])
    ('N3', {})
    """
    forms: list[list[tuple[str, str]]] = [
        [pair for line in lines for pair in _NUMBER_FIRST.findall(line)],
        [pair[::-1] for line in lines for pair in _WORD_FIRST.findall(line)],
    ]
    for pairs in forms:
        words = {number: word for number, word in pairs if meaning_of(word) is not None}
        if len({meaning_of(word) for word in words.values()} & set(STAGES)) >= _LEAST_STAGES:
            return words
    return {}
