"""`manifest.parquet`: one row for each recording of a corpus, drawn or skipped."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from psgvlm import files
from psgvlm.stages import STAGES

RAW = "\0"  # a mark for the raw folder in notes and reasons, replaced when they are printed
FILE_NAME = "manifest.parquet"
STAGE_COLUMNS = (*STAGES, "unscored")
BUILT, SKIPPED = "built", "skipped"
FAILED = "failed"  # not because of the recording: the next build tries again


def schema():
    """Return the columns.

    `lanes` has a record for each lane that is filled: its source, a note if the source is a
    substitute or needs another word, its rate, and its bad seconds.
    """
    import pyarrow as pa

    lane = {"lane": pa.string(), "source": pa.string(), "note": pa.string()}
    lane |= {"rate_hz": pa.float64(), "flat_s": pa.float64(), "clipped_s": pa.float64()}
    columns = {name: pa.string() for name in ("path", "cohort", "subject", "recording", "split")}
    columns |= {"fold": pa.int32(), "duration_s": pa.float64()}
    columns |= {"lanes": pa.list_(pa.struct(list(lane.items()))), "missing": pa.list_(pa.string())}
    columns |= {stage: pa.int32() for stage in STAGE_COLUMNS}
    columns |= {"kappa": pa.float64(), "notes": pa.list_(pa.string())}
    columns |= {"warnings": pa.list_(pa.string()), "reader": pa.string()}
    columns |= {"status": pa.string(), "reason": pa.string(), "options": pa.string()}
    return pa.schema(list(columns.items()))


def epochs_by_stage(stages: Iterable[str | None]) -> dict[str, int]:
    """Return the columns that count the drawn epochs of every stage, and the unscored ones."""
    counts = Counter(stages)
    return {**{stage: counts[stage] for stage in STAGES}, "unscored": counts[None]}


def row(cohort: str, entry, reader: str, options: str) -> dict:
    """Return the row of an entry (`psgvlm.builders.build.state.Entry`).

    `reader` is the word by which `psgvlm build` knows the reader, and `options` are the options of
    the build that do not have their default. The row does not say where the raw folder was.
    """
    result = entry.result
    return {
        "path": entry.path,
        "cohort": cohort,
        "subject": entry.subject,
        "recording": entry.recording,
        "split": entry.split,
        "fold": entry.fold,
        **result.manifest_columns,
        "notes": [_printable(note) for note in result.notes],
        "warnings": [_printable(warning) for warning in result.warnings],
        "reader": reader,
        "status": result.status,
        "reason": _printable(result.reason) if result.reason else None,
        "options": options,
    }


def _printable(text: str) -> str:
    return files.printable_name(text.replace(f"{RAW}/", ""))


def write(corpus: Path, cohort: str, rows: list[dict]) -> Path:
    """Write the rows of one cohort; the rows of other cohorts stay as they are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = corpus / FILE_NAME
    if path.is_file():
        rows = rows + [row for row in pq.read_table(path).to_pylist() if row["cohort"] != cohort]
    rows = sorted(rows, key=lambda row: (row["cohort"], row["path"]))
    table = pa.Table.from_pylist(rows, schema())
    with files.replacing(path) as new:
        pq.write_table(table, new)
    return path
