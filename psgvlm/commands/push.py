"""`psgvlm push`: upload a corpus or an adapter to the Hugging Face Hub."""

import argparse
from pathlib import Path

from psgvlm.commands.card import check_folder
from psgvlm.errors import InputError
from psgvlm.hub import release

DESCRIPTION = """\
Upload a corpus or an adapter to the Hugging Face Hub. The command lists the files that it uploads
and uploads no other file of the folder. The repository is private unless --public is given. The
card is uploaded last, and the upload is read back. If the command is interrupted, run it again: it
uploads only what is missing.

Recordings of MASS and SHHS, and what was trained on them, come under agreements: they need
--i-am-allowed and are never public."""


def main(words: list[str] | None = None) -> int:
    """Run `psgvlm push`; return its exit status."""
    parser = argparse.ArgumentParser(
        "psgvlm push", description=DESCRIPTION, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="a corpus, or an adapter that psgvlm train wrote")
    release.add_arguments(parser)
    parser.add_argument(
        "--labels-only",
        action="store_true",
        help="of a corpus, upload labels and texts without images, and how to draw\n"
        "the same images from one's own copy of the recordings",
    )
    args = parser.parse_args(words)
    if check_folder(args.folder) == "adapter":
        if args.labels_only:
            raise InputError(f"{args.folder}: is an adapter, which has no option --labels-only")
        from psgvlm.model_card import push

        push.push_adapter(args.folder, args)
    else:
        from psgvlm.builders.publish import push

        push.push_corpus(args.folder, args)
    return 0
