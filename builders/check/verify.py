"""Checking a corpus: checksums, card, every row and image, subjects, counts.

Every file is read twice, one row group at a time, and nothing is changed.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from psgvlm.builders.check.verify_rows import Fault, RowChecks
from psgvlm.builders.check.yaml_differences import yaml_differences

from psgvlm import chat, files, image_spec
from psgvlm.corpus import checksums, manifest, row_schema
from psgvlm.corpus.splits import SPLITS
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.stages import STAGES

MOST_PRINTED = 20  # faults of each kind
BATCH = 100  # rows in memory at a time
CARD = "README.md"

_SHARD = re.compile(r"([a-z]+)-([0-9]{5})-of-([0-9]{5})\.parquet")


def print_faults(corpus: Path) -> int:
    """Print what is wrong with a corpus.

    Parameters
    ----------
    corpus : Path
        The folder of the corpus.

    Returns
    -------
    int
        The exit status of the command: 1 if there is a fault, else 0.
    """
    from tqdm import tqdm

    kinds: Counter[str] = Counter()
    check = Check(corpus)
    for fault in check.faults():
        kinds[fault.kind] += 1
        if kinds[fault.kind] <= MOST_PRINTED:
            tqdm.write(str(fault))
    for kind, count in kinds.items():
        if count > MOST_PRINTED:
            print(f"... and {count - MOST_PRINTED} more faults of this kind: {kind}")
    if kinds:
        print(f"{corpus}: {kinds.total()} faults")
        return 1
    print(
        f"{corpus}: no fault; {check.rows_read} epochs of {len(check.rows.recordings)} "
        f"recordings in {check.shards_read} shards, {len(check.digests)} files as listed"
    )
    return 0


class Check:
    """One pass over a corpus.

    Parameters
    ----------
    corpus : Path
        The folder of the corpus.

    Raises
    ------
    InputError
        If there is no such folder.
    """

    def __init__(self, corpus: Path):
        if not corpus.is_dir():
            raise InputError(f"{corpus}: no such folder; expected a corpus")
        self.corpus = corpus
        self.digests: dict[str, str] = {}  # SHA-256 of the files as they are
        self.rows = RowChecks(None)
        self.counts = {}  # dataset_card.Counts
        self.rows_read = self.shards_read = 0
        self.unread: set[str] = set()  # configurations of which a shard could not be read

    def faults(self) -> Iterator[Fault]:
        """Yield every fault of the corpus as it is found."""
        try:
            self.rows.spec = ImageSpec.load(self.corpus / image_spec.FILE_NAME)
        except InputError as error:
            yield Fault("image spec", image_spec.FILE_NAME, str(error), "the corpus' image spec")
        yield from self._file_faults()
        yield from self._configuration_faults()
        yield from self.rows.differences()
        yield from self._manifest_faults()
        yield from self._card_faults()

    def _file_faults(self) -> Iterator[Fault]:
        """Compare every file with `SHA256SUMS`."""
        from tqdm import tqdm

        try:
            listed = checksums.read(self.corpus)
        except InputError as error:
            listed = None
            yield Fault("checksum", checksums.FILE_NAME, str(error), "a line for every file")
        names = checksums.files(self.corpus)
        size = sum((self.corpus / name).stat().st_size for name in names)
        with tqdm(total=size, unit="B", unit_scale=True, desc="checksums", disable=None) as bar:
            for name in names:
                try:
                    self.digests[name] = checksums.digest(self.corpus / name)
                    bar.update((self.corpus / name).stat().st_size)
                except OSError:
                    self.digests[name] = "unreadable"
        if listed is None:
            return
        for name in sorted({*listed, *names}):
            if name not in self.digests:
                yield Fault("checksum", name, "no such file", "the file that SHA256SUMS lists")
            elif name not in listed:
                yield Fault("checksum", name, "a file not in SHA256SUMS", "only files it lists")
            elif listed[name] != self.digests[name]:
                actual, wanted = self.digests[name][:12], listed[name][:12]
                yield Fault("checksum", name, f"SHA-256 {actual}", f"{wanted}, as in SHA256SUMS")

    ### Shards

    def _configuration_faults(self) -> Iterator[Fault]:
        """Check the names, the schema and the rows of every configuration."""
        from psgvlm.dataset_card.pictures import FOLDER as PICTURES
        from tqdm import tqdm

        folders = sorted(
            path
            for path in self.corpus.iterdir()
            if path.is_dir() and path.name[0] != "." and path.name != PICTURES
        )
        if not folders:
            yield Fault("shard", ".", "no configuration", "a folder of Parquet shards for each")
        with tqdm(unit="epoch", desc="rows", disable=None) as bar:
            for folder in folders:
                shards: dict[str, dict[int, Path]] = defaultdict(dict)
                yield from self._name_faults(folder, shards)
                for split in SPLITS:
                    for _, path in sorted(shards[split].items()):
                        yield from self._shard_faults(path, split, bar)

    def _name_faults(self, folder: Path, shards: dict[str, dict[int, Path]]) -> Iterator[Fault]:
        """Fill in the shards of each split by number; yield faults of names and missing shards."""
        totals: dict[str, set[int]] = defaultdict(set)
        for path in sorted(folder.iterdir()):
            named = _SHARD.fullmatch(path.name)
            if named and named[1] in SPLITS and path.is_file():
                shards[named[1]][int(named[2])] = path
                totals[named[1]].add(int(named[3]))
            elif not path.name.startswith("."):
                wanted = f"SPLIT-00000-of-0000N.parquet, SPLIT one of {', '.join(SPLITS)}"
                yield Fault("shard", f"{folder.name}/{path.name}", "not a shard's name", wanted)
        if not shards:
            yield Fault("shard", folder.name, "no shard", "Parquet shards")
        for split, promised in totals.items():
            total = max(promised)
            wanted = set(range(total))
            if len(promised) > 1 or set(shards[split]) != wanted:
                odd = sorted(wanted ^ set(shards[split])) or sorted(promised)
                actual = f"{len(shards[split])} shards, wrong at {', '.join(map(str, odd[:5]))}"
                yield Fault("shard", f"{folder.name}/{split}", actual, f"00000 to {total - 1:05d}")

    def _shard_faults(self, path: Path, split: str, bar) -> Iterator[Fault]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from psgvlm import dataset_card

        config, name = path.parent.name, path.relative_to(self.corpus).as_posix()
        of_split = self.counts.setdefault((config, split), dataset_card.SplitCounts())
        of_split.file_bytes += path.stat().st_size
        try:
            file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            self.unread.add(config)
            yield Fault("unreadable", name, _first_line(error), "a Parquet file")
            return
        with file:
            self.shards_read += 1
            of_split.num_bytes += dataset_card.num_bytes(file)
            of_split.rows += file.metadata.num_rows
            if differ := _schema_differences(file.schema_arrow, row_schema.schema()):
                self.unread.add(config)
                yield Fault("schema", name, differ, "those of psgvlm.corpus.row_schema.features()")
                return
            begin = 0
            for group in range(file.num_row_groups):
                row = begin
                begin += file.metadata.row_group(group).num_rows
                try:
                    for batch in file.iter_batches(BATCH, row_groups=[group]):
                        batch.validate(full=True)
                        of_split.digest.update(batch)
                        yield from self.rows.check(config, split, name, row, batch)
                        row += len(batch)
                        self.rows_read += len(batch)
                        bar.update(len(batch))
                except (pa.ArrowException, OSError) as error:
                    self.unread.add(config)
                    where = f"{name}, row group {group}"
                    yield Fault("unreadable", where, _first_line(error), "rows")

    ### Manifest and card

    def _manifest_faults(self) -> Iterator[Fault]:
        """Compare split, fold and epochs of each stage of every recording with the manifest."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        name = manifest.FILE_NAME
        try:
            table = pq.read_table(self.corpus / name)
            table.validate(full=True)
        except (pa.ArrowException, OSError) as error:
            yield Fault("manifest", name, _first_line(error), "a row for every recording")
            return
        if differ := _schema_differences(table.schema, manifest.schema()):
            yield Fault("manifest", name, differ, "those of psgvlm.corpus.manifest.schema()")
            return
        built = {
            (row["cohort"], row["recording"]): row
            for row in table.to_pylist()
            if row["status"] == manifest.BUILT
        }
        configs = defaultdict(set)
        for (config, recording), of_rows in self.rows.recordings.items():
            where = f"{config}, {recording}"
            cohort, _ = chat.cohort_and_task(config)
            configs[cohort].add(config)
            row = built.get((cohort, recording))
            if row is None:
                yield Fault("manifest", where, "not built by the manifest", "a row of the manifest")
                continue
            actual, wanted = (of_rows.split, of_rows.fold), (row["split"], row["fold"])
            if actual != wanted:
                text = "split {}, fold {}, as in the manifest".format(*wanted)
                yield Fault("manifest", where, "split {}, fold {}".format(*actual), text)
            stages = {label: of_rows.stages[i] for i, label in enumerate(STAGES)}
            stages["unscored"] = of_rows.stages[None]
            wanted = {column: row[column] for column in manifest.STAGE_COLUMNS}
            if stages != wanted:
                text = f"{_counts_text(wanted)}, as in the manifest"
                yield Fault("manifest", where, _counts_text(stages), text)
        for cohort, recording in built:
            for config in sorted(configs[cohort] or [cohort]):
                if (config, recording) not in self.rows.recordings:
                    where = f"{config}, {recording}"
                    yield Fault("manifest", where, "no row", "the rows that the manifest counts")

    def _card_faults(self) -> Iterator[Fault]:
        """Compare the YAML of README.md with that of a card written anew."""
        import yaml

        from psgvlm import dataset_card

        wanted = dataset_card.metadata(self.counts, self.rows.spec)
        try:
            actual = yaml.safe_load(files.read_text(self.corpus / CARD).split("---\n")[1])
            actual = {name: actual[name] for name in wanted}
        except (InputError, LookupError, TypeError) as error:
            found = f"not whole ({_first_line(error)})"
            yield Fault("card", CARD, found, f"YAML: {', '.join(wanted)}")
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            yield Fault("card", CARD, f"no YAML ({_first_line(error)})", "a dataset card's")
        else:
            # A digest of rows needs all rows, and the image spec.
            unknown = self.unread if self.rows.spec else {config for config, _ in self.counts}
            digests = {("configs", config, "description") for config in unknown}
            for path, here, there in yaml_differences(actual, wanted):
                if path not in digests:
                    where = f"{CARD}, {', '.join(path)}"
                    yield Fault("card", where, here, f"{there}, as in the files")


def _schema_differences(actual, wanted) -> str:
    """Return which columns differ from those wanted; empty if none does."""
    names = dict.fromkeys([*wanted.names, *actual.names])
    odd = [name for name in names if _type_of(actual, name) != _type_of(wanted, name)]
    if odd or actual.names != wanted.names:
        return f"other columns ({', '.join(odd) or 'in another order'})"
    # `load_dataset` reads images and class labels from this entry; the file adds others.
    label = b"huggingface"
    same = (actual.metadata or {}).get(label) == (wanted.metadata or {}).get(label)
    return "" if same else "other features in the metadata"


def _type_of(schema, name: str):
    indices = schema.get_all_field_indices(name)
    return schema.field(indices[0]).type if len(indices) == 1 else None


def _counts_text(stages: dict[str, int]) -> str:
    return " ".join(f"{stage} {count}" for stage, count in stages.items())


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]
