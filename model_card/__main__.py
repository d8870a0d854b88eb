"""What goes out with an adapter.

python -m model_card card ADAPTER --report REPORT     its README.md, from what was measured
python -m model_card push ADAPTER ORG/NAME     to the Hub: private, card last, read back
"""

import argparse
from pathlib import Path

from psgvlm.model_card import push

from psgvlm import errors
from psgvlm.hub import release


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m model_card", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = _command(commands, "card", card.__doc__, card)
    add = command.add_argument
    add("--report", type=Path, help="what eval.py wrote about it; default: no figures")
    add("--corpus", type=Path, help="the corpus reported on: epochs of it are shown, unless they\n"
        "come under an agreement")  # fmt: skip
    add("--name", metavar="ORG/NAME", help="what the Hub calls the adapter")
    add("--dataset", metavar="ORG/NAME", help="what the Hub calls the corpus")
    add("--note", default="", help="what a reader is to know first of all")

    command = _command(commands, "push", push.__doc__, push.run)
    release.add_arguments(command)

    args = parser.parse_args(argv)
    args.run(args)
    return 0


def _command(commands, name: str, about: str, run) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=about.splitlines()[0],
        description=about,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    command.set_defaults(run=run)
    command.add_argument("adapter", type=Path, help="a folder that train_sft.py wrote")
    return command


def card(args: argparse.Namespace) -> None:
    """Write an adapter's README.md anew, with handler.py, .eval_results/ and images/ beside it.

    A figure that is in no report is not on the card.
    """
    from psgvlm import model_card

    told = {name: value for name, value in vars(args).items() if name != "run"}
    print(model_card.write(**told))


if __name__ == "__main__":
    errors.run(main)
