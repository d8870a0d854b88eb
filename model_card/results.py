"""What `eval.py` measured of a model, as its card, `model-index` and `.eval_results` tell it."""

import json
from dataclasses import dataclass
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.evaluation.intervals import LEVEL, RESAMPLES
from psgvlm.evaluation.report import PREDICTIONS
from psgvlm.evaluation.report.cells import FIGURES, interval_text, number_text, without_floors
from psgvlm.models import adapter_files
from psgvlm.stages import STAGES
from psgvlm.staging.document import Heading, Table, Text

FOLDER = ".eval_results"
# Of the figures those that the Hub's leaderboards know, by the names it has for them.
INDEXED = {"kappa": "cohen_kappa", "macro_f1": "f1", "accuracy": "accuracy"}


@dataclass(frozen=True)
class Results:
    """The part of a report that is about one of its models, and where its predictions lie.

    `dataset` is the corpus that it was measured on, by its name on the Hub if it has one.
    """

    name: str
    measured: dict
    predictions: Path
    dataset: str

    @classmethod
    def load(cls, report: str | Path, adapter: Path, named: dict[str, str]) -> "Results":
        """Those of this very adapter: its files' fingerprint is in the report, or it is refused.

        `named` has the names that corpora have on the Hub, by those of the report.
        """
        path = Path(report) / "metrics.json"
        try:
            measured = json.loads(path.read_text("utf-8"))
            known = measured["about"]["fingerprints"]
            corpora = [named.get(corpus, corpus) for corpus in measured["about"]["datasets"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}: cannot be read ({type(error).__name__}: {error}); expected what this "
                "version of eval.py writes: measure again"
            ) from error
        own = adapter_files.model_fingerprint(str(adapter))
        name = next((name for name, found in known.items() if found == own), None)
        if name is None:
            raise InputError(
                f"{path}: a report of {', '.join(known)}, and of none of the files in {adapter}; "
                "expected a report of this very model: it was trained or changed since, so run "
                "eval.py again"
            )
        return cls(name, measured, Path(report) / PREDICTIONS, " + ".join(corpora))

    @property
    def own(self) -> dict:
        """The model's figures (see `psgvlm.evaluation.report.measure.measure_contender`)."""
        return self.measured["contenders"][self.name]

    @property
    def protocol(self) -> str:
        """On whom it was measured, and how, in a sentence."""
        about, summary = self.measured["about"], self.own["summary"]
        unseen = (
            "none of whom the model was trained on"
            if about["unseen"]
            else "some of whom the model may have been trained on"
        )
        return (
            f"Split {about['split']} of {', '.join(self.measured['cohorts'])}: "
            f"{summary['epochs']:,} epochs of {summary['recordings']} nights of "
            f"{summary['subjects']} subjects, {unseen}; every scored epoch counts. In brackets "
            f"{100 * LEVEL:.0f} % intervals from {RESAMPLES:,} resamples of the subjects."
        )

    def model_index(self, title: str) -> dict:
        """`model-index` of the YAML: a result for each cohort, with intervals and protocol."""
        from huggingface_hub import EvalResult, ModelCardData

        about = self.measured["about"]
        found = [
            EvalResult(
                task_type="image-text-to-text",
                task_name="Sleep staging",
                dataset_type=self.dataset,
                dataset_name=f"{self.dataset.rpartition('/')[2]}, {cohort}",
                dataset_config=cohort,
                dataset_split=about["split"],
                metric_type=INDEXED[key],
                metric_name=FIGURES[key],
                metric_value=round(of["value"], 4),
                metric_args=_told(of, summary, about),
            )
            for cohort, summary in self.own["summary_by_cohort"].items()
            for key, of in summary["pooled"].items()
            if key in INDEXED and of["value"] is not None
        ]
        data = ModelCardData(model_name=title, eval_results=found)
        return {"model-index": data.to_dict()["model-index"]}

    def entries(self) -> list[dict]:
        """What `.eval_results` holds: κ of each cohort, a task of the dataset's `eval.yaml`."""
        from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

        about = self.measured["about"]
        return eval_result_entries_to_yaml(
            [
                EvalResultEntry(
                    dataset_id=self.dataset,
                    task_id=cohort,
                    value=round(summary["pooled"]["kappa"]["value"], 4),
                    notes="κ {}; split {}, {} subjects, {} epochs".format(
                        interval_text(summary["pooled"]["kappa"]),
                        *(about["split"], summary["subjects"], summary["epochs"]),
                    ),
                )
                for cohort, summary in self.own["summary_by_cohort"].items()
                if summary["pooled"]["kappa"]["value"] is not None
            ]
        )

    def blocks(self) -> list:
        """The card's sections, those that something was measured for."""
        sections = (self._contenders, self._cohorts, self._stages, self._certainty, self._damage,
                    self._cost)  # fmt: skip
        return [block for section in sections for block in section()]

    def _contenders(self) -> list:
        told = self.measured["about"]["what"]
        rows = [
            [_named(name, self.name), told[name], *(interval_text(of["summary"]["pooled"][key])
                                                    for key in FIGURES)]
            for name, of in self.measured["contenders"].items()
        ]  # fmt: skip
        head = ["", "what it is", *FIGURES.values()]
        return [
            Heading("How well it stages"),
            Text(self.protocol),
            Table(head, rows, words=(1,)),
        ]

    def _cohorts(self) -> list:
        seen = {True: "yes", False: "no", None: "not known"}
        cells = self.measured["matrix"][self.name]["cells"]
        rows = [
            [cohort, *(interval_text(summary["pooled"][key]) for key in FIGURES),
             str(summary["subjects"]), str(summary["epochs"]), seen[cells[cohort]["seen"]]]
            for cohort, summary in self.own["summary_by_cohort"].items()
        ]  # fmt: skip
        head = ["cohort", *FIGURES.values(), "subjects", "epochs", "others of it in training"]
        return [Heading("By cohort", 3), Table(head, rows)]

    def _stages(self) -> list:
        pooled = self.own["summary"]["pooled"]
        rows = [
            [name, *(interval_text(pooled[f"{figure}_{stage}"]) for stage in STAGES)]
            for figure, name in (("f1", "F1"), ("precision", "precision"), ("recall", "recall"))
        ]
        return [Heading("By stage", 3), Table(["", *STAGES], rows)]

    def _certainty(self) -> list:
        keys = {"log_loss": "log loss", "brier": "Brier score", "ece": "calibration error"}
        rows = [["as it is", *(interval_text(self.own["certainty"][key]) for key in keys)]]
        text = "Of the probabilities of the five stages, all best at 0."
        if self.own["calibrated"]:
            told = number_text(self.own["temperature"])
            rows.append(
                ["calibrated", *(interval_text(self.own["calibrated"][key]) for key in keys)]
            )
            text += (
                f" The temperature {told}, fitted on the validation split, is in "
                "`calibration.json`, and is used by psgvlm; it changes no stage."
            )
        return [
            Heading("What its probabilities are worth", 3),
            Text(text),
            Table(["", *keys.values()], rows),
        ]

    def _damage(self) -> list:
        blocks: list = []
        for kind, lines in self.measured["damage"].items():
            rows = [
                [_named(name, self.name), *(interval_text(point["kappa"]) for point in points)]
                for name, points in without_floors(lines).items()
            ]
            severities = [point["severity"] for point in next(iter(lines.values()))]
            blocks.append(Table([kind, *severities], rows))
        if not blocks:
            return []
        text = "κ with faults put on the raw signals, on every channel and the same for all."
        return [Heading("On damaged signals", 3), Text(text), *blocks]

    def _cost(self) -> list:
        about = self.measured["about"]
        cost = about["cost"][self.name]
        told = [
            f"{cost['epochs'] / cost['seconds']:.1f} epochs/s on {about['device']}",
            f"{cost['peak_memory_gib']:.1f} GiB at most",
        ]
        if cost.get("image_tokens") is not None:
            told.append(f"{cost['image_tokens']} image tokens an epoch")
        return [Heading("What staging costs", 3), Text(f"{', '.join(told)}.")]


def write_entries(adapter: Path, results: Results | None) -> None:
    """Write `.eval_results/psgvlm.yaml`.

    None where nothing was measured, or on no single corpus of the Hub.
    """
    import yaml

    path = adapter / FOLDER / "psgvlm.yaml"
    path.unlink(missing_ok=True)
    if results is None or "/" not in results.dataset or " + " in results.dataset:
        return
    path.parent.mkdir(exist_ok=True)
    found = results.entries()
    path.write_text(yaml.safe_dump(found, sort_keys=False, allow_unicode=True), "utf-8")


def _named(name: str, own: str) -> str:
    return f"**{name}**" if name == own else name


def _told(of: dict, summary: dict, about: dict) -> dict:
    """Interval and protocol beside a figure of `model-index`."""
    ends = {} if of["low"] is None else {
        "low": round(of["low"], 4), "high": round(of["high"], 4), "level": LEVEL,
        "resampled": "subjects",
    }  # fmt: skip
    return {
        **({"interval": ends} if ends else {}),
        "subjects": summary["subjects"],
        "recordings": summary["recordings"],
        "epochs": summary["epochs"],
        "subjects_unseen": about["unseen"],
    }
