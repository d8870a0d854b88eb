"""A corpus without its pictures: labels, texts, and what is needed to draw the same pictures.

This is for recordings whose images may not be shared. Each row keeps the pixel hash of its picture.
Whoever has the recordings draws the pictures as README.md says, and `psgvlm compare` checks that
they are the same.
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from psgvlm import __version__, files, image_spec
from psgvlm.corpus import checksums, manifest
from psgvlm.errors import InputError
from psgvlm.hub.release import CARD
from psgvlm.image_spec import ImageSpec

KEY = ("cohort", "recording", "epoch")
MOST_PRINTED = 20


def write(corpus: Path, names: tuple[str, ...], out: Path) -> Path:
    """Write the files of a corpus that may be shared without pictures into a folder; return it.

    `names` are the paths of the files of the corpus.
    """
    import pyarrow.parquet as pq

    for name in (image_spec.FILE_NAME, manifest.FILE_NAME):
        shutil.copyfile(corpus / name, out / name)
    shards = [name for name in names if name.endswith(".parquet") and "/" in name]
    for name in shards:
        (out / name).parent.mkdir(exist_ok=True)
        with pq.ParquetFile(corpus / name) as file:
            columns = [column for column in file.schema_arrow.names if column != "images"]
            # Without the metadata, which describe the column `images`.
            table = file.read(columns=columns).replace_schema_metadata()
            pq.write_table(table, out / name)
    files.write_text(out / CARD, _card(out, shards))
    checksums.write(out)
    return out


def _card(corpus: Path, shards: list[str]) -> str:
    import yaml

    from psgvlm import dataset_card

    splits_of: dict[str, dict[str, str]] = {}
    for config, shard in (name.split("/") for name in shards):
        split = shard.split("-")[0]
        splits_of.setdefault(config, {})[split] = f"{config}/{split}-*.parquet"
    configs = [
        {"config_name": config, "data_files": [{"split": s, "path": p} for s, p in paths.items()]}
        for config, paths in splits_of.items()
    ]
    front = yaml.safe_dump({"configs": configs}, sort_keys=False).rstrip()
    commands = dataset_card.build_commands(corpus, splits_of, image_spec.FILE_NAME)
    return f"""---
{front}
---
# Labels of polysomnography, without its images

The rows of a corpus of waveform images: stages, prompts and answers, cohort, subject, recording and
epoch. In place of each image there is a hash of its pixels (`pixels`). If you have the recordings,
draw the images with psgvlm and check that they are the same:

```
{commands}
psgvlm compare CORPUS .
```

If you draw only some of the recordings or epochs, the others are listed as missing. If a command
has IDS, it is a file that lists recordings of `manifest.parquet`; SPLIT is one that gives them
their splits, and MAP one that says which signals fill their lanes. The images were drawn with
psgvlm {__version__}; any version that accepts this `image_spec.json` draws the same.

`manifest.parquet` has the split of every recording. `votes` has the share of the scorers for W, N1,
N2, N3 and R if several people scored a recording. Not a medical device. The labels keep the terms
of the cohorts that they come from.
"""


def print_comparison(corpus: Path, labels: Path) -> int:
    """Print whether a corpus has the pictures that labels were published with.

    The pixels of each picture in the corpus are compared with the column `pixels` of the labels.
    Rows are matched by cohort, recording and epoch, so that splits and order may differ.

    Parameters
    ----------
    corpus : Path
        A corpus with its pictures.
    labels : Path
        Labels without pictures, or another corpus.

    Returns
    -------
    int
        The exit status of the command: 1 if a picture differs or is missing, else 0.

    Raises
    ------
    InputError
        If a folder holds no rows, or rows without the columns that are compared.
    """
    wanted = dict(_rows(labels, "pixels", lambda hashes: hashes))
    if not wanted:
        raise InputError(
            f"{labels}: holds no rows; expected the folder that a push without images published"
        )
    actual = dict(_rows(corpus, "images", _hash_pictures))
    missing = [key for key in wanted if key not in actual]
    other = [key for key in wanted if key in actual and actual[key] != wanted[key]]
    for kind, keys in (("missing", missing), ("another picture", other)):
        for cohort, recording, epoch in keys[:MOST_PRINTED]:
            print(f"{kind}: {cohort}, {recording}, epoch {epoch}")
    drawn, published = (_drawing_version(folder) for folder in (corpus, labels))
    if drawn != published:
        print(
            f"version {drawn} of the drawing code drew the corpus and version {published} the "
            "published images: they give other pixels for the same signals"
        )
    print(
        f"{corpus}: {len(wanted) - len(missing) - len(other)} of {len(wanted)} pictures are "
        f"the same, pixel by pixel; {len(other)} others, {len(missing)} missing"
    )
    return 1 if missing or other else 0


def _drawing_version(folder: Path) -> int:
    return ImageSpec.load(folder / image_spec.FILE_NAME).drawing


def _rows(folder: Path, column: str, hashes) -> Iterator[tuple[tuple, str]]:
    """Yield (cohort, recording, epoch) and the pixel hash of every row below a folder.

    `hashes` makes the hashes from the values of `column`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in sorted(folder.glob("[!.]*/*.parquet")):
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(100, columns=[*KEY, column]):
                    keys = zip(*(batch[name].to_pylist() for name in KEY), strict=True)
                    yield from zip(keys, hashes(batch[column].to_pylist()), strict=True)
        except (pa.ArrowException, LookupError, OSError, TypeError) as error:
            raise InputError(
                f"{path}: {error}; expected rows of a corpus, with the columns {', '.join(KEY)} "
                f"and {column}"
            ) from error


def _hash_pictures(rows: list[list[dict]]) -> list[str]:
    from psgvlm.images.pixels import png_pixel_hash

    with ThreadPoolExecutor() as pool:  # Pillow releases Python's lock while it decodes
        return list(pool.map(lambda images: png_pixel_hash(images[0]["bytes"]), rows))
