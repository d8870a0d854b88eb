"""Epochs that the card shows with the model's own answers: the Hub's static `widget`."""

from pathlib import Path

from psgvlm.model_card.results import Results

from psgvlm.corpus.splits import SPLITS
from psgvlm.errors import InputError
from psgvlm.hub.cohorts import is_open
from psgvlm.image_spec import ImageSpec
from psgvlm.models import adapter_files
from psgvlm.stages import STAGES

FOLDER = "images"


def write(
    adapter: Path, spec: ImageSpec, results: Results | None, corpus: str | Path | None
) -> dict:
    """Write `images/W.png` ...; returns the YAML's `widget`, right and wrong answers alike.

    Of each stage the first epoch that a report has of it: what the model answered there is in its
    predictions. Pictures are shown of cohorts that no agreement binds, so there may be none. Of a
    model that is shown several images none are: a widget shows one.
    """
    folder = adapter / FOLDER
    for path in folder.glob("*.png"):
        path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    if corpus is None or results is None or adapter_files.load_neighbours(adapter):
        return {}
    adapter_files.check_same_images(str(adapter), spec, str(corpus))
    shown = []
    for stage, row in _first(results).items():
        png = _picture(Path(corpus), row)
        folder.mkdir(exist_ok=True)
        (folder / f"{stage}.png").write_bytes(png)
        shown.append(
            {
                "example_title": f"{row['cohort']}, scored {stage}",
                "text": spec.prompt,
                "src": f"{FOLDER}/{stage}.png",
                "output": {"text": row["predicted"]},
            }
        )
    return {"widget": shown} if shown else {}


def _first(results: Results) -> dict[str, dict]:
    """A row of the predictions for each stage, in the order of stages."""
    import pandas as pd

    frame = pd.read_parquet(results.predictions)
    frame = frame[(frame["model"] == results.name) & frame["cohort"].map(is_open)]
    rows = {row["stage"]: row for row in frame.iloc[::-1].to_dict("records")}
    return {stage: rows[stage] for stage in STAGES if stage in rows}


def _picture(corpus: Path, row: dict) -> bytes:
    """The PNG of an epoch of the corpus."""
    import pyarrow.parquet as pq

    wanted = [(name, "=", row[name]) for name in ("recording", "epoch")]
    for split in SPLITS:
        for shard in sorted((corpus / row["cohort"]).glob(f"{split}-*.parquet")):
            found = pq.read_table(shard, columns=["images"], filters=wanted)["images"].to_pylist()
            if found:
                return found[0][0]["bytes"]
    raise InputError(
        f"{corpus}: holds no epoch {row['epoch']} of {row['recording']} ({row['cohort']}); "
        "expected the corpus that the report is about"
    )
