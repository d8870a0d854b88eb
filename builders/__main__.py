"""The door for `python -m builders` in a checkout: it runs the commands of `psgvlm`.

`python -m builders isruc RAW --out CORPUS` runs `psgvlm build isruc RAW --out CORPUS`; every other
word (inspect, verify, compare, card, push, simulate) runs the command of that name.
"""

import argparse
import sys
from importlib import import_module

from psgvlm.builders.readers import READERS

from psgvlm import errors

COMMANDS = ("build", "inspect", "verify", "compare", "card", "push", "simulate")


def main(words: list[str] | None = None) -> int:
    """Run `psgvlm build` if the first word is a reader, else the command that it names."""
    words = list(sys.argv[1:] if words is None else words)
    parser = argparse.ArgumentParser(
        "python -m builders",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=(*READERS, *COMMANDS), help="the command to run")
    name = parser.parse_args(words[:1]).command
    if name in READERS:
        name, words = "build", ["build", *words]
    return import_module(f"psgvlm.commands.{name}").main(words[1:])


if __name__ == "__main__":
    errors.run(main)
