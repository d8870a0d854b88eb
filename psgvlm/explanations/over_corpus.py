"""Many epochs explained: a table of them, and what each stage rests on, over subjects."""

from pathlib import Path

import numpy as np

from psgvlm.chat.findings import BANDS_HZ
from psgvlm.errors import InputError
from psgvlm.evaluation import contenders, intervals
from psgvlm.evaluation.corpus_nights import CorpusNight
from psgvlm.evaluation.predictions import SUBJECT
from psgvlm.evaluation.report.cells import interval
from psgvlm.explanations.methods import explain
from psgvlm.explanations.picture import draw
from psgvlm.explanations.rhythms import Rhythms
from psgvlm.models import inference
from psgvlm.models.vlm import StagingModel
from psgvlm.montages import MODALITIES, MODALITY
from psgvlm.nights import neighbours
from psgvlm.stages import INDEX, STAGES
from psgvlm.staging.document import Heading, Picture, Table, Text
from psgvlm.training.run_record import public


def choose(nights: list[CorpusNight], count: int, seed: int = 0) -> list[np.ndarray]:
    """Rows of each night: `count` epochs in all, of each stage alike where there are enough.

    0 is all of them.
    """
    night = np.repeat(np.arange(len(nights)), [len(night.index) for night in nights])
    row = np.concatenate([np.arange(len(night.index)) for night in nights])
    stage = np.concatenate([night.stages for night in nights])
    order = np.random.default_rng(seed).permutation(len(row))
    if count:
        # The first of every stage, then the second of every stage ...
        turn = np.empty(len(row), int)
        for index in range(len(STAGES)):
            of = order[stage[order] == index]
            turn[of] = np.arange(len(of))
        order = order[np.argsort(turn[order], kind="stable")][:count]
    return [np.sort(row[order[night[order] == index]]) for index in range(len(nights))]


def table(
    model: StagingModel,
    nights: list[CorpusNight],
    chosen: list[np.ndarray],
    method: str,
    pictures: Path,
    opened: list[CorpusNight] | None = None,
):
    """A frame of the chosen epochs' explanations, and a picture of the first of each stage.

    The rows of `nights` have the images that the model takes; `opened` are the same nights with
    their recordings, for the rhythms. The stage explained is the model's.
    """
    import pandas as pd
    from tqdm import tqdm

    found, drawn = [], set()
    with tqdm(total=sum(map(len, chosen)), unit="epoch", desc="explaining") as bar:
        for number, (night, rows) in enumerate(zip(nights, chosen, strict=True)):
            if not len(rows):
                continue
            frame = contenders.scores(night.rows)
            if opened:
                rhythms = Rhythms(opened[number].traces(), model.spec)
                starts_s = opened[number].stored_s()
            for row in rows.tolist():
                images = night.rows[row]["images"]
                found.append({**frame.iloc[row].to_dict(), **_row(model, images, method)})
                why = found[-1].pop("explanation")
                if opened:
                    lost = rhythms.lost(model, images, INDEX[why.stage], starts_s[row])
                    found[-1] |= {f"rhythm {band}": loss for band, loss in lost.items()}
                if why.stage == found[-1]["stage"] and why.stage not in drawn:
                    drawn.add(why.stage)
                    draw(why, images[model.neighbours], pictures / f"{why.stage}.png")
                bar.update()
    if not found:
        raise InputError("no epoch was chosen; expected a split with scored epochs")
    return pd.DataFrame(found)


def _row(model: StagingModel, images: list, method: str) -> dict:
    why = explain(model, images, method)
    stage = INDEX[why.stage]
    return {
        "explanation": why,
        "method": method,
        "explained": why.stage,
        "p": why.probabilities[stage],
        **{f"lane {name}": x for name, x in zip(why.spec.lanes, why.lanes, strict=True)},
        "seconds": why.seconds.tolist(),
        "threshold": why.threshold,
        "named": [part.lane or "all" for part in why.parts],
        "p_without": why.left[stage],
        "stage_without": STAGES[why.left.argmax()],
        "sentence": why.sentence,
    }


def about(model: StagingModel, frame, name: str, split: str, method: str) -> dict:
    """Return what was explained, and which stage the model gives to a blank picture."""
    blank = [neighbours.blank(model.spec)] * (2 * model.neighbours + 1)
    (probabilities,) = inference.probabilities(model, [blank])
    return {
        "model": public(name),
        "split": split,
        "method": method,
        "image_spec": model.spec.name,
        "empty": STAGES[probabilities.argmax()],
        "p_empty": float(probabilities.max()),
        "epochs": len(frame),
        "subjects": len(frame.groupby(["cohort", "subject"])),
    }


