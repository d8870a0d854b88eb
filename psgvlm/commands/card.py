"""`psgvlm card`: write the README.md of a corpus or of an adapter."""

import argparse
from pathlib import Path

from psgvlm import image_spec
from psgvlm.errors import InputError

DESCRIPTION = """\
Write the README.md of a corpus or of an adapter from the files in its folder. The card of an
adapter has only figures that a report of psgvlm eval holds."""
CORPUS_ONLY, ADAPTER_ONLY = ("benchmark",), ("report", "corpus", "dataset")


def main(words: list[str] | None = None) -> int:
    """Run `psgvlm card`; return its exit status."""
    parser = argparse.ArgumentParser(
        "psgvlm card", description=DESCRIPTION, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("folder", type=Path, help="a corpus, or an adapter that psgvlm train wrote")
    add("--name", metavar="ORG/NAME", help="its name on the Hub; default: none")
    add("--note", default="", help="a sentence for the top of the card; default: none")
    corpus = parser.add_argument_group("for a corpus")
    corpus.add_argument(
        "--benchmark",
        action="store_true",
        help="write eval.yaml too, which makes the corpus a benchmark on the Hub",
    )
    adapter = parser.add_argument_group("for an adapter")
    adapter.add_argument(
        "--report",
        type=Path,
        help="the folder of its report, which psgvlm eval wrote; default: no figures",
    )
    adapter.add_argument(
        "--corpus",
        type=Path,
        help="the corpus of the report: the card shows some of its epochs, unless\n"
        "they come under an agreement; default: none are shown",
    )
    adapter.add_argument(
        "--dataset", metavar="ORG/NAME", help="the name of its corpus on the Hub; default: none"
    )
    args = parser.parse_args(words)
    is_adapter = check_folder(args.folder) == "adapter"
    for option in CORPUS_ONLY if is_adapter else ADAPTER_ONLY:
        if getattr(args, option):
            kind = "an adapter" if is_adapter else "a corpus"
            raise InputError(f"{args.folder}: is {kind}, which has no option --{option}")
    if is_adapter:
        from psgvlm import model_card

        options = {name: getattr(args, name) for name in (*ADAPTER_ONLY, "name", "note")}
        print(model_card.write(args.folder, **options))
    else:
        from psgvlm import dataset_card

        card = dataset_card.write(
            args.folder, name=args.name, as_benchmark=args.benchmark, note=args.note
        )
        print(card)
    return 0


def check_folder(folder: Path) -> str:
    """Return `"adapter"` or `"corpus"`: what a folder holds.

    Raise `InputError` if it holds neither.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected a corpus or an adapter")
    if (folder / "training.json").is_file() or any(folder.glob("*.safetensors")):
        return "adapter"
    if not (folder / image_spec.FILE_NAME).is_file():
        raise InputError(
            f"{folder}: has no {image_spec.FILE_NAME}; expected a corpus that psgvlm build wrote, "
            "or an adapter that psgvlm train wrote"
        )
    return "corpus"
