"""Writing the README.md of a corpus from what its files hold."""

import shlex
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from string import Template

from psgvlm.dataset_card import benchmark, lanes, nsrr_sources, pictures, sources
from psgvlm.dataset_card.contents import UNSCORED, Counts, count, metadata, size_category

from psgvlm import chat
from psgvlm.corpus import checksums, manifest
from psgvlm.errors import InputError
from psgvlm.files import write_text
from psgvlm.hub import cohorts as cohort_terms
from psgvlm.image_spec import FILE_NAME, ImageSpec
from psgvlm.stages import STAGES

TEMPLATE = Path(__file__).with_name("template.md")
SOURCES = sources.SOURCES | nsrr_sources.SOURCES


def write(
    corpus: str | Path,
    name: str | None = None,
    as_benchmark: bool = False,
    note: str = "",
    renew_checksums: bool = True,
) -> Path:
    """Write README.md and its pictures from what a corpus holds.

    Parameters
    ----------
    corpus : str or Path
        The folder of the corpus.
    name : str, optional
        Its name on the Hub. Without one, the example on the card reads the folder of the card.
    as_benchmark : bool
        Whether to write `eval.yaml` too.
    note : str
        A sentence for the top of the card.
    renew_checksums : bool
        Whether to renew the lines of the written files in `SHA256SUMS`, if there is one.

    Returns
    -------
    Path
        The path of README.md.

    Raises
    ------
    InputError
        If the folder holds no corpus, or a shard is damaged.
    """
    from psgvlm.images.fidelity import fidelity_table
    from psgvlm.images.image_tokens import token_table

    corpus = Path(corpus)
    spec = ImageSpec.load(corpus / FILE_NAME)
    counts = count(corpus)
    if not counts:
        raise InputError(f"{corpus}: holds no Parquet shard; expected the shards of a corpus")
    staging = [key for key in counts if chat.cohort_and_task(key[0])[1] == "staging"]
    cohorts = list(dict.fromkeys(chat.cohort_and_task(config)[0] for config, _ in counts))
    written = pictures.write(corpus, dict.fromkeys(config for config, _ in counts))
    if as_benchmark:
        tested = [config for config, split in staging if split == "test"]
        written.append(benchmark.write(corpus, tested, spec.prompt).name)
    text = Template(TEMPLATE.read_text("utf-8")).substitute(
        note=quoted(note),
        metadata=_front_matter(counts, cohorts, spec),
        table=_table(counts),
        subjects="\n".join(
            f"- {cohort}, {split}: {', '.join(sorted(subjects))}"
            for (cohort, split), subjects in _subjects(counts).items()
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
        commands=build_commands(corpus, [config for config, _ in counts]),
        recordings=_recordings(corpus),
        substitutes=lanes.statement(corpus),
        sources=_sources(cohorts),
        citations="\n".join(f"- {text}" for text in _citations(cohorts)),
    )
    path = write_text(corpus / "README.md", text)
    if renew_checksums and (corpus / checksums.FILE_NAME).is_file():
        checksums.renew(corpus, path.name, *written)
    return path


def _front_matter(counts: Counts, cohorts: list[str], spec: ImageSpec) -> str:
    """Return the YAML at the top of the card."""
    import yaml

    front = {
        "pretty_name": "Polysomnography as images",
        **_licence(cohorts),
        "task_categories": ["image-text-to-text", "image-classification"],
        "size_categories": [size_category(sum(of_split.rows for of_split in counts.values()))],
        "tags": ["sleep", "sleep-staging", "polysomnography", "eeg"],
        **cohort_terms.access_form(cohorts, "These are images of recordings of"),
        **metadata(counts, spec),
    }
    return yaml.safe_dump(front, sort_keys=False, allow_unicode=True).rstrip()


def _licence(cohorts: list[str]) -> dict:
    """Return the licence as the Hub reads it: one, several, or `other` with a name.

    The Hub's identifiers are used only if the licences of all cohorts let others share the images.
    """
    licences = cohort_terms.hub_licences(cohorts)
    if not licences:
        return {"license": "other", "license_name": "terms-of-the-cohorts"}
    return {"license": licences[0] if len(licences) == 1 else licences}


def quoted(note: str) -> str:
    """Return a note as the quotation at the top of a card; empty if there is no note."""
    return f"\n> {' '.join(note.split())}\n" if note else ""


def _table(counts: Counts) -> str:
    columns = [*STAGES, UNSCORED]
    lines = ["| configuration | split | subjects | epochs | " + " | ".join(columns) + " |"]
    lines.append("|---|---|" + "---:|" * (2 + len(columns)))
    for (config, split), of_split in counts.items():
        numbers = [len(of_split.subjects), of_split.rows]
        numbers += [of_split.stages[stage] for stage in columns]
        lines.append(f"| {config} | {split} | " + " | ".join(map(str, numbers)) + " |")
    return "\n".join(lines)


def _pictures(corpus: Path) -> str:
    """Return the pictures of `images/`, one below the other; empty if there are none."""
    stages = [stage for stage in STAGES if (corpus / pictures.FOLDER / f"{stage}.png").is_file()]
    lines = [f"**{stage}**\n\n![{stage}]({pictures.FOLDER}/{stage}.png)" for stage in stages]
    if not lines:
        return ""
    text = "One epoch of each stage, from the middle of the first file that holds the stage:"
    return "\n\n" + "\n\n".join([text, *lines])


def build_commands(corpus: Path, configs: Iterable[str], image: str | None = None) -> str:
    """Return the commands that draw the images of a corpus again, one line for each cohort.

    Parameters
    ----------
    corpus : Path
        The corpus; its manifest has the options that it was built with.
    configs : iterable of str
        The configurations to draw.
    image : str, optional
        The value of `--image`. By default it is the name of the preset, or `image_spec.json` if the
        corpus was not drawn with a preset.
    """
    if image is None:
        spec = ImageSpec.load(corpus / FILE_NAME)
        try:
            is_named = ImageSpec.parse(spec.name) == spec
        except InputError:
            is_named = False
        image = spec.name if is_named else FILE_NAME
    tasks_of: dict[str, set[str]] = {}
    for config in configs:
        cohort, task = chat.cohort_and_task(config)
        tasks_of.setdefault(cohort, set()).add(task)
    rows = {row["cohort"]: row for row in _manifest(corpus, "cohort", "options", "reader")}
    lines = []
    for cohort, tasks in tasks_of.items():
        row = rows.get(cohort, {})
        reader = row.get("reader") or (cohort if cohort in cohort_terms.COHORTS else "folder")
        line = f"psgvlm build {reader} RAW/{cohort} --out CORPUS --image {shlex.quote(image)}"
        if tasks != {"staging"}:
            line += f" --tasks {','.join(task for task in chat.TASKS if task in tasks)}"
        lines.append(f"{line} {row.get('options') or ''}".rstrip())
    return "\n".join(lines)


def _manifest(corpus: Path, *columns: str) -> list[dict]:
    """Return columns of the manifest of a corpus; no rows if it has none."""
    import pyarrow.parquet as pq

    if not (path := corpus / manifest.FILE_NAME).is_file():
        return []
    return pq.read_table(path, columns=list(columns), schema=manifest.schema()).to_pylist()


def _recordings(corpus: Path) -> str:
    """Return how many recordings were drawn, from the manifest; empty if there is none."""
    statuses = Counter(tuple(row.values()) for row in _manifest(corpus, "cohort", "status"))
    if not statuses:
        return ""
    numbers = [f"{cohort}: {n} {status}" for (cohort, status), n in sorted(statuses.items())]
    warned = sum(bool(row["warnings"]) for row in _manifest(corpus, "warnings"))
    if warned:
        numbers.append(f"{warned} with warnings about their scores")
    return (
        f"Recordings: {', '.join(numbers)}. `{manifest.FILE_NAME}` has a row for each recording: "
        "its channels, sampling rates, seconds without signal, epochs of each stage, what is "
        "odd about its scores (`notes`, `warnings`), and the reason if it was skipped. "
    )


def _sources(cohorts: list[str]) -> str:
    """Return the terms and the known faults of the cohorts."""
    blocks = []
    for cohort in cohorts:
        terms = cohort_terms.COHORTS.get(cohort)
        if terms is None:
            blocks.append(f"**{cohort}**: a cohort that psgvlm does not know; ask who recorded it.")
            continue
        blocks.append(f"**{terms.name}** (`{cohort}`), {terms.terms} Source: <{terms.source}>")
        blocks.append("\n".join(f"- {fault}" for fault in SOURCES[cohort].faults))
    blocks = [block for block in blocks if block]
    return "\n\n".join(blocks)


def _citations(cohorts: list[str]) -> list[str]:
    known = (SOURCES[cohort] for cohort in cohorts if cohort in SOURCES)
    texts = [text for source in known for text in source.citations]
    return list(dict.fromkeys([*texts, sources.PAPER]))


def _subjects(counts: Counts) -> dict[tuple[str, str], set[str]]:
    """Return the subjects by cohort and split; they are the same for all tasks."""
    subjects: dict[tuple[str, str], set[str]] = {}
    for (config, split), of_split in counts.items():
        cohort, _ = chat.cohort_and_task(config)
        subjects.setdefault((cohort, split), set()).update(of_split.subjects)
    return subjects


def _other_tasks(counts: Counts) -> str:
    """Return the prompts of the configurations for other tasks; empty if there are none."""
    tasks = {chat.cohort_and_task(config)[1] for config, _ in counts}
    lines = [
        f'- `{chat.configuration("<cohort>", task)}`: "{prompt}"'
        for task, prompt in chat.TASKS.items()
        if prompt and task in tasks
    ]
    text = (
        "Other configurations have the same images with other prompts. Their answers were\n"
        "measured in the signals; unscored epochs have answers about what the image shows, too:"
    )
    return "\n".join(["", "", text, "", *lines]) if lines else ""
