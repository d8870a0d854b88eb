"""What goes out with an adapter.

python -m model_card card ADAPTER --report REPORT     its README.md, from what was measured
"""

import argparse
from pathlib import Path

from psgvlm import errors


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m model_card", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "card",
        help=card.__doc__.splitlines()[0],
        description=card.__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    command.set_defaults(run=card)
    add = command.add_argument
    add("adapter", type=Path, help="a folder that train_sft.py wrote")
    add("--report", type=Path, help="what eval.py wrote about it; default: no figures")
    add("--corpus", type=Path, help="the corpus reported on: epochs of it are shown, unless they\n"
        "come under an agreement")  # fmt: skip
    add("--name", metavar="ORG/NAME", help="what the Hub calls the adapter")
    add("--dataset", metavar="ORG/NAME", help="what the Hub calls the corpus")
    add("--note", default="", help="what a reader is to know first of all")
    args = parser.parse_args(argv)
    return args.run(args) or 0


def card(args: argparse.Namespace) -> None:
    """Write an adapter's README.md anew, with handler.py, .eval_results/ and images/ beside it.

    A figure that is in no report is not on the card.
    """
    import model_card

    told = {name: value for name, value in vars(args).items() if name != "run"}
    print(model_card.write(**told))


if __name__ == "__main__":
    errors.run(main)
