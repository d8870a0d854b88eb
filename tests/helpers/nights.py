"""Nights of the simulated corpus made worse, or shorter, for the baselines to stage."""

from dataclasses import replace

from psgvlm.nights.night import Night
from psgvlm.signals.damage import DamagedRecording


def without(night, *lanes):
    """The night as if it had been recorded without these lanes."""
    signal = night.signal
    pairs = zip(signal.lanes.lanes, signal.lanes.sources, strict=True)
    sources = tuple(None if lane.name in lanes else source for lane, source in pairs)
    return replace(night, signal=_night(signal, lanes=replace(signal.lanes, sources=sources)))


def few(night, count):
    """The first few epochs of a night."""
    signal = night.signal and _night(night.signal, rows=slice(count))
    rows = night.rows.select(range(count))
    return replace(night, rows=rows, index=night.index[:count], signal=signal)


def damaged(night, kind, **options):
    """The night, its raw signal damaged."""
    recording = DamagedRecording(night.signal.recording, kind, **options)
    return replace(night, signal=night.signal.on(recording))


def _night(night, lanes=None, rows=slice(None)):
    return Night(
        night.recording,
        night.spec,
        lanes=lanes or night.lanes,
        numbers=night.epochs[rows],
        onsets_s=night.onsets_s[rows],
        check_amplitude=False,
    )
