"""Nights of the simulated corpus made worse, or shorter, for the baselines to stage."""

from dataclasses import dataclass, replace


def without(night, *lanes):
    """The night as if it had been recorded without these lanes."""
    pairs = zip(night.lanes.lanes, night.lanes.sources, strict=True)
    sources = tuple(None if lane.name in lanes else source for lane, source in pairs)
    return replace(night, lanes=replace(night.lanes, sources=sources))


def few(night, count):
    """The first few epochs of a night."""
    return replace(night, rows=night.rows.select(range(count)), index=night.index[:count])


def altered(night, change):
    """The night with signals that are what `change(label, samples)` makes of them."""
    return replace(night, recording=Altered(night.recording, change))


@dataclass
class Altered:
    recording: object
    change: object

    def __getattr__(self, name):
        return getattr(self.recording, name)

    def read_uv(self, label):
        return self.change(label, self.recording.read_uv(label))
