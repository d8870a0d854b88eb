"""Write a small corpus in many shards without a builder.

The colour of an image says which epoch it belongs to. For tasks other than staging, all epochs have
the same findings.
"""

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from psgvlm import chat, dataset_card
from psgvlm.chat.findings import Eeg, EpochFindings
from psgvlm.corpus import checksums, manifest, row_schema
from psgvlm.image_spec import ImageSpec
from psgvlm.images import png
from psgvlm.images.pixels import png_pixel_hash
from psgvlm.stages import STAGES

SPEC = ImageSpec("tiny", "core", 48, 48, grid=False)
SPLIT = {"s1a": "train", "s1b": "train", "s2a": "train", "s3a": "validation", "s4a": "test"}
EPOCHS = tuple(
    epoch for epoch in range(14) if epoch not in (0, 6, 7)
)  # it starts late and has a gap
TRAIN = [(name, epoch) for name in SPLIT if SPLIT[name] == "train" for epoch in EPOCHS]
UNSCORED = (3,)
SHOWN = EpochFindings((Eeg("C4-M1", 0, (0.6, 0.2, 0.1, 0.05, 0.05), 3, (), (), (), 0.0),)).to_dict()
PALETTE = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)


def grey(recording: str, epoch: int) -> int:
    """Return the grey level of an epoch's image: different for every epoch, and never white."""
    return 16 * list(SPLIT).index(recording) + epoch


def picture(value: int, spec: ImageSpec = SPEC) -> bytes:
    return png.encode(np.full((spec.height, spec.width), value, np.uint8), PALETTE)


def stages() -> list[str | None]:
    return [None if epoch in UNSCORED else STAGES[epoch % 5] for epoch in EPOCHS]


def rows(recording: str, spec: ImageSpec = SPEC, task: str = "staging") -> pa.Table:
    pngs = [picture(grey(recording, epoch), spec) for epoch in EPOCHS]
    return row_schema.table(
        pngs,
        spec.prompt, stages(), [None] * len(EPOCHS), EPOCHS, [30.0 * epoch for epoch in EPOCHS],
        cohort="shhs", subject=recording[:2], recording=recording, fold=None, lanes=["C4-M1"],
        pixels=list(map(png_pixel_hash, pngs)), findings=[SHOWN] * len(EPOCHS), task=task,
    )  # fmt: skip


def write_split(tables: list[pa.Table], folder: Path, split: str, shard_rows=8, group_rows=3):
    """Write shards of `shard_rows` rows, also across recordings, in row groups of `group_rows`."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.concat_tables(tables)
    starts = range(0, len(table), shard_rows)
    for index, start in enumerate(starts):
        path = folder / f"{split}-{index:05d}-of-{len(starts):05d}.parquet"
        rows = table.slice(start, shard_rows)
        pq.write_table(rows, path, row_group_size=group_rows, compression="none")


def write(corpus: Path, spec: ImageSpec = SPEC, tasks=("staging",), **cut) -> Path:
    """Write the whole corpus with its manifest, card and checksums."""
    corpus.mkdir()
    spec.save(corpus)
    for task, split in itertools.product(tasks, dict.fromkeys(SPLIT.values())):
        tables = [rows(name, spec, task) for name in SPLIT if SPLIT[name] == split]
        write_split(tables, corpus / chat.configuration("shhs", task), split, **cut)
    manifest_rows = [
        {"path": f"{name}.edf", "cohort": "shhs", "subject": name[:2], "recording": name}
        | {"split": split, "status": manifest.BUILT, **manifest.epochs_by_stage(stages())}
        for name, split in SPLIT.items()
    ]
    table = pa.Table.from_pylist(manifest_rows, manifest.schema())
    pq.write_table(table, corpus / manifest.FILE_NAME)
    return finish(corpus)


def finish(corpus: Path) -> Path:
    """Write card and checksums for the files of the corpus."""
    (corpus / checksums.FILE_NAME).unlink(missing_ok=True)
    dataset_card.write(corpus)
    checksums.write(corpus)
    return corpus
