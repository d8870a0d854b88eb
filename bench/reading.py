"""Measure how fast a corpus is read: rows per second with decoded images, and the first row's time.

    make bench

The corpus has 480 epochs in four shards, with the images of a simulated night, and the system keeps
its files in memory. All rows are read in order, at random, streamed, and through torch's DataLoader
with 0, 1 and 2 workers (including its start). Each way is measured with no neighbours and with one
on either side. Wall-clock time is measured; the ways take turns in every round, and medians are
printed. `verify` is measured too. The script prints tables and writes
bench/results/reading-<machine kind>.json.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from importlib.metadata import version
from pathlib import Path
from statistics import median

import render as drawing  # before numpy, since it sets the number of threads

# isort: split
import numpy as np

SIZES = ("448x224", "1008x336")
RECORDINGS, EPOCHS, BATCH = 4, 120, 16
ROWS = RECORDINGS * EPOCHS
FIRST_ROW_S = 1.0  # the goal
WORKERS, CONTEXTS = (0, 1, 2), (0, 1)
WAYS = (
    *("one by one", "at random", "streamed"),
    *(f"loader, {how}, {n} workers" for how in ("at random", "streamed") for n in WORKERS),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="rounds to measure; default: 3")
    parser.add_argument(
        "--out",
        type=Path,
        default=drawing.RESULTS,
        help="folder for the results; default: bench/results",
    )
    args = parser.parse_args()
    taken = defaultdict(list)
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        os.environ["HF_DATASETS_CACHE"] = str(work / "datasets")
        drawing.write_night(work / "raw" / "night.edf")
        corpora = {size: write_corpus(work, size) for size in SIZES}
        for turn in range(args.rounds):
            print(f"round {turn + 1} of {args.rounds}", file=sys.stderr)
            for size, corpus in corpora.items():
                for name, figure in measure(corpus):
                    taken[f"{name} {size}"].append(figure)
    results = {
        "machine": drawing.machine() | {"torch": version("torch")},
        "rounds": args.rounds,
        "rows_per_s_or_s": {name: round(median(figures), 3) for name, figures in taken.items()},
    }
    report(results["rows_per_s_or_s"], results)
    drawing.save(args.out / f"reading-{results['machine']['kind']}.json", results)


def write_corpus(work: Path, size: str) -> Path:
    """Write a corpus with one split, which repeats 96 images of a night."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from psgvlm import dataset_card
    from psgvlm.corpus import checksums, manifest, row_schema
    from psgvlm.images.pixels import png_pixel_hash
    from psgvlm.stages import STAGES

    corpus, spec = work / size, drawing.spec_of(size)
    (corpus / "bench").mkdir(parents=True)
    spec.save(corpus)
    pngs = drawing.our_pictures(drawing.traces_of(work, spec), spec)
    hashes = [png_pixel_hash(png) for png in pngs]
    stages = [STAGES[epoch % 5] for epoch in range(EPOCHS)]
    manifest_rows = []
    for index in range(RECORDINGS):
        where = {"cohort": "bench", "subject": f"s{index}", "recording": f"r{index}"}
        table = row_schema.table(
            [pngs[epoch % len(pngs)] for epoch in range(EPOCHS)], spec.prompt, stages,
            [None] * EPOCHS, range(EPOCHS), [30.0 * epoch for epoch in range(EPOCHS)],
            [hashes[epoch % len(pngs)] for epoch in range(EPOCHS)],
            **where, fold=None, lanes=list(spec.lanes),
        )  # fmt: skip
        path = corpus / "bench" / f"train-{index:05d}-of-{RECORDINGS:05d}.parquet"
        plain = {"images.list.element.bytes": "none"}
        pq.write_table(table, path, row_group_size=100, compression=plain)
        counts = manifest.epochs_by_stage(stages)
        manifest_rows.append({**where, "split": "train", "status": manifest.BUILT, **counts})
    pq.write_table(
        pa.Table.from_pylist(manifest_rows, manifest.schema()), corpus / manifest.FILE_NAME
    )
    dataset_card.write(corpus)
    checksums.write(corpus)
    return corpus


