"""A corpus without its pictures: labels, texts, and what it takes to draw the same pictures.

For recordings of which images may not be handed on. Each row has the SHA-256 of its picture in
place of it; who has the recordings draws them as README.md says, and `compare` proves that they are
the same.
"""

import shutil
from pathlib import Path

from psgvlm import __version__, image_spec
from psgvlm.corpus import checksums, manifest
from psgvlm.errors import InputError
from psgvlm.hub.release import CARD

COLUMN = "image_sha256"
KEY = ("cohort", "recording", "epoch")


def write(corpus: Path, files: tuple[str, ...], out: Path) -> Path:
    """Write what of a corpus' `files` may go without pictures into a new folder; returns it."""
    import pyarrow.parquet as pq

    for name in (image_spec.FILE_NAME, manifest.FILE_NAME):
        shutil.copyfile(corpus / name, out / name)
    names = [name for name in files if name.endswith(".parquet") and "/" in name]
    for name in names:
        (out / name).parent.mkdir(exist_ok=True)
        with pq.ParquetFile(corpus / name) as file:
            tables = map(_without_pictures, file.iter_batches(100))
            first = next(tables)
            with pq.ParquetWriter(out / name, first.schema) as writer:
                writer.write_table(first)
                for table in tables:
                    writer.write_table(table)
    (out / CARD).write_text(_card(out, names), "utf-8")
    checksums.write(out)
    return out


def _without_pictures(batch):
    import pyarrow as pa

    table = pa.Table.from_batches([batch])
    hashes = pa.array(_hashes(table), pa.list_(pa.string()))
    return table.drop_columns("images").replace_schema_metadata().append_column(COLUMN, hashes)


def _hashes(table) -> list[list[str]]:
    import hashlib

    rows = table["images"].to_pylist()
    return [[hashlib.sha256(image["bytes"]).hexdigest() for image in row] for row in rows]


def _card(corpus: Path, names: list[str]) -> str:
    import yaml

    from psgvlm import dataset_card

    configs = {}
    for config, shard in (name.split("/") for name in names):
        split = shard.split("-")[0]
        configs.setdefault(config, {})[split] = f"{config}/{split}-*.parquet"
    described = [
        {"config_name": config, "data_files": [{"split": s, "path": p} for s, p in found.items()]}
        for config, found in configs.items()
    ]
    front = yaml.safe_dump({"configs": described}, sort_keys=False).rstrip()
    commands = dataset_card.made(corpus, configs, image_spec.FILE_NAME)
    return f"""---
{front}
---
# Labels of polysomnography, without its images

The rows of a corpus of waveform images: stages, prompts and answers, cohort, subject, recording and
epoch, and in the place of each image its SHA-256 (`{COLUMN}`). Who has the recordings draws the
images with psgvlm, and proves that they are the same:

```
{commands}
python -m builders compare CORPUS .
```

A recording or an epoch that you do not draw is told as missing; IDS, where it is named, lists the
recordings of `manifest.parquet`. The images were drawn with psgvlm
{__version__}; another version that takes this `image_spec.json` draws the same.

`manifest.parquet` has the split of every recording. Not a medical device; the labels keep the terms
of the cohorts that they come from.
"""


def print_comparison(corpus: Path, labels: Path) -> int:
    """Whether a corpus has the pictures that labels without pictures were published with.

    Splits and order may differ: rows are found by cohort, recording and epoch. Exit status 1 where
    a picture is another, or missing.
    """
    wanted = dict(_pictures(labels, lambda table: table[COLUMN].to_pylist()))
    found = dict(_pictures(corpus, _hashes))
    if not wanted:
        raise InputError(f"{labels}: no rows; expected a folder that --labels-only published")
    missing = [key for key in wanted if key not in found]
    other = [key for key in wanted if key in found and found[key] != wanted[key]]
    for kind, keys in (("missing", missing), ("another picture", other)):
        for key in keys[:20]:
            print(f"{kind}: {key[0]}, {key[1]}, epoch {key[2]}")
    print(
        f"{corpus}: {len(wanted) - len(missing) - len(other)} of {len(wanted)} pictures are "
        f"the same, bit by bit; {len(other)} others, {len(missing)} missing"
    )
    return 1 if missing or other else 0


def _pictures(folder: Path, hashes):
    """(cohort, recording, epoch) and SHA-256 of every row below a folder."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in sorted(folder.glob("[!.]*/*.parquet")):
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(100):
                    table = pa.Table.from_batches([batch])
                    keys = zip(*(table[name].to_pylist() for name in KEY), strict=True)
                    yield from zip(keys, hashes(table), strict=True)
        except (pa.ArrowException, KeyError, OSError) as error:
            raise InputError(
                f"{path}: {error}; expected rows of a corpus, or of labels without images"
            ) from error
