"""What every cohort needs: nights drawn in parallel, rows written, split by subject, a card.

A corpus is a folder that `load_dataset` reads as it reads a repository of the Hub:
`README.md`, `image_spec.json`, `<cohort>/<split>-00000-of-00001.parquet`.
"""

import shutil
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from builders.night import Night, Scores
from psgvlm import chat, image_spec, render, signals
from psgvlm.errors import InputError
from psgvlm.image_spec import EPOCH_S, ImageSpec
from psgvlm.montage import find_lanes, require_eeg
from psgvlm.recording import Recording

ROW_GROUP = 100  # images; larger groups make random access slow
SHARD_BYTES = 500_000_000


@dataclass(frozen=True)
class Drawn:
    """What became of one night: its part file and counts, or the reason why it was skipped."""

    night: Night
    part: Path | None = None
    stages: Counter | None = None
    notes: tuple[str, ...] = ()
    reason: str | None = None


def build(
    reader: ModuleType,
    nights: list[Night],
    out: Path,
    spec: ImageSpec,
    split_of: dict[str, str],
    workers: int,
) -> list[Drawn]:
    """Draw the nights of one cohort into the corpus `out`, splits as `split_of` maps subjects.

    Returns what became of each night. Raises `InputError` where all had to be skipped, or where
    `out` is no corpus of the same spec. A cohort's folder is replaced only when the new one is
    whole.
    """
    from tqdm import tqdm

    cohort = nights[0].cohort
    check_output(out, spec)
    work = out / f".building-{cohort}"
    shutil.rmtree(work, ignore_errors=True)
    (work / "parts").mkdir(parents=True)
    try:
        tasks = [
            (reader.__name__, night, spec, work / "parts" / f"{i:05d}.parquet")
            for i, night in enumerate(nights)
        ]
        with ProcessPoolExecutor(min(workers, len(tasks))) as pool:
            results = list(
                tqdm(pool.map(_draw_task, tasks), total=len(tasks), unit="night", desc=cohort)
            )
        drawn = [result for result in results if result.part]
        if not drawn:
            raise InputError(
                f"{cohort}: all {len(results)} recordings were skipped; the first, "
                f"{results[0].night.signal.name}: {results[0].reason}"
            )
        for split in sorted(set(split_of.values())):
            parts = [r.part for r in drawn if split_of[r.night.subject] == split]
            write_shards(parts, work, split)
        shutil.rmtree(work / "parts")
        shutil.rmtree(out / cohort, ignore_errors=True)
        work.rename(out / cohort)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    spec.save(out)
    return results


def find(reader: ModuleType, raw: Path) -> list[Night]:
    """The reader's nights below `raw`; none is an error that says what was looked for."""
    if not raw.is_dir():
        raise InputError(f"{raw}: no such folder; expected one that holds {reader.EXPECTED}")
    nights = reader.find(raw)
    if not nights:
        count = sum(1 for path in raw.rglob("*") if path.is_file())
        raise InputError(f"{raw}: no recordings among {count} files; expected {reader.EXPECTED}")
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


def _draw_task(task: tuple[str, Night, ImageSpec, Path]) -> Drawn:
    """Run in a worker; modules do not travel between processes, their names do."""
    import importlib

    name, night, spec, part = task
    try:
        return draw_night(importlib.import_module(name), night, spec, part)
    except InputError as error:
        return Drawn(night, reason=str(error))


def draw_night(reader: ModuleType, night: Night, spec: ImageSpec, part: Path) -> Drawn:
    """Read, filter and draw one night's scored epochs into a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    scores = reader.read_scores(night)
    recording = Recording(night.signal)
    lanes = find_lanes(recording.labels, spec.montage, reader.ALIASES)
    require_eeg(lanes, recording)
    epochs, beyond = usable(scores, recording.duration_s)
    if not epochs:
        raise InputError(
            f"{night.signal}: no scored epoch within its {recording.duration_s:g} s "
            f"({len(scores.stages)} epochs in the scores, {beyond} beyond the end)"
        )
    traces = signals.prepare(recording, lanes, spec)
    onsets_s = [scores.onset_s + EPOCH_S * epoch for epoch in epochs]
    images = render.draw(traces, spec, onsets_s)
    schema = chat.features().arrow_schema
    with pq.ParquetWriter(part, schema, compression="none") as writer:
        rows = []
        for epoch, onset_s, image in zip(epochs, onsets_s, images, strict=True):
            row = chat.row(
                render.to_png(image, spec),
                spec.prompt,
                scores.stages[epoch],
                scores.second[epoch] if scores.second else None,
                cohort=night.cohort,
                subject=night.subject,
                recording=night.recording,
                epoch=epoch,
                onset=onset_s,
                lanes=list(lanes.found),
            )
            rows.append(row)
            if len(rows) == ROW_GROUP or epoch == epochs[-1]:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows = []
    notes = []
    if lanes.missing:
        notes.append(f"no {', '.join(lanes.missing)}")
    if beyond:
        notes.append(f"{beyond} scored epochs beyond the end of the signal left out")
    return Drawn(night, part, Counter(scores.stages[e] for e in epochs), tuple(notes))


def usable(scores: Scores, duration_s: float) -> tuple[list[int], int]:
    """Scored epochs that lie wholly within the record, and how many do not."""
    scored = [epoch for epoch, stage in enumerate(scores.stages) if stage is not None]
    # A millisecond of grace: durations in headers are rounded.
    whole = [e for e in scored if scores.onset_s + EPOCH_S * (e + 1) <= duration_s + 1e-3]
    return whole, len(scored) - len(whole)


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
