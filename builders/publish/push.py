"""Uploading a corpus to the Hub, in the form that `load_dataset` reads.

Only shards, manifest, image spec, checksums and card are uploaded, and no other file of the folder.
"""

import re
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

from psgvlm.builders.publish import labels

from psgvlm import chat, image_spec
from psgvlm.corpus import checksums
from psgvlm.corpus.splits import SPLITS
from psgvlm.errors import InputError
from psgvlm.hub import release
from psgvlm.hub.release import Release

# Shards, the files beside them at the top, and the pictures of the card.
FILES = re.compile(
    rf"[\w-]+/(?:{'|'.join(SPLITS)})-\d{{5}}-of-\d{{5}}\.parquet"
    r"|README\.md|SHA256SUMS|image_spec\.json|manifest\.parquet|eval\.yaml"
    r"|images/[\w-]+\.(?:png|jpg)"
)


def push_corpus(corpus: Path, args) -> None:
    """Upload a corpus as the options of `psgvlm push` say, and read its first rows back."""
    whole = prepare(corpus)
    with tempfile.TemporaryDirectory(prefix="psgvlm-") as folder:
        if args.labels_only:
            files = labels.write(corpus, whole.files, Path(folder))
            whole = replace(prepare(files), cohorts=whole.cohorts, labels_only=True)
        release.run(args, whole, partial(read_back, whole))


def prepare(corpus: Path) -> Release:
    """Return a corpus as a release; raise `InputError` if it is not what SHA256SUMS lists."""
    if not (corpus / image_spec.FILE_NAME).is_file():
        raise InputError(f"{corpus}: no corpus; expected a folder that psgvlm build wrote")
    files, left_out = release.choose(corpus, FILES)
    listed = checksums.read(corpus)
    for name in sorted({*files, *listed} - {checksums.FILE_NAME}):
        if name not in files:
            raise InputError(
                f"{corpus}: SHA256SUMS lists {name}, which is missing or no file of a corpus; "
                "remove it from the folder and build the corpus again"
            )
        if listed.get(name) != checksums.digest(corpus / name):
            raise InputError(
                f"{corpus / name}: its content is not that of SHA256SUMS; expected a whole corpus: "
                f"psgvlm verify {corpus} lists what is wrong"
            )
    return Release(corpus, "dataset", files, left_out, cohorts(shards(corpus, files)))


def shards(corpus: Path, files: Iterable[str]) -> list[Path]:
    """Return the shards of all configurations and splits among the files of a corpus."""
    return [corpus / name for name in files if name.endswith(".parquet") and "/" in name]


def cohorts(shards: list[Path]) -> frozenset[str]:
    """Return the cohorts of a corpus, by its folders and its rows, as a folder can be renamed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = {chat.cohort_and_task(shard.parent.name)[0] for shard in shards}
    for shard in shards:
        try:
            column = pq.read_table(shard, columns=["cohort"])["cohort"]
        except (pa.ArrowException, KeyError, OSError) as error:
            raise InputError(
                f"{shard}: {error}; expected the shard of a corpus: see psgvlm verify"
            ) from error
        names.update(map(str, column.unique().to_pylist()))
    return frozenset(names)


def read_back(whole: Release, name: str, revision: str) -> None:
    """Read the first row of every configuration and split from the Hub, as a user would.

    Raise `InputError` if it is not the first row of the local shard.
    """
    import pyarrow.parquet as pq
    from datasets import Image, List, load_dataset

    with tempfile.TemporaryDirectory(prefix="psgvlm-") as cache:
        for shard in shards(whole.folder, whole.files):
            split, number, _ = shard.name.split("-", 2)
            if int(number):
                continue
            rows = load_dataset(
                name,
                shard.parent.name,
                split=split,
                streaming=True,
                revision=revision,
                cache_dir=cache,
            )
            if "images" in rows.column_names:
                rows = rows.cast_column("images", List(Image(decode=False)))
            there = next(iter(rows))
            here = next(pq.ParquetFile(shard).iter_batches(1)).to_pylist()[0]
            if there != here:
                raise InputError(
                    f"{name}: the first row of {shard.parent.name}, {split} differs from that of "
                    f"{shard}; expected the same row"
                )
