"""A recording filtered as a whole, to compare with the block by block filter of psgvlm.nights."""

import numpy as np

from psgvlm.signals.filters import band_pass, find_mains
from psgvlm.signals.traces import Trace


def whole_traces(recording, lanes, spec):
    """Return the filtered lanes of a recording; None for a missing lane."""
    lengths_s = [stop - start for start, stop in recording.segments]
    traces = []
    for lane, source in zip(lanes.lanes, lanes.sources, strict=True):
        if source is None:
            traces.append(None)
            continue
        samples = recording.read_uv(source.plus)
        if source.minus:
            samples = samples - recording.read_uv(source.minus)
        rate_hz = recording.channel(source.plus).rate_hz
        mains = {"auto": find_mains(samples, rate_hz), "off": 0}
        mains_hz = mains[spec.mains] if spec.mains in mains else int(spec.mains)
        pieces = np.split(samples, np.round(np.cumsum(lengths_s)[:-1] * rate_hz).astype(int))
        band_hz = spec.band_hz(lane.modality)
        filtered = [band_pass(piece, rate_hz, band_hz, mains_hz) for piece in pieces]
        traces.append(Trace(np.concatenate(filtered), rate_hz))
    return traces
