"""From the words and numbers of a file to stages."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from psgvlm.errors import InputError
from psgvlm.scores.codes import CODES
from psgvlm.scores.sheet import Mark, Sheet
from psgvlm.scores.words import ASLEEP, meaning_of
from psgvlm.stages import STAGES

_NUMBER = re.compile(r"([+-]?\d{1,6})(\.0*)?")
_WORD_CHARACTERS = 24  # a longer text may be a note about a person and is not quoted
# With W and R as words, the numbers 1 to 4 are the stages of Rechtschaffen and Kales. With one of
# the two, 0 is wake, and 4 is stage 4 only if REM has its word.
_BESIDE_WORDS = {1: "N1", 2: "N2", 3: "N3", 4: "N3"}
_BESIDE_WAKE = {1: "N1", 2: "N2", 3: "N3"}
_BESIDE_REM = {0: "W"} | _BESIDE_WORDS


@dataclass
class Reading:
    """The stages of marks, and how many marks could not be read.

    Attributes
    ----------
    stages : list of str or None
        The stage of each mark; None where it says that there is none, or says something unknown.
    unknown : Counter of str
        Words and numbers that are not known, and how many marks have each.
    asleep : int
        How many marks say that the person sleeps and not in which stage.
    unknown_marks : set of int
        The indices of the marks that could not be read.
    """

    stages: list[str | None] = field(default_factory=list)
    unknown: Counter = field(default_factory=Counter)
    asleep: int = 0
    unknown_marks: set[int] = field(default_factory=set)


def read_marks(sheet: Sheet, marks: Sequence[Mark], codes: str | None) -> Reading:
    """Return the stages of marks.

    Parameters
    ----------
    sheet : Sheet
        The file, which may say what its numbers mean.
    marks : sequence of Mark
        The marks of one scorer.
    codes : str or None
        The key of a table of `CODES`, which goes before what the file says.

    Raises
    ------
    InputError
        If there are numbers and no table for them.
    """
    texts = {mark.text for mark in marks}
    meanings = {text: meaning_of(text) for text in texts}
    numbers = {text: int(found[1]) for text in texts if (found := _NUMBER.fullmatch(text.strip()))}
    table = _table(sheet, meanings, numbers, codes) if numbers else {}
    stages = {text: meaning if meaning in STAGES else None for text, meaning in meanings.items()}
    stages |= {text: table.get(number) for text, number in numbers.items()}
    known = {text for text in texts if meanings[text] or numbers.get(text) in table}
    reading = Reading()
    for index, mark in enumerate(marks):
        reading.stages.append(stages[mark.text])
        if mark.text not in known:
            reading.unknown[quoted(mark.text)] += 1
            reading.unknown_marks.add(index)
        reading.asleep += meanings[mark.text] == ASLEEP
    return reading


def quoted(text: str) -> str:
    """Return a word as a message may quote it: a long one could be a note about a person."""
    text = text.strip()
    if len(text) > _WORD_CHARACTERS:
        return f"a text of {len(text)} characters"
    return repr(text)


def _table(sheet: Sheet, meanings: dict, numbers: dict[str, int], codes: str | None) -> dict:
    """Return what each number means, by the user, the file, or the words beside the numbers."""
    if codes is not None:
        return _known_table(codes)
    if sheet.codes is not None:
        return CODES[sheet.codes]
    values = sorted(set(numbers.values()))
    words = {meaning for text, meaning in meanings.items() if text not in numbers}
    for named, table in (({"W", "R"}, _BESIDE_WORDS), ({"R"}, _BESIDE_REM), ({"W"}, _BESIDE_WAKE)):
        if named <= words and set(values) <= table.keys():
            return table
    shown = " ".join(map(str, values[:12])) + (" ..." if len(values) > 12 else "")
    raise InputError(
        f"{sheet.path}: stages are the numbers {shown}, which mean different stages in different "
        f"programs (4 is stage 4 or REM, 1 is N1 or REM); expected words such as W N1 N2 N3 R, or "
        f"the name of a table of codes: {', '.join(CODES)}",
        "codes",
    )


def _known_table(codes: str) -> dict:
    if codes not in CODES:
        raise InputError(
            f"codes {codes!r}: no such table; expected one of {', '.join(CODES)}", "codes"
        )
    return CODES[codes]
