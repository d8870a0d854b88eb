"""Synthetic cohorts in the raw layouts of public data sets, with their truth."""

from psgvlm.builders.simulate.cohorts import (
    COHORTS,
    DEFAULT_COHORTS,
    variants,
    write_cohort,
    write_recording,
    write_variants,
)

__all__ = [
    "COHORTS",
    "DEFAULT_COHORTS",
    "variants",
    "write_cohort",
    "write_recording",
    "write_variants",
]