def measure(corpus: Path):
    """Yield pairs of a name and a figure: rows per second, or seconds to a stream's first row."""
    import datasets
    from datasets import load_dataset
    from psgvlm.builders.check import verify

    from psgvlm.corpus import neighbours as neighbour_rows
    from psgvlm.image_spec import ImageSpec

    datasets.disable_progress_bars()
    yield "first row", first_row_s(corpus)
    spec = ImageSpec.load(corpus / "image_spec.json")
    stored = load_dataset(str(corpus), "bench", split="train")
    stream = load_dataset(str(corpus), "bench", split="train", streaming=True)
    order = np.random.default_rng(0).permutation(ROWS).tolist()
    for k in CONTEXTS:
        rows, streamed = (
            neighbour_rows.attach(stored, spec, k),
            neighbour_rows.stream(stream, spec, k),
        )
        yield f"one by one, context {k}", rate(rows[index] for index in range(ROWS))
        yield f"at random, context {k}", rate(rows[index] for index in order)
        yield f"streamed, context {k}", rate(streamed)
        for n in WORKERS:
            yield f"loader, at random, {n} workers, context {k}", rate(loaded(rows, n, True))
            yield f"loader, streamed, {n} workers, context {k}", rate(loaded(streamed, n, None))
    yield "verify", rate(verified(verify.Check(corpus)))


def rate(rows) -> float:
    """Read all rows and return rows per second."""
    start = time.perf_counter()
    count = sum(1 for _ in rows)
    seconds = time.perf_counter() - start
    assert count == ROWS, count
    return ROWS / seconds


def loaded(rows, workers: int, shuffle: bool | None):
    """Read rows with torch's DataLoader, which makes a tensor of the images of each batch."""
    from torch.utils.data import DataLoader

    loader = DataLoader(rows, BATCH, shuffle, num_workers=workers, collate_fn=tensors)
    return (picture for batch in loader for picture in batch)


def tensors(rows: list[dict]):
    import torch

    return torch.from_numpy(np.array([[np.asarray(image) for image in r["images"]] for r in rows]))


def verified(check):
    """Check the corpus, and then yield as many items as rows were checked."""
    assert not list(check.faults())
    yield from range(check.rows_read)


def first_row_s(corpus: Path) -> float:
    """Return the seconds from `load_dataset` to the first row, without the imports."""
    code = (
        "import sys, time, datasets, torch; t = time.perf_counter()\n"
        "rows = datasets.load_dataset(sys.argv[1], 'bench', split='train', streaming=True)\n"
        "next(iter(rows))['images'][0]; print(time.perf_counter() - t)"
    )
    return float(subprocess.check_output([sys.executable, "-c", code, str(corpus)]))


def report(figures: dict[str, float], results: dict) -> None:
    machine = results["machine"]
    print(f"\n{machine['cpu']}, {machine['cores']} cores, medians of {results['rounds']} rounds\n")
    columns = [f"{size}, context {k}" for size in SIZES for k in CONTEXTS]
    print(f"| rows/s | {' | '.join(columns)} |")
    print("|---|" + "---:|" * len(columns))
    for way in WAYS:
        cells = [figures[f"{way}, context {k} {size}"] for size in SIZES for k in CONTEXTS]
        print(f"| {way} | {' | '.join(f'{cell:.0f}' for cell in cells)} |")
    print()
    for size in SIZES:
        wait = figures[f"first row {size}"]
        met = "met" if wait <= FIRST_ROW_S else "NOT met"
        print(
            f"{size}: a stream's first row comes after {wait:.2f} s (goal {FIRST_ROW_S:g} s: {met})"
        )
        print(f"{size}: verify checks {figures[f'verify {size}']:.0f} epochs/s")


if __name__ == "__main__":
    main()
