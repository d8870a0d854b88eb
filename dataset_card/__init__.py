"""The corpus' README.md: the YAML that `load_dataset` reads, and what the corpus holds."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from string import Template

from psgvlm.fidelity import fidelity_table, token_table
from psgvlm.image_spec import FILE_NAME, ImageSpec
from psgvlm.stages import STAGES

UNSCORED = "unscored"
TEMPLATE = Path(__file__).with_name("template.md")
SPLITS = ("train", "validation", "test", "pretrain")


def write(corpus: str | Path, digests: Mapping[str, str] | None = None) -> Path:
    """Write README.md from the Parquet files and the image spec of a corpus; returns its path.

    `digests` are the SHA-256 of files by their path in the corpus, where they are known: files
    that are not among them are read.
    """
    corpus = Path(corpus)
    spec = ImageSpec.load(corpus / FILE_NAME)
    counts = count(corpus)
    columns = [*STAGES, UNSCORED]
    lines = ["| configuration | split | subjects | epochs | " + " | ".join(columns) + " |"]
    lines.append("|" + "---|" * (4 + len(columns)))
    for (config, split), (subjects, stages) in counts.items():
        numbers = [len(subjects), sum(stages.values()), *(stages[stage] for stage in columns)]
        lines.append(f"| {config} | {split} | " + " | ".join(map(str, numbers)) + " |")
    configs = []
    for config in dict.fromkeys(config for config, _ in counts):
        # `load_dataset` keys its cache on this YAML and the folder's name, not on the files:
        # without the digest, a corpus built anew would be read as the old one.
        configs.append(
            f"- config_name: {config}\n  description: sha256 {digest(corpus / config, digests)}"
        )
        configs.append("  data_files:")
        for split in (split for name, split in counts if name == config):
            configs.append(f"  - split: {split}\n    path: {config}/{split}-*.parquet")
    total = sum(sum(stages.values()) for _, stages in counts.values())
    text = Template(TEMPLATE.read_text("utf-8")).substitute(
        configs="\n".join(configs),
        size=_size_category(total),
        table="\n".join(lines),
        subjects="\n".join(
            f"- {config}, {split}: {', '.join(sorted(subjects))}"
            for (config, split), (subjects, _) in counts.items()
        ),
        spec=spec.name,
        width=spec.width,
        height=spec.height,
        lanes=", ".join(spec.lanes),
        prompt=spec.prompt,
        fidelity=fidelity_table([spec]),
        tokens=token_table([spec]),
        example='"{}", split="{}"'.format(*list(counts)[-1]),
    )
    part = corpus / ".README.md.part"
    part.write_text(text, "utf-8")
    return part.replace(corpus / "README.md")


def count(corpus: Path) -> dict[tuple[str, str], tuple[set[str], Counter]]:
    """Subjects and epochs by stage of every (configuration, split), read from the Parquet files."""
    import pyarrow.parquet as pq

    counts = {}
    for config in sorted(
        path.name for path in corpus.iterdir() if path.is_dir() and path.name[0] != "."
    ):
        for split in SPLITS:
            subjects, stages = set(), Counter()
            for shard in sorted((corpus / config).glob(f"{split}-*.parquet")):
                table = pq.read_table(shard, columns=["subject", "stage"])
                subjects.update(table["subject"].to_pylist())
                indices = table["stage"].to_pylist()
                stages.update(UNSCORED if index is None else STAGES[index] for index in indices)
            if stages:
                counts[config, split] = subjects, stages
    return counts


def digest(folder: Path, digests: Mapping[str, str] | None = None) -> str:
    """SHA-256 over a configuration's Parquet files, names and contents, in the order of names."""
    total = hashlib.sha256()
    for shard in sorted(folder.glob("*.parquet")):
        content = (digests or {}).get(f"{folder.name}/{shard.name}")
        if content is None:
            with shard.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{content}  {shard.name}\n".encode())
    return total.hexdigest()


def _size_category(rows: int) -> str:
    """The Hub's size category."""
    edges = (("n<1K", 1e3), ("1K<n<10K", 1e4), ("10K<n<100K", 1e5), ("100K<n<1M", 1e6))
    return next((name for name, edge in edges if rows < edge), "1M<n<10M")
