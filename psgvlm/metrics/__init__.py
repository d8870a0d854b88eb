"""Metrics that `evaluate.load` reads from their folders."""

from pathlib import Path

SLEEP_STAGING = str(Path(__file__).parent / "sleep_staging")
