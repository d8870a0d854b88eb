"""The sections of a report: headings, texts and tables, made from the measured figures.

Every section is a function of `measured` (the result of `measure.measure_all`) and `drawn` (the
file names from `pictures.draw`), and returns a list of blocks; an empty list leaves it out.
"""

import csv
from pathlib import Path

from psgvlm.evaluation.baseline_names import FLOORS
from psgvlm.evaluation.intervals import LEVEL, RESAMPLES
from psgvlm.evaluation.report.cells import FIGURES, interval_text, number_text, without_floors
from psgvlm.evaluation.report.measure import COMMONEST
from psgvlm.evaluation.report.stress import damage_section, lanes_section, prompts_section
from psgvlm.stages import STAGES
from psgvlm.staging.document import Heading, Picture, Table, Text

PUBLISHED = Path(__file__).with_name("published.csv")
SEEN = "●"
FEW_SUBJECTS = 10
CALIBRATION = {"log_loss": "log loss", "brier": "Brier", "ece": "ECE"}


def report_blocks(measured: dict, drawn: dict) -> list:
    """Return the blocks of the whole page, section by section."""
    sections = (
        overview_section,
        comparison_section,
        cohort_section,
        matrix_section,
        stage_section,
        unit_section,
        night_section,
        scorer_section,
        transition_section,
        sleep_section,
        calibration_section,
        damage_section,
        lanes_section,
        prompts_section,
        cost_section,
        published_section,
    )
    return [block for section in sections for block in section(measured, drawn)]


def overview_section(measured: dict, drawn: dict) -> list:
    """Return what was measured, the contenders, their pooled figures and confusion matrices."""
    contenders, about = measured["contenders"], measured["about"]
    first = next(iter(contenders.values()))
    summary, absent = first["summary"], first["pooled"]["absent"]
    rows = [[name, *_pooled(figures["summary"])] for name, figures in contenders.items()]
    if all(figures["summary"] != measured["majority"] for figures in contenders.values()):
        rows.append([COMMONEST, *_pooled(measured["majority"])])
    blocks = [
        Heading("Evaluation of sleep staging", 1),
        Text(
            f"The {about['split']} split of {', '.join(measured['cohorts'])} has "
            f"{summary['epochs']:,} scored epochs of {summary['recordings']} nights of "
            f"{summary['subjects']} subjects, drawn with the image spec {about['image_spec']}. No "
            "subject is in two splits. Invalid answers count as wrong."
        ),
        Text(
            f"Brackets hold {100 * LEVEL:.0f} % intervals from {RESAMPLES:,} resamples of the "
            f"subjects. A single subject has no interval; intervals of fewer than {FEW_SUBJECTS} "
            "subjects say little about other people. κ is Cohen's kappa and MCC is Matthews' "
            "correlation coefficient; both are 0 for guessing."
        ),
    ]
    if absent:
        blocks.append(Text(f"Stages without a scored epoch: {', '.join(absent)}."))
    what = [[name, text] for name, text in about["what"].items()]
    return [
        *blocks,
        Table(["contender", "what it is"], what, words=(1,)),
        Heading("All epochs"),
        Table(["contender", *FIGURES.values()], rows),
        Picture(drawn["confusion"], "Epochs by scored stage (rows) and predicted stage (columns)"),
    ]


def _pooled(summary: dict) -> list[str]:
    return [interval_text(summary["pooled"][key]) for key in FIGURES]


def comparison_section(measured: dict, drawn: dict) -> list:
    """Return differences between a model and every other contender that is not a floor."""
    models = set(measured["about"]["models"])
    rows = []
    for row in measured["comparisons"]:
        pair = {row["one"], row["other"]}
        if row["figure"] not in ("kappa", "macro_f1", "balanced_accuracy"):
            continue
        if pair & models and not pair & set(FLOORS):
            p_values = [number_text(row[key]) for key in ("p", "p_holm")]
            label = f"{row['one']} − {row['other']}"
            rows.append([label, FIGURES[row["figure"]], interval_text(row), *p_values])
    if not rows:
        return []
    return [
        Heading("Pairwise comparisons"),
        Text(
            "Differences on the same epochs, with intervals over the same resampled subjects. p is "
            "that of Wilcoxon's signed-rank test on the values by subject, before and after Holm's "
            "adjustment for the number of all pairs. Pairs without a model, and pairs with "
            f"{' or '.join(FLOORS)}, are in metrics.json only."
        ),
        Table(["contenders", "figure", "difference", "p", "p (Holm)"], rows, (1,)),
    ]


def cohort_section(measured: dict, drawn: dict) -> list:
    """Return the pooled figures of every contender in every cohort."""
    rows = []
    for cohort in measured["cohorts"]:
        for name, figures in measured["contenders"].items():
            summary = figures["summary_by_cohort"][cohort]
            size = [str(summary[key]) for key in ("subjects", "epochs")]
            rows.append([f"{cohort}: {name}", *_pooled(summary), *size])
    head = ["cohort: contender", *FIGURES.values(), "subjects", "epochs"]
    return [Heading("By cohort"), Table(head, rows)]


