"""`manifest.parquet`: one row a recording, drawn or skipped, beside the cohorts of a corpus."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from psgvlm import files
from psgvlm.stages import STAGES

RAW = "\0"  # stands for the raw folder in notes and reasons, until they are shown
FILE_NAME = "manifest.parquet"
STAGE_COLUMNS = (*STAGES, "unscored")
BUILT, SKIPPED = "built", "skipped"
FAILED = "failed"  # no fault of the recording's: the next build tries again


def schema():
    """The columns. `lanes` holds a record for each lane found: its source, rate, bad seconds."""
    import pyarrow as pa

    lane = {"lane": pa.string(), "source": pa.string(), "rate_hz": pa.float64()}
    lane |= {"flat_s": pa.float64(), "clipped_s": pa.float64()}
    columns = {name: pa.string() for name in ("path", "cohort", "subject", "recording", "split")}
    columns |= {"fold": pa.int32(), "duration_s": pa.float64()}
    columns |= {"lanes": pa.list_(pa.struct(list(lane.items()))), "missing": pa.list_(pa.string())}
    columns |= {stage: pa.int32() for stage in STAGE_COLUMNS}
    columns |= {"kappa": pa.float64(), "notes": pa.list_(pa.string())}
    columns |= {"status": pa.string(), "reason": pa.string(), "options": pa.string()}
    return pa.schema(list(columns.items()))


def epochs_by_stage(stages: Iterable[str | None]) -> dict[str, int]:
    """The counts' columns: epochs drawn of every stage, and those without one."""
    counts = Counter(stages)
    return {**{stage: counts[stage] for stage in STAGES}, "unscored": counts[None]}


def row(cohort: str, recording, options: str) -> dict:
    """The row of a `psgvlm.builders.build.state.Entry`. Where the raw folder lay is nobody's
    business.

    `options` are those of the build, where they are not the usual ones.
    """
    result = recording.result
    return {
        "path": recording.path,
        "cohort": cohort,
        "subject": recording.subject,
        "recording": recording.recording,
        "split": recording.split,
        "fold": recording.fold,
        **result.found,
        "notes": [_told(note) for note in result.notes],
        "status": result.status,
        "reason": _told(result.reason) if result.reason else None,
        "options": options,
    }


def _told(text: str) -> str:
    return files.printable_name(text.replace(f"{RAW}/", ""))


def write(corpus: Path, cohort: str, rows: list[dict]) -> Path:
    """Write the rows of one cohort; those of the other cohorts stay as they are."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = corpus / FILE_NAME
    if path.is_file():
        rows = rows + [row for row in pq.read_table(path).to_pylist() if row["cohort"] != cohort]
    rows = sorted(rows, key=lambda row: (row["cohort"], row["path"]))
    table = pa.Table.from_pylist(rows, schema())
    part = path.with_name(f".{FILE_NAME}.part")
    pq.write_table(table, part)
    part.replace(path)
    return path
