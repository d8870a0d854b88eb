"""Raw cohorts to image corpora.

python -m builders inspect PATH                         what is there, and what would be skipped
python -m builders isruc|mass|shhs RAW --out CORPUS     images, labels and splits, by load_dataset
python -m builders folder RAW --out CORPUS              the same of any folder of recordings
python -m builders simulate RAW                         synthetic cohorts in the same raw layouts

Exit status 3 where recordings were skipped (0 with --allow-skips), 1 where all were.
"""

import argparse
import os
import sys
from pathlib import Path

from builders import corpus, files, folder, inspection, isruc, mass, shhs, simulate, splits
from builders.examine import Choices
from builders.manifest import STAGE_COLUMNS
from builders.night import Night
from psgvlm import errors, image_spec
from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS

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
            default="70/15/15",
            help="subjects in train/validation/test, or loso, mass-20fold, mass-sleepvlm,\n"
            "attnsleep-ids (with --ids); default 70/15/15",
        )
        command.add_argument("--seed", type=int, default=42, help="of the split")
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
        command.add_argument("--workers", type=int, default=os.cpu_count() or 1)
        command.add_argument("--allow-skips", action="store_true", help="exit 0 despite skips")
    for command in commands.choices.values():
        command.add_argument(
            "--image",
            type=image_spec.choose,
            default="wide",
            metavar="SPEC",
            help=f"how to draw: {', '.join(PRESETS)}; a preset with fields changed,\n"
            "folded,fold=2,line_px=1; or an image_spec.json (default: wide)",
        )
        command.add_argument(
            "--map", default="", help='unusual labels, such as "chin=EMG1-EMG2,F4-M1=EEG F4"'
        )
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


def build(args: argparse.Namespace) -> int:
    """Exit status 0, 3 where recordings were skipped, or 1 where all were."""
    import dataset_card

    nights = corpus.find(args.reader, args.raw)
    listed = None
    if args.ids:
        nights, listed = _only(nights, args.ids)
    places = splits.assign(args.split, (night.subject for night in nights), args.seed, listed)
    choices = Choices(
        raw=args.raw,
        reader={option: getattr(args, option) for option in args.reader.OPTIONS},
        map=args.map,
        trim_wake_min=args.trim_wake,
    )
    results = corpus.build(args.reader, nights, args.out, args.image, places, args.workers, choices)
    for result in results:
        if result.notes:
            print(f"{result.night.recording}: {'; '.join(result.notes)}", file=sys.stderr)
    skipped = [result for result in results if result.reason]
    for result in skipped:
        print(f"skipped {result.night.recording}: {result.reason}", file=sys.stderr)
    if len(skipped) == len(results):
        raise InputError(
            f"{args.raw}: all {len(results)} recordings were skipped, for the reasons above; "
            "expected one or more that can be drawn: see python -m builders inspect"
        )
    dataset_card.write(args.out)
    epochs = sum(
        result.found[column] for result in results if result.part for column in STAGE_COLUMNS
    )
    drawn = len(results) - len(skipped)
    print(f"{args.out}: {epochs} epochs of {drawn} nights, {len(skipped)} skipped")
    return 3 if skipped and not args.allow_skips else 0


def _only(nights: list[Night], path: Path) -> tuple[list[Night], list[str]]:
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


def _names(night: Night) -> set[str]:
    return {night.subject, night.recording}


if __name__ == "__main__":
    errors.run(main)
