"""What goes out with an adapter.

python -m model_card push ADAPTER ORG/NAME     to the Hub: private, card last, read back
"""

import argparse
from pathlib import Path

from model_card import push
from psgvlm import errors, release


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        "python -m model_card", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "push",
        help=push.__doc__.splitlines()[0],
        description=push.__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    command.set_defaults(run=push.run)
    command.add_argument("adapter", type=Path, help="a folder that train_sft.py wrote")
    release.add_arguments(command)
    args = parser.parse_args(argv)
    args.run(args)


if __name__ == "__main__":
    errors.run(main)
