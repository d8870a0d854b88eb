"""`psgvlm verify`: check every file, row and image of a corpus."""

import argparse
from pathlib import Path

from psgvlm.errors import InputError

DESCRIPTION = """\
Check a corpus: the checksums of its files, every row and image, that no subject is in two splits,
and that the manifest and the card say what the rows hold. Nothing is changed.

Prints a line for each fault, at most 20 of each kind. Exit status 1 if there is a fault, else 0."""


def main(words: list[str] | None = None) -> int:
    """Run `psgvlm verify`; return its exit status."""
    parser = argparse.ArgumentParser(
        "psgvlm verify", description=DESCRIPTION, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("corpus", type=Path, help="the folder of the corpus")
    corpus = parser.parse_args(words).corpus
    if not corpus.is_dir():
        raise InputError(f"{corpus}: no such folder; expected a corpus")

    from psgvlm.builders.check import verify

    return verify.print_faults(corpus)
