"""`psgvlm compare`: check that a corpus has the images that published labels belong to."""

import argparse
from pathlib import Path

from psgvlm.errors import InputError

DESCRIPTION = """\
Check that a corpus has the images that labels without images were published with. The pixels of
each image are compared; rows are matched by cohort, recording and epoch, so that splits and order
may differ.

Exit status 1 if an image is missing or differs, else 0."""


def main(words: list[str] | None = None) -> int:
    """Run `psgvlm compare`; return its exit status."""
    parser = argparse.ArgumentParser(
        "psgvlm compare", description=DESCRIPTION, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "corpus", type=Path, help="a corpus drawn from your own copy of the recordings"
    )
    parser.add_argument(
        "labels", type=Path, help="the folder that psgvlm push --labels-only published"
    )
    args = parser.parse_args(words)
    for folder in (args.corpus, args.labels):
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder; expected rows of a corpus")

    from psgvlm.builders.publish import labels

    return labels.print_comparison(args.corpus, args.labels)
