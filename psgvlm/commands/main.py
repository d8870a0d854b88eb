"""The command `psgvlm`: a table of its sub-commands, and the call of the one that was asked for."""

import argparse
import importlib
import sys

import psgvlm
from psgvlm import errors

# Each sub-command is the function `main(words)` of the module of its name in psgvlm/commands.
# Only the one that is asked for is imported, so that `psgvlm --help` answers at once.
COMMANDS = {
    "stage": "stage one or more recordings with a trained model",
    "inspect": "list what a recording or a folder holds, and what a build would skip",
    "build": "draw raw recordings and their scores as an image-text corpus",
    "verify": "check every file, row and image of a corpus",
    "compare": "check that a corpus has the images that published labels belong to",
    "train": "fine-tune a vision-language model on a corpus",
    "eval": "measure models and baselines on a corpus, and write a report",
    "explain": "show which lanes and rhythms decide each stage of a corpus",
    "card": "write the card (README.md) of a corpus or an adapter anew",
    "push": "publish a corpus or an adapter on the Hugging Face Hub",
    "app": "serve a web page that stages a recording",
    "simulate": "write synthetic recordings in the layouts of public cohorts",
}

# Packages that `pip install psgvlm` leaves out, and the extras of pyproject.toml that add them.
EXTRAS = {"trl": "train", "gradio": "app", "distributed": "cluster", "bitsandbytes": "qlora"}


def main(words: list[str] | None = None) -> int:
    """Run one sub-command.

    Parameters
    ----------
    words : list of str, optional
        The command line without the program's name; by default, that of the process.

    Returns
    -------
    int
        The exit status: 0 if all went well.
    """
    words = sys.argv[1:] if words is None else words
    if words and words[0] in COMMANDS:
        try:
            return importlib.import_module(f"psgvlm.commands.{words[0]}").main(words[1:]) or 0
        except ModuleNotFoundError as error:
            if not (extra := EXTRAS.get(error.name or "")):
                raise
            raise errors.InputError(
                f"psgvlm {words[0]} needs the package {error.name}, which is not installed: "
                f"pip install 'psgvlm[{extra}]'"
            ) from error
    parser = _parser()
    parser.parse_args(words)  # answers --help and --version, refuses everything else
    parser.print_help(sys.stderr)
    return 2


def run() -> None:
    """Run the command line of this process and exit with its status."""
    errors.run(main)


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {text}" for name, text in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog="psgvlm",
        usage="psgvlm [-h] [--version] COMMAND ...",
        description="Sleep staging from images of polysomnography with vision-language models.",
        epilog="\n".join(["commands:", *lines, "", "psgvlm COMMAND --help lists its options."]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"psgvlm {psgvlm.__version__}")
    parser.add_argument(
        "command", nargs="?", choices=COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS
    )
    return parser
