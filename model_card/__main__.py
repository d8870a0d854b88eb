"""The card of an adapter, from what lies beside it and what was measured of it.

    python -m model_card ADAPTER --report report/
    python -m model_card ADAPTER --report report/ --corpus CORPUS --name ORG/NAME --dataset ORG/NAME

Writes README.md, handler.py, .eval_results/ and examples/ into the adapter's folder. A figure that
is in no report is not on the card.
"""

import argparse
from pathlib import Path

from psgvlm import errors


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        "python -m model_card", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("adapter", type=Path, help="the folder that train_sft.py wrote")
    add("--report", type=Path, help="the folder that eval.py wrote about it; default: no figures")
    add("--corpus", type=Path, help="the corpus reported on: epochs of it are shown, unless they\n"
        "come under an agreement")  # fmt: skip
    add("--name", metavar="ORG/NAME", help="what the Hub calls the adapter")
    add("--dataset", metavar="ORG/NAME", help="what the Hub calls the corpus")
    add("--note", default="", help="what a reader is to know first of all")
    args = parser.parse_args(words)

    import model_card

    print(model_card.write(**vars(args)))
    return 0


if __name__ == "__main__":
    errors.run(main)
