"""Evaluation: predictions, intervals, agreement, baselines, robustness, the report."""