def summary(frame, seed: int = 0) -> dict:
    """What each stage rests on, `{stage: {...}}`, with 95 % intervals over subjects.

    `lanes` and `modalities`: the mean share of what is lost without each lane, gains counted as
    nothing; `named`: how often the lane is among the parts that stand out; `rhythms`: the mean loss
    without each band, in nats; `changed`: how often the stage is another without those parts;
    `subjects`, `epochs`, and `nothing`: epochs of which no lane weighs anything.
    """
    lanes = [name.removeprefix("lane ") for name in frame if name.startswith("lane ")]
    bands = [band for band in BANDS_HZ if f"rhythm {band}" in frame]
    found = {}
    for stage in STAGES:
        part = frame[frame["explained"] == stage]
        if part.empty:
            continue
        owner = part.groupby(SUBJECT).ngroup().to_numpy()
        losses = part[[f"lane {name}" for name in lanes]].to_numpy().clip(0)
        heavy = losses.sum(axis=1) > 0
        shares = losses[heavy] / losses[heavy].sum(axis=1, keepdims=True)
        kinds = {
            kind: shares[:, of].sum(axis=1)
            for kind in MODALITIES
            if any(of := [MODALITY[name] == kind for name in lanes])
        }
        named = {name: [name in names for names in part["named"]] for name in lanes}
        changed = {"": part["stage_without"] != stage}
        found[stage] = {
            "subjects": int(owner.max()) + 1,
            "epochs": len(part),
            "nothing": int((~heavy).sum()),
            "lanes": means(owner[heavy], dict(zip(lanes, shares.T, strict=True)), seed),
            "modalities": means(owner[heavy], kinds, seed),
            "named": means(owner, named, seed),
            "changed": means(owner, changed, seed)[""],
            "rhythms": means(owner, {b: part[f"rhythm {b}"] for b in bands}, seed),
        }
    return found


def means(owner: np.ndarray, values: dict, seed: int) -> dict[str, dict]:
    """Means of values by epoch, each of which belongs to the subject of index `owner`."""
    if not len(owner) or not values:
        return {}
    _, owner = np.unique(owner, return_inverse=True)
    values = {name: np.asarray(x, float) for name, x in values.items()}
    return intervals.estimate(intervals.mean_of(owner, values), owner.max() + 1, seed)


def blocks(measured: dict, pictures: Path) -> list:
    """The page of a summary, as `psgvlm.staging.document` writes it."""
    stages, about = measured["stages"], measured["about"]
    columns = [f"{stage} ({of['epochs']})" for stage, of in stages.items()]
    page = [
        Heading("What each stage rests on", 1),
        Text(
            f"{about['epochs']} epochs of {about['subjects']} subjects, split {about['split']}; "
            f"the stage is the model's (`{about['model']}`), explained by {about['method']}. "
            f"To it an empty picture is {about['empty']} (p {about['p_empty']:.2f}): what it says "
            "anyway loses little when something is blank. Behind each stage: how many epochs. In "
            "brackets: 95 % intervals over subjects."
        ),
        Heading("Lanes"),
        Text("Share of what is lost without each lane."),
        _table("lane", columns, stages, "lanes"),
        _table("kind", columns, stages, "modalities"),
        Heading("Named"),
        Text(
            "How often a lane stands out: blanking it weighs more than moving all traces by a few "
            "pixels. Last row: how often the stage is another without all that stands out."
        ),
        _table("lane", columns, stages, "named"),
    ]
    page[-1].rows.append(
        ["another stage", *(interval(s["changed"], digits=2) for s in stages.values())]
    )
    if next(iter(stages.values()))["rhythms"]:
        page += [
            Heading("Rhythms"),
            Text("Nats of log-probability lost when the band is filtered out of every EEG lane."),
            _table("band", columns, stages, "rhythms"),
        ]
    page.append(Heading("One of each"))
    files = [pictures / f"{stage}.png" for stage in STAGES]
    page += [Picture(path.name, f"an epoch of {path.stem}") for path in files if path.is_file()]
    return page


def _table(what: str, columns: list[str], stages: dict, key: str) -> Table:
    names = list(next((of[key] for of in stages.values() if of[key]), []))
    cells = [
        [interval(of[key][name], digits=2) if of[key] else "–" for of in stages.values()]
        for name in names
    ]
    return Table([what, *columns], [[name, *row] for name, row in zip(names, cells, strict=True)])
