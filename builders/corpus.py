"""What every cohort needs: nights drawn in parallel, rows written, split by subject, a card.

A corpus is a folder that `load_dataset` reads as it reads a repository of the Hub:
`README.md`, `image_spec.json`, `<cohort>/<split>-00000-of-00001.parquet`.
"""

import shutil
from collections.abc import Iterator
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
from psgvlm.signals import Trace

ROW_GROUP = 100  # images; larger groups make random access slow
SHARD_BYTES = 500_000_000


@dataclass(frozen=True)
class Part:
    """A night's pictures, one after the other in a file, and what their rows say.

    `columns` has a value for each picture, `shared` the values of all. A worker makes no table: it
    needs neither pyarrow nor pandas, and 80 MB less.
    """

    path: Path
    sizes: list[int]
    columns: dict[str, list]
    shared: dict


@dataclass(frozen=True)
class Drawn:
    """What became of one night: its part file, or the reason why it was skipped.

    `found` are the columns of the manifest that drawing it filled.
    """

    night: Night
    part: Part | None = None
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
                work / "parts" / f"{i:05d}",
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
    """Read, filter and draw one night into a part file: its scored epochs, or all if unscored."""
    seen = examine(reader, night, spec.montage, choices)
    stages, second = seen.scores.stages, seen.scores.second
    traces = signals.prepare(seen.recording, seen.lanes, spec)
    images = render.draw(traces, spec, [epoch.stored_s for epoch in seen.epochs])
    with part.open("wb") as file:
        sizes = [file.write(render.to_png(image, spec)) for image in images]
    numbers = [epoch.number for epoch in seen.epochs]
    columns = {
        "stages": [stages[number] for number in numbers],
        "second": [second[number] if second else None for number in numbers],
        "epochs": numbers,
        "onsets_s": [epoch.onset_s for epoch in seen.epochs],
    }
    shared = {
        "text": spec.prompt,
        "cohort": night.cohort,
        "subject": night.subject,
        "recording": night.recording,
        "fold": fold,
        "lanes": list(seen.lanes.found),
    }
    drawn = Part(part, sizes, columns, shared)
    return Drawn(night, drawn, _found(seen, traces), seen.notes)


def _found(seen: Examined, traces: list[Trace | None]) -> dict:
    """The manifest's columns that only a drawn night can fill."""
    lanes = []
    for lane, source, trace in zip(seen.lanes.lanes, seen.lanes.sources, traces, strict=True):
        if trace:
            told = {"lane": lane.name, "source": str(source), "rate_hz": trace.rate_hz}
            lanes.append(told | asdict(trace.quality))
    return {
        "duration_s": seen.recording.duration_s,
        "lanes": lanes,
        "missing": list(seen.lanes.missing),
        "kappa": seen.scores.kappa,
        **manifest.epochs_by_stage(seen.scores.stages[epoch.number] for epoch in seen.epochs),
    }


def write_shards(parts: list[Part], folder: Path, split: str) -> None:
    """Stream parts, in order, into `{split}-0000k-of-0000n.parquet`, a row group at a time."""
    import pyarrow.parquet as pq

    shards: list[Path] = []
    writer = None
    for part in parts:
        for rows in _tables(part):
            if writer is None or shards[-1].stat().st_size > SHARD_BYTES:
                if writer:
                    writer.close()
                shards.append(folder / f"{split}-{len(shards):05d}.tmp")
                writer = pq.ParquetWriter(
                    shards[-1],
                    chat.schema(),
                    compression={"images.list.element.bytes": "none"},
                    write_page_index=True,
                    use_content_defined_chunking=True,
                )
            writer.write_table(rows)
    if writer:
        writer.close()
    for index, shard in enumerate(shards):
        shard.rename(folder / f"{split}-{index:05d}-of-{len(shards):05d}.parquet")


def _tables(part: Part) -> Iterator:
    """A part's rows, `ROW_GROUP` at a time."""
    with part.path.open("rb") as file:
        for start in range(0, len(part.sizes), ROW_GROUP):
            group = slice(start, start + ROW_GROUP)
            pngs = [file.read(size) for size in part.sizes[group]]
            columns = {name: values[group] for name, values in part.columns.items()}
            yield chat.table(pngs, **columns, **part.shared)
