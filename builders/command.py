"""Raw cohorts to image corpora.

python -m builders inspect PATH                         what is there, and what would be skipped
python -m builders isruc|mass|shhs RAW --out CORPUS     images, labels and splits, by load_dataset
python -m builders folder RAW --out CORPUS              the same of any folder of recordings
python -m builders verify CORPUS                        every file, row and image of it
python -m builders card CORPUS                          its README.md, written anew
python -m builders push CORPUS ORG/NAME                 to the Hub: private, card last, read back
python -m builders compare CORPUS LABELS                whether it has the images they belong to
python -m builders simulate RAW                         synthetic cohorts in the same raw layouts

A build that was stopped goes on where it was when the same command is given again, and does only
what is new when recordings were added.

Exit status 3 where recordings were skipped (0 with --allow-skips) or failed, 1 where all were.
"""

import argparse
import shlex
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from psgvlm.builders import simulate
from psgvlm.builders.build import cluster, cohort_build, workers
from psgvlm.builders.build.examine import Choices
from psgvlm.builders.build.state import Entry
from psgvlm.builders.check import inspection, verify
from psgvlm.builders.publish import labels, push
from psgvlm.builders.readers import folder, isruc, mass, shhs
from psgvlm.builders.readers.found_night import FoundNight

from psgvlm import chat, errors, files, image_spec
from psgvlm.corpus import splits
from psgvlm.corpus.manifest import BUILT, FAILED, RAW, SKIPPED
from psgvlm.errors import InputError
from psgvlm.hub import release
from psgvlm.image_spec import PRESETS

SPLIT, SEED = "70/15/15", 42
READERS = {"isruc": isruc, "mass": mass, "shhs": shhs, "folder": folder}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m builders", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = _command(commands, "inspect", inspection.__doc__, inspect)
    command.add_argument("path", type=Path, help="a recording, or a folder as it was downloaded")
    command.add_argument("--cohort", choices=READERS, help="default: what the names look like")
    for name, reader in READERS.items():
        command = _command(commands, name, reader.__doc__, build)
        command.set_defaults(reader=reader)
        command.add_argument("raw", type=Path, help="the folder as it was downloaded")
        command.add_argument("--out", type=Path, required=True, help="the corpus to write")
        command.add_argument(
            "--split",
            default=SPLIT,
            help="subjects in train/validation/test, or loso, mass-20fold, mass-sleepvlm,\n"
            f"attnsleep-ids (with --ids); default {SPLIT}",
        )
        command.add_argument("--seed", type=int, default=SEED, help="of the split")
        command.add_argument(
            "--ids", type=Path, help="only these subjects or recordings, one a line"
        )
        command.add_argument(
            "--trim-wake",
            type=float,
            metavar="MIN",
            help="keep so many minutes before the first and after the last sleep; default: all",
        )
        for option, how in reader.OPTIONS.items():
            command.add_argument(f"--{option.replace('_', '-')}", **how)
        command.add_argument(
            "--tasks",
            type=_tasks,
            default=("staging",),
            help=f"what to ask, of {','.join(chat.TASKS)}: a configuration each,\n"
            "with the same images (default: staging). One more, later, draws all again",
        )
        command.add_argument(
            "--workers", type=_count, default=workers.cores(), help="processes; default: all cores"
        )
        command.add_argument(
            "--scheduler",
            metavar="tcp://HOST:8786",
            help="draw on the Dask cluster of this scheduler, not in processes of this machine",
        )
        command.add_argument("--allow-skips", action="store_true", help="exit 0 despite skips")
    for command in commands.choices.values():
        command.add_argument(
            "--image",
            type=image_spec.ImageSpec.parse,
            default="wide",
            metavar="SPEC",
            help=f"how to draw: {', '.join(PRESETS)}; a preset with fields changed,\n"
            "folded,fold=2,line_px=1; or an image_spec.json (default: wide)",
        )
        command.add_argument(
            "--map", default="", help='unusual labels, such as "chin=EMG1-EMG2,F4-M1=EEG F4"'
        )
    _command(commands, "verify", verify.__doc__, verify.run).add_argument("corpus", type=Path)
    command = _command(commands, "card", card.__doc__, card)
    command.add_argument("corpus", type=Path)
    command.add_argument("--name", metavar="ORG/NAME", help="what the Hub calls it")
    command.add_argument("--note", default="", help="what a reader is to know first of all")
    command.add_argument("--benchmark", action="store_true", help="with eval.yaml, for the Hub")
    command = _command(commands, "push", push.__doc__, push.run)
    command.add_argument("corpus", type=Path)
    command.add_argument(
        "--labels-only",
        action="store_true",
        help="labels and texts without images, and how to draw the same images of one's own copy",
    )
    release.add_arguments(command)
    command = _command(commands, "compare", labels.compare.__doc__, labels.compare)
    command.add_argument("corpus", type=Path, help="drawn from one's own copy")
    command.add_argument("labels", type=Path, help="a folder that push --labels-only published")
    command = _command(commands, "simulate", simulate.__doc__, simulate.run)
    simulate.add_arguments(command)
    args = parser.parse_args(argv)
    return args.run(args) or 0


