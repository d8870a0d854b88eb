"""What a report says, from what `measure.everything` found: headings, tables, pictures."""

import csv
from pathlib import Path

from psgvlm.evaluation.baselines import FLOORS
from psgvlm.evaluation.intervals import LEVEL, RESAMPLES
from psgvlm.evaluation.report.cells import FIGURES, interval, looking, number
from psgvlm.evaluation.report.measure import COMMONEST
from psgvlm.evaluation.report.stress import damage, lanes, prompts
from psgvlm.stages import STAGES
from psgvlm.staging.document import Heading, Picture, Table, Text

PUBLISHED = Path(__file__).with_name("published.csv")
SEEN = "●"
FEW = 10  # subjects
CALIBRATION = {"log_loss": "log loss", "brier": "Brier", "ece": "ECE"}


def report(measured: dict, drawn: dict) -> list:
    """The blocks of the page; `drawn` names the pictures (see `pictures.draw`)."""
    sections = (opening, comparisons, cohorts, matrix, by_stage, units, nights, second_scorer,
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
            f"Split {about['split']} of {', '.join(measured['cohorts'])}, image spec "
            f"{about['image_spec']}: {summary['epochs']} epochs of {summary['recordings']} nights "
            f"of {summary['subjects']} subjects, none of whom is in two splits. Invalid answers "
            "count as wrong."
        ),
        Text(
            f"Beside each figure its {100 * LEVEL:.0f} % interval, from {RESAMPLES:,} resamples of "
            f"the subjects: there is none for one subject, and that of fewer than {FEW} says "
            "little about others. κ is Cohen's, MCC Matthews' correlation; by guessing both are 0."
        ),
    ]
    if pooled["absent"]:
        blocks.append(Text(f"Stages that were never scored here: {', '.join(pooled['absent'])}."))
    return [
        *blocks,
        Table(["", "what it is"], [[name, text] for name, text in what], words=(1,)),
        Heading("All epochs together"),
        Table(["", *FIGURES.values()], rows),
        Picture(drawn["confusion"], "Scored stages (rows) against answers (columns), in epochs"),
    ]


def _pooled(summary: dict) -> list[str]:
    return [interval(summary["pooled"][key]) for key in FIGURES]


def by_stage(measured: dict, drawn: dict) -> list:
    contenders = looking(measured["contenders"]).items()
    blocks: list = [Heading("Stage by stage")]
    for figure, text in (("f1", "F1"), ("precision", "precision"), ("recall", "recall")):
        rows = [
            [name, *(interval(of["summary"]["pooled"][f"{figure}_{stage}"]) for stage in STAGES)]
            for name, of in contenders
        ]
        blocks.append(Table([text, *STAGES], rows))
    counts = [
        [f"{name}, scored {stage}", *map(str, row)]
        for name, of in contenders
        if name in measured["about"]["models"]
        for stage, row in zip(STAGES, of["pooled"]["confusion"], strict=True)
    ]
    return [*blocks, Table(["epochs by answer", *STAGES, "invalid"], counts)]


def units(measured: dict, drawn: dict) -> list:
    contenders = looking(measured["contenders"])
    summary = next(iter(contenders.values()))["summary"]
    blocks: list = [
        Heading("By recording and by subject"),
        Text("Of each by itself: mean ± SD, median."),
    ]
    for unit in ("recording", "subject"):
        rows = [
            [name, *(_spread(of["summary"][f"by_{unit}"][key]) for key in FIGURES)]
            for name, of in contenders.items()
        ]
        blocks.append(Table([f"by {unit}", *FIGURES.values()], rows))
        if summary["recordings"] == summary["subjects"]:
            return [*blocks, Text("Every subject has one recording.")]
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
    crossed = looking(measured["matrix"])
    rows = [
        [name, _trained(of["trained_on"]), *map(_cell, of["cells"].values())]
        for name, of in crossed.items()
    ]
    blocks = [
        Heading("Trained on one cohort, tested on another"),
        Text(
            f"κ, and n subjects. {SEEN}: other subjects of that cohort were trained or fitted on; "
            "where it is missing, nobody of the cohort was, unless it is not known here what was."
        ),
        Table(
            ["", "trained on", *(f"tested on {name}" for name in measured["cohorts"])], rows, (1,)
        ),
    ]
    if "matrix" in drawn:
        text = "κ by what was trained on (rows) and tested on (columns); framed: seen in training"
        blocks.append(Picture(drawn["matrix"], text))
    return blocks