def matrix_section(measured: dict, drawn: dict) -> list:
    """Return kappa by the cohorts of training and of test."""
    rows = []
    for name, row in without_floors(measured["matrix"]).items():
        cells = [_matrix_cell(cell) for cell in row["cells"].values()]
        rows.append([name, _trained(row["trained_on"]), *cells])
    tested = [f"tested on {name}" for name in measured["cohorts"]]
    blocks = [
        Heading("Trained on one cohort, tested on another"),
        Text(
            f"κ and the number of subjects n. {SEEN} means that other subjects of the tested "
            "cohort were in the training data. Without the mark, no subject of that cohort was, "
            "unless the training cohorts are not known."
        ),
        Table(["contender", "trained on", *tested], rows, (1,)),
    ]
    if "matrix" in drawn:
        text = "κ by training cohort (rows) and test cohort (columns); framed: seen in training"
        blocks.append(Picture(drawn["matrix"], text))
    return blocks


def _trained(cohorts: list[str] | None) -> str:
    return "not known" if cohorts is None else ", ".join(cohorts)


def _matrix_cell(cell: dict) -> str:
    return f"{f'{SEEN} ' if cell['seen'] else ''}{interval_text(cell)}, n = {cell['subjects']}"


def stage_section(measured: dict, drawn: dict) -> list:
    """Return F1, precision and recall by stage, and the confusion matrices of the models."""
    contenders = without_floors(measured["contenders"]).items()
    blocks: list = [Heading("By stage")]
    for figure, title in (("f1", "F1"), ("precision", "precision"), ("recall", "recall")):
        rows = []
        for name, figures in contenders:
            pooled = figures["summary"]["pooled"]
            rows.append([name, *(interval_text(pooled[f"{figure}_{stage}"]) for stage in STAGES)])
        blocks.append(Table([title, *STAGES], rows))
    counts = [
        [f"{name}, scored {stage}", *map(str, row)]
        for name, figures in contenders
        if name in measured["about"]["models"]
        for stage, row in zip(STAGES, figures["pooled"]["confusion"], strict=True)
    ]
    return [*blocks, Table(["epochs by predicted stage", *STAGES, "invalid"], counts)]


def unit_section(measured: dict, drawn: dict) -> list:
    """Return the figures of single recordings and subjects, as mean, SD and median."""
    contenders = without_floors(measured["contenders"])
    summary = next(iter(contenders.values()))["summary"]
    blocks: list = [
        Heading("By recording and by subject"),
        Text("Mean ± SD, then the median, of the figures of single recordings and subjects."),
    ]
    for unit in ("recording", "subject"):
        rows = [
            [name, *(_spread(figures["summary"][f"by_{unit}"][key]) for key in FIGURES)]
            for name, figures in contenders.items()
        ]
        blocks.append(Table([f"by {unit}", *FIGURES.values()], rows))
        if summary["recordings"] == summary["subjects"]:
            return [*blocks, Text("Every subject has one recording.")]
    return blocks


def _spread(values: dict) -> str:
    mean, sd, median = (number_text(values[key]) for key in ("mean", "sd", "median"))
    return f"{mean} ± {sd}, {median}"


def night_section(measured: dict, drawn: dict) -> list:
    """Return the hypnograms of each model's best, median and worst night."""
    blocks: list = [Heading("Example nights")]
    for name, pictures in drawn["nights"].items():
        for which, recording, file in pictures:
            kappa = measured["contenders"][name]["recordings"][recording]["kappa"]
            text = f"{name}, night with the {which} κ: {recording}, κ {kappa:.3f}"
            blocks.append(Picture(file, text))
    return blocks


def scorer_section(measured: dict, drawn: dict) -> list:
    """Return the models' agreement with two scorers beside the scorers' own agreement."""
    rows = []
    for name, figures in without_floors(measured["contenders"]).items():
        if scorers := figures["scorers"]:
            keys = ("model_1", "model_2", "scorers", "gap")
            cells = [interval_text(scorers[key]) for key in keys]
            rows.append([name, *cells, str(scorers["epochs"])])
    if not rows:
        return []
    head = ["contender", "κ with scorer 1", "κ with scorer 2", "κ between scorers", "gap", "epochs"]
    return [
        Heading("Agreement with a second scorer"),
        Text(
            "κ over the epochs that both people scored. The κ between two people shows how much "
            "agreement can be expected. The gap is the mean κ with the two scorers minus the κ "
            "between them."
        ),
        Table(head, rows),
    ]


