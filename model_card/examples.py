"""Epochs with the model's answers, which the Hub shows beside the card (`widget`)."""

from pathlib import Path

from psgvlm.model_card.results import AdapterResults

from psgvlm.corpus.splits import SPLITS
from psgvlm.errors import InputError
from psgvlm.hub.cohorts import is_open
from psgvlm.image_spec import ImageSpec
from psgvlm.models import adapter_files
from psgvlm.stages import STAGES

FOLDER = "images"


def write(
    adapter: Path, spec: ImageSpec, results: AdapterResults | None, corpus: str | Path | None
) -> dict:
    """Write `images/W.png` and so on, and return the YAML's `widget`.

    The first epoch of each stage in the report is shown, whether the model's answer is right or
    wrong. Only cohorts without an agreement are shown, so there may be no picture. A model with
    neighbours gets no pictures, since a widget shows one image only. Pictures of an earlier card
    are removed.
    """
    folder = adapter / FOLDER
    for path in folder.glob("*.png"):
        path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    if corpus is None or results is None or adapter_files.load_neighbours(adapter):
        return {}
    adapter_files.check_same_images(str(adapter), spec, str(corpus))
    widget = []
    for stage, row in _first_epochs(results).items():
        png = _read_png(Path(corpus), row)
        folder.mkdir(exist_ok=True)
        (folder / f"{stage}.png").write_bytes(png)
        widget.append(
            {
                "example_title": f"{row['cohort']}, scored {stage}",
                "text": spec.prompt,
                "src": f"{FOLDER}/{stage}.png",
                "output": {"text": row["predicted"]},
            }
        )
    return {"widget": widget} if widget else {}


def _first_epochs(results: AdapterResults) -> dict[str, dict]:
    """Return the first row of the predictions for each stage, in the order of stages."""
    import pandas as pd

    frame = pd.read_parquet(results.predictions)
    frame = frame[(frame["model"] == results.name) & frame["cohort"].map(is_open)]
    rows = {row["stage"]: row for row in frame.iloc[::-1].to_dict("records")}
    return {stage: rows[stage] for stage in STAGES if stage in rows}


def _read_png(corpus: Path, row: dict) -> bytes:
    """Return the PNG of an epoch of the corpus."""
    import pyarrow.parquet as pq

    wanted = [(name, "=", row[name]) for name in ("recording", "epoch")]
    for split in SPLITS:
        for shard in sorted((corpus / row["cohort"]).glob(f"{split}-*.parquet")):
            images = pq.read_table(shard, columns=["images"], filters=wanted)["images"].to_pylist()
            if images:
                return images[0][0]["bytes"]
    raise InputError(
        f"{corpus}: no epoch {row['epoch']} of {row['recording']} ({row['cohort']}); expected the "
        "corpus that the report was made from",
        "corpus",
    )
