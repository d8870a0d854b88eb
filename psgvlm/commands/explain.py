"""Measure which lanes, and which rhythms, decide which stage, over the epochs of a corpus.

    psgvlm explain CORPUS --model ADAPTER --out DIR
    psgvlm explain CORPUS --model ADAPTER --out DIR --raw RAW

Writes explanations.parquet (one row for each epoch), summary.json, summary.md, and one example
picture for each stage. To explain epochs of a single night, use psgvlm stage --explain.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from psgvlm import errors
from psgvlm.commands.stage import METHODS


def main(words: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    args = _options(words)

    from psgvlm.corpus.loading import open_corpus
    from psgvlm.evaluation.corpus_nights import nights_of_split
    from psgvlm.explanations import over_corpus
    from psgvlm.hub import repo_files
    from psgvlm.models import adapter_files, vlm
    from psgvlm.staging import document

    spec = repo_files.load_image_spec(args.model, "model")
    adapter_files.check_same_images(args.model, spec, args.dataset)
    corpus = open_corpus(args.dataset, args.config)
    split = corpus.split(args.split, adapter_files.load_neighbours(args.model))
    nights, recordings = nights_of_split(split, spec), None
    if args.raw:
        from psgvlm.evaluation import corpus_nights

        recordings = corpus_nights.with_signals(corpus.split(args.split), args.dataset, args.raw)
    rows = over_corpus.choose(nights, args.epochs)
    model = vlm.load(args.model, args.device)

    args.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.out.parent, prefix=".explain-") as work:
        work = Path(work)
        frame = over_corpus.table(model, nights, rows, args.method, work, recordings)
        frame.to_parquet(work / "explanations.parquet", index=False)
        about = over_corpus.about(model, frame, args.model, args.split, args.method)
        summary = {"about": about, "stages": over_corpus.summary(frame)}
        text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False)
        (work / "summary.json").write_text(text + "\n", "utf-8")
        markdown = document.markdown(over_corpus.blocks(summary, work))
        (work / "summary.md").write_text(markdown, "utf-8")
        args.out.mkdir(exist_ok=True)
        for path in sorted(work.iterdir()):
            shutil.move(path, args.out / path.name)
    print(markdown)
    print(f"{len(frame)} epochs; {args.out / 'summary.md'}")
    return 0


def _options(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="psgvlm explain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("dataset", metavar="CORPUS", help="the corpus: a folder or a Hub id")
    add("--model", required=True, help="the adapter: a folder or a Hub id")
    add("--out", type=Path, required=True, help="the folder for the results")
    add("--method", choices=METHODS, default=METHODS[0],
        help="how it is measured where the model looked; default: ablation")  # fmt: skip
    add("--epochs", type=int, default=100, metavar="N",
        help="how many epochs to explain, equally many of each stage; 0 for all; "
        "default: 100")  # fmt: skip
    add("--raw", type=Path,
        help="the raw folder of the corpus; with it, each rhythm is also filtered out of the "
        "signals")  # fmt: skip
    add("--config", help="one configuration of the corpus; default: all for staging")
    add("--split", default="test", help="default: test")
    add("--device", help="cpu, cuda, ...; default: cuda if there is a GPU")
    args = parser.parse_args(words)
    if args.epochs < 0:
        raise errors.InputError(f"--epochs {args.epochs}: expected how many, or 0 for all")
    return args