def transition_section(measured: dict, drawn: dict) -> list:
    """Return the errors next to transitions and in steady sleep."""
    rows = []
    for name, figures in without_floors(measured["contenders"]).items():
        near, steady = figures["transitions"]["near"], figures["transitions"]["steady"]
        difference = figures["transitions"]["difference"]
        estimates = (near["error"], steady["error"], difference, near["kappa"], steady["kappa"])
        epochs = [str(side["epochs"]) for side in (near, steady)]
        rows.append([name, *map(interval_text, estimates), *epochs])
    head = ["contender", "error near", "error steady", "difference", "κ near", "κ steady",
            "epochs near", "epochs steady"]  # fmt: skip
    return [
        Heading("Errors near transitions"),
        Text(
            "A transition is a change of the scored stage from one epoch to the next. Near: the "
            "epochs on either side of a transition. Steady: all other epochs. The error is the "
            "share of epochs with a wrong stage."
        ),
        Table(head, rows),
    ]


def sleep_section(measured: dict, drawn: dict) -> list:
    """Return bias and limits of agreement of the sleep statistics."""
    contenders = without_floors(measured["contenders"])
    rows = []
    for statistic in next(iter(contenders.values()))["sleep_statistics"]:
        for name, figures in contenders.items():
            result = figures["sleep_statistics"][statistic]
            nights, left_out = result["nights"], result["left_out"]
            ends = [number_text(result[end], 1) for end in ("lower", "upper")]
            rows.append([
                f"{statistic}, {result['unit']}: {name}",
                interval_text(result["bias"], digits=1),
                " to ".join(ends) if nights else "–",
                f"{nights} of {nights + left_out}",
            ])  # fmt: skip
    pictures = [
        Picture(file, f"{name}: bias and limits of agreement, night by night (Bland and Altman)")
        for name, file in drawn["bland_altman"].items()
    ]
    return [
        Heading("Sleep statistics"),
        Text(
            "Model minus scorer for total sleep time (TST), sleep efficiency (SE), sleep onset "
            "latency (SOL), REM latency, wake after sleep onset (WASO) and the minutes in each "
            "stage. 95 % of nights lie between the limits of agreement. A night without sleep or "
            "without REM sleep has no value for some statistics and is left out there."
        ),
        Table(["statistic: contender", "bias", "limits of agreement", "nights"], rows),
        *pictures,
    ]


def calibration_section(measured: dict, drawn: dict) -> list:
    """Return log loss, Brier score and calibration error, before and after calibration."""
    rows = []
    for name, figures in without_floors(measured["contenders"]).items():
        before = [interval_text(figures["certainty"][key]) for key in CALIBRATION]
        rows.append([name, *before, "–"])
        if figures["calibrated"]:
            after = [interval_text(figures["calibrated"][key]) for key in CALIBRATION]
            rows.append([f"{name}, calibrated", *after, number_text(figures["temperature"])])
    return [
        Heading("Calibration of the probabilities"),
        Text(
            "Log loss, Brier score and expected calibration error (ECE); 0 is the best value of "
            "each. The temperature of a calibrated model is fitted on the validation split; it "
            "does not change the stages."
        ),
        Table(["contender", *CALIBRATION.values(), "temperature"], rows),
        Picture(
            drawn["reliability"],
            "Share of correct stages by the probability of the predicted stage",
        ),
    ]


def cost_section(measured: dict, drawn: dict) -> list:
    """Return speed and memory of the contenders."""
    rows = []
    for name, cost in without_floors(measured["about"]["cost"]).items():
        seconds, epochs = cost["seconds"], cost["epochs"]
        rows.append([
            name, number_text(epochs / seconds, 1), number_text(1000 * seconds / epochs, 1),
            number_text(cost["peak_memory_gib"], 2), number_text(cost.get("image_tokens"), 0),
            number_text(cost.get("fit_s"), 1),
        ])  # fmt: skip
    head = ["contender", "epochs/s", "ms per epoch", "peak memory, GiB", "image tokens per epoch",
            "time to fit, s"]  # fmt: skip
    return [
        Heading("Cost"),
        Text(
            f"Measured on {measured['about']['device']}, with the time to read pictures or "
            "signals. If several processes shared the nights, speed is that of one process. "
            "Without a GPU, memory is the peak of the whole process up to that point."
        ),
        Table(head, rows),
    ]


def published_section(measured: dict, drawn: dict) -> list:
    """Return figures that others published."""
    keys = ("accuracy", "balanced_accuracy", "macro_f1", "kappa")
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        rows = [
            [f"{row['data']}: {row['model']}", *(row[key] or "–" for key in keys), row["protocol"],
             row["source"]]
            for row in csv.DictReader(file)
        ]  # fmt: skip
    head = ["data: model", *(FIGURES[key] for key in keys), "protocol", "source"]
    return [
        Heading("Published results, not measured here"),
        Text(
            "Figures that others published, with their source. Data, splits and protocols differ "
            "from those above and from one another, so these figures cannot be compared directly."
        ),
        Table(head, rows, (5, 6)),
    ]
