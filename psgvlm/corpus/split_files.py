"""Published lists of splits: a file that gives each subject or recording its split or its fold."""

import csv
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from psgvlm import files
from psgvlm.corpus.splits import Assignment, folds
from psgvlm.errors import InputError

SUFFIXES = (".csv", ".tsv", ".txt", ".json")
EXPECTED = "a line for each subject or recording with its split (train, validation, test) or fold"
_SPLITS = {
    "train": "train",
    "training": "train",
    "trn": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "tst": "test",
    "pretrain": "pretrain",
}
_NAMES = "recording subject participant_id subject_id recording_id id name file filename nsrrid pid"
_NAME_HEADS = tuple(_NAMES.split())
_SPLIT_HEADS = ("split", "set", "subset", "partition", "dataset_split")
_FOLD_HEADS = ("fold", "fold_id", "test_fold")
_FOLD = re.compile(r"(?:fold[ _-]?)?(\d{1,4})", re.IGNORECASE)


@dataclass(frozen=True)
class ListedSplit:
    """A name of a list, with its split or its fold; `number` is its line, or its place in JSON."""

    number: int
    name: str
    split: str | None
    fold: int | None


@dataclass(frozen=True)
class SplitFile:
    """A list of splits as it was read. `notes` says what a person should know about it."""

    path: Path
    lines: tuple[ListedSplit, ...]
    notes: tuple[str, ...] = ()

    def unknown_names(self, nights: Iterable[tuple[str, str]]) -> str:
        """Return what to say about names of the list that are no subject and no recording.

        They may be recordings that were not downloaded. The text is empty if all names are known.

        Parameters
        ----------
        nights : iterable of (str, str)
            The subject and the recording of every night of all cohorts.

        Raises
        ------
        InputError
            If no name of the list is known.
        """
        nights = list(nights)
        known = {key for night in nights for key in _keys(*night)}
        unknown = [line for line in self.lines if _key(line.name) not in known]
        if not unknown:
            return ""
        if len(unknown) == len(self.lines):
            subject, recording = nights[0]
            raise InputError(
                f"{self.path}: none of its {len(self.lines)} names found, such as "
                f"{unknown[0].name[:40]!r} in line {unknown[0].number}; expected "
                f"subjects such as {subject}, or recordings such as {recording}",
                parameter="split",
            )
        first = ", ".join(line.name[:40] for line in unknown[:5])
        more = " ..." if unknown[5:] else ""
        return f"{len(unknown)} of {len(self.lines)} names not found: {first}{more}"

    def assign(self, nights: Iterable[tuple[str, str]]) -> dict[str, Assignment]:
        """Assign the subjects of one cohort. Subjects that the list does not have are missing.

        Parameters
        ----------
        nights : iterable of (str, str)
            The subject and the recording of every night of the cohort.

        Raises
        ------
        InputError
            If two lines give the nights of one person different splits or folds.
        """
        subjects_of: dict[str, set[str]] = {}
        for subject, recording in nights:
            for key in _keys(subject, recording):
                subjects_of.setdefault(key, set()).add(subject)
        line_of: dict[str, ListedSplit] = {}
        for line in self.lines:
            for subject in sorted(subjects_of.get(_key(line.name), ())):
                other = line_of.setdefault(subject, line)
                if (other.split, other.fold) != (line.split, line.fold):
                    raise InputError(
                        f"{self.path}, line {line.number}: subject {subject} is in "
                        f"{_place(line)}, and in {_place(other)} by line {other.number}; expected "
                        "all nights of a person in one split",
                        parameter="split",
                    )
        return self._assignments(line_of)

    def _assignments(self, line_of: Mapping[str, ListedSplit]) -> dict[str, Assignment]:
        """Return the assignments; a list of folds alone gets the splits of its first fold."""
        if all(line.split for line in self.lines):
            return {
                subject: Assignment(line.split or "", line.fold)
                for subject, line in line_of.items()
            }
        count = 1 + max(line.fold or 0 for line in self.lines)
        by_fold: list[list[str]] = [[] for _ in range(count)]
        for subject, line in line_of.items():
            by_fold[line.fold or 0].append(subject)
        return folds(by_fold)


def looks_like_file(how: str) -> bool:
    """Return whether a value of a split is the path of a list and not a name or three shares."""
    return Path(how).suffix.lower() in SUFFIXES or Path(how).is_file()


def read(path: Path) -> SplitFile:
    """Read a list of splits: CSV, TSV or text with or without a header, or JSON.

    JSON may be an object of splits with their names (`{"train": ["SC400"], ...}`), an object of
    names with their splits or folds, a list of folds, or a list of records like rows of a table.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    SplitFile

    Raises
    ------
    InputError
        If the file cannot be read, or if a line has neither a split nor a fold.
    """
    rows = _json_rows if path.suffix.lower() == ".json" else _table_rows
    lines = [_line(path, *row) for row in rows(path)]
    if not lines:
        raise InputError(f"{path}: holds no names; expected {EXPECTED}", parameter="split")
    if len({(line.split is None, line.fold is None) for line in lines}) > 1:
        raise InputError(
            f"{path}: some lines have a split and others a fold; expected the same for all",
            parameter="split",
        )
    return _numbered(path, lines)


