"""Nights: a recording cut into epochs, filtered and drawn, and the neighbours of its epochs."""

from psgvlm.nights.lane_choice import choose_lanes
from psgvlm.nights.neighbours import around, blank, checked_count
from psgvlm.nights.night import Night

__all__ = ["Night", "around", "blank", "checked_count", "choose_lanes"]
