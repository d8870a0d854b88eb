"""Visbrain's hypnograms as text: stages with the time at which each ends, or a list of codes."""

import re
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import quote_short, read_text
from psgvlm.scores.formats.events import listed, read_seconds
from psgvlm.scores.sheet import Mark, Sheet
from psgvlm.scores.words import meaning_of

_FORMAT = "Visbrain hypnogram"
_HEAD = re.compile(r"\*\s*[A-Za-z]\w*")
_CODE = re.compile(r"-?\d{1,6}(?:\.0{1,6})?")


def read(path: Path, text: str) -> Sheet | None:
    """Return the stages of a file with lines of head such as `*Duration_sec`; None for another.

    A list of codes is read if `..._description.txt` beside it says what they mean.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows = [line.split() for line in lines if not line.startswith("*")]
    if len(rows) == len(lines) or not _HEAD.match(lines[0]):
        return _coded(path, lines)
    if not rows or any(len(row) < 2 for row in rows):
        return None
    onset_s, marks = 0.0, []
    for row in rows:
        end_s = read_seconds(path, "time", row[-1])
        if end_s < onset_s:
            raise InputError(
                f"{path}: a stage ends at {end_s:g} s, before the one above it ({onset_s:g} s); "
                "expected the time at which each stage ends"
            )
        marks.append(Mark(" ".join(row[:-1]), onset_s, end_s - onset_s))
        onset_s = end_s
    return Sheet(path, _FORMAT, {"": tuple(marks)})


def _coded(path: Path, lines: list[str]) -> Sheet | None:
    beside = path.with_name(f"{path.stem}_description.txt")
    if not lines or not all(map(_CODE.fullmatch, lines)) or not beside.is_file():
        return None
    word_by_code, epoch_s = {}, None
    for line in read_text(beside).splitlines():
        word, _, number = line.strip().replace("\t", " ").rpartition(" ")
        if not word.strip():
            continue
        if word.strip().casefold() == "time":
            epoch_s = read_seconds(beside, "time", number)
        elif _CODE.fullmatch(number) and meaning_of(word):
            word_by_code[int(float(number))] = word.strip()
    if not epoch_s or epoch_s <= 0 or not word_by_code:
        raise InputError(
            f"{beside}: says neither how long a value holds nor what it means; expected lines such "
            "as `time 30` and `N2 2`"
        )
    codes = [int(float(line)) for line in lines]
    if unknown := sorted(set(codes) - set(word_by_code)):
        raise InputError(
            f"{path}: holds {quote_short(str(unknown[0]))}, which {beside.name} does not name"
        )
    marks = listed(path, [word_by_code[code] for code in codes])
    return Sheet(path, _FORMAT, marks, epoch_s=epoch_s)