def _line(path: Path, number: int, name: str, values: tuple[str, str]) -> ListedSplit:
    """Return a line of the list; `values` are its split and its fold as texts."""
    split_text, fold_text = (value.strip() for value in values)
    split = _SPLITS.get(split_text.casefold())
    match = _FOLD.fullmatch(fold_text or ("" if split else split_text))
    wrong = (split_text and not split and not match) or (fold_text and not match)
    if not name or wrong or not (split or match):
        found = files.quote_short(split_text or fold_text) if name else "no name"
        raise InputError(
            f"{path}, line {number}: {found}; expected a subject or recording, and train, "
            "validation, test, pretrain or the number of a fold",
            parameter="split",
        )
    return ListedSplit(number, name, split, int(match[1]) if match else None)


def _numbered(path: Path, lines: list[ListedSplit]) -> SplitFile:
    """Return the list with its folds numbered from 0 without gaps."""
    numbers = sorted({line.fold for line in lines if line.fold is not None})
    if numbers == list(range(len(numbers))):
        return SplitFile(path, tuple(lines))
    lines = [ListedSplit(x.number, x.name, x.split, numbers.index(x.fold)) for x in lines]
    note = f"folds {numbers[0]}-{numbers[-1]} of the list are folds 0-{len(numbers) - 1} here"
    return SplitFile(path, tuple(lines), (note,))


def _table_rows(path: Path) -> Iterable[tuple[int, str, tuple[str, str]]]:
    """Yield the number, the name and the values of each line of a table."""
    text = files.read_text(path)
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    rows = [(number, _cells(line)) for number, line in lines if not line.startswith("#")]
    if not rows:
        return
    head = [cell.casefold() for cell in rows[0][1]]
    columns = _columns(path, head)
    if columns:
        rows = rows[1:]
    name_at, split_at, fold_at = columns or (0, 1, None)
    for number, cells in rows:
        cells = [*cells, "", ""]
        values = tuple(cells[at] if at is not None else "" for at in (split_at, fold_at))
        yield number, cells[name_at], values


def _cells(line: str) -> list[str]:
    separator = next((mark for mark in "\t;," if mark in line), None)
    if separator is None:
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator))]


def _columns(path: Path, head: list[str]) -> tuple[int, int | None, int | None] | None:
    """Return where names, splits and folds stand, or None if the first line is no header."""

    def place(heads: tuple[str, ...]) -> int | None:
        return next((head.index(name) for name in heads if name in head), None)

    name, split, fold = place(_NAME_HEADS), place(_SPLIT_HEADS), place(_FOLD_HEADS)
    if split is None and fold is None:
        if name is None:
            return None
        raise InputError(
            f"{path}, line 1: the columns are {', '.join(head[:10])}; expected one named split or "
            "fold",
            parameter="split",
        )
    if name is None:
        others = [at for at in range(len(head)) if at not in (split, fold)]
        if not others:
            raise InputError(
                f"{path}, line 1: the columns are {', '.join(head[:10])}; expected one with the "
                "subjects or recordings, too",
                parameter="split",
            )
        name = others[0]
    return name, split, fold


def _json_rows(path: Path) -> Iterable[tuple[int, str, tuple[str, str]]]:
    """Yield the place, the name and the values of each name in a JSON file."""
    try:
        content = files.read_json(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})", "split") from error
    except ValueError as error:
        raise InputError(f"{path}: no JSON ({error}); expected {EXPECTED}", "split") from error
    for place, (name, split, fold) in enumerate(_json_names(path, content), 1):
        yield place, name, (split, fold)


def _json_names(path: Path, content: object) -> Iterable[tuple[str, str, str]]:
    """Yield each name with its split and its fold, "" where there is none."""
    if isinstance(content, dict) and list(content) in (["folds"], ["splits"]):
        content = next(iter(content.values()))
    if isinstance(content, dict):
        for key, value in content.items():
            if isinstance(value, list):
                yield from ((str(name), str(key), "") for name in value)
            elif isinstance(value, (str, int)):
                yield str(key), str(value), ""
            else:
                raise _unreadable(path, value)
    elif isinstance(content, list) and all(isinstance(fold, list) for fold in content):
        for number, names in enumerate(content):
            yield from ((str(name), "", str(number)) for name in names)
    elif isinstance(content, list) and all(isinstance(row, dict) for row in content):
        for row in content:
            row = {str(name).casefold(): str(value) for name, value in row.items()}
            name, split, fold = _columns(path, list(row)) or (0, None, None)
            cells = list(row.values())
            yield cells[name], *("" if at is None else cells[at] for at in (split, fold))
    else:
        raise _unreadable(path, content)


def _unreadable(path: Path, value: object) -> InputError:
    return InputError(
        f"{path}: {json.dumps(value)[:40]}; expected splits with their names, names with their "
        "splits, or a list of folds",
        parameter="split",
    )


def _keys(subject: str, recording: str) -> set[str]:
    """Return all names by which a list may call a night."""
    last = recording.rpartition("/")[2]
    return {_key(name) for name in (subject, recording, last, subject.rpartition("/")[2])}


def _key(name: str) -> str:
    """Return a name as names are compared: without the suffix of a file, in any case."""
    return re.sub(r"\.(edf|rec|bdf|h5|hea|mat|npz)$", "", name, flags=re.IGNORECASE).casefold()


def _place(line: ListedSplit) -> str:
    return f"split {line.split}" if line.split else f"fold {line.fold}"
