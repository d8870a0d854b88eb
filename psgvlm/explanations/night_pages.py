"""The files that explain epochs of a staged night: pictures, numbers, and an HTML page."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from psgvlm import files
from psgvlm.explanations.explanation import Explanation
from psgvlm.explanations.methods import explain
from psgvlm.explanations.picture import draw
from psgvlm.images import geometry
from psgvlm.models.vlm import StagingModel
from psgvlm.nights.night import Night
from psgvlm.staging import document
from psgvlm.staging.document import Heading, Picture, Text
from psgvlm.staging.staged_night import StagedNight

RESULT = "explanations.json"
MAX_SHOWN = 100  # epochs on the page, which holds their pictures


def write(
    folder: Path,
    model: StagingModel,
    night: Night,
    staged: StagedNight,
    rows: np.ndarray,
    method: str,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Explain the model's stage of some epochs and write the files into a folder.

    The files are `explanations.json`, `explanations.html`, and for each epoch a picture such as
    `epoch-00012.png`, with the epoch's number from 1. Epochs that are explained there already, for
    the same night by the same model and method, are not explained again.

    Parameters
    ----------
    folder : path
        Made if it is missing.
    model : StagingModel
    night : Night
    staged : StagedNight
    rows : ndarray of int
        The rows of `staged.epochs` to explain.
    method : str
        One of `METHODS`.
    progress : callable, optional
        Called as `progress(epochs_done)`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = f"{staged.key} {method}"
    by_number = _load_explained(folder / RESULT, key)
    for done, row in enumerate(rows.tolist(), 1):
        number = str(int(staged.epochs[row]) + 1)
        path = folder / picture_name(number)
        if number not in by_number or not path.is_file():
            (images,) = night.pictures_with_neighbours(model.neighbours, row, row + 1)
            explanation = explain(model, images, method)
            draw(explanation, images[model.neighbours], path)
            by_number[number] = _numbers(explanation)
            # Written after each epoch, so that an interrupted run can continue.
            content = {"key": key, "epochs": by_number}
            files.write_text(folder / RESULT, json.dumps(content, indent=1, ensure_ascii=False))
        if progress:
            progress(done)
    listed = [str(int(staged.epochs[row]) + 1) for row in rows[:MAX_SHOWN]]
    more = (
        f": {MAX_SHOWN} of {len(rows)}, all are in {folder.name}/" if len(rows) > MAX_SHOWN else ""
    )
    blocks = [
        Heading(f"Where the model looked: {staged.name}{more}", 1),
        Text(
            "Orange speaks for the model's stage, blue against it. The dashed line marks how much "
            "a meaningless change matters: the traces moved by a few pixels. A heat map is about "
            "the model, not about sleep: a scorer may go by something else."
        ),
    ]
    for number in listed:
        blocks += [
            Heading(f"Epoch {number}"),
            Picture(picture_name(number), by_number[number]["sentence"]),
        ]
    files.write_text(folder / "explanations.html", document.html(blocks, folder))


def picture_name(number: str | int) -> str:
    """Return the file name of an epoch's picture, by the epoch's number from 1."""
    return f"epoch-{int(number):05}.png"


def _numbers(explanation: Explanation) -> dict:
    """Return what the JSON file holds of an explanation."""
    seconds = {
        str(geometry.first_second(explanation.spec) + i): float(x)
        for i, x in enumerate(explanation.seconds)
    }
    return {
        "stage": explanation.stage,
        "sentence": explanation.sentence,
        "parts": [str(part) for part in explanation.parts],
        "lanes": dict(zip(explanation.spec.lanes, map(float, explanation.lanes), strict=True)),
        "seconds": seconds,
        "threshold": explanation.threshold,
        "unit": explanation.unit,
    }


def _load_explained(path: Path, key: str) -> dict[str, dict]:
    """Return the epochs that were explained before, by their number from 1.

    There are none if the file belongs to another night, model or method, or cannot be read.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        return dict(content["epochs"]) if content["key"] == key else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
