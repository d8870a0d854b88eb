"""Synthetic cohorts in the raw layouts of ISRUC-Sleep, MASS and SHHS, with their truth."""

from psgvlm.builders.simulate.cohorts import (
    COHORTS,
    variants,
    write_cohort,
    write_recording,
    write_variants,
)

__all__ = ["COHORTS", "variants", "write_cohort", "write_recording", "write_variants"]