def _trained(cohorts: list[str] | None) -> str:
    return "not known here" if cohorts is None else ", ".join(cohorts)


def _cell(of: dict) -> str:
    return f"{f'{SEEN} ' if of['seen'] else ''}{interval(of)}, n = {of['subjects']}"


def nights(measured: dict, drawn: dict) -> list:
    blocks: list = [Heading("Nights")]
    for name, pictures in drawn["nights"].items():
        for which, recording, file in pictures:
            kappa = measured["contenders"][name]["recordings"][recording]["kappa"]
            text = f"{name}, the night of {which} κ: {recording}, κ {kappa:.3f}"
            blocks.append(Picture(file, text))
    return blocks


def second_scorer(measured: dict, drawn: dict) -> list:
    contenders = looking(measured["contenders"])
    found = {name: of["scorers"] for name, of in contenders.items() if of["scorers"]}
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
        for name, of in looking(measured["contenders"]).items()
    ]
    head = ["", "error near", "error steady", "difference", "κ near", "κ steady", "epochs near",
            "epochs steady"]  # fmt: skip
    return [
        Heading("Near changes of stage and in steady sleep"),
        Text("Near: the epochs on either side of a change of the scored stage."),
        Table(head, rows),
    ]


def statistics(measured: dict, drawn: dict) -> list:
    contenders = looking(measured["contenders"])
    rows = [
        [
            f"{statistic}, {found['unit']}: {name}",
            interval(found["bias"], digits=1),
            f"{number(found['lower'], 1)} to {number(found['upper'], 1)}"
            if found["nights"]
            else "–",
            f"{found['nights']} of {found['nights'] + found['left_out']}",
        ]
        for statistic in next(iter(contenders.values()))["sleep_statistics"]
        for name, of in contenders.items()
        for found in [of["sleep_statistics"][statistic]]
    ]
    return [
        Heading("Sleep statistics"),
        Text(
            "Model minus scorer, of total sleep time, sleep efficiency, sleep onset latency, REM "
            "latency, wake after sleep onset and each stage's minutes: bias, and the limits of "
            "agreement between which 95 % of nights lie. Nights without REM or sleep lack some."
        ),
        Table(["", "bias", "limits", "nights"], rows),
        *[
            Picture(file, f"{name}: bias and limits night by night (Bland and Altman)")
            for name, file in drawn["bland_altman"].items()
        ],
    ]


def certainty(measured: dict, drawn: dict) -> list:
    rows = []
    for name, of in looking(measured["contenders"]).items():
        rows.append([name, *(interval(of["certainty"][key]) for key in CALIBRATION), "–"])
        if of["calibrated"]:
            after = [interval(of["calibrated"][key]) for key in CALIBRATION]
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
    rows = [
        [f"{row['one']} − {row['other']}", FIGURES[row["figure"]], interval(row),
         number(row["p"]), number(row["p_holm"])]
        for row in measured["comparisons"]
        if row["figure"] in ("kappa", "macro_f1", "balanced_accuracy")
        and {row["one"], row["other"]} & set(measured["about"]["models"])
        and not {row["one"], row["other"]} & set(FLOORS)
    ]  # fmt: skip
    if not rows:
        return []
    return [
        Heading("Compared two by two"),
        Text(
            "Differences on the same epochs, with intervals over the same resampled subjects; "
            "Wilcoxon's signed-rank test on the values by subject, and its p after Holm for the "
            "number of all pairs; those without a model or with a floor are in metrics.json alone."
        ),
        Table(["", "figure", "difference", "p", "p, Holm"], rows, (1,)),
    ]


def cost(measured: dict, drawn: dict) -> list:
    rows = []
    for name, of in looking(measured["about"]["cost"]).items():
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
            f"On {measured['about']['device']}, pictures or signals read included; where several "
            "processes shared the nights, of one of them. Without a GPU, memory is that of the "
            "whole process until then."
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
        Table(["", *(FIGURES[key] for key in keys), "protocol", "source"], rows, (5, 6)),
    ]
