"""The door for `python -m model_card` in a checkout: it runs `psgvlm card` and `psgvlm push`."""

import argparse
import sys
from importlib import import_module

from psgvlm import errors


def main(words: list[str] | None = None) -> int:
    """Run the command that the first word names."""
    words = list(sys.argv[1:] if words is None else words)
    parser = argparse.ArgumentParser("python -m model_card", description=__doc__)
    parser.add_argument("command", choices=("card", "push"), help="the command to run")
    name = parser.parse_args(words[:1]).command
    return import_module(f"psgvlm.commands.{name}").main(words[1:])


if __name__ == "__main__":
    errors.run(main)
