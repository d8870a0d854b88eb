"""Check a corpus: checksums, card, every row and image, subjects, counts.

Reads every file twice, a row group at a time, and changes nothing. Prints a line for each fault, at
most 20 of a kind and then how many more; exit status 1 where there is one.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from psgvlm.builders.check.verify_rows import Fault, Rows

from psgvlm import chat, files, image_spec
from psgvlm.corpus import checksums, manifest, row_schema
from psgvlm.corpus.splits import SPLITS
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.stages import STAGES

SHOWN = 20  # faults of a kind
BATCH = 100  # rows held at a time
CARD = "README.md"

_SHARD = re.compile(r"([a-z]+)-([0-9]{5})-of-([0-9]{5})\.parquet")


def print_faults(corpus: Path) -> int:
    """Print what is wrong with a corpus, or that nothing is; return the exit status."""
    from tqdm import tqdm

    kinds: Counter[str] = Counter()
    checked = Check(corpus)
    for fault in checked.faults():
        kinds[fault.kind] += 1
        if kinds[fault.kind] <= SHOWN:
            tqdm.write(str(fault))
    for kind, count in kinds.items():
        if count > SHOWN:
            print(f"... and {count - SHOWN} more faults of this kind: {kind}")
    if kinds:
        print(f"{corpus}: {kinds.total()} faults")
        return 1
    print(
        f"{corpus}: no fault; {checked.rows_read} epochs of {len(checked.rows.recordings)} "
        f"recordings in {checked.shards_read} shards, {len(checked.digests)} files as listed"
    )
    return 0


class Check:
    """One pass over a corpus."""

    def __init__(self, corpus: Path):
        if not corpus.is_dir():
            raise InputError(f"{corpus}: no such folder; expected a corpus")
        self.corpus = corpus
        self.digests: dict[str, str] = {}  # of the files as they are
        self.rows = Rows(None)
        self.counts = {}  # dataset_card.Counts
        self.rows_read = self.shards_read = 0

    def faults(self) -> Iterator[Fault]:
        """All that is wrong, as it is found."""
        try:
            self.rows.spec = ImageSpec.load(self.corpus / image_spec.FILE_NAME)
        except InputError as error:
            yield Fault("image spec", image_spec.FILE_NAME, str(error), "the corpus' image spec")
        yield from self._files()
        yield from self._shards()
        yield from self.rows.differences()
        yield from self._manifest()
        yield from self._card()

    def _files(self) -> Iterator[Fault]:
        """Every file against `SHA256SUMS`."""
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
                yield Fault("checksum", name, "no such file", "the one SHA256SUMS lists")
            elif name not in listed:
                yield Fault("checksum", name, "a file not in SHA256SUMS", "only files it lists")
            elif listed[name] != self.digests[name]:
                found, wanted = self.digests[name][:12], listed[name][:12]
                yield Fault("checksum", name, f"SHA-256 {found}", f"{wanted}, as in SHA256SUMS")

    ### Shards

    def _shards(self) -> Iterator[Fault]:
        """Names, schema and rows of every configuration."""
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
                yield from self._names(folder, shards)
                for split in SPLITS:
                    for _, path in sorted(shards[split].items()):
                        yield from self._shard(path, split, bar)

    def _names(self, folder: Path, shards: dict[str, dict[int, Path]]) -> Iterator[Fault]:
        """Fill in each split's shards by their number; a name that is none, or missing, is told."""
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
        for split, found in totals.items():
            total = max(found)
            wanted = set(range(total))
            if len(found) > 1 or set(shards[split]) != wanted:
                odd = sorted(wanted ^ set(shards[split])) or sorted(found)
                told = f"{len(shards[split])} shards, wrong at {', '.join(map(str, odd[:5]))}"
                yield Fault("shard", f"{folder.name}/{split}", told, f"00000 to {total - 1:05d}")

    def _shard(self, path: Path, split: str, bar) -> Iterator[Fault]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from psgvlm import dataset_card

        config, name = path.parent.name, path.relative_to(self.corpus).as_posix()
        held = self.counts.setdefault((config, split), dataset_card.Split())
        held.file_bytes += path.stat().st_size
        try:
            file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            yield Fault("unreadable", name, _first(error), "a Parquet file")
            return
        with file:
            self.shards_read += 1
            held.num_bytes += dataset_card.num_bytes(file)
            held.rows += file.metadata.num_rows
            if differ := _schema_differences(file.schema_arrow, row_schema.schema()):
                yield Fault("schema", name, differ, "those of psgvlm.row_schema.features()")
                return
            begin = 0
            for group in range(file.num_row_groups):
                row = begin
                begin += file.metadata.row_group(group).num_rows
                try:
                    for batch in file.iter_batches(BATCH, row_groups=[group]):
                        batch.validate(full=True)
                        yield from self.rows.check(config, split, name, row, batch)
                        row += len(batch)
                        self.rows_read += len(batch)
                        bar.update(len(batch))
                except (pa.ArrowException, OSError) as error:
                    yield Fault("unreadable", f"{name}, row group {group}", _first(error), "rows")

    ### What is told of them

    def _manifest(self) -> Iterator[Fault]:
        """Split, fold and epochs by stage of every recording, as `manifest.parquet` has them."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        name = manifest.FILE_NAME
        try:
            table = pq.read_table(self.corpus / name)
            table.validate(full=True)
        except (pa.ArrowException, OSError) as error:
            yield Fault("manifest", name, _first(error), "a row for every recording")
            return
        if differ := _schema_differences(table.schema, manifest.schema()):
            yield Fault("manifest", name, differ, "those of psgvlm.corpus.manifest.schema()")
            return
        told = {
            (row["cohort"], row["recording"]): row
            for row in table.to_pylist()
            if row["status"] == manifest.BUILT
        }
        configs = defaultdict(set)
        for (config, recording), held in self.rows.recordings.items():
            where = f"{config}, {recording}"
            cohort, _ = chat.cohort_and_task(config)
            configs[cohort].add(config)
            row = told.get((cohort, recording))
            if row is None:
                yield Fault("manifest", where, "not built by the manifest", "a row of it")
                continue
            found, wanted = (held.split, held.fold), (row["split"], row["fold"])
            if found != wanted:
                said = "split {}, fold {}".format(*wanted)
                yield Fault("manifest", where, "split {}, fold {}".format(*found), f"{said}, there")
            stages = {label: held.stages[i] for i, label in enumerate(STAGES)}
            stages["unscored"] = held.stages[None]
            wanted = {column: row[column] for column in manifest.STAGE_COLUMNS}
            if stages != wanted:
                yield Fault("manifest", where, _counted(stages), f"{_counted(wanted)}, as there")
        for cohort, recording in told:
            for config in sorted(configs[cohort] or [cohort]):
                if (config, recording) not in self.rows.recordings:
                    yield Fault("manifest", f"{config}, {recording}", "no row", "what was built")

    def _card(self) -> Iterator[Fault]:
        """The YAML of README.md against what writing it anew would say."""
        import yaml

        from psgvlm import dataset_card

        wanted = dataset_card.metadata(self.corpus, self.counts, self.digests)
        try:
            found = yaml.safe_load(files.read_text(self.corpus / CARD).split("---\n")[1])
            found = {name: found[name] for name in wanted}
        except (InputError, LookupError, TypeError) as error:
            yield Fault("card", CARD, f"not whole ({_first(error)})", f"YAML: {', '.join(wanted)}")
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            yield Fault("card", CARD, f"no YAML ({_first(error)})", "a dataset card's")
        else:
            for path, here, there in _differences(found, wanted, ()):
                yield Fault("card", f"{CARD}, {', '.join(path)}", here, f"{there}, as in the files")


def _differences(found, wanted, path: tuple[str, ...]) -> Iterator[tuple]:
    """Where two values of a YAML differ: the path of names to it, and both as text."""
    found, wanted = _by_name(found), _by_name(wanted)
    if isinstance(found, dict) and isinstance(wanted, dict):
        for name in dict.fromkeys([*wanted, *found]):
            yield from _differences(found.get(name), wanted.get(name), (*path, str(name)[:60]))
    elif found != wanted:
        yield path, _short(found), _short(wanted)


def _by_name(value):
    """A list of records as a dictionary, by the name that each has."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return value
    keys = ("config_name", "split", "name")
    names = [next((item[key] for key in keys if key in item), None) for item in value]
    return {
        name if isinstance(name, str) else str(index): item
        for index, (name, item) in enumerate(zip(names, value, strict=True))
    }


def _short(value) -> str:
    # A stranger's YAML may be small and yet, written out, without end.
    if value is None or isinstance(value, str | int | float):
        return "nothing" if value is None else repr(value)[:80]
    return f"a {type(value).__name__}"


def _schema_differences(found, wanted) -> str:
    """Which columns differ from those wanted, as text; empty where none does."""
    names = dict.fromkeys([*wanted.names, *found.names])
    odd = [name for name in names if _field(found, name) != _field(wanted, name)]
    if odd or found.names != wanted.names:
        return f"other columns ({', '.join(odd) or 'in another order'})"
    # By this `load_dataset` knows images and class labels; the file adds marks of its own.
    label = b"huggingface"
    same = (found.metadata or {}).get(label) == (wanted.metadata or {}).get(label)
    return "" if same else "other features in the metadata"


def _field(schema, name: str):
    indices = schema.get_all_field_indices(name)
    return schema.field(indices[0]).type if len(indices) == 1 else None


def _counted(stages: dict[str, int]) -> str:
    return " ".join(f"{stage} {count}" for stage, count in stages.items())


def _first(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:200]
