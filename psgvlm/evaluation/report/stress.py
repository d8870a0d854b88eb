"""What a report says of models under other conditions: damage, fewer lanes, other words."""

from psgvlm.evaluation.report.cells import FIGURES, interval, looking, percent
from psgvlm.stages import STAGES
from psgvlm.staging.document import Heading, Picture, Table, Text


def damage(measured: dict, drawn: dict) -> list:
    blocks: list = []
    for kind, lines in measured["damage"].items():
        rows = [
            [f"{name}: {FIGURES[key]}", *(interval(point[key]) for point in points)]
            for key in ("kappa", "balanced_accuracy")
            for name, points in looking(lines).items()
        ]
        severities = [point["severity"] for point in next(iter(lines.values()))]
        blocks.append(Table([kind, *severities], rows))
    if not blocks:
        return []
    text = (
        "Damage is put on the raw signals before anything else, on every channel, the same for "
        "all; each night has a seed of its own, made from its name."
    )
    picture = Picture(drawn["damage"], "κ and balanced accuracy against the severity of damage")
    return [Heading("Damaged signals"), Text(text), *blocks, picture]


def lanes(measured: dict, drawn: dict) -> list:
    if not (found := measured["variants"].get("lanes")):
        return []
    rows = [
        [f"{name}: {of['variant']}", interval(of["kappa"]), interval(of["balanced_accuracy"]),
         interval(of["difference"]) if "difference" in of else "–"]
        for name, variants in found.items()
        for of in variants
    ]  # fmt: skip
    stages = [
        [f"{name}: {of['variant']}", *(interval(of[f"f1_{stage}"]) for stage in STAGES)]
        for name, variants in found.items()
        for of in variants
    ]
    return [
        Heading("With fewer lanes"),
        Text(
            "The same pictures with lanes taken out, which then look as those of a recording that "
            "lacks them; the model was not trained again. The last line of each is the model as "
            "it is, the difference is κ minus that line's, over the same resampled subjects."
        ),
        Table(["", "κ", "balanced accuracy", "difference of κ"], rows),
        Table(["F1", *STAGES], stages),
        Picture(drawn["lanes"], "κ and F1 by stage against the lanes shown"),
    ]


def prompts(measured: dict, drawn: dict) -> list:
    if not (found := measured["variants"].get("prompts")):
        return []
    blocks: list = [
        Heading("Asked in other words"),
        Text(
            "The same question in five wordings, of which the first is the model's own, the only "
            "one that it was trained with: κ, its difference from the first, and the share of "
            "epochs that get another answer than in the first."
        ),
    ]
    for name, variants in found.items():
        rows = [
            [f"{name}: {of['variant']}", interval(of["kappa"]),
             interval(of["difference"]) if "difference" in of else "–",
             percent(of["changed"]) if "changed" in of else "–"]
            for of in variants
        ]  # fmt: skip
        blocks.append(Table(["", "κ", "difference of κ", "other answers"], rows))
    return blocks
