"""What a report says, from what `measure.everything` found: headings, tables, pictures."""

import csv
from pathlib import Path

from psgvlm.intervals import LEVEL, RESAMPLES
from psgvlm.report.measure import COMMONEST
from psgvlm.report.page import Heading, Picture, Table, Text
from psgvlm.stages import STAGES

PUBLISHED = Path(__file__).with_name("published.csv")
FIGURES = {
    **{"kappa": "κ", "macro_f1": "macro-F1", "accuracy": "accuracy"},
    **{"balanced_accuracy": "balanced accuracy", "mcc": "MCC"},
}
SEEN = "●"
CALIBRATION = {"log_loss": "log loss", "brier": "Brier", "ece": "ECE"}


def number(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def interval(of: dict, key: str = "value", digits: int = 3) -> str:
    """`0.812 (0.790 to 0.834)`, or the value alone where it has no interval."""
    if of["low"] is None:
        return number(of[key], digits)
    return f"{of[key]:.{digits}f} ({of['low']:.{digits}f} to {of['high']:.{digits}f})"


def percent(of: dict) -> str:
    """A share as `3.2 % (1.0 to 5.4)`."""
    told = [None if of[key] is None else 100 * of[key] for key in ("value", "low", "high")]
    value, *ends = (number(x, 1) for x in told)
    return f"{value} %" if of["low"] is None else f"{value} % ({ends[0]} to {ends[1]})"


def report(measured: dict, drawn: dict) -> list:
    """The blocks of the page; `drawn` names the pictures (see `pictures.draw`)."""
    sections = (opening, by_stage, units, cohorts, matrix, comparisons, nights, second_scorer,
                transitions, statistics, certainty, damage, lanes, prompts, cost,
                published)  # fmt: skip
    return [block for section in sections for block in section(measured, drawn)]


def opening(measured: dict, drawn: dict) -> list:
    contenders, about = measured["contenders"], measured["about"]
    of = next(iter(contenders.values()))
    summary, pooled = of["summary"], of["pooled"]
    rows = [[name, *_pooled(of["summary"])] for name, of in contenders.items()]
    if all(of["summary"] != measured["majority"] for of in contenders.values()):
        rows.append([COMMONEST, *_pooled(measured["majority"])])
    what = about["what"].items()
    blocks = [
        Heading("How well it stages", 1),
        Text(
            f"Split {about['split']}, image spec {about['image_spec']}: {summary['epochs']} epochs "
            f"of {summary['recordings']} nights of {summary['subjects']} subjects, none of whom "
            f"is in two splits. In brackets {100 * LEVEL:.0f} % intervals from {RESAMPLES:,} "
            "resamples of the subjects; there is none for one subject. Invalid answers count as "
            "wrong."
        ),
    ]
    if pooled["absent"]:
        blocks.append(Text(f"Stages that were never scored here: {', '.join(pooled['absent'])}."))
    return [
        *blocks,
        Table(["", "what it is"], [[name, text] for name, text in what], words=1),
        Heading("All epochs together"),
        Table(["", *FIGURES.values()], rows),
        Picture(drawn["confusion"], "Scored stages (rows) against answers (columns), in epochs"),
    ]


def _pooled(summary: dict) -> list[str]:
    return [interval(summary["pooled"][key]) for key in FIGURES]


def by_stage(measured: dict, drawn: dict) -> list:
    contenders = measured["contenders"].items()
    rows = [
        [name, *(interval(of["summary"]["pooled"][f"f1_{stage}"]) for stage in STAGES)]
        for name, of in contenders
    ]
    both = [
        [name, *(f"{number(of['pooled']['precision'][stage])} / "
                 f"{number(of['pooled']['recall'][stage])}" for stage in STAGES)]
        for name, of in contenders
    ]  # fmt: skip
    counts = [
        [f"{name}, scored {stage}", *map(str, row)]
        for name, of in contenders
        if name in measured["about"]["models"]
        for stage, row in zip(STAGES, of["pooled"]["confusion"], strict=True)
    ]
    return [
        Heading("Stage by stage"),
        *[Text("F1:"), Table(["", *STAGES], rows)],
        *[Text("Precision / recall:"), Table(["", *STAGES], both)],
        *[Text("Epochs by answer:"), Table(["", *STAGES, "invalid"], counts)],
    ]


def units(measured: dict, drawn: dict) -> list:
    blocks: list = [Heading("By recording and by subject"), Text("Mean ± SD, median.")]
    for unit in ("recording", "subject"):
        rows = [
            [name, *(_spread(of["summary"][f"by_{unit}"][key]) for key in FIGURES)]
            for name, of in measured["contenders"].items()
        ]
        blocks.append(Table([f"by {unit}", *FIGURES.values()], rows))
    return blocks


def _spread(of: dict) -> str:
    return f"{number(of['mean'])} ± {number(of['sd'])}, {number(of['median'])}"


def cohorts(measured: dict, drawn: dict) -> list:
    rows = [
        [f"{cohort}: {name}", *_pooled(summary), str(summary["subjects"]), str(summary["epochs"])]
        for cohort in measured["cohorts"]
        for name, of in measured["contenders"].items()
        for summary in [of["summary_by_cohort"][cohort]]
    ]
    return [
        Heading("By cohort"),
        Table(["", *FIGURES.values(), "subjects", "epochs"], rows),
    ]


def matrix(measured: dict, drawn: dict) -> list:
    crossed = measured["matrix"]
    rows = [
        [name, _trained(of["trained_on"]), *map(_cell, of["cells"].values())]
        for name, of in crossed.items()
    ]
    blocks = [
        Heading("Trained on one cohort, tested on another"),
        Text(
            "κ with its interval over subjects, and of how many subjects. A row is trained or "
            f"fitted on the cohorts named, of which it has seen other subjects: {SEEN} marks "
            "those. What is staged without that mark is a cohort never seen before, unless the "
            "row's training is not known here."
        ),
        Table(["", "trained on", *measured["cohorts"]], rows),
    ]
    if "matrix" in drawn:
        text = f"κ by what was trained on (rows) and tested on (columns); {SEEN}: seen in training"
        blocks.append(Picture(drawn["matrix"], text))
    return blocks


def _trained(cohorts: list[str] | None) -> str:
    return "not known here" if cohorts is None else ", ".join(cohorts)


def _cell(of: dict) -> str:
    return f"{interval(of)}, n = {of['subjects']}{f' {SEEN}' if of['seen'] else ''}"


def nights(measured: dict, drawn: dict) -> list:
    blocks: list = [Heading("Nights")]
    for name, pictures in drawn["nights"].items():
        for which, recording, file in pictures:
            kappa = measured["contenders"][name]["recordings"][recording]["kappa"]
            text = f"{name}, the night of {which} κ: {recording}, κ {kappa:.3f}"
            blocks += [Text(text), Picture(file, text)]
    return blocks


def second_scorer(measured: dict, drawn: dict) -> list:
    found = {name: of["scorers"] for name, of in measured["contenders"].items() if of["scorers"]}
    if not found:
        return []
    keys = ("model_1", "model_2", "scorers", "gap")
    rows = [
        [name, *(interval(of[key]) for key in keys), str(of["epochs"])]
        for name, of in found.items()
    ]
    head = ["", "with scorer 1", "with scorer 2", "scorers with one another", "gap", "epochs"]
    return [
        Heading("Beside a second scorer"),
        Text("κ over the epochs that both scored. What two people agree on is the human ceiling."),
        Table(head, rows),
    ]


def transitions(measured: dict, drawn: dict) -> list:
    rows = [
        [
            name,
            *[interval(of["transitions"][side]["error"]) for side in ("near", "steady")],
            interval(of["transitions"]["difference"]),
            *[interval(of["transitions"][side]["kappa"]) for side in ("near", "steady")],
            *[str(of["transitions"][side]["epochs"]) for side in ("near", "steady")],
        ]
        for name, of in measured["contenders"].items()
    ]
    head = ["", "error near", "error steady", "difference", "κ near", "κ steady", "epochs near",
            "epochs steady"]  # fmt: skip
    return [
        Heading("Near changes of stage and in steady sleep"),
        Text("Near: the epochs on either side of a change of the scored stage."),
        Table(head, rows),
    ]


def statistics(measured: dict, drawn: dict) -> list:
    rows = [
        [
            f"{name}: {statistic}, {found['unit']}",
            interval(found["bias"], digits=1),
            f"{number(found['lower'], 1)} to {number(found['upper'], 1)}",
            f"{found['nights']} of {found['nights'] + found['left_out']}",
        ]
        for name, of in measured["contenders"].items()
        for statistic, found in of["sleep_statistics"].items()
    ]
    return [
        Heading("Sleep statistics"),
        Text(
            "Model minus scorer: bias, and limits of agreement between which 95 % of nights lie. "
            "Nights without REM or without sleep lack some statistics."
        ),
        Table(["", "bias", "limits", "nights"], rows),
        *[Picture(file, f"{name}, Bland-Altman") for name, file in drawn["bland_altman"].items()],
    ]


def certainty(measured: dict, drawn: dict) -> list:
    rows = []
    for name, of in measured["contenders"].items():
        rows.append([name, *(number(of["pooled"][key]) for key in CALIBRATION), "–"])
        if of["calibrated"]:
            after = [number(of["calibrated"][key]) for key in CALIBRATION]
            rows.append([f"{name}, calibrated", *after, number(of["temperature"])])
    return [
        Heading("What the probabilities are worth"),
        Text(
            "Log loss, Brier score and expected calibration error, all best at 0. A temperature is "
            "fitted on the validation split; it leaves the answers as they are."
        ),
        Table(["", *CALIBRATION.values(), "temperature"], rows),
        Picture(drawn["reliability"], "How often the answer is right, by how probable it is said"),
    ]


def comparisons(measured: dict, drawn: dict) -> list:
    if not measured["comparisons"]:
        return []
    rows = [
        [f"{row['one']} − {row['other']}", FIGURES[row["figure"]], interval(row),
         number(row["p"]), number(row["p_holm"])]
        for row in measured["comparisons"]
        if row["figure"] in ("kappa", "macro_f1", "balanced_accuracy")
        and {row["one"], row["other"]} & set(measured["about"]["models"])
    ]  # fmt: skip
    return [
        Heading("Two by two"),
        Text(
            "Differences on the same epochs, with intervals over the same resampled subjects; "
            "Wilcoxon's signed-rank test on the values by subject, and its p after Holm for the "
            "number of pairs. Pairs without a model as it is are in metrics.json."
        ),
        Table(["", "figure", "difference", "p", "p, Holm"], rows),
    ]


def damage(measured: dict, drawn: dict) -> list:
    blocks: list = []
    for kind, lines in measured["damage"].items():
        rows = [
            [f"{name}: {FIGURES[key]}", *(interval(point[key]) for point in points)]
            for key in ("kappa", "balanced_accuracy")
            for name, points in lines.items()
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
    keys = ("kappa", "balanced_accuracy", "difference")
    rows = [
        [f"{name}: {of['variant']}", *(interval(of[key]) for key in keys)]
        for name, variants in found.items()
        for of in variants
    ]
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
        *[Text("F1:"), Table(["", *STAGES], stages)],
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
            [f"{name}: {of['variant']}", interval(of["kappa"]), interval(of["difference"]),
             percent(of["changed"])]
            for of in variants
        ]  # fmt: skip
        blocks.append(Table(["", "κ", "difference of κ", "other answers"], rows))
    return blocks


def cost(measured: dict, drawn: dict) -> list:
    rows = []
    for name, of in measured["about"]["cost"].items():
        seconds, epochs = of["seconds"], of["epochs"]
        tokens, fit_s = of.get("image_tokens"), of.get("fit_s")
        rows.append([
            name, number(epochs / seconds, 1), number(1000 * seconds / epochs, 1),
            number(of["peak_memory_gib"], 2), number(tokens, 0), number(fit_s, 1),
        ])  # fmt: skip
    head = ["", "epochs/s", "ms an epoch", "peak memory, GiB", "image tokens an epoch", "fitted, s"]
    return [
        Heading("What it costs"),
        Text(
            f"On {measured['about']['device']}, pictures or signals read included. Without a GPU, "
            "memory is that of the whole process until then."
        ),
        Table(head, rows),
    ]


def published(measured: dict, drawn: dict) -> list:
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    keys = ("accuracy", "balanced_accuracy", "macro_f1", "kappa")
    rows = [
        [f"{row['data']}: {row['model']}", *(row[key] or "–" for key in keys), row["protocol"],
         row["source"]]
        for row in found
    ]  # fmt: skip
    return [
        Heading("Published elsewhere, not measured here"),
        Text(
            "Figures as others gave them, carried over with their source. Data, splits and "
            "protocols differ from those above and from one another: they are no comparison."
        ),
        Table(["", *(FIGURES[key] for key in keys), "protocol", "source"], rows, words=2),
    ]
