"""Which of the nights that were found `psgvlm build` draws, and the split of each subject."""

import argparse
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

from psgvlm import files
from psgvlm.builders.readers import FoundNight
from psgvlm.corpus import split_files, splits
from psgvlm.corpus.splits import Assignment
from psgvlm.errors import InputError


@dataclass(frozen=True)
class FoundSet:
    """The nights of one data set below the raw folder: one cohort of the corpus.

    Parameters
    ----------
    key : str
        The word by which `psgvlm build` knows the reader.
    reader : module
        The reader that found the nights.
    nights : list of FoundNight
        All nights to draw, of one cohort.
    assigned : dict of str to Assignment
        The split of each subject.
    """

    key: str
    reader: ModuleType
    nights: list[FoundNight]
    assigned: dict[str, Assignment] = field(default_factory=dict)

    @property
    def cohort(self) -> str:
        """The name of the cohort."""
        return self.nights[0].cohort


def choose(args: argparse.Namespace, sets: list[FoundSet]) -> list[FoundSet]:
    """Return the sets with the nights that the options choose, and the split of every subject.

    What the options leave out is said on stderr; a set of which nothing is left is not returned.
    """
    order: list[tuple[str, str]] = []
    if args.ids:
        sets, order = _listed(sets, args.ids)
    published = None
    if split_files.looks_like_file(args.split):
        published = split_files.read(Path(args.split))
        nights = [night for one in sets for night in one.nights]
        unknown = published.unknown_names((night.subject, night.recording) for night in nights)
        for note in filter(None, (*published.notes, unknown)):
            print(f"{args.split}: {note}", file=sys.stderr)
    chosen = [_assigned(args, one, published, order) for one in sets]
    if not (chosen := [one for one in chosen if one.nights]):
        raise InputError(f"{args.split}: leaves no recording to draw", parameter="split")
    return chosen


def _assigned(args, one: FoundSet, published: split_files.SplitFile | None, order) -> FoundSet:
    """Return a set with the split of its subjects, without the nights that the split leaves out."""
    subjects = [night.subject for night in one.nights]
    if published:
        assigned = published.assign((night.subject, night.recording) for night in one.nights)
    else:
        ids = [subject for cohort, subject in order if cohort == one.cohort]
        assigned = splits.assign(args.split, subjects, args.seed, ids if args.ids else None)
    if args.split == "sleep-edf-78":
        print(
            "split sleep-edf-78: papers differ in which subject is in which fold; these folds are "
            f"those of psgvlm with --seed {args.seed}",
            file=sys.stderr,
        )
    left_out = list(dict.fromkeys(name for name in subjects if name not in assigned))
    if left_out:
        first = ", ".join(left_out[:5]) + (" ..." if left_out[5:] else "")
        print(
            f"{one.cohort}: --split {args.split} leaves out {len(left_out)} of "
            f"{len(set(subjects))} subjects: {first}",
            file=sys.stderr,
        )
    nights = [night for night in one.nights if night.subject in assigned]
    return replace(one, nights=nights, assigned=assigned)


def _listed(sets: list[FoundSet], path: Path) -> tuple[list[FoundSet], list[tuple[str, str]]]:
    """Return the sets with the nights that a file lists, and their subjects in its order.

    The file has a subject or a recording on each line, or in the first column of a CSV.
    """
    lines = (line.split(",")[0].strip().strip('"') for line in files.read_text(path).splitlines())
    ids = dict.fromkeys(filter(None, lines))
    nights = [night for one in sets for night in one.nights]
    found: dict[str, list[tuple[str, str]]] = {name: [] for name in ids}
    for night in nights:
        for name in _names(night) & ids.keys():
            found[name].append((night.cohort, night.subject))
    if absent := [name for name in ids if not found[name]]:
        first = ", ".join(absent[:5]) + (" ..." if len(absent) > 5 else "")
        print(f"{path}: {len(absent)} of {len(ids)} ids not found: {first}", file=sys.stderr)
    kept = [replace(one, nights=[n for n in one.nights if _names(n) & ids.keys()]) for one in sets]
    if not (kept := [one for one in kept if one.nights]):
        raise InputError(
            f"{path}: none of its {len(ids)} ids found; expected subjects such as "
            f"{nights[0].subject}, or recordings such as {nights[0].recording}"
        )
    return kept, [subject for name in ids for subject in found[name]]


def _names(night: FoundNight) -> set[str]:
    return {night.subject, night.recording}
