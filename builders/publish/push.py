"""Push a corpus to the Hub, as what `load_dataset` reads there: private, card last, read back.

What is uploaded is listed first: shards, manifest, image spec, checksums and card, nothing else
that lies in the folder. Interrupted anywhere, the same command goes on. MASS and SHHS need
--i-am-allowed, and are never public.
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

# A shard; whatever lies beside them at the top; pictures of the card.
FILES = re.compile(
    rf"[\w-]+/(?:{'|'.join(SPLITS)})-\d{{5}}-of-\d{{5}}\.parquet"
    r"|README\.md|SHA256SUMS|image_spec\.json|manifest\.parquet|eval\.yaml"
    r"|images/[\w-]+\.(?:png|jpg)"
)


def push_corpus(corpus: Path, args) -> None:
    """Push a corpus as the options of `psgvlm push` say."""
    whole = prepare(corpus)
    with tempfile.TemporaryDirectory(prefix="psgvlm-") as folder:
        if args.labels_only:
            files = labels.write(corpus, whole.files, Path(folder))
            whole = replace(prepare(files), cohorts=whole.cohorts, labels_only=True)
        release.run(args, whole, partial(read_back, whole))


def prepare(corpus: Path) -> Release:
    """The release that a corpus is. Raises `InputError` where it is not what SHA256SUMS lists."""
    if not (corpus / image_spec.FILE_NAME).is_file():
        raise InputError(f"{corpus}: no corpus; expected a folder that python -m builders wrote")
    files, left_out = release.choose(corpus, FILES)
    listed = checksums.read(corpus)
    for name in sorted({*files, *listed} - {checksums.FILE_NAME}):
        if name not in files:
            raise InputError(
                f"{corpus}: SHA256SUMS lists {name}, which is no file of a corpus, or not there; "
                "expected it out of the folder, and the corpus built again"
            )
        if listed.get(name) != checksums.digest(corpus / name):
            raise InputError(
                f"{corpus / name}: not as SHA256SUMS lists it; expected a whole corpus: see "
                f"python -m builders verify {corpus}"
            )
    return Release(corpus, "dataset", files, left_out, cohorts(shards(corpus, files)))


def shards(corpus: Path, files: Iterable[str]) -> list[Path]:
    """The Parquet files of all configurations and splits, among the files of a corpus."""
    return [corpus / name for name in files if name.endswith(".parquet") and "/" in name]


def cohorts(shards: list[Path]) -> frozenset[str]:
    """The cohorts of a corpus, by its folders and by its rows: a folder can be renamed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = {chat.cohort_and_task(shard.parent.name)[0] for shard in shards}
    for shard in shards:
        try:
            column = pq.read_table(shard, columns=["cohort"])["cohort"]
        except (pa.ArrowException, KeyError, OSError) as error:
            raise InputError(
                f"{shard}: {error}; expected the shard of a corpus: see python -m builders verify"
            ) from error
        found.update(map(str, column.unique().to_pylist()))
    return frozenset(found)


def read_back(whole: Release, name: str, revision: str) -> None:
    """Read the first row of every configuration and split from the Hub, as a user would.

    Raises `InputError` where it is not the first of the shard here.
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
                    f"{name}: the first row of {shard.parent.name}, {split} is not that of "
                    f"{shard}; expected the same"
                )
