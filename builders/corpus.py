"""What every cohort needs: nights drawn in parallel, rows written, split by subject, a card.

A corpus is a folder that `load_dataset` reads as it reads a repository of the Hub:
`README.md`, `image_spec.json`, `<cohort>/<split>-00000-of-00001.parquet`.
"""

import shutil
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType

from builders import files, manifest
from builders.examine import Choices, Examined, examine
from builders.manifest import BUILT, SKIPPED
from builders.night import Night
from builders.splits import Place
from psgvlm import chat, image_spec, render, signals
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec

ROW_GROUP = 100  # images; larger groups make random access slow
SHARD_BYTES = 500_000_000


@dataclass(frozen=True)
class Drawn:
    """What became of one night: its part file, or the reason why it was skipped.

    `found` are the columns of the manifest that drawing it filled.
    """

    night: Night
    part: Path | None = None
    found: dict = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    reason: str | None = None


def build(
    reader: ModuleType,
    nights: list[Night],
    out: Path,
    spec: ImageSpec,
    places: dict[str, Place],
    workers: int,
    choices: Choices,
) -> list[Drawn]:
    """Draw the nights of one cohort into the corpus `out`, subjects placed as `places` says.

    Returns what became of each night; where all had to be skipped nothing is written. Raises
    `InputError` where `out` is no corpus of the same spec. A cohort's folder is replaced only when
    the new one is whole.
    """
    from tqdm import tqdm

    cohort = nights[0].cohort
    check_output(out, spec)
    work = out / f".building-{cohort}"
    shutil.rmtree(work, ignore_errors=True)
    (work / "parts").mkdir(parents=True)
    try:
        tasks = [
            (
                reader.__name__,
                night,
                spec,
                work / "parts" / f"{i:05d}.parquet",
                places[night.subject].fold,
                choices,
            )
            for i, night in enumerate(nights)
        ]
        with ProcessPoolExecutor(min(workers, len(tasks))) as pool:
            results = list(
                tqdm(pool.map(_draw_task, tasks), total=len(tasks), unit="night", desc=cohort)
            )
        drawn = [result for result in results if result.part]
        if not drawn:
            return results
        for split in sorted({place.split for place in places.values()}):
            parts = [r.part for r in drawn if places[r.night.subject].split == split]
            write_shards(parts, work, split)
        shutil.rmtree(work / "parts")
        shutil.rmtree(out / cohort, ignore_errors=True)
        work.rename(out / cohort)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    spec.save(out)
    manifest.write(out, cohort, [_manifest_row(r, places, choices.raw) for r in results])
    return results


def _manifest_row(result: Drawn, places: dict[str, Place], raw: Path | None) -> dict:
    night = result.night
    # Paths of the machine that built the corpus are nobody's business.
    shorter = (lambda text: text.replace(f"{raw}/", "")) if raw else str
    return {
        "path": files.readable(shorter(str(night.signal))),
        "cohort": night.cohort,
        "subject": night.subject,
        "recording": night.recording,
        **places[night.subject]._asdict(),
        **result.found,
        "notes": [files.readable(shorter(note)) for note in result.notes],
        "status": SKIPPED if result.reason else BUILT,
        "reason": files.readable(shorter(result.reason)) if result.reason else None,
    }


def find(reader: ModuleType, raw: Path) -> list[Night]:
    """The reader's nights below `raw`; none is an error that says what was looked for."""
    if not raw.is_dir():
        raise InputError(f"{raw}: no such folder; expected one that holds {reader.EXPECTED}")
    nights = reader.find(raw)
    if not nights:
        count = len(files.below(raw, ("",)))
        raise InputError(f"{raw}: no recordings among {count} files; expected {reader.EXPECTED}")
    named: dict[str, Path] = {}
    for night in nights:
        other = named.setdefault(night.recording, night.signal)
        if other != night.signal:
            raise InputError(
                f"{night.signal}: recording {night.recording} again, which {other} is too; "
                "expected every recording once: keep one, or name the folder that holds one"
            )
    return nights


