"""What `eval.py` writes: figures, the predictions they come from, and a page to read.

`metrics.json` holds every figure, `predictions.parquet` (and `damaged.parquet`) what they are
computed from, `report.md` and `report.html` show the same tables and pictures; the latter is one
file with everything in it.
"""

import json
from pathlib import Path

from psgvlm.report import measure, page, pictures, tables


def write(out: Path, frame, about: dict, damaged=None) -> dict:
    """Write the report of a table of predictions into `out`; returns what `metrics.json` holds.

    `frame` has a column `model` with all contenders, `damaged` the same of damaged recordings (see
    `psgvlm.robustness`). `about` is what the predictions do not tell: `models` (names of those that
    are adapters), `split`, `image_spec`, `cost` by contender, `temperatures` by model.
    """
    out.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(out / "predictions.parquet", index=False)
    if damaged is not None:
        damaged.to_parquet(out / "damaged.parquet", index=False)
    measured = measure.everything(frame, about, damaged)
    text = json.dumps(measured, indent=2, ensure_ascii=False, allow_nan=False)
    (out / "metrics.json").write_text(text + "\n", "utf-8")
    drawn = pictures.draw(out, frame, measured)
    blocks = tables.report(measured, drawn)
    (out / "report.md").write_text(page.markdown(blocks), "utf-8")
    (out / "report.html").write_text(page.html(blocks, out), "utf-8")
    return measured
