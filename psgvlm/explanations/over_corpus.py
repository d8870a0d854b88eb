"""Explanations of many epochs of a corpus, and what each stage rests on, over subjects."""

from pathlib import Path

import numpy as np

from psgvlm.chat.findings import BANDS_HZ
from psgvlm.errors import InputError
from psgvlm.evaluation import contenders, intervals
from psgvlm.evaluation.corpus_nights import CorpusNight
from psgvlm.evaluation.predictions import SUBJECT
from psgvlm.evaluation.report.cells import interval_text
from psgvlm.explanations.explanation import Explanation
from psgvlm.explanations.methods import explain
from psgvlm.explanations.picture import draw
from psgvlm.explanations.rhythms import Rhythms
from psgvlm.models import inference
from psgvlm.models.vlm import StagingModel
from psgvlm.montages import MODALITIES, MODALITY
from psgvlm.nights import neighbours
from psgvlm.stages import INDEX, STAGES
from psgvlm.staging.document import Heading, Picture, Table, Text
from psgvlm.training.run_record import public_name


def choose(nights: list[CorpusNight], count: int, seed: int = 0) -> list[np.ndarray]:
    """Choose `count` epochs at random, equally many of each stage as far as there are enough.

    Returns the sorted rows of each night; a `count` of 0 chooses all epochs.
    """
    night = np.repeat(np.arange(len(nights)), [len(night.index) for night in nights])
    row = np.concatenate([np.arange(len(night.index)) for night in nights])
    stage = np.concatenate([night.stages for night in nights])
    order = np.random.default_rng(seed).permutation(len(row))
    if count:
        # Take the first epoch of every stage, then the second of every stage, and so on.
        rank = np.empty(len(row), int)
        for index in range(len(STAGES)):
            of_stage = order[stage[order] == index]
            rank[of_stage] = np.arange(len(of_stage))
        order = order[np.argsort(rank[order], kind="stable")][:count]
    return [np.sort(row[order[night[order] == index]]) for index in range(len(nights))]


def table(
    model: StagingModel,
    nights: list[CorpusNight],
    chosen: list[np.ndarray],
    method: str,
    pictures: Path,
    recordings: list[CorpusNight] | None = None,
):
    """Explain the model's stage of the chosen epochs; return a data frame with a row for each.

    For each stage, the first epoch that the model staged as the scorer did is drawn into the folder
    `pictures`.

    Parameters
    ----------
    model : StagingModel
    nights : list of CorpusNight
        Their rows hold the images that the model takes.
    chosen : list of ndarray of int
        The rows of each night to explain, see `choose`.
    method : str
        One of `METHODS`.
    pictures : path
        A folder for the drawn examples.
    recordings : list of CorpusNight, optional
        The same nights with their recordings, if rhythms are to be measured.
    """
    import pandas as pd
    from tqdm import tqdm

    table, drawn = [], set()
    with tqdm(total=sum(map(len, chosen)), unit="epoch", desc="explaining") as bar:
        for number, (night, rows) in enumerate(zip(nights, chosen, strict=True)):
            if not len(rows):
                continue
            frame = contenders.scored_epochs(night.rows)
            if recordings:
                signal = recordings[number].require_signal()
                rhythms, starts_s = Rhythms(signal.traces(), model.spec), signal.starts_s
            for row in rows.tolist():
                images = night.rows[row]["images"]
                explanation = explain(model, images, method)
                stage, own_image = explanation.stage, images[model.neighbours]
                entry = {**frame.iloc[row].to_dict(), **_row(explanation)}
                if recordings:
                    losses = rhythms.losses(model, images, INDEX[stage], starts_s[row])
                    entry |= {f"rhythm {band}": loss for band, loss in losses.items()}
                if stage == entry["stage"] and stage not in drawn:
                    drawn.add(stage)
                    draw(explanation, own_image, pictures / f"{stage}.png")
                table.append(entry)
                bar.update()
    if not table:
        raise InputError("no epoch was chosen; expected a split with scored epochs")
    return pd.DataFrame(table)


def _row(explanation: Explanation) -> dict:
    """Return what the data frame holds of an explanation."""
    stage = INDEX[explanation.stage]
    lanes = zip(explanation.spec.lanes, explanation.lanes, strict=True)
    without = explanation.probabilities_without_parts
    return {
        "method": explanation.method,
        "explained": explanation.stage,
        "p": explanation.probabilities[stage],
        **{f"lane {name}": number for name, number in lanes},
        "seconds": explanation.seconds.tolist(),
        "threshold": explanation.threshold,
        "named": [part.lane or "all" for part in explanation.parts],
        "p_without": without[stage],
        "stage_without": STAGES[without.argmax()],
        "sentence": explanation.sentence,
    }


