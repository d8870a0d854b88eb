"""The figures that `psgvlm eval` measured, for a model's card, `model-index`, `.eval_results`."""

import json
from dataclasses import dataclass
from pathlib import Path

from psgvlm import files
from psgvlm.errors import InputError
from psgvlm.evaluation.intervals import LEVEL, RESAMPLES
from psgvlm.evaluation.report import PREDICTIONS
from psgvlm.evaluation.report.cells import FIGURES, interval_text, number_text, without_floors
from psgvlm.models import adapter_files
from psgvlm.stages import STAGES
from psgvlm.staging.document import Heading, Table, Text

FOLDER = ".eval_results"
# The figures that the Hub's leaderboards know, and the Hub's names for them.
INDEXED = {"kappa": "cohen_kappa", "macro_f1": "f1", "accuracy": "accuracy"}


@dataclass(frozen=True)
class AdapterResults:
    """The figures of one model in a report.

    Attributes
    ----------
    name : str
        The model's name in the report.
    measured : dict
        The content of `metrics.json`.
    predictions : Path
        The report's table of predictions.
    dataset : str
        The corpus of the report, by its name on the Hub if it has one; several are joined by " + ".
    """

    name: str
    measured: dict
    predictions: Path
    dataset: str

    @classmethod
    def load(cls, report: str | Path, adapter: Path, hub_names: dict[str, str]) -> "AdapterResults":
        """Load the figures of this very adapter from a report.

        `hub_names` gives the Hub's name of a corpus by its name in the report. Raises `InputError`
        if the fingerprint of the adapter's files is not in the report.
        """
        path = Path(report) / "metrics.json"
        try:
            measured = json.loads(path.read_text("utf-8"))
            known = measured["about"]["fingerprints"]
            corpora = [hub_names.get(corpus, corpus) for corpus in measured["about"]["datasets"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}: cannot be read ({type(error).__name__}: {error}); expected a report of "
                "this version of psgvlm: run psgvlm eval again"
            ) from error
        own = adapter_files.model_fingerprint(str(adapter))
        name = next((name for name, fingerprint in known.items() if fingerprint == own), None)
        if name is None:
            raise InputError(
                f"{path}: the report is of {', '.join(known)}, whose files are not those in "
                f"{adapter}; the model is another or was changed since: run psgvlm eval again",
                "report",
            )
        return cls(name, measured, Path(report) / PREDICTIONS, " + ".join(corpora))

    @property
    def own(self) -> dict:
        """The model's figures (see `measure_contender` in `psgvlm.evaluation.report.measure`)."""
        return self.measured["contenders"][self.name]

    @property
    def protocol(self) -> str:
        """Whom it was measured on, and how, in two sentences."""
        about, summary = self.measured["about"], self.own["summary"]
        unseen = (
            "The model was not trained on any of them"
            if about["unseen"]
            else "The model may have been trained on some of them"
        )
        return (
            f"Split {about['split']} of {', '.join(self.measured['cohorts'])}: "
            f"{summary['epochs']:,} epochs of {summary['recordings']} nights of "
            f"{summary['subjects']} subjects, every scored epoch. {unseen}. Brackets hold "
            f"{100 * LEVEL:.0f} % intervals from {RESAMPLES:,} resamples of the subjects."
        )

    def model_index(self, title: str) -> dict:
        """Return the YAML's `model-index`: figures of each cohort, with intervals and protocol."""
        from huggingface_hub import EvalResult, ModelCardData

        about = self.measured["about"]
        eval_results = [
            EvalResult(
                task_type="image-text-to-text",
                task_name="Sleep staging",
                dataset_type=self.dataset,
                dataset_name=f"{self.dataset.rpartition('/')[2]}, {cohort}",
                dataset_config=cohort,
                dataset_split=about["split"],
                metric_type=INDEXED[key],
                metric_name=FIGURES[key],
                metric_value=round(estimate["value"], 4),
                metric_args=_metric_args(estimate, summary, about),
            )
            for cohort, summary in self.own["summary_by_cohort"].items()
            for key, estimate in summary["pooled"].items()
            if key in INDEXED and estimate["value"] is not None
        ]
        data = ModelCardData(model_name=title, eval_results=eval_results)
        return {"model-index": data.to_dict()["model-index"]}

    def entries(self) -> list[dict]:
        """Return the entries of `.eval_results`: the κ of each cohort, a task of `eval.yaml`."""
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
        """Return the card's sections on what was measured."""
        sections = (self._contenders, self._cohorts, self._stages, self._certainty, self._damage,
                    self._cost)  # fmt: skip
        return [block for section in sections for block in section()]

    def _contenders(self) -> list:
        what, rows = self.measured["about"]["what"], []
        for name, figures in self.measured["contenders"].items():
            pooled = figures["summary"]["pooled"]
            cells = [interval_text(pooled[key]) for key in FIGURES]
            rows.append([_bold_if_own(name, self.name), what[name], *cells])
        head = ["", "what it is", *FIGURES.values()]
        return [
            Heading("Agreement with scorers"),
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
        head = ["cohort", *FIGURES.values(), "subjects", "epochs", "cohort in training data"]
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
        rows = [["uncalibrated", *(interval_text(self.own["certainty"][key]) for key in keys)]]
        text = "Measured on the probabilities of the stages; 0 is the best value of each figure."
        if self.own["calibrated"]:
            temperature = number_text(self.own["temperature"])
            rows.append(
                ["calibrated", *(interval_text(self.own["calibrated"][key]) for key in keys)]
            )
            text += (
                f" The temperature {temperature}, fitted on the validation split, is in "
                "`calibration.json`. psgvlm applies it; it does not change the stages."
            )
        return [
            Heading("Calibration of the probabilities", 3),
            Text(text),
            Table(["", *keys.values()], rows),
        ]

    def _damage(self) -> list:
        blocks: list = []
        for kind, curves in self.measured["damage"].items():
            rows = [
                [
                    _bold_if_own(name, self.name),
                    *(interval_text(point["kappa"]) for point in points),
                ]
                for name, points in without_floors(curves).items()
            ]
            severities = [point["severity"] for point in next(iter(curves.values()))]
            blocks.append(Table([kind, *severities], rows))
        if not blocks:
            return []
        text = "κ with damage on the raw signals of every channel, the same for all contenders."
        return [Heading("Damaged signals", 3), Text(text), *blocks]

    def _cost(self) -> list:
        about = self.measured["about"]
        cost = about["cost"][self.name]
        facts = [
            f"{cost['epochs'] / cost['seconds']:.1f} epochs/s on {about['device']}",
            f"at most {cost['peak_memory_gib']:.1f} GiB of memory",
        ]
        if cost.get("image_tokens") is not None:
            facts.append(f"{cost['image_tokens']} image tokens per epoch")
        return [Heading("Cost of staging", 3), Text(f"{', '.join(facts)}.")]


def write_entries(adapter: Path, results: AdapterResults | None) -> None:
    """Write `.eval_results/psgvlm.yaml`, or remove it.

    The Hub takes only figures that were measured on a single corpus of the Hub.
    """
    import yaml

    path = adapter / FOLDER / "psgvlm.yaml"
    path.unlink(missing_ok=True)
    if results is None or "/" not in results.dataset or " + " in results.dataset:
        return
    path.parent.mkdir(exist_ok=True)
    text = yaml.safe_dump(results.entries(), sort_keys=False, allow_unicode=True)
    files.write_text(path, text)


def _bold_if_own(name: str, own: str) -> str:
    return f"**{name}**" if name == own else name


def _metric_args(estimate: dict, summary: dict, about: dict) -> dict:
    """Return the interval and the protocol of a figure of `model-index`."""
    ends = {} if estimate["low"] is None else {
        "low": round(estimate["low"], 4), "high": round(estimate["high"], 4), "level": LEVEL,
        "resampled": "subjects",
    }  # fmt: skip
    return {
        **({"interval": ends} if ends else {}),
        "subjects": summary["subjects"],
        "recordings": summary["recordings"],
        "epochs": summary["epochs"],
        "subjects_unseen": about["unseen"],
    }
