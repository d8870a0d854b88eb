"""The report of an evaluation: figures, the predictions behind them, and pages to read.

`metrics.json` holds every figure. `predictions.parquet` (with `damaged.parquet` and
`variants.parquet`) holds the predictions they are computed from. `report.md` and `report.html` show
the same tables and pictures; `report.html` is one file that needs no network.
"""

import hashlib
import json
from pathlib import Path

from psgvlm import files
from psgvlm.errors import InputError
from psgvlm.evaluation.report import measure, pictures, tables
from psgvlm.staging import document
from psgvlm.training import run_record

__all__ = ["PREDICTIONS", "check_same_run", "run_id", "write"]

PREDICTIONS = "predictions.parquet"


def run_id(models: list[str], corpora: list[str], config: str | None, split: str) -> str:
    """Return an identity of a run: which adapters stage which epochs.

    Parameters
    ----------
    models, corpora : list of str
        Folders or Hub ids.
    config : str, optional
        The configuration of the corpora.
    split : str
        The split that is staged.

    Returns
    -------
    str
        16 hexadecimal digits. Adapters and corpora enter by what their records say, so a moved
        folder keeps its identity.
    """
    identity = {
        "models": [run_record.read(model) or model for model in models],
        "corpora": [run_record.corpus_digests(corpus) or corpus for corpus in corpora],
        **{"config": config, "split": split},
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def check_same_run(out: Path, run: str) -> None:
    """Raise `InputError` if a folder holds the report of another run."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = out / PREDICTIONS
    if not path.exists():
        return
    try:
        kept = (pq.read_schema(path).metadata or {}).get(b"run", b"").decode()
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path}: cannot be read ({error}); remove it") from error
    if kept != run:
        raise InputError(
            f"{path}: holds predictions of another run (other adapters, corpora or split); remove "
            "it or choose another folder",
            "out",
        )


def write(out: Path, frame, about: dict, damaged=None, varied=None) -> dict:
    """Write the report of a table of predictions.

    Parameters
    ----------
    out : Path
        The folder of the report; made if it does not exist.
    frame : pandas.DataFrame
        The predictions of all contenders (see `psgvlm.evaluation.predictions`).
    about : dict
        What the predictions do not say: `models` (the names of the contenders that are models),
        `what` (a description of each contender), `trained_on` (cohorts by contender; `None` if
        they are not known; no entry if nothing is trained), `split`, `image_spec`, `device`,
        `cost` by contender, `temperatures` by model, and `run` (see `run_id`).
    damaged : pandas.DataFrame, optional
        Predictions of damaged recordings (see `psgvlm.evaluation.robustness`).
    varied : pandas.DataFrame, optional
        Predictions of variants (see `psgvlm.evaluation.variants`).

    Returns
    -------
    dict
        The content of `metrics.json` (see `measure.measure_all`).
    """
    out.mkdir(parents=True, exist_ok=True)
    _write_parquet(frame, out / PREDICTIONS, about["run"])
    for more, name in ((damaged, "damaged.parquet"), (varied, "variants.parquet")):
        if more is not None:
            _write_parquet(more, out / name, about["run"])
    measured = measure.measure_all(frame, about, damaged, varied)
    text = json.dumps(measured, indent=2, ensure_ascii=False, allow_nan=False)
    files.write_text(out / "metrics.json", text + "\n")
    drawn = pictures.draw(out, frame, measured)
    blocks = tables.report_blocks(measured, drawn)
    files.write_text(out / "report.md", document.markdown(blocks))
    files.write_text(out / "report.html", document.html(blocks, out))
    return measured


def _write_parquet(frame, path: Path, run: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({**table.schema.metadata, "run": run})
    with files.replacing(path) as new:
        pq.write_table(table, new)
