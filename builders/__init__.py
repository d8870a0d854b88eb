"""Builders read raw cohorts, folders of recordings and simulated nights, and write corpora."""

from psgvlm.builders.readers import READERS, FoundNight

__all__ = ["READERS", "FoundNight"]