def _command(commands, name: str, doc: str, run) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=doc.splitlines()[0],
        description=doc,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def inspect(args: argparse.Namespace) -> int:
    """Exit status 0, or 3 where recordings would be skipped."""
    readers = {args.cohort: READERS[args.cohort]} if args.cohort else READERS
    table = inspection.inspect(readers, args.path, args.image.montage, args.map)
    print("\n".join(table.lines))
    return 3 if table.skipped else 0


def card(args: argparse.Namespace) -> None:
    """Write a corpus' README.md anew from its files; its line in SHA256SUMS follows."""
    from psgvlm import dataset_card

    more = {"name": args.name, "as_benchmark": args.benchmark, "note": args.note}
    print(dataset_card.write(args.corpus, **more))


def build(args: argparse.Namespace) -> int:
    """Exit status 0, 3 where recordings were skipped, or 1 where all were."""
    if args.scheduler:  # its workers have another working folder
        args.raw, args.out = args.raw.absolute(), args.out.absolute()
    nights = cohort_build.find(args.reader, args.raw)
    listed = None
    if args.ids:
        nights, listed = _only(nights, args.ids)
    places = splits.assign(args.split, (night.subject for night in nights), args.seed, listed)
    choices = Choices(
        raw=args.raw,
        reader={option: getattr(args, option) for option in args.reader.OPTIONS},
        map=args.map,
        trim_wake_min=args.trim_wake,
        tasks=args.tasks,
    )
    run = partial(workers.run, count=args.workers)
    if args.scheduler:
        run = partial(cluster.run, scheduler=args.scheduler)
    job = (nights, args.out, args.image, places, choices, run, _options(args))
    entries = cohort_build.build(args.reader, *job)
    _tell(entries, str(args.raw))
    count = Counter(each.result.status for each in entries)
    if not count[BUILT]:
        raise InputError(
            f"{args.raw}: all {len(entries)} recordings were skipped, for the reasons above; "
            "expected one or more that can be drawn: see python -m builders inspect"
        )
    epochs = sum(each.result.rows for each in entries)
    failed = f", {count[FAILED]} failed: start again to retry" if count[FAILED] else ""
    print(f"{args.out}: {epochs} epochs of {count[BUILT]} nights, {count[SKIPPED]} skipped{failed}")
    return 3 if count[FAILED] or (count[SKIPPED] and not args.allow_skips) else 0


def _options(args: argparse.Namespace) -> str:
    """Those that decide what the corpus holds, as typed, where they are not the usual ones.

    Not where anything lies: a folder's name can be a person's.
    """
    readers = {option: how["default"] for option, how in args.reader.OPTIONS.items()}
    usual = {"split": SPLIT, "seed": SEED, "ids": None, "trim_wake": None, "map": "", **readers}
    typed = {name: value for name in usual if (value := getattr(args, name)) != usual[name]}
    if args.ids:
        typed["ids"] = "IDS"
    words = [(f"--{name.replace('_', '-')}", f"{value}") for name, value in typed.items()]
    return shlex.join(word for pair in words for word in pair)


def _tell(entries: list[Entry], raw: str) -> None:
    """What was found odd in recordings, and why some were not drawn, on stderr."""
    for each in entries:
        if each.result.notes:
            notes = "; ".join(each.result.notes).replace(RAW, raw)
            print(f"{each.recording}: {notes}", file=sys.stderr)
    for each in entries:
        if each.result.reason:
            reason = each.result.reason.replace(RAW, raw)
            print(f"{each.result.status} {each.recording}: {reason}", file=sys.stderr)


def _count(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number}; expected 1 or more")
    return number


def _tasks(text: str) -> tuple[str, ...]:
    named = text.split(",")
    if not set(named) <= set(chat.TASKS):
        raise argparse.ArgumentTypeError(f"{text!r}; expected some of {','.join(chat.TASKS)}")
    return tuple(task for task in chat.TASKS if task in named)


def _only(nights: list[FoundNight], path: Path) -> tuple[list[FoundNight], list[str]]:
    """The listed nights, and their subjects in the order of the list.

    The file has a subject or a recording on each line, or is a csv with them in the first column.
    """
    lines = (line.split(",")[0].strip().strip('"') for line in files.read_text(path).splitlines())
    ids = list(dict.fromkeys(filter(None, lines)))
    subject_of = {name: night.subject for night in nights for name in _names(night)}
    if absent := [name for name in ids if name not in subject_of]:
        few = ", ".join(absent[:5]) + (" ..." if len(absent) > 5 else "")
        print(f"{path}: {len(absent)} of {len(ids)} ids not found: {few}", file=sys.stderr)
    kept = [night for night in nights if _names(night) & set(ids)]
    if not kept:
        raise InputError(
            f"{path}: none of its {len(ids)} ids found; expected subjects such as "
            f"{nights[0].subject}, or recordings such as {nights[0].recording}"
        )
    return kept, [subject_of[name] for name in ids if name in subject_of]


def _names(night: FoundNight) -> set[str]:
    return {night.subject, night.recording}


if __name__ == "__main__":
    errors.run(main)