def check_output(out: Path, spec: ImageSpec) -> None:
    """Refuse a folder that holds something else, or a corpus drawn otherwise."""
    if not out.exists() or not any(out.iterdir()):
        return
    path = out / image_spec.FILE_NAME
    if not path.is_file():
        if all(entry.name.startswith(".building-") for entry in out.iterdir()):
            return  # an earlier build was stopped before it had anything to keep
        raise InputError(
            f"{out}: holds files but no {image_spec.FILE_NAME}; "
            "expected an empty folder or a corpus"
        )
    if differences := ImageSpec.load(path).differences(spec):
        raise InputError(
            f"{path}: this corpus was drawn with another image spec ({differences}); "
            "expected the same one: choose another --out or the same --image"
        )


def _draw_task(task: tuple) -> Drawn:
    """Run in a worker; modules do not travel between processes, their names do."""
    import importlib

    name, night, *how = task
    try:
        return draw_night(importlib.import_module(name), night, *how)
    except InputError as error:
        return Drawn(night, reason=str(error))


def draw_night(
    reader: ModuleType,
    night: Night,
    spec: ImageSpec,
    part: Path,
    fold: int | None,
    choices: Choices,
) -> Drawn:
    """Read, filter and draw one night into a Parquet file: scored epochs, or all if unscored."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    seen = examine(reader, night, spec.montage, choices)
    scores = seen.scores
    traces = signals.prepare(seen.recording, seen.lanes, spec)
    images = render.draw(traces, spec, [epoch.stored_s for epoch in seen.epochs])
    schema = chat.features().arrow_schema
    with pq.ParquetWriter(part, schema, compression="none") as writer:
        rows = []
        for epoch, image in zip(seen.epochs, images, strict=True):
            row = chat.row(
                render.to_png(image, spec),
                spec.prompt,
                scores.stages[epoch.number],
                scores.second[epoch.number] if scores.second else None,
                cohort=night.cohort,
                subject=night.subject,
                recording=night.recording,
                fold=fold,
                epoch=epoch.number,
                onset=epoch.onset_s,
                lanes=list(seen.lanes.found),
            )
            rows.append(row)
            if len(rows) == ROW_GROUP or epoch == seen.epochs[-1]:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows = []
    return Drawn(night, part, _found(seen), seen.notes)


def _found(seen: Examined) -> dict:
    """The manifest's columns that only a drawn night can fill."""
    lanes = []
    for lane, source in zip(seen.lanes.lanes, seen.lanes.sources, strict=True):
        if source:
            rate_hz = seen.recording.channel(source.plus).rate_hz
            bad = asdict(signals.quality(seen.recording, source))
            lanes.append({"lane": lane.name, "source": str(source), "rate_hz": rate_hz, **bad})
    return {
        "duration_s": seen.recording.duration_s,
        "lanes": lanes,
        "missing": list(seen.lanes.missing),
        "kappa": seen.scores.kappa,
        **manifest.epochs_by_stage(seen.scores.stages[epoch.number] for epoch in seen.epochs),
    }


def write_shards(parts: list[Path], folder: Path, split: str) -> None:
    """Stream part files, in order, into `{split}-0000k-of-0000n.parquet`, a row group at a time."""
    import pyarrow.parquet as pq

    schema = chat.features().arrow_schema
    shards: list[Path] = []
    writer = None
    for part in parts:
        file = pq.ParquetFile(part)
        for group in range(file.num_row_groups):
            if writer is None or shards[-1].stat().st_size > SHARD_BYTES:
                if writer:
                    writer.close()
                shards.append(folder / f"{split}-{len(shards):05d}.tmp")
                writer = pq.ParquetWriter(
                    shards[-1],
                    schema,
                    compression={"images.list.element.bytes": "none"},
                    write_page_index=True,
                    use_content_defined_chunking=True,
                )
            writer.write_table(file.read_row_group(group))
    if writer:
        writer.close()
    for index, shard in enumerate(shards):
        shard.rename(folder / f"{split}-{index:05d}-of-{len(shards):05d}.parquet")
