"""Nights of the simulated corpus with fewer lanes, fewer epochs or damage, for the baselines."""

from dataclasses import replace

from psgvlm.nights.night import Night
from psgvlm.signals.damaged_recording import DamagedRecording


def without(night, *lanes):
    """Return the night as if these lanes had not been recorded."""
    signal = night.signal
    pairs = zip(signal.lanes.lanes, signal.lanes.sources, strict=True)
    sources = tuple(None if lane.name in lanes else source for lane, source in pairs)
    return replace(night, signal=_night(signal, lanes=replace(signal.lanes, sources=sources)))


def few(night, count):
    """Return the night with only its first epochs."""
    signal = night.signal and _night(night.signal, rows=slice(count))
    rows = night.rows.select(range(count))
    return replace(night, rows=rows, index=night.index[:count], signal=signal)


def damaged(night, kind, **options):
    """Return the night with damage to its raw signal."""
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
