"""The corpus' README.md: the YAML that `load_dataset` reads, and what the corpus holds."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from builders import checksums
from builders.splits import SPLITS
from psgvlm import chat
from psgvlm.errors import InputError
from psgvlm.fidelity import fidelity_table, token_table
from psgvlm.image_spec import FILE_NAME, ImageSpec
from psgvlm.stages import STAGES

UNSCORED = "unscored"
NAMES = dict(enumerate(STAGES)) | {None: UNSCORED}
TEMPLATE = Path(__file__).with_name("template.md")


@dataclass
class Split:
    """What one split of a configuration holds: rows, their subjects and stages, bytes."""

    rows: int = 0
    file_bytes: int = 0
    num_bytes: int = 0
    subjects: set[str] = field(default_factory=set)
    stages: Counter = field(default_factory=Counter)


Counts = dict[tuple[str, str], Split]


def write(corpus: str | Path, known: Mapping[str, str] | None = None) -> Path:
    """Write README.md from the Parquet files and the image spec of a corpus; returns its path.

    `known` are the files' SHA-256 by their paths in the corpus; files it does not have are read.
    By default those of `SHA256SUMS` are taken, and its line for README.md is renewed.
    """
    import yaml

    corpus = Path(corpus)
    listed = (corpus / checksums.FILE_NAME).is_file() and known is None
    if listed:
        known = checksums.unchanged(corpus)
    spec = ImageSpec.load(corpus / FILE_NAME)
    counts = count(corpus)
    if not counts:
        raise InputError(f"{corpus}: holds no Parquet shard; expected those of a corpus")
    staging = [key for key in counts if chat.cohort_and_task(key[0])[1] == "staging"]
    columns = [*STAGES, UNSCORED]
    lines = ["| configuration | split | subjects | epochs | " + " | ".join(columns) + " |"]
    lines.append("|" + "---|" * (4 + len(columns)))
    for (config, split), held in counts.items():
        stages = held.stages
        numbers = [len(held.subjects), held.rows, *(stages[stage] for stage in columns)]
        lines.append(f"| {config} | {split} | " + " | ".join(map(str, numbers)) + " |")
    described = metadata(corpus, counts, known or {})
    text = Template(TEMPLATE.read_text("utf-8")).substitute(
        metadata=yaml.safe_dump(described, sort_keys=False, allow_unicode=True).rstrip(),
        size=_size_category(sum(held.rows for held in counts.values())),
        table="\n".join(lines),
        subjects="\n".join(
            f"- {cohort}, {split}: {', '.join(sorted(found))}"
            for (cohort, split), found in _subjects(counts).items()
        ),
        spec=spec.name,
        width=spec.width,
        height=spec.height,
        lanes=", ".join(spec.lanes),
        prompt=spec.prompt,
        tasks=_other_tasks(counts),
        fidelity=fidelity_table([spec]),
        tokens=token_table([spec]),
        example='"{}", split="{}"'.format(*(staging or list(counts))[-1]),
    )
    path = corpus / "README.md"
    part = corpus / ".README.md.part"
    part.write_text(text, "utf-8")
    part.replace(path)
    if listed:
        checksums.renew(corpus, path.name)
    return path


def _subjects(counts: Counts) -> dict[tuple[str, str], set[str]]:
    """Subjects by cohort and split: the same for all tasks."""
    found: dict[tuple[str, str], set[str]] = {}
    for (config, split), held in counts.items():
        cohort, _ = chat.cohort_and_task(config)
        found.setdefault((cohort, split), set()).update(held.subjects)
    return found


def _other_tasks(counts: Counts) -> str:
    """What the configurations of other tasks ask and answer; empty where there are none."""
    found = {chat.cohort_and_task(config)[1] for config, _ in counts}
    lines = [
        f'- `{chat.configuration("<cohort>", task)}`: "{prompt}"'
        for task, prompt in chat.TASKS.items()
        if prompt and task in found
    ]
    said = "The same images with other questions, answered from what was measured in the signals\n"
    said += "(what an image shows is told of unscored epochs, too):"
    return "\n".join(["", "", said, "", *lines]) if lines else ""


def metadata(corpus: Path, counts: Counts, known: Mapping[str, str]) -> dict:
    """The part of the YAML that `load_dataset` and the Hub's viewer read.

    For each configuration its files, and so that nothing needs to be read to know them, its
    columns, rows and bytes.
    """
    from datasets import DatasetInfo
    from datasets.splits import SplitDict, SplitInfo

    configs, infos = [], []
    for config in dict.fromkeys(config for config, _ in counts):
        splits = {split: held for (name, split), held in counts.items() if name == config}
        files = [{"split": name, "path": f"{config}/{name}-*.parquet"} for name in splits]
        # `load_dataset` keys its cache on this YAML and the folder's name, not on the files:
        # without the digest, a corpus built anew would be read as the old one.
        description = f"sha256 {digest(corpus, config, known)}"
        configs.append({"config_name": config, "description": description, "data_files": files})
        info = DatasetInfo(
            config_name=config,
            features=chat.features(),
            splits=SplitDict(
                {name: SplitInfo(name, held.num_bytes, held.rows) for name, held in splits.items()}
            ),
            download_size=sum(held.file_bytes for held in splits.values()),
            dataset_size=sum(held.num_bytes for held in splits.values()),
        )
        infos.append({"config_name": config, **info._to_yaml_dict()})
    return {"configs": configs, "dataset_info": infos}


def count(corpus: Path) -> Counts:
    """What every (configuration, split) holds, from the Parquet files' columns; no image is read.

    Raises `InputError` where a file is no Parquet, or a stage none of the five.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    counts: Counts = {}
    folders = (path.name for path in corpus.iterdir() if path.is_dir())
    for config in sorted(name for name in folders if not name.startswith(".")):
        for split in SPLITS:
            for shard in sorted((corpus / config).glob(f"{split}-*.parquet")):
                held = counts.setdefault((config, split), Split())
                held.file_bytes += shard.stat().st_size
                try:
                    with pq.ParquetFile(shard) as file:
                        held.rows += file.metadata.num_rows
                        held.num_bytes += num_bytes(file)
                        for batch in file.iter_batches(columns=["subject", "stage"]):
                            held.subjects.update(batch["subject"].unique().to_pylist())
                            for found in batch["stage"].value_counts().to_pylist():
                                held.stages[NAMES[found["values"]]] += found["counts"]
                except (pa.ArrowException, KeyError, OSError) as error:
                    raise InputError(
                        f"{shard}: {error}; expected the shard of a corpus: "
                        f"see python -m builders verify {corpus}"
                    ) from error
    return counts


def num_bytes(file) -> int:
    """Bytes of a Parquet file's columns unpacked: about what `load_dataset` needs for its copy."""
    groups = map(file.metadata.row_group, range(file.metadata.num_row_groups))
    return sum(group.total_byte_size for group in groups)


def digest(corpus: Path, config: str, known: Mapping[str, str]) -> str:
    """SHA-256 over a configuration's Parquet files, names and contents, in the order of names."""
    total = hashlib.sha256()
    for shard in sorted(filter(Path.is_file, (corpus / config).glob("*.parquet"))):
        content = known.get(f"{config}/{shard.name}") or checksums.digest(shard)
        total.update(f"{content}  {shard.name}\n".encode())
    return total.hexdigest()


def _size_category(rows: int) -> str:
    """The Hub's size category."""
    edges = (("n<1K", 1e3), ("1K<n<10K", 1e4), ("10K<n<100K", 1e5), ("100K<n<1M", 1e6))
    return next((name for name, edge in edges if rows < edge), "1M<n<10M")
