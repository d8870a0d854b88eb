"""Epochs of one staged night explained: pictures, their figures, and a page to leaf through."""

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
from psgvlm.staging import document
from psgvlm.staging.document import Heading, Picture, Text
from psgvlm.staging.staged_night import StagedNight
from psgvlm.staging.stager import Night

RESULT = "explanations.json"
SHOWN = 100  # epochs on the page, whose pictures it holds


def write(
    folder: Path,
    model: StagingModel,
    night: Night,
    staged: StagedNight,
    rows: np.ndarray,
    method: str,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Explain the model's stage of these rows of `staged.epochs`.

    Writes `epoch-00012.png` (its number from 1) for each, `explanations.json` and `.html` into the
    folder. What is there of the same night by the same model and method is kept. `progress(done)`
    is called as epochs are done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    key = f"{staged.key} {method}"
    told = _earlier(folder / RESULT, key)
    for done, row in enumerate(rows.tolist(), 1):
        number = str(int(staged.epochs[row]) + 1)
        path = folder / name(number)
        if number not in told or not path.is_file():
            (images,) = night.shown(model.neighbours, row, row + 1)
            why = explain(model, images, method)
            draw(why, images[model.neighbours], path)
            told[number] = _figures(why)
            # As they come, so that a run that was stopped goes on.
            content = {"key": key, "epochs": told}
            files.write_text(folder / RESULT, json.dumps(content, indent=1, ensure_ascii=False))
        if progress:
            progress(done)
    listed = [str(int(staged.epochs[row]) + 1) for row in rows[:SHOWN]]
    more = f": {SHOWN} of {len(rows)}, all are in {folder.name}/" if len(rows) > SHOWN else ""
    blocks = [
        Heading(f"Where the model looked: {staged.name}{more}", 1),
        Text(
            "Orange is what speaks for the model's stage, blue what speaks against it; dashed is "
            "what moving the traces by a few pixels changes, which means nothing. A heat map is "
            "true of the model, not of sleep: what it goes by need not be what a scorer would."
        ),
    ]
    for number in listed:
        blocks += [
            Heading(f"Epoch {number}"),
            Picture(name(number), told[number]["sentence"]),
        ]
    files.write_text(folder / "explanations.html", document.html(blocks, folder))


def name(number: str | int) -> str:
    """The picture of an epoch, by its number from 1."""
    return f"epoch-{int(number):05}.png"


def _figures(why: Explanation) -> dict:
    seconds = {
        str(geometry.first_second(why.spec) + i): float(x) for i, x in enumerate(why.seconds)
    }
    return {
        "stage": why.stage,
        "sentence": why.sentence,
        "parts": [str(part) for part in why.parts],
        "lanes": dict(zip(why.spec.lanes, map(float, why.lanes), strict=True)),
        "seconds": seconds,
        "threshold": why.threshold,
        "unit": why.unit,
    }


def _earlier(path: Path, key: str) -> dict[str, dict]:
    """Epochs explained before; none where another night, model or method was, or nothing whole."""
    try:
        content = json.loads(path.read_text("utf-8"))
        return dict(content["epochs"]) if content["key"] == key else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
