"""Agreement of predicted with scored sleep stages, as an `evaluate` metric."""

import evaluate
import numpy as np
from datasets import Features, Value

from .figures import (
    BINS,
    FIGURES,
    STAGES,
    brier,
    check_probabilities,
    confusion,
    ece,
    f1,
    log_loss,
    precision,
    recall,
)

DESCRIPTION = """\
Accuracy, balanced accuracy, macro-F1, Cohen's kappa, Matthews' correlation, precision, recall and
F1 per stage and the confusion matrix over the five AASM sleep stages W, N1, N2, N3, R; with
probabilities also log loss, Brier score and expected calibration error."""

INPUTS = """\
Args:
    predictions (list of str): the answer for each epoch; anything but a stage, such as an empty
        string or None, is an invalid answer, which counts as wrong.
    references (list of str): the scored stage of each epoch, one of W, N1, N2, N3, R.
    probabilities (optional, epochs x 5): the probabilities of W, N1, N2, N3, R; pass them to
        `compute`.
Returns:
    accuracy, balanced_accuracy (mean recall of the stages that occur in the references), macro_f1
    (mean F1 of the stages that occur in the references or predictions), kappa and mcc (invalid
    answers are a sixth category; 0 if undefined), precision, recall, f1, support (by stage; None if
    undefined), absent (stages without a reference), confusion (rows: references; columns:
    predictions W, N1, N2, N3, R, invalid), invalid (number of invalid answers), epochs.
    With probabilities also log_loss, brier (0 to 2), ece (expected calibration error of the most
    probable stage over ece_bins equal bins) and ece_bins.
"""

CITATION = """\
@article{cohen1960, author={Cohen, Jacob}, title={A coefficient of agreement for nominal scales},
journal={Educational and Psychological Measurement}, volume={20}, pages={37--46}, year={1960}}
@article{gorodkin2004, author={Gorodkin, Jan}, title={Comparing two K-category assignments by a
K-category correlation coefficient}, journal={Computational Biology and Chemistry}, volume={28},
pages={367--374}, year={2004}}
@inproceedings{guo2017, author={Guo, Chuan and Pleiss, Geoff and Sun, Yu and Weinberger, Kilian Q.},
title={On calibration of modern neural networks}, booktitle={ICML}, year={2017}}"""


class SleepStaging(evaluate.Metric):
    """The metric that `evaluate.load(psgvlm.metrics.SLEEP_STAGING)` returns."""

    def _info(self):
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description=INPUTS,
            features=Features({"predictions": Value("string"), "references": Value("string")}),
        )

    # `evaluate` refuses a list that starts with None, but here a missing answer is a wrong answer.
    # It also requires these docstrings, to which it adds text.
    def add_batch(self, *, predictions=None, references=None, **kwargs):
        """Add several epochs."""
        columns = {"predictions": predictions, "references": references}
        super().add_batch(**{k: [str(x) for x in v] for k, v in columns.items()}, **kwargs)

    def add(self, *, prediction=None, reference=None, **kwargs):
        """Add one epoch."""
        super().add(prediction=str(prediction), reference=str(reference), **kwargs)

    def _compute(self, predictions, references, probabilities=None):
        if not len(references):
            raise ValueError("no epochs to measure; expected at least one")
        counts = confusion(references, predictions)
        support = counts.sum(1)
        by_stage = {f.__name__: _by_stage(f(counts)) for f in (precision, recall, f1)}
        measured = {
            **{name: float(figure(counts)) for name, figure in FIGURES.items()},
            **by_stage,
            "support": {stage: int(n) for stage, n in zip(STAGES, support, strict=True)},
            "absent": [stage for stage, n in zip(STAGES, support, strict=True) if n == 0],
            "confusion": counts.tolist(),
            "invalid": int(counts[:, 5].sum()),
            "epochs": int(counts.sum()),
        }
        if probabilities is not None:
            p = check_probabilities(probabilities, len(references))
            scored = np.array([STAGES.index(stage) for stage in references])
            measured |= {f.__name__: f(p, scored) for f in (log_loss, brier, ece)}
            measured["ece_bins"] = BINS
        return measured


def _by_stage(values: np.ndarray) -> dict[str, float | None]:
    return {
        stage: float(value) if np.isfinite(value) else None
        for stage, value in zip(STAGES, values, strict=True)
    }
