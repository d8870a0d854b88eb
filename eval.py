"""Measure an adapter against the scorers of a corpus, on subjects it was not trained on.

    python eval.py --model ADAPTER --dataset CORPUS --out report/

Writes metrics.json, predictions.parquet, report.md and hypnogram.png (the night of median kappa).
"""

import argparse
from pathlib import Path

from psgvlm import errors


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", required=True, help="adapter: a folder or a Hub id")
    parser.add_argument("--dataset", required=True, help="corpus: a folder or a Hub id")
    parser.add_argument("--config", help="one configuration of the corpus; default: all")
    parser.add_argument("--split", default="test")
    parser.add_argument("--out", type=Path, required=True, help="folder for the report")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--device", help="cpu, cuda ...; default: cuda where there is one")
    args = parser.parse_args()

    from psgvlm import report, scoring, training, vlm

    ### Adapter and corpus, drawn alike
    model = vlm.load(args.model, args.device)
    vlm.check_same_images(args.model, model.spec, args.dataset)
    corpus = training.load_split(args.dataset, args.split, args.config, model.spec, model.context)

    ### Probabilities
    from tqdm import tqdm

    epochs = (row["images"] for row in corpus)
    scored = scoring.probabilities(model, epochs, args.batch_size)
    probabilities = list(tqdm(scored, total=len(corpus), unit="epoch", desc="scoring"))

    ### Report
    predictions = report.predictions(corpus, probabilities)
    metrics = report.measure(predictions)
    report.write(args.out, predictions, metrics, model.spec)
    pooled = metrics["pooled"]
    print(
        f"kappa {pooled['kappa']:.3f}, macro-F1 {pooled['macro_f1']:.3f}, accuracy "
        f"{pooled['accuracy']:.3f} over {pooled['epochs']} epochs; {args.out / 'report.md'}"
    )
    return 0


if __name__ == "__main__":
    errors.run(main)
