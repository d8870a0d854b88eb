"""The tables of a report, read back, equal figures computed anew from its predictions."""

import csv
import json
import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from tables import table

from psgvlm.errors import InputError
from psgvlm.evaluation import intervals, predictions, report, sleep_agreement
from psgvlm.evaluation.report import measure, pictures, tables
from psgvlm.stages import STAGES
from psgvlm.staging import document

P = [f"p_{stage}" for stage in STAGES]
SKLEARN = {
    "κ": metrics.cohen_kappa_score,
    "macro-F1": lambda a, b: metrics.f1_score(a, b, average="macro"),
    "accuracy": metrics.accuracy_score,
    "balanced accuracy": metrics.balanced_accuracy_score,
    "MCC": metrics.matthews_corrcoef,
}


def contenders():
    """Two models and a baseline on two cohorts, with two nights per subject."""
    parts = []
    for name, skill in (("good", 3.0), ("fair", 1.5), ("yasa", 0.5)):
        frames = []
        for seed, cohort in enumerate(("isruc", "shhs")):
            frame = table(seed, subjects=4, nights=2, epochs=80, second=True)
            rng = np.random.default_rng([seed, round(10 * skill)])
            scored = frame["stage"].map(STAGES.index).to_numpy()
            logits = rng.normal(0, 1, (len(frame), 5)) + skill * np.eye(5)[scored]
            p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
            frame[P] = p
            frame["predicted"] = [STAGES[i] for i in p.argmax(1)]
            frames.append(frame.assign(cohort=cohort, subject=cohort + "-" + frame["subject"]))
        parts.append(pd.concat(frames).assign(model=name))
    return pd.concat(parts, ignore_index=True)


def about(**more):
    cost = {
        "good": {"epochs": 1280, "seconds": 10.0, "peak_memory_gib": 1.5, "image_tokens": 144},
        "yasa": {"epochs": 1280, "seconds": 5.0, "peak_memory_gib": 1.5, "fit_s": 2.0},
    }
    facts = {"models": ["good", "fair"], "split": "test", "image_spec": "folded", "device": "CPU"}
    facts["what"] = {name: f"what {name} is" for name in ("good", "fair", "yasa")}
    facts["trained_on"] = {"good": ["isruc", "mass"], "fair": ["shhs"], "yasa": None}
    return facts | {"cost": cost, "temperatures": {"good": 0.7}, "run": "one"} | more


