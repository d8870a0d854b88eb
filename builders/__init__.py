"""Builders read raw cohorts, folders of recordings and simulated nights, and write corpora."""

__all__ = ["build", "check", "publish", "readers", "simulate"]