def about(model: StagingModel, frame, name: str, split: str, method: str) -> dict:
    """Return what was explained, and which stage the model gives to a blank picture."""
    blank = [neighbours.blank(model.spec)] * (2 * model.neighbours + 1)
    (probabilities,) = inference.probabilities(model, [blank])
    return {
        "model": public_name(name),
        "split": split,
        "method": method,
        "image_spec": model.spec.name,
        "empty": STAGES[probabilities.argmax()],
        "p_empty": float(probabilities.max()),
        "epochs": len(frame),
        "subjects": len(frame.groupby(["cohort", "subject"])),
    }


def summary(frame, seed: int = 0) -> dict:
    """Return what each stage rests on, by stage, with 95 % intervals over subjects.

    Each entry holds:

    - `lanes`, `modalities`: the mean share of the loss that each lane or modality causes when it is
      blank; a gain counts as no loss.
    - `named`: how often the lane is among the parts that stand out.
    - `changed`: how often the model gives another stage without those parts.
    - `rhythms`: the mean loss without each frequency band, in nats.
    - `subjects`, `epochs`: how many there are; `nothing`: how many epochs no lane decides.
    """
    lanes = [name.removeprefix("lane ") for name in frame if name.startswith("lane ")]
    bands = [band for band in BANDS_HZ if f"rhythm {band}" in frame]
    by_stage = {}
    for stage in STAGES:
        part = frame[frame["explained"] == stage]
        if part.empty:
            continue
        owner = part.groupby(SUBJECT).ngroup().to_numpy()
        losses = part[[f"lane {name}" for name in lanes]].to_numpy().clip(0)
        has_loss = losses.sum(axis=1) > 0
        shares = losses[has_loss] / losses[has_loss].sum(axis=1, keepdims=True)
        modalities = {
            modality: shares[:, of_modality].sum(axis=1)
            for modality in MODALITIES
            if any(of_modality := [MODALITY[name] == modality for name in lanes])
        }
        named = {name: [name in names for names in part["named"]] for name in lanes}
        changed = {"": part["stage_without"] != stage}
        by_stage[stage] = {
            "subjects": int(owner.max()) + 1,
            "epochs": len(part),
            "nothing": int((~has_loss).sum()),
            "lanes": means(owner[has_loss], dict(zip(lanes, shares.T, strict=True)), seed),
            "modalities": means(owner[has_loss], modalities, seed),
            "named": means(owner, named, seed),
            "changed": means(owner, changed, seed)[""],
            "rhythms": means(owner, {b: part[f"rhythm {b}"] for b in bands}, seed),
        }
    return by_stage


def means(owner: np.ndarray, values: dict, seed: int) -> dict[str, dict]:
    """Return the means of values with intervals over subjects.

    `values` maps names to one value for each epoch; `owner` holds the index of its subject.
    """
    if not len(owner) or not values:
        return {}
    _, owner = np.unique(owner, return_inverse=True)
    values = {name: np.asarray(x, float) for name, x in values.items()}
    return intervals.estimate(intervals.mean_of(owner, values), owner.max() + 1, seed)


def blocks(measured: dict, pictures: Path) -> list:
    """Return the summary as blocks of `psgvlm.staging.document`."""
    stages, about = measured["stages"], measured["about"]
    columns = [f"{stage} ({entry['epochs']})" for stage, entry in stages.items()]
    page = [
        Heading("What each stage rests on", 1),
        Text(
            f"The stage that the model `{about['model']}` gave to {about['epochs']} epochs of "
            f"{about['subjects']} subjects (split {about['split']}) was explained by "
            f"{about['method']}. The model stages a blank picture as {about['empty']} "
            f"(p {about['p_empty']:.2f}), so this stage loses little when a part is blank. The "
            "number of epochs stands beside each stage, and 95 % intervals over subjects stand in "
            "brackets."
        ),
        Heading("Lanes"),
        Text("The share of the loss that each lane causes when it is blank."),
        _table("lane", columns, stages, "lanes"),
        _table("modality", columns, stages, "modalities"),
        Heading("Lanes that stand out"),
        Text(
            "How often a lane stands out, that is, how often blanking it changes more than moving "
            "all traces by a few pixels does. The last row says how often the model gives another "
            "stage without all parts that stand out."
        ),
        _table("lane", columns, stages, "named"),
    ]
    page[-1].rows.append(
        ["another stage", *(interval_text(entry["changed"], digits=2) for entry in stages.values())]
    )
    if next(iter(stages.values()))["rhythms"]:
        page += [
            Heading("Rhythms"),
            Text("The loss of log-probability, in nats, without the band in every EEG lane."),
            _table("band", columns, stages, "rhythms"),
        ]
    page.append(Heading("An example of each stage"))
    files = [pictures / f"{stage}.png" for stage in STAGES]
    page += [
        Picture(path.name, f"An epoch that scorer and model staged as {path.stem}")
        for path in files
        if path.is_file()
    ]
    return page


def _table(what: str, columns: list[str], stages: dict, key: str) -> Table:
    names = list(next((entry[key] for entry in stages.values() if entry[key]), []))
    cells = [
        [interval_text(e[key][name], digits=2) if e[key] else "–" for e in stages.values()]
        for name in names
    ]
    return Table([what, *columns], [[name, *row] for name, row in zip(names, cells, strict=True)])
