"""What a corpus holds: rows, subjects, stages and bytes of each split, and the YAML of its card."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from psgvlm.corpus import row_schema
from psgvlm.corpus.content import RowsDigest
from psgvlm.corpus.splits import SPLITS
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.stages import STAGES

UNSCORED = "unscored"
NAMES = dict(enumerate(STAGES)) | {None: UNSCORED}


@dataclass
class SplitCounts:
    """What one split of a configuration holds.

    Parameters
    ----------
    rows : int
        The number of rows.
    file_bytes, num_bytes : int
        The size of its Parquet files, and of their columns unpacked.
    subjects : set of str
        Its subjects.
    stages : Counter
        How many epochs of each stage it holds; unscored epochs count as `"unscored"`.
    digest : RowsDigest
        The digest of its rows.
    """

    rows: int = 0
    file_bytes: int = 0
    num_bytes: int = 0
    subjects: set[str] = field(default_factory=set)
    stages: Counter = field(default_factory=Counter)
    digest: RowsDigest = field(default_factory=RowsDigest)


Counts = dict[tuple[str, str], SplitCounts]  # by configuration and split


def count(corpus: Path) -> Counts:
    """Count what each split of each configuration holds. All columns but the images are read.

    Raise `InputError` if a file is no Parquet file of a corpus, or if a label is no stage.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    counts: Counts = {}
    folders = (path.name for path in corpus.iterdir() if path.is_dir())
    for config in sorted(name for name in folders if not name.startswith(".")):
        for split in SPLITS:
            for shard in sorted((corpus / config).glob(f"{split}-*.parquet")):
                of_split = counts.setdefault((config, split), SplitCounts())
                of_split.file_bytes += shard.stat().st_size
                try:
                    with pq.ParquetFile(shard) as file:
                        _add(of_split, file)
                except (pa.ArrowException, KeyError, OSError) as error:
                    raise InputError(
                        f"{shard}: {error}; expected the shard of a corpus: psgvlm verify {corpus} "
                        "lists what is wrong"
                    ) from error
    return counts


def _add(of_split: SplitCounts, file) -> None:
    of_split.rows += file.metadata.num_rows
    of_split.num_bytes += num_bytes(file)
    columns = [name for name in file.schema_arrow.names if name != "images"]
    for batch in file.iter_batches(columns=columns):
        of_split.subjects.update(batch["subject"].unique().to_pylist())
        for label in batch["stage"].value_counts().to_pylist():
            of_split.stages[NAMES[label["values"]]] += label["counts"]
        of_split.digest.update(batch)


def num_bytes(file) -> int:
    """Return the bytes of a Parquet file's columns unpacked: about what `load_dataset` needs."""
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    return sum(group.total_byte_size for group in groups)


def metadata(counts: Counts, spec: ImageSpec | None) -> dict:
    """Return the part of the YAML that `load_dataset` and the viewer of the Hub read.

    It has the files, columns, rows and bytes of each configuration, so that nothing has to be read
    to know them. `spec` is the image spec of the corpus, if it has one.
    """
    from datasets import DatasetInfo
    from datasets.splits import SplitDict, SplitInfo

    configs, infos = [], []
    for config in dict.fromkeys(config for config, _ in counts):
        splits = {split: of_split for (name, split), of_split in counts.items() if name == config}
        files = [{"split": name, "path": f"{config}/{name}-*.parquet"} for name in splits]
        # `load_dataset` keys its cache on this YAML and the name of the folder, not on the files.
        # Without the digest it would give the rows of an older corpus in the same folder.
        description = f"sha256 {_digest(splits, spec)}"
        configs.append({"config_name": config, "description": description, "data_files": files})
        info = DatasetInfo(
            config_name=config,
            features=row_schema.features(),
            splits=SplitDict(
                {
                    name: SplitInfo(name, of_split.num_bytes, of_split.rows)
                    for name, of_split in splits.items()
                }
            ),
            download_size=sum(of_split.file_bytes for of_split in splits.values()),
            dataset_size=sum(of_split.num_bytes for of_split in splits.values()),
        )
        infos.append({"config_name": config, **info._to_yaml_dict()})
    return {"configs": configs, "dataset_info": infos}


def _digest(splits: dict[str, SplitCounts], spec: ImageSpec | None) -> str:
    """Return a digest of the rows of a configuration and of the version of the drawing code."""
    lines = [f"drawing {spec.drawing if spec else 'unknown'}\n"]
    lines += [f"{name} {of_split.digest.hexdigest()}\n" for name, of_split in splits.items()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def size_category(rows: int) -> str:
    """Return the size category of the Hub."""
    edges = (("n<1K", 1e3), ("1K<n<10K", 1e4), ("10K<n<100K", 1e5), ("100K<n<1M", 1e6))
    return next((name for name, edge in edges if rows < edge), "1M<n<10M")
