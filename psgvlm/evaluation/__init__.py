"""Measure staging models: predictions, intervals, agreement, baselines, robustness, a report."""

from psgvlm.evaluation.intervals import compare, summary

__all__ = ["compare", "summary"]
