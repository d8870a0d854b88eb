"""Raw cohorts to image corpora.

python -m builders isruc|mass|shhs RAW --out CORPUS     images, labels and splits, by load_dataset
python -m builders simulate RAW                         synthetic cohorts in the same raw layouts
"""

import argparse
import os
import sys
from pathlib import Path

from builders import corpus, isruc, mass, shhs, simulate, splits
from psgvlm import errors
from psgvlm.image_spec import PRESETS

READERS = {"isruc": isruc, "mass": mass, "shhs": shhs}


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m builders", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, reader in READERS.items():
        command = commands.add_parser(name, help=reader.__doc__.splitlines()[0])
        command.add_argument("raw", type=Path, help="the folder as it was downloaded")
        command.add_argument("--out", type=Path, required=True, help="the corpus to write")
        command.add_argument("--image", choices=PRESETS, default="wide", help="how to draw")
        command.add_argument("--split", default="70/15/15", help="train/validation/test subjects")
        command.add_argument("--seed", type=int, default=42, help="of the split")
        command.add_argument("--workers", type=int, default=os.cpu_count() or 1)
        command.add_argument("--allow-skips", action="store_true", help="exit 0 despite skips")
        command.set_defaults(run=build, reader=reader)
    command = commands.add_parser("simulate", help=simulate.__doc__.splitlines()[0])
    simulate.add_arguments(command)
    command.set_defaults(run=simulate.run)
    args = parser.parse_args(argv)
    return args.run(args) or 0


def build(args: argparse.Namespace) -> int:
    """Exit status 0, or 3 where recordings were skipped."""
    import dataset_card

    nights = corpus.find(args.reader, args.raw)
    split_of = splits.by_ratio((night.subject for night in nights), args.split, args.seed)
    results = corpus.build(
        args.reader, nights, args.out, PRESETS[args.image], split_of, args.workers
    )
    dataset_card.write(args.out)
    skipped = [result for result in results if result.reason]
    for result in results:
        if result.notes:
            print(f"{result.night.recording}: {'; '.join(result.notes)}", file=sys.stderr)
    for result in skipped:
        print(f"skipped {result.night.recording}: {result.reason}", file=sys.stderr)
    epochs = sum(sum(result.stages.values()) for result in results if result.stages)
    drawn = len(results) - len(skipped)
    print(f"{args.out}: {epochs} epochs of {drawn} nights, {len(skipped)} skipped")
    return 3 if skipped and not args.allow_skips else 0


if __name__ == "__main__":
    errors.run(main)
