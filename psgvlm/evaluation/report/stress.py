"""The sections of a report on changed conditions: damage, fewer lanes, other wordings."""

from psgvlm.evaluation.report.cells import FIGURES, interval_text, percent_text, without_floors
from psgvlm.stages import STAGES
from psgvlm.staging.document import Heading, Picture, Table, Text


def damage_section(measured: dict, drawn: dict) -> list:
    """Return kappa and balanced accuracy by severity, one table per kind of damage."""
    blocks: list = []
    for kind, curves in measured["damage"].items():
        rows = [
            [f"{name}: {FIGURES[key]}", *(interval_text(point[key]) for point in points)]
            for key in ("kappa", "balanced_accuracy")
            for name, points in without_floors(curves).items()
        ]
        severities = [point["severity"] for point in next(iter(curves.values()))]
        blocks.append(Table([kind, *severities], rows))
    if not blocks:
        return []
    text = (
        "The raw signals of every channel are damaged before any filter, in the same way for all "
        "contenders. The random seed of a night is made from its name."
    )
    picture = Picture(drawn["damage"], "κ and balanced accuracy against the severity of damage")
    return [Heading("Damaged signals"), Text(text), *blocks, picture]


def lanes_section(measured: dict, drawn: dict) -> list:
    """Return how well each model stages with some lanes removed from the pictures."""
    if not (models := measured["variants"].get("lanes")):
        return []
    rows, f1_rows = [], []
    for name, variants in models.items():
        for variant in variants:
            label = f"{name}: {variant['variant']}"
            figures = [interval_text(variant[key]) for key in ("kappa", "balanced_accuracy")]
            rows.append([label, *figures, _difference(variant)])
            f1_rows.append([label, *(interval_text(variant[f"f1_{stage}"]) for stage in STAGES)])
    return [
        Heading("Fewer lanes"),
        Text(
            "Lanes are removed from the same pictures, which then look like those of a recording "
            "without these lanes. The model is not trained again. The last row of each model is "
            "the model with all lanes; differences are κ minus the κ of that row, over the same "
            "resampled subjects."
        ),
        Table(["model: lanes", "κ", "balanced accuracy", "difference of κ"], rows),
        Table(["F1 by stage", *STAGES], f1_rows),
        Picture(drawn["lanes"], "κ and F1 by stage against the lanes in the picture"),
    ]


def prompts_section(measured: dict, drawn: dict) -> list:
    """Return how each model's answers depend on the wording of the question."""
    if not (models := measured["variants"].get("prompts")):
        return []
    blocks: list = [
        Heading("Other wordings of the question"),
        Text(
            "The same question in five wordings. The first is the one that the model was trained "
            "with. Differences are κ minus the κ of the first wording; changed answers are the "
            "share of epochs whose stage differs from that of the first wording."
        ),
    ]
    for name, variants in models.items():
        rows = [
            [
                f"{name}: {variant['variant']}",
                interval_text(variant["kappa"]),
                _difference(variant),
                percent_text(variant["changed"]) if "changed" in variant else "–",
            ]
            for variant in variants
        ]
        head = ["model: question", "κ", "difference of κ", "changed answers"]
        blocks.append(Table(head, rows))
    return blocks


def _difference(variant: dict) -> str:
    """Return the difference of kappa to the unchanged model; a dash for the unchanged model."""
    return interval_text(variant["difference"]) if "difference" in variant else "–"