def variants(frame):
    """Three sets of lanes and two wordings of both models; random answers are changed to N2."""
    parts = []
    kinds = {"lanes": ("EEG", "EEG + EOG", "EEG + EOG + EMG"), "prompts": ("Which?", "W or what?")}
    for kind, names in kinds.items():
        for name in ("good", "fair"):
            as_it_is = names[measure.UNCHANGED[kind]]
            for number, variant in enumerate(names):
                part = frame[frame["model"] == name].assign(kind=kind, variant=variant)
                turned = np.random.default_rng(number).random(len(part)) < 0.3
                if variant != as_it_is:
                    part.loc[turned, "predicted"] = "N2"
                parts.append(part)
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of a report."""
    out = tmp_path_factory.mktemp("report")
    frame = contenders()
    damaged = [
        frame.assign(damage="white", share=1.0, level=level, severity=label)
        for level, label in ((np.inf, "none"), (0.0, "0 dB SNR"))
    ]
    damaged[1]["predicted"] = "N2"
    report.write(out, frame, about(), pd.concat(damaged, ignore_index=True), variants(frame))
    return out


@pytest.fixture(scope="module")
def found(written):
    """The tables of report.md by heading; rows are dictionaries with the first cell under ''."""
    parts: dict[str, list[list[dict]]] = {}
    heading = head = None
    for line in (written / "report.md").read_text("utf-8").splitlines():
        if line.startswith("#"):
            heading, head = line.strip("# "), None
        elif line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            cells = [cell.strip("| ") for cell in cells]
            if head is None:
                head = cells
                parts.setdefault(heading, []).append([])
            elif not set(line) <= set("| -:"):
                parts[heading][-1].append(dict(zip(["", *head[1:]], cells, strict=True)))
        else:
            head = None
    return parts


@pytest.fixture(scope="module")
def frames(written):
    frame = pd.read_parquet(written / "predictions.parquet")
    return dict(list(frame.groupby("model", sort=False)))


def with_interval(estimate: dict) -> str:
    """A value with its interval, as a report must write them."""
    return "{value:.3f} ({low:.3f} to {high:.3f})".format(**estimate)


def first(cell: str) -> float:
    return float(re.match(r"-?[\d.]+", cell).group())


def same(cell: str, value: float, digits: int = 3) -> bool:
    return abs(first(cell) - value) <= 0.5 * 10**-digits + 1e-9


def test_pooled_figures(found, frames):
    (rows,) = found["All epochs"]
    assert [row[""] for row in rows] == [*frames, measure.COMMONEST]
    commonest = frames["good"]["stage"].mode()[0]
    for row in rows:
        frame = frames.get(row[""], frames["good"].assign(predicted=commonest))
        for name, score in SKLEARN.items():
            assert same(row[name], score(frame["stage"], frame["predicted"])), (row[""], name)


def test_intervals_are_those_over_subjects(found, frames):
    rows = {row[""]: row for row in found["All epochs"][0]}
    for name, frame in frames.items():
        for key, estimate in intervals.summary(frame)["pooled"].items():
            if key in tables.FIGURES:
                expected = with_interval(estimate)
                assert rows[name][tables.FIGURES[key]] == expected


def test_by_stage(found, frames):
    *scores, counts = found["By stage"]
    for name, frame in frames.items():
        a, b = frame["stage"], frame["predicted"]
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(a, b, labels=STAGES)
        pooled = intervals.summary(frame)["pooled"]
        expected = {"f1": f1, "precision": precision, "recall": recall}
        for rows, (figure, values) in zip(scores, expected.items(), strict=True):
            (row,) = [row for row in rows if row[""] == name]
            for i, stage in enumerate(STAGES):
                assert same(row[stage], values[i])
                low, high = (pooled[f"{figure}_{stage}"][end] for end in ("low", "high"))
                assert row[stage].endswith(f" ({low:.3f} to {high:.3f})")
    for name in ("good", "fair"):
        matrix = metrics.confusion_matrix(
            frames[name]["stage"], frames[name]["predicted"], labels=STAGES
        )
        rows = [row for row in counts if row[""].startswith(name)]
        assert [[int(row[stage]) for stage in STAGES] for row in rows] == matrix.tolist()
        assert {row["invalid"] for row in rows} == {"0"}
    assert len(counts) == 10  # the models only


@pytest.mark.parametrize(("place", "unit"), [(0, "recording"), (1, "subject")])
def test_by_recording_and_subject(found, frames, place, unit):
    rows = found["By recording and by subject"][place]
    for row in rows:
        groups = frames[row[""]].groupby(["cohort", unit])
        for name, score in SKLEARN.items():
            values = np.array([score(part["stage"], part["predicted"]) for _, part in groups])
            mean, sd, median = re.match(r"(\S+) ± (\S+), (\S+)", row[name]).groups()
            assert same(mean, values.mean())
            assert same(sd, values.std(ddof=1))
            assert same(median, np.median(values))


def test_by_cohort(found, frames):
    (rows,) = found["By cohort"]
    assert len(rows) == 6
    for row in rows:
        cohort, name = row[""].split(": ")
        part = frames[name][frames[name]["cohort"] == cohort]
        for figure, score in SKLEARN.items():
            assert same(row[figure], score(part["stage"], part["predicted"]))
        assert (int(row["subjects"]), int(row["epochs"])) == (4, len(part))


def test_matrix(found, frames):
    """Kappa by cohort, marked if the model was trained on that cohort."""
    (rows,) = found["Trained on one cohort, tested on another"]
    assert [row[""] for row in rows] == ["good", "fair", "yasa"]
    assert [row["trained on"] for row in rows] == ["isruc, mass", "shhs", "not known"]
    for row in rows:
        for cohort, cell in zip(("isruc", "shhs"), list(row.values())[2:], strict=True):
            part = frames[row[""]][frames[row[""]]["cohort"] == cohort]
            text = f"{with_interval(intervals.summary(part)['pooled']['kappa'])}, n = 4"
            seen = (row[""], cohort) in (("good", "isruc"), ("fair", "shhs"))
            assert cell == (f"{tables.SEEN} {text}" if seen else text)
            kappa = SKLEARN["κ"](part["stage"], part["predicted"])
            assert same(cell.removeprefix(f"{tables.SEEN} "), kappa)


def test_second_scorer(found, frames):
    for row in found["Agreement with a second scorer"][0]:
        frame = frames[row[""]]
        kappa = metrics.cohen_kappa_score
        one = kappa(frame["stage"], frame["predicted"])
        two = kappa(frame["stage_2"], frame["predicted"])
        people = kappa(frame["stage"], frame["stage_2"])
        assert same(row["κ with scorer 1"], one)
        assert same(row["κ with scorer 2"], two)
        assert same(row["κ between scorers"], people)
        assert same(row["gap"], (one + two) / 2 - people)


def test_transitions(found, frames):
    for row in found["Errors near transitions"][0]:
        frame = frames[row[""]].sort_values(["recording", "epoch"])
        night = frame.groupby(["cohort", "recording"])["stage"]
        before, after = night.shift(1), night.shift(-1)
        near = (before.notna() & (before != frame["stage"])) | (
            after.notna() & (after != frame["stage"])
        )
        wrong = frame["stage"] != frame["predicted"]
        assert same(row["error near"], wrong[near].mean())
        assert same(row["error steady"], wrong[~near].mean())
        assert same(row["difference"], wrong[near].mean() - wrong[~near].mean())
        assert int(row["epochs near"]) == near.sum()
        assert int(row["epochs steady"]) == (~near).sum()
        for part, side in ((frame[near], "near"), (frame[~near], "steady")):
            kappa = metrics.cohen_kappa_score(part["stage"], part["predicted"])
            assert same(row[f"κ {side}"], kappa)


def test_sleep_statistics(found, frames):
    """Minutes of stages are counted here; bias and limits have tests of their own."""
    rows = {row[""]: row for row in found["Sleep statistics"][0]}
    assert len(rows) == 30
    for name, frame in frames.items():
        nights = frame.groupby(["cohort", "recording"])
        for stage in STAGES:
            minutes = {
                column: nights[column].apply(lambda x, stage=stage: 0.5 * (x == stage).sum())
                for column in ("stage", "predicted")
            }
            row = rows[f"{stage}, min: {name}"]
            assert same(row["bias"], (minutes["predicted"] - minutes["stage"]).mean(), 1)
            assert row["nights"] == "16 of 16"
        nights = sleep_agreement.by_night(frame)
        for statistic, result in sleep_agreement.bias_and_limits(nights).items():
            row = rows[f"{statistic}, {result['unit']}: {name}"]
            bias, low, high = (result["bias"][key] for key in ("value", "low", "high"))
            assert row["bias"] == f"{bias:.1f} ({low:.1f} to {high:.1f})"
            assert row["limits of agreement"] == f"{result['lower']:.1f} to {result['upper']:.1f}"


def test_calibration(found, frames):
    rows = {row[""]: row for row in found["Calibration of the probabilities"][0]}
    assert list(rows) == ["good", "good, calibrated", "fair", "yasa"]
    for name, row in rows.items():
        frame = frames[name.split(",")[0]]
        p = frame[P].to_numpy()
        if name == "good, calibrated":
            p = p ** (1 / 0.7) / (p ** (1 / 0.7)).sum(1, keepdims=True)
            assert row["temperature"] == "0.700"
        scored = frame["stage"].map(STAGES.index).to_numpy()
        subject = frame.groupby(predictions.SUBJECT).ngroup().to_numpy()
        figures = {"log loss": lambda p, s: metrics.log_loss(s, p, labels=range(5)),
                   "Brier": lambda p, s: ((p - np.eye(5)[s]) ** 2).sum(1).mean(),
                   "ECE": calibration_error}  # fmt: skip
        for figure, score in figures.items():
            assert same(row[figure], score(p, scored))
            low, high = ends(row[figure])
            if figure != "ECE":  # ECE is no mean over subjects
                values = [score(p[subject == i], scored[subject == i]) for i in range(8)]
                # Subjects are equally long, so the bootstrap is that of their means.
                error = np.std(values, ddof=1) / np.sqrt(8)
                assert high - low == pytest.approx(2 * 2.36 * error, rel=0.3)
            assert low < score(p, scored) < high


def calibration_error(p, scored):
    bins = np.digitize(p.max(1), np.arange(1, 15) / 15, right=True)
    right = p.argmax(1) == scored
    gaps = [abs((right - p.max(1))[bins == i].sum()) / len(p) for i in range(15)]
    return sum(gaps)  # the weight of a bin cancels the division of its mean


def ends(cell):
    """The ends of the interval in brackets."""
    return map(float, re.search(r"\((\S+) to (\S+)\)", cell).groups())


def test_pairs(found, frames):
    (rows,) = found["Pairwise comparisons"]
    assert len(rows) == 9
    names = {name: key for key, name in tables.FIGURES.items()}
    compared = intervals.compare(frames)
    for row in rows:
        one, other = row[""].split(" − ")
        score = SKLEARN[row["figure"]]
        values = [score(frames[n]["stage"], frames[n]["predicted"]) for n in (one, other)]
        assert same(row["difference"], values[0] - values[1])
        (pair,) = [
            pair
            for pair in compared
            if (pair["one"], pair["other"], pair["figure"]) == (one, other, names[row["figure"]])
        ]
        assert row["p"] == f"{pair['p']:.3f}"
        assert row["p (Holm)"] == f"{pair['p_holm']:.3f}"


def test_damage(found, written):
    damaged = pd.read_parquet(written / "damaged.parquet")
    (rows,) = found["Damaged signals"]
    for row in rows:
        name, figure = row.pop("").split(": ")
        assert list(row) == ["none", "0 dB SNR"]
        for severity, cell in row.items():
            part = damaged[(damaged["model"] == name) & (damaged["severity"] == severity)]
            assert same(cell, SKLEARN[figure](part["stage"], part["predicted"]))


@pytest.fixture(scope="module")
def varied(written):
    """Tables of predictions by kind, model and variant."""
    frame = pd.read_parquet(written / "variants.parquet")
    return dict(list(frame.groupby(["kind", "model", "variant"], sort=False)))


def kappa_text(statistic, *parts):
    """Kappa with its interval over subjects as a report writes it."""
    counted = [predictions.count_confusions(part, predictions.SUBJECT)[1] for part in parts]
    estimates = intervals.estimate(statistic(*map(intervals.pooled, counted)), len(counted[0]))
    return with_interval(estimates["kappa"])


def test_fewer_lanes(found, varied):
    rows, f1 = found["Fewer lanes"]
    assert len(rows) == len(f1) == 6
    for row, stages in zip(rows, f1, strict=True):
        assert row[""] == stages[""]
        name, lanes = row[""].split(": ")
        part, own = varied["lanes", name, lanes], varied["lanes", name, "EEG + EOG + EMG"]
        kappas = [SKLEARN["κ"](x["stage"], x["predicted"]) for x in (part, own)]
        assert same(row["κ"], kappas[0])
        assert row["κ"] == kappa_text(lambda one: one, part)
        if lanes == "EEG + EOG + EMG":
            assert row["difference of κ"] == "–"
        else:
            assert same(row["difference of κ"], kappas[0] - kappas[1])
            assert row["difference of κ"] == kappa_text(intervals.difference, part, own)
        balanced = metrics.balanced_accuracy_score(part["stage"], part["predicted"])
        assert same(row["balanced accuracy"], balanced)
        scores = metrics.f1_score(part["stage"], part["predicted"], labels=STAGES, average=None)
        assert all(same(stages[s], score) for s, score in zip(STAGES, scores, strict=True))


def test_other_words(found, varied):
    rows = [row for part in found["Other wordings of the question"] for row in part]
    assert len(rows) == 4
    for row in rows:
        name, wording = row[""].split(": ")
        part, own = varied["prompts", name, wording], varied["prompts", name, "Which?"]
        assert row["κ"] == kappa_text(lambda one: one, part)
        if wording == "Which?":
            assert row["difference of κ"] == row["changed answers"] == "–"
            continue
        assert row["difference of κ"] == kappa_text(intervals.difference, part, own)
        place = [*predictions.RECORDING, "epoch"]
        answers = [x.set_index(place)["predicted"].sort_index() for x in (part, own)]
        changed = answers[0] != answers[1]
        assert same(row["changed answers"], 100 * changed.mean(), 1)
        low, high = ends(row["changed answers"])
        by_subject = 100 * changed.groupby(predictions.SUBJECT).mean()
        assert low <= 100 * changed.mean() <= high
        assert by_subject.min() - 5 <= low
        assert high <= by_subject.max() + 5


def test_contenders_are_described_and_the_commonest_stage_is_listed_once(found):
    """The row of the commonest stage is left out if the majority baseline answers the same."""
    (rows,) = found["Evaluation of sleep staging"]
    assert [list(row.values()) for row in rows] == [
        [name, f"what {name} is"] for name in ("good", "fair", "yasa")
    ]
    frame = contenders()
    frame = frame[(frame["model"] == "yasa") & (frame["cohort"] == "shhs")]
    floor = frame.assign(model="majority")
    for stage, has_row in ((floor["stage"].mode()[0], False), ("N1", True)):
        more = pd.concat([frame, floor.assign(predicted=stage)])
        measured = measure.measure_all(more, about(trained_on={}))
        rows = tables.overview_section(measured, {"confusion": ""})[-2].rows
        assert ("majority" in [row[0] for row in rows]) is True
        assert (measure.COMMONEST in [row[0] for row in rows]) is has_row


def test_cost_and_published_figures_are_those_of_their_files(found):
    good, yasa = found["Cost"][0]
    assert list(good.values()) == ["good", "128.0", "7.8", "1.50", "144", "–"]
    assert list(yasa.values()) == ["yasa", "256.0", "3.9", "1.50", "–", "2.0"]
    (rows,) = found["Published results, not measured here"]
    with tables.PUBLISHED.open(encoding="utf-8") as file:
        entries = list(csv.DictReader(file))
    assert len(rows) == len(entries)
    for row, entry in zip(rows, entries, strict=True):
        assert row["κ"] == (entry["kappa"] or "–")
        assert row["source"] == entry["source"] != ""


def test_metrics_json_comes_from_the_predictions_alone(written):
    saved = json.loads((written / "metrics.json").read_text("utf-8"))
    frame = pd.read_parquet(written / "predictions.parquet")
    damaged = pd.read_parquet(written / "damaged.parquet")
    varied = pd.read_parquet(written / "variants.parquet")
    again = measure.measure_all(frame, saved["about"], damaged, varied)
    assert json.loads(json.dumps(again)) == saved
    assert saved["pooled"]["kappa"] == saved["contenders"]["good"]["pooled"]["kappa"]
    assert set(saved["cohorts"]) == {"isruc", "shhs"}
    assert len(saved["recordings"]) == 16


def test_the_page_is_one_file_that_opens_offline(written):
    text = (written / "report.html").read_text("utf-8")
    markdown = (written / "report.md").read_text("utf-8")
    assert not re.search(r"<script|<link|https?:|url\(|@import", text)
    links, ids = (re.findall(form, text) for form in (r'href="#([^"]*)"', r'<h2 id="([^"]*)"'))
    assert links == ids == list(dict.fromkeys(ids))
    assert text.count("href=") == len(links) > 10
    sources = re.findall(r'src="([^"]{1,22})', text)
    files = re.findall(r"!\[[^]]*\]\(([^)]+)\)", markdown)
    assert len(files) == len(sources) == 2 + 6 + 2 + 1 + 2
    assert set(sources) == {"data:image/png;base64,"}
    assert all((written / file).read_bytes().startswith(b"\x89PNG") for file in files)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", text)
    assert sum("<small>" in cell for cell in cells) > len(cells) / 3
    cells = [unescape(re.sub(r"</?small>", "", cell)) for cell in cells]
    lines = [line for line in markdown.splitlines() if re.match(r"\| (?!---)", line)]
    in_markdown = {cell.strip() for line in lines for cell in line.strip("|").split(" | ")}
    assert set(cells) <= in_markdown


def test_names_are_escaped(tmp_path):
    blocks = [
        document.Heading("<b>", 1),
        document.Table(["", "a|b"], [["<script>alert()</script>", "|"]]),
    ]
    assert "<script>" not in document.html(blocks, tmp_path)
    assert "a\\|b" in document.markdown(blocks)


def test_the_same_predictions_give_the_same_bytes(written, tmp_path):
    frame = pd.read_parquet(written / "predictions.parquet")
    damaged = pd.read_parquet(written / "damaged.parquet")
    varied = pd.read_parquet(written / "variants.parquet")
    report.write(tmp_path, frame, about(), damaged, varied)
    for path in written.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_one_short_night_of_one_subject(tmp_path):
    """A report can be written without intervals, second scorer and some of the stages."""
    frame = contenders()
    one = frame[(frame["model"] == "good") & (frame["recording"] == "s0-0")]
    one = one[(one["cohort"] == "isruc") & (one["stage"] != "N3")].head(6)
    facts = about(models=["good"], temperatures={}, trained_on={"good": None})
    report.write(tmp_path, one.drop(columns="stage_2"), facts)
    text = (tmp_path / "report.md").read_text("utf-8")
    assert "Stages without a scored epoch: " in text
    assert "second scorer" not in text
    assert "Pairwise comparisons" not in text
    assert re.search(r"\| good \| [\d.]+ \| [\d.]+ \|", text)
    assert len(list(tmp_path.glob("hypnogram_*.png"))) == 1


def test_the_nights_shown_are_best_median_and_worst():
    kappas = {"c/a": 0.5, "c/b": 0.9, "c/c": 0.1, "c/d": 0.7, "c/e": 0.6}
    nights = {name: {"kappa": kappa} for name, kappa in kappas.items()}
    assert pictures.choose_nights(nights) == {"best": "c/b", "median": "c/e", "worst": "c/c"}
    two = {name: nights[name] for name in ("c/a", "c/b")}
    assert pictures.choose_nights(two) == {"best": "c/b", "worst": "c/a"}


def test_predictions_of_another_run_are_not_overwritten(written):
    report.check_same_run(written, "one")
    with pytest.raises(InputError, match="another run") as refused:
        report.check_same_run(written, "two")
    assert refused.value.parameter == "out"
