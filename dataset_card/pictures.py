"""The pictures on the card: one of each stage, copied from the corpus byte by byte."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from psgvlm import chat
from psgvlm.corpus.splits import SPLITS
from psgvlm.errors import InputError
from psgvlm.files import replacing
from psgvlm.hub.cohorts import is_open
from psgvlm.stages import STAGES

FOLDER = "images"


def write(corpus: Path, configs: Iterable[str]) -> list[str]:
    """Write `images/W.png` and so on; remove those of stages that are no longer in the corpus.

    The picture of a stage is the middle one of the first shard that holds the stage. It is taken
    from the first configuration whose cohort may be shown to everybody: a cohort under an agreement
    may not, nor one that psgvlm does not know.

    Return the files of the folder that were or are there, by their paths in the corpus.
    """
    allowed = (
        name for name in configs if chat.cohort_and_task(name)[1] == "staging" and is_open(name)
    )
    config = next(allowed, None)
    png_of = _png_of_each_stage(corpus / config) if config else {}
    folder = corpus / FOLDER
    names = {f"{stage}.png": png for stage, png in png_of.items()}
    for leftover in folder.glob(".*.tmp"):  # of a build that was killed
        leftover.unlink()
    before = {path.name for path in folder.glob("*.png")}
    if names:
        folder.mkdir(exist_ok=True)
    for name, png in names.items():
        with replacing(folder / name) as new:
            new.write_bytes(png)
    for name in before - names.keys():
        (folder / name).unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    return sorted(f"{FOLDER}/{name}" for name in {*before, *names})


def _png_of_each_stage(folder: Path) -> dict[str, bytes]:
    """Return a PNG of each stage that a configuration holds."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    png_of: dict[str, bytes] = {}
    shards = [path for split in SPLITS for path in sorted(folder.glob(f"{split}-*.parquet"))]
    for shard in shards:
        if len(png_of) == len(STAGES):
            break
        try:
            with pq.ParquetFile(shard) as file:
                rows = file.read(["stage", "cohort"])
                labels = np.array(rows["stage"].to_pylist(), float)
                # A folder can be renamed, but each row names its cohort.
                labels[np.array(rows["cohort"].to_pylist()) != folder.name] = np.nan
                for index, stage in enumerate(STAGES):
                    rows = np.flatnonzero(labels == index)
                    if stage not in png_of and len(rows):
                        png_of[stage] = _png(file, int(rows[len(rows) // 2]))
        except (pa.ArrowException, LookupError, OSError, TypeError) as error:
            raise InputError(
                f"{shard}: {error}; expected a shard of a corpus, with an image in every row"
            ) from error
    return {stage: png_of[stage] for stage in STAGES if stage in png_of}


def _png(file, row: int) -> bytes:
    """Return the image of a row. Only its row group is read."""
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if row < rows:
            images = file.read_row_group(group, columns=["images"])["images"]
            return images[row].as_py()[0]["bytes"]
        row -= rows
    raise IndexError(row)
