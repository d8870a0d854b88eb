"""Staging a night: the stager, the staged night, its files, pictures and statistics."""

from psgvlm.staging.staged_night import REVIEW_UNDER, StagedNight
from psgvlm.staging.stager import Stager

__all__ = ["REVIEW_UNDER", "StagedNight", "Stager"]
