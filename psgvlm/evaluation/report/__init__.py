"""What `eval.py` writes: figures, the predictions they come from, and a page to read.

`metrics.json` holds every figure, `predictions.parquet` (and `damaged.parquet`,
`variants.parquet`) what they are computed from, `report.md` and `report.html` show the same tables
and pictures; the latter is one file with everything in it.
"""

import hashlib
import json
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.evaluation.report import measure, pictures, tables
from psgvlm.staging import document
from psgvlm.training import run_record

PREDICTIONS = "predictions.parquet"


def run_of(models: list[str], corpora: list[str], config: str | None, split: str) -> str:
    """What tells one run's predictions from another's: which adapters on which epochs."""
    about = {
        "models": [run_record.read(model) or model for model in models],
        "corpora": [run_record.corpus_digests(corpus) or corpus for corpus in corpora],
        **{"config": config, "split": split},
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


def check_same_run(out: Path, run: str) -> None:
    """Refuse a folder that holds predictions of other adapters or epochs."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = out / PREDICTIONS
    if not path.exists():
        return
    try:
        found = (pq.read_schema(path).metadata or {}).get(b"run", b"").decode()
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: cannot be read ({error}); remove it") from error
    if found != run:
        raise InputError(
            f"{path}: predictions of another run, with other adapters, corpora or another split; "
            "expected a folder without any: choose another --out, or remove it"
        )


def write(out: Path, frame, about: dict, damaged=None, varied=None) -> dict:
    """Write the report of a table of predictions into `out`; returns what `metrics.json` holds.

    `frame` has a column `model` with all contenders, `damaged` the same of damaged recordings (see
    `psgvlm.evaluation.robustness`), `varied` that of `psgvlm.evaluation.variants`. `about` is what
    the predictions do not
    tell: `models` (names of those that are adapters), `what` each contender is, `trained_on`
    (cohorts by contender, `None` where nobody knows, none for what is not trained), `split`,
    `image_spec`, `device`, `cost` by contender, `temperatures` by model, `run` (see `run_of`).
    """
    out.mkdir(parents=True, exist_ok=True)
    _write_parquet(frame, out / PREDICTIONS, about["run"])
    for more, file in ((damaged, "damaged.parquet"), (varied, "variants.parquet")):
        if more is not None:
            _write_parquet(more, out / file, about["run"])
    measured = measure.everything(frame, about, damaged, varied)
    text = json.dumps(measured, indent=2, ensure_ascii=False, allow_nan=False)
    (out / "metrics.json").write_text(text + "\n", "utf-8")
    drawn = pictures.draw(out, frame, measured)
    blocks = tables.report(measured, drawn)
    (out / "report.md").write_text(document.markdown(blocks), "utf-8")
    (out / "report.html").write_text(document.html(blocks, out), "utf-8")
    return measured


def _write_parquet(frame, path: Path, run: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table.replace_schema_metadata({**table.schema.metadata, "run": run}), path)
