"""Metrics that `evaluate.load` loads from their folders."""

from pathlib import Path

__all__ = ["SLEEP_STAGING"]

SLEEP_STAGING = str(Path(__file__).parent / "sleep_staging")
