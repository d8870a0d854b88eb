"""Measure staging models: predictions, intervals, agreement, baselines, robustness, a report."""

from psgvlm.evaluation.intervals import compare, summary
from psgvlm.evaluation.sleep_agreement import agreement, by_night

__all__ = ["agreement", "by_night", "compare", "summary"]
