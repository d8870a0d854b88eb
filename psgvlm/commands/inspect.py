"""`psgvlm inspect`: list what recordings hold, and which of them a build would skip."""

import argparse
from pathlib import Path

from psgvlm.builders.readers import READERS
from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS, ImageSpec
from psgvlm.recordings import load_map

DESCRIPTION = """\
List the channels, lanes and scores of a recording, or of every recording below a folder, and say
which recordings a build would skip and why. Of a file of scores alone, list what it says. Nothing
is drawn or written.

Exit status 3 if a recording would be skipped, else 0."""


def main(words: list[str] | None = None) -> int:
    """Run `psgvlm inspect`; return its exit status."""
    parser = argparse.ArgumentParser(
        "psgvlm inspect", description=DESCRIPTION, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "path",
        type=Path,
        help="a recording, a file of scores, or a folder as it was downloaded",
    )
    parser.add_argument(
        "--cohort",
        choices=READERS,
        help="the layout of the files; default: the layout that the file names have",
    )
    add_image_arguments(parser)
    args = parser.parse_args(words)
    image = ImageSpec.parse(args.image)
    rules = load_map(args.map)
    if not args.path.exists():
        raise InputError(f"{args.path}: no such file or folder; expected recordings")

    from psgvlm.builders.check import inspection

    readers = {args.cohort: READERS[args.cohort]} if args.cohort else READERS
    report = inspection.inspect(readers, args.path, image, rules, args.strict)
    print("\n".join(report.lines))
    return 3 if report.skipped else 0


def add_image_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how epochs are drawn and which channels the lanes are."""
    parser.add_argument(
        "--image",
        default="wide",
        metavar="SPEC",
        help=f"how to draw an epoch: a preset ({', '.join(PRESETS)}),\n"
        "a preset with fields changed (folded,fold=2,line_px=1), or an\n"
        "image_spec.json file; default: wide",
    )
    parser.add_argument(
        "--map",
        default="",
        metavar="LANES",
        help='which signals fill which lanes, such as "chin=EMG1-EMG2,F4-M1=EEG F4";\n'
        "chin=none leaves a lane empty, and EMG#2 is the second signal labelled EMG.\n"
        "Or a file of such entries, below [PATTERN] for the recordings whose name\n"
        "matches, or below [family ID] for those of a family, whose id psgvlm inspect\n"
        "prints. Default: the lanes are found by the labels",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="skip a recording if a substitute would fill a lane, such as C3-M2 for C4-M1;\n"
        "default: draw it, and say so",
    )
