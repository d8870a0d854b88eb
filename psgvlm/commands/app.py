"""Serve a page in the browser on which recordings are staged, explained and corrected.

    psgvlm app --model ADAPTER

Only this computer can open the page, unless --host says otherwise.
"""

import argparse
from pathlib import Path

EXAMPLE_H = 2.0  # long enough for every stage


def main(words: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="psgvlm app",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--model", required=True, help="the adapter: a folder or a Hub id")
    add("--host", default="127.0.0.1",
        help="the address to serve on; 0.0.0.0 lets other computers open the page, without "
        "encryption; default: 127.0.0.1")  # fmt: skip
    add("--port", type=int, default=7860, help="default: 7860")
    add("--max-mb", type=int, default=1000, metavar="MB",
        help="the size of the largest recording that can be uploaded; default: 1000")  # fmt: skip
    add("--device", help="cpu, cuda, ...; default: cuda if there is a GPU")
    args = parser.parse_args(words)

    from psgvlm.app import serve

    serve(args.model, args.host, args.port, args.max_mb, args.device, simulated_example)
    return 0


def simulated_example(folder: Path) -> Path:
    """Write a simulated recording of two hours into a folder and return its path."""
    from psgvlm.builders.simulate import write_recording

    write_recording("mass", folder, EXAMPLE_H, 1, 0)  # MASS has all lanes of every montage
    return next(Path(folder).rglob("* PSG.edf"))
