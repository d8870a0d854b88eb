"""`psgvlm build`: draw raw recordings into a corpus."""

import argparse
import shlex
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from psgvlm.builders import readers
from psgvlm.builders.build import output
from psgvlm.builders.readers import READERS
from psgvlm.commands import build_options, build_subjects
from psgvlm.commands.build_subjects import FoundSet
from psgvlm.corpus.manifest import BUILT, FAILED, RAW, SKIPPED
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.recordings import load_map, unmatched_sections


def main(words: list[str] | None = None) -> int:
    """Run `psgvlm build`; return its exit status."""
    words = list(sys.argv[1:] if words is None else words)
    name = words.pop(0) if words and words[0] in READERS else "folder"
    parser = build_options.parser()
    args = parser.parse_args(words)
    image = ImageSpec.parse(args.image)
    if args.scheduler:  # the workers of a cluster have another working folder
        args.raw, args.out = args.raw.absolute(), args.out.absolute()
    if name != "folder":  # before anything is read; a recognised reader is known only then
        build_options.reader_options(parser, args, {name: READERS[name]})
    sets = _find_sets(name, args.raw)
    options_of = build_options.reader_options(parser, args, {one.key: one.reader for one in sets})
    sets = build_subjects.choose(args, sets)
    output.check(args.out, image)
    paths = [night.signal for one in sets for night in one.nights]
    for header in unmatched_sections(load_map(args.map), paths):
        print(f"the map's section {header} is for none of the recordings [--map]", file=sys.stderr)

    entries_of = {one.cohort: _build(one, args, image, options_of[one.key]) for one in sets}
    return _report(entries_of, args)


def _find_sets(name: str, raw: Path) -> list[FoundSet]:
    """Return the data sets below the raw folder: a configuration of the corpus for each cohort.

    With `folder` they are recognised, and which they are is said on stderr.
    """
    if name == "folder":
        found = readers.recognise(raw)
        if [reader for _, reader, _ in found] != [READERS["folder"]]:
            for _, reader, nights in found:
                print(readers.describe(reader, nights), file=sys.stderr)
        return [FoundSet(readers.key_of(reader), reader, nights) for _, reader, nights in found]
    nights = readers.find_nights(READERS[name], raw)
    return [
        FoundSet(name, READERS[name], [night for night in nights if night.cohort == cohort])
        for cohort in dict.fromkeys(night.cohort for night in nights)
    ]


def _build(one: FoundSet, args: argparse.Namespace, image: ImageSpec, options: dict) -> list:
    """Draw a data set into the corpus; return what became of each recording."""
    from psgvlm.builders.build import cluster, cohort_build, workers
    from psgvlm.builders.build.examine import Choices

    choices = Choices(
        raw=args.raw,
        reader=options,
        map=load_map(args.map),
        strict=args.strict,
        trim_wake_min=args.trim_wake,
        tasks=args.tasks,
    )
    run = partial(workers.run, count=args.workers or workers.cores())
    if args.scheduler:
        run = partial(cluster.run, scheduler=args.scheduler)
    typed = shlex.join(build_options.as_typed(args, one.reader, options))
    return cohort_build.build(
        one.reader, one.nights, args.out, image, one.assigned, choices, run, typed
    )


def _report(entries_of: dict[str, list], args: argparse.Namespace) -> int:
    """Print notes and skipped recordings on stderr, totals on stdout; return the exit status."""
    from psgvlm.builders.build import state

    entries = [entry for of_cohort in entries_of.values() for entry in of_cohort]
    for entry in entries:
        _print_notes(entry, str(args.raw))
    for entry in entries:
        if entry.result.reason:
            reason = entry.result.reason.replace(RAW, str(args.raw))
            print(f"{entry.result.status} {entry.recording}: {reason}", file=sys.stderr)
    count = Counter(entry.result.status for entry in entries)
    raw = shlex.quote(str(args.raw))
    if not count[BUILT]:
        raise InputError(
            f"{args.raw}: all {len(entries)} recordings were skipped for the reasons above; "
            f"expected at least one that can be drawn: psgvlm inspect {raw} shows what they hold"
        )
    unscored = [cohort for cohort in entries_of if _is_unscored(entries_of[cohort])]
    if not args.unscored:
        for cohort in unscored:
            print(
                f"{cohort}: no recording has a stage; expected files of scores beside the "
                f"recordings, or stages in them: psgvlm inspect {raw} shows what was found. If "
                "nobody scored them, give --unscored",
                file=sys.stderr,
            )
    for cohort in state.outdated_cohorts(args.out):
        print(
            f"{cohort}: another version of psgvlm built this configuration, and its rows have "
            "other columns; build it again before you use the corpus",
            file=sys.stderr,
        )
    if len(entries_of) > 1:
        for cohort, of_cohort in entries_of.items():
            print(f"{cohort}: {_totals(of_cohort)}")
    failed = ": run the command again" if count[FAILED] else ""
    print(f"{args.out}: {_totals(entries)}{failed}")
    bad = count[FAILED] or (count[SKIPPED] and not args.allow_skips)
    return 3 if bad or (unscored and not args.unscored) else 0


def _print_notes(entry, raw: str) -> None:
    if entry.result.notes:
        print(
            f"{entry.recording}: {'; '.join(entry.result.notes)}".replace(RAW, raw), file=sys.stderr
        )
    for warning in entry.result.warnings:
        print(f"{entry.recording}: warning: {warning}".replace(RAW, raw), file=sys.stderr)


def _is_unscored(entries: list) -> bool:
    """Return whether recordings were drawn and none of them has a stage."""
    drawn = [entry.result for entry in entries if entry.result.status == BUILT]
    return bool(drawn) and all(result.unscored for result in drawn)


def _totals(entries: list) -> str:
    """Return how many epochs and nights were drawn, and how many nights are not as they should."""
    results = [entry.result for entry in entries]
    count = Counter(result.status for result in results)
    epochs = sum(result.rows for result in results)
    text = f"{epochs} epochs of {count[BUILT]} nights, {count[SKIPPED]} skipped"
    for number, what in (
        (sum(result.unscored for result in results), "unscored"),
        (sum(bool(result.warnings) for result in results), "with warnings"),
        (count[FAILED], "failed"),
    ):
        text += f", {number} {what}" if number else ""
    return text
