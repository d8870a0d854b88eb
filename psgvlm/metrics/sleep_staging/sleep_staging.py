"""Agreement of predicted with scored sleep stages, as an `evaluate` metric."""

import evaluate
import numpy as np
from datasets import Features, Value

STAGES = ("W", "N1", "N2", "N3", "R")

DESCRIPTION = """\
Accuracy, balanced accuracy, macro-F1, Cohen's kappa, F1 per stage and the confusion matrix over the
five AASM sleep stages W, N1, N2, N3, R."""

INPUTS = """\
Args:
    predictions (list of str): a stage each; anything else, such as an empty string, is an invalid
        answer and counts as wrong, never as absent.
    references (list of str): the scored stage each, one of W, N1, N2, N3, R.
Returns:
    accuracy, balanced_accuracy (mean recall of the stages that occur in the references), macro_f1
    (mean F1 of the stages that occur in the references or predictions), kappa (invalid answers are
    a sixth category; 0 where it is undefined), f1 (by stage, None for a stage that occurs nowhere),
    confusion (rows: references, columns: predictions W, N1, N2, N3, R, invalid), invalid, epochs.
"""

CITATION = """\
@article{cohen1960, author={Cohen, Jacob}, title={A coefficient of agreement for nominal scales},
journal={Educational and Psychological Measurement}, volume={20}, pages={37--46}, year={1960}}"""


class SleepStaging(evaluate.Metric):
    """`evaluate.load(psgvlm.metrics.SLEEP_STAGING)`."""

    def _info(self):
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation=CITATION,
            inputs_description=INPUTS,
            features=Features({"predictions": Value("string"), "references": Value("string")}),
        )

    def _compute(self, predictions, references):
        unknown = sorted(set(references) - set(STAGES))
        if unknown:
            raise ValueError(f"references hold {unknown}; expected stages {', '.join(STAGES)}")
        column = {stage: index for index, stage in enumerate(STAGES)}
        confusion = np.zeros((5, 6), int)
        for predicted, scored in zip(predictions, references, strict=True):
            confusion[column[scored], column.get(predicted, 5)] += 1

        total = confusion.sum()
        right = np.diag(confusion).astype(float)
        scored, predicted = confusion.sum(1), confusion.sum(0)
        # Kappa's chance agreement; an invalid answer agrees with nothing.
        chance = (scored * predicted[:5]).sum() / total**2
        accuracy = right.sum() / total
        occurs = scored + predicted[:5] > 0
        f1 = 2 * right[occurs] / (scored + predicted[:5])[occurs]
        return {
            "accuracy": float(accuracy),
            "balanced_accuracy": float((right[scored > 0] / scored[scored > 0]).mean()),
            "macro_f1": float(f1.mean()),
            "kappa": float((accuracy - chance) / (1 - chance)) if chance < 1 else 0.0,
            "f1": {
                stage: 2 * right[i] / (scored[i] + predicted[i]) if occurs[i] else None
                for i, stage in enumerate(STAGES)
            },
            "confusion": confusion.tolist(),
            "invalid": int(predicted[5]),
            "epochs": int(total),
        }
