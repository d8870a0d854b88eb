"""The corpus' README.md: the YAML that `load_dataset` reads, and what the corpus holds."""

import hashlib
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from psgvlm.dataset_card import benchmark, pictures, sources

from psgvlm import chat
from psgvlm.corpus import checksums, manifest, row_schema
from psgvlm.corpus.splits import SPLITS
from psgvlm.errors import InputError
from psgvlm.hub import cohorts as cohort_terms
from psgvlm.image_spec import FILE_NAME, ImageSpec
from psgvlm.images.fidelity import fidelity_table
from psgvlm.images.image_tokens import token_table
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


def write(
    corpus: str | Path,
    known: Mapping[str, str] | None = None,
    name: str | None = None,
    as_benchmark: bool = False,
    note: str = "",
) -> Path:
    """Write README.md and its pictures from what is in a corpus; returns the former's path.

    `known` are the files' SHA-256 by their paths in the corpus; files it does not have are read.
    By default those of `SHA256SUMS` are taken, and its lines for what is written are renewed.
    `name` is what the Hub calls it; without one the card's example reads this very folder.
    With `as_benchmark` there is an `eval.yaml`, too; `note` stands at the top.
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
    cohorts = list(dict.fromkeys(chat.cohort_and_task(config)[0] for config, _ in counts))
    written = pictures.write(corpus, dict.fromkeys(config for config, _ in counts))
    if as_benchmark:
        tested = [config for config, split in staging if split == "test"]
        written.append(benchmark.write(corpus, tested, spec.prompt).name)
    front = {
        "pretty_name": "Polysomnography as images",
        "license": "other",
        "license_name": "terms-of-the-cohorts",
        "task_categories": ["image-text-to-text", "image-classification"],
        "size_categories": [_size_category(sum(held.rows for held in counts.values()))],
        "tags": ["sleep", "sleep-staging", "polysomnography", "eeg"],
        **cohort_terms.access_form(cohorts, "These are images of recordings of"),
        **metadata(corpus, counts, known or {}),
    }
    text = Template(TEMPLATE.read_text("utf-8")).substitute(
        note=quoted(note),
        metadata=yaml.safe_dump(front, sort_keys=False, allow_unicode=True).rstrip(),
        table=_table(counts),
        subjects="\n".join(
            f"- {cohort}, {split}: {', '.join(sorted(found))}"
            for (cohort, split), found in _subjects(counts).items()
        ),
        spec=spec.name,
        width=spec.width,
        height=spec.height,
        lanes=", ".join(spec.lanes),
        prompt=spec.prompt,
        pictures=_pictures(corpus),
        tasks=_other_tasks(counts),
        fidelity=fidelity_table([spec]),
        tokens=token_table([spec]),
        example='"{}", split="{}"'.format(*(staging or list(counts))[-1]),
        name=f'"{name}"' if name else "os.getcwd()",
        imports=("" if name else "import os\n\n") + "from datasets import load_dataset",
        made=made(corpus, [config for config, _ in counts]),
        recordings=_recordings(corpus),
        sources=_sources(cohorts),
        citations="\n".join(f"- {text}" for text in _citations(cohorts)),
    )
    path = corpus / "README.md"
    part = corpus / ".README.md.part"
    part.write_text(text, "utf-8")
    part.replace(path)
    if listed:
        checksums.renew(corpus, path.name, *written)
    return path


def quoted(note: str) -> str:
    """A note as a card begins with it; empty where there is none."""
    return f"\n> {' '.join(note.split())}\n" if note else ""


def _table(counts: Counts) -> str:
    columns = [*STAGES, UNSCORED]
    lines = ["| configuration | split | subjects | epochs | " + " | ".join(columns) + " |"]
    lines.append("|---|---|" + "---:|" * (2 + len(columns)))
    for (config, split), held in counts.items():
        numbers = [len(held.subjects), held.rows, *(held.stages[stage] for stage in columns)]
        lines.append(f"| {config} | {split} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join(lines)


def _pictures(corpus: Path) -> str:
    """The pictures of `images/` one below the other; empty where there are none."""
    found = [stage for stage in STAGES if (corpus / pictures.FOLDER / f"{stage}.png").is_file()]
    shown = [f"**{stage}**\n\n![{stage}]({pictures.FOLDER}/{stage}.png)" for stage in found]
    if not shown:
        return ""
    said = "One epoch of each stage, the middle one of those in the first file that holds it:"
    return "\n\n" + "\n\n".join([said, *shown])


def made(corpus: Path, configs: Iterable[str], image: str | None = None) -> str:
    """The commands that draw the images of a corpus, as its manifest tells how it was asked for.

    `image` is how they are to be drawn, if not by the preset that its image spec is.
    """
    if image is None:
        spec = ImageSpec.load(corpus / FILE_NAME)
        try:
            named = ImageSpec.parse(spec.name) == spec
        except InputError:
            named = False
        image = spec.name if named else FILE_NAME
    tasks: dict[str, set[str]] = {}
    for config in configs:
        cohort, task = chat.cohort_and_task(config)
        tasks.setdefault(cohort, set()).add(task)
    typed = {row["cohort"]: row["options"] for row in _manifest(corpus, "cohort", "options")}
    lines = []
    for cohort, asked in tasks.items():
        reader = cohort if cohort in cohort_terms.COHORTS else "folder"
        line = f"python -m builders {reader} RAW/{cohort} --out CORPUS --image {shlex.quote(image)}"
        if asked != {"staging"}:
            line += f" --tasks {','.join(task for task in chat.TASKS if task in asked)}"
        lines.append(f"{line} {typed.get(cohort) or ''}".rstrip())
    return "\n".join(lines)


def _manifest(corpus: Path, *columns: str) -> list[dict]:
    """Columns of a corpus' manifest; no rows where there is none."""
    import pyarrow.parquet as pq

    if not (path := corpus / manifest.FILE_NAME).is_file():
        return []
    return pq.read_table(path, columns=list(columns), schema=manifest.schema()).to_pylist()


def _recordings(corpus: Path) -> str:
    """What became of the recordings, from the manifest; empty where there is none."""
    found = Counter(tuple(row.values()) for row in _manifest(corpus, "cohort", "status"))
    if not found:
        return ""
    told = [f"{cohort}: {count} {status}" for (cohort, status), count in sorted(found.items())]
    return (
        f"Recordings: {', '.join(told)}. `{manifest.FILE_NAME}` has a row for each, with its "
        "channels, rates, seconds without signal and epochs of every stage, and where it was left "
        "out, why. "
    )


def _sources(cohorts: list[str]) -> str:
    """Terms and known faults of the cohorts."""
    blocks = []
    for cohort in cohorts:
        terms = cohort_terms.COHORTS.get(cohort)
        if terms is None:
            blocks.append(f"**{cohort}**: no cohort that is known here; ask whoever recorded it.")
            continue
        blocks.append(f"**{terms.name}** (`{cohort}`), {terms.terms}")
        blocks.append("\n".join(f"- {fault}" for fault in sources.SOURCES[cohort].faults))
    return "\n\n".join(blocks)


def _citations(cohorts: list[str]) -> list[str]:
    known = (sources.SOURCES[cohort] for cohort in cohorts if cohort in sources.SOURCES)
    return [*(text for source in known for text in source.citations), sources.PAPER]


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
            features=row_schema.features(),
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
