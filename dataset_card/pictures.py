"""One picture of each stage, on the card: those of the corpus itself, byte for byte."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from psgvlm import chat
from psgvlm.corpus.splits import SPLITS
from psgvlm.errors import InputError
from psgvlm.hub.cohorts import is_open
from psgvlm.stages import STAGES

FOLDER = "images"


def write(corpus: Path, configs: Iterable[str]) -> list[str]:
    """Write `images/W.png` ...; returns the files of that folder there were or are, by name.

    Of each stage the middle one of the first shard that holds it, of the first configuration whose
    pictures may be shown: none of a cohort under an agreement, nor of one that is not known here.
    """
    shown = (
        name for name in configs if chat.cohort_and_task(name)[1] == "staging" and is_open(name)
    )
    config = next(shown, None)
    found = _of_each_stage(corpus / config) if config else {}
    folder = corpus / FOLDER
    names = {f"{stage}.png": png for stage, png in found.items()}
    for leftover in folder.glob(".*.part"):  # of a build that was killed
        leftover.unlink()
    before = {path.name for path in folder.glob("*.png")}
    if names:
        folder.mkdir(exist_ok=True)
    for name, png in names.items():
        part = folder / f".{name}.part"
        part.write_bytes(png)
        part.replace(folder / name)
    for name in before - names.keys():
        (folder / name).unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    return sorted(f"{FOLDER}/{name}" for name in {*before, *names})


def _of_each_stage(folder: Path) -> dict[str, bytes]:
    """A PNG of each stage that a configuration holds."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found: dict[str, bytes] = {}
    shards = [path for split in SPLITS for path in sorted(folder.glob(f"{split}-*.parquet"))]
    for shard in shards:
        if len(found) == len(STAGES):
            break
        try:
            with pq.ParquetFile(shard) as file:
                rows = file.read(["stage", "cohort"])
                labels = np.array(rows["stage"].to_pylist(), float)
                # A folder can be renamed; a row says whose it is.
                labels[np.array(rows["cohort"].to_pylist()) != folder.name] = np.nan
                for index, stage in enumerate(STAGES):
                    rows = np.flatnonzero(labels == index)
                    if stage not in found and len(rows):
                        found[stage] = _png(file, int(rows[len(rows) // 2]))
        except (pa.ArrowException, LookupError, OSError, TypeError) as error:
            raise InputError(
                f"{shard}: {error}; expected the shard of a corpus, with an image in every row"
            ) from error
    return {stage: found[stage] for stage in STAGES if stage in found}


def _png(file, row: int) -> bytes:
    """The image of a row; its row group alone is read."""
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if row < rows:
            images = file.read_row_group(group, columns=["images"])["images"]
            return images[row].as_py()[0]["bytes"]
        row -= rows
    raise IndexError(row)
