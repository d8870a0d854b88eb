"""Nights of the simulated corpus made worse, or shorter, for the baselines to stage."""

from dataclasses import replace

from psgvlm.signals.damage import DamagedRecording


def without(night, *lanes):
    """The night as if it had been recorded without these lanes."""
    pairs = zip(night.lanes.lanes, night.lanes.sources, strict=True)
    sources = tuple(None if lane.name in lanes else source for lane, source in pairs)
    return replace(night, lanes=replace(night.lanes, sources=sources))


def few(night, count):
    """The first few epochs of a night."""
    return replace(night, rows=night.rows.select(range(count)), index=night.index[:count])


def damaged(night, kind, **options):
    """The night, its raw signal damaged."""
    return replace(night, recording=DamagedRecording(night.recording, kind, **options))
