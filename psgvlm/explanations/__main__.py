"""Which lanes, and which rhythms, decide which stage.

    python -m psgvlm.explanations CORPUS --model ADAPTER --out DIR [--raw RAW]

Writes explanations.parquet (one row an epoch), summary.json, summary.md, and a picture a stage.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path

from psgvlm import errors


def main(words: list[str] | None = None) -> int:
    from psgvlm.explanations import METHODS

    parser = argparse.ArgumentParser(
        prog="python -m psgvlm.explanations",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    add = parser.add_argument
    add("dataset", help="a corpus: folder or Hub id")
    add("--model", required=True, help="adapter: a folder or a Hub id")
    add("--out", type=Path, required=True, help="folder for the results")
    add("--method", choices=METHODS, default="ablation")
    add("--epochs", type=int, default=100, help="how many, of each stage alike; 0: all")
    add("--raw", type=Path, help="the corpus' raw folder: rhythms are taken out of the signals")
    add("--config", help="one configuration of the corpus; default: all")
    add("--split", default="test")
    add("--device", help="cpu, cuda ...; default: cuda where there is one")
    args = parser.parse_args(words)
    if args.epochs < 0:
        raise errors.InputError(f"--epochs {args.epochs}: expected how many, or 0 for all")

    from psgvlm.corpus import loading
    from psgvlm.evaluation.corpus_nights import of_split
    from psgvlm.explanations import corpus
    from psgvlm.models import adapter_files, inference, vlm
    from psgvlm.nights import neighbours
    from psgvlm.stages import STAGES
    from psgvlm.staging import document
    from psgvlm.training.run_record import public

    model = vlm.load(args.model, args.device)
    adapter_files.check_same_images(args.model, model.spec, args.dataset)

    def split(neighbours):
        return loading.load_split(args.dataset, args.split, args.config, neighbours)

    nights, opened = of_split(split(model.neighbours), model.spec), None
    if args.raw:
        # A command may know the builders, as scripts do; the library does not.
        from psgvlm.evaluation import raw_recordings

        opened = raw_recordings.nights(split(0), args.dataset, args.raw)
    chosen = corpus.choose(nights, args.epochs)

    args.out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=args.out.parent, prefix=".explain-") as work:
        work = Path(work)
        frame = corpus.table(model, nights, chosen, args.method, work, opened)
        frame.to_parquet(work / "explanations.parquet", index=False)
        empty = [neighbours.blank(model.spec)] * (2 * model.neighbours + 1)
        (p,) = inference.probabilities(model, [empty])
        about = {
            "model": public(args.model),
            "split": args.split,
            "method": args.method,
            "image_spec": model.spec.name,
            "empty": STAGES[p.argmax()],
            "p_empty": float(p.max()),
            "epochs": len(frame),
            "subjects": len(frame.groupby(["cohort", "subject"])),
        }
        measured = {"about": about, "stages": corpus.summary(frame)}
        text = json.dumps(measured, indent=2, ensure_ascii=False, allow_nan=False)
        (work / "summary.json").write_text(text + "\n", "utf-8")
        markdown = document.markdown(corpus.blocks(measured, work))
        (work / "summary.md").write_text(markdown, "utf-8")
        args.out.mkdir(exist_ok=True)
        for path in sorted(work.iterdir()):
            shutil.move(path, args.out / path.name)
    print(markdown)
    print(f"{len(frame)} epochs; {args.out / 'summary.md'}")
    return 0


if __name__ == "__main__":
    errors.run(main)
