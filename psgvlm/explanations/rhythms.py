"""Which rhythm decided: an epoch drawn again without it, and scored.

A band is taken out of every EEG lane of the whole recording by the zero-phase filter that lanes are
drawn with. This needs the signal; what a picture shows of its fast rhythms is too little.
"""

import numpy as np

from psgvlm.chat.findings import BANDS_HZ
from psgvlm.explanations.blanking import BlankableEpoch
from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.models.vlm import StagingModel
from psgvlm.montages import MODALITY
from psgvlm.signals.filters import band_pass
from psgvlm.signals.traces import Trace


class Rhythms:
    """A recording's lanes, of `signals.prepare`, without each of `BANDS_HZ` in its EEG."""

    def __init__(self, traces: list[Trace | None], spec: ImageSpec):
        self.spec = spec
        self.traces = {band: self._without(traces, hz) for band, hz in BANDS_HZ.items()}

    def lost(
        self, model: StagingModel, images: list, stage: int, onset_s: float
    ) -> dict[str, float]:
        """What the stage's log-probability loses without each band, in nats.

        `images` are as for `explain`, `stage` is a place in `STAGES`, and `onset_s` where the epoch
        starts in the samples. Neighbours keep all their rhythms.
        """
        epoch = BlankableEpoch(model, images)
        pictures = [
            raster.to_rgb(next(raster.draw(traces, self.spec, [onset_s])), self.spec)
            for traces in self.traces.values()
        ]
        lost = epoch.scores[stage] - epoch.score_pictures(pictures)[:, stage]
        return dict(zip(self.traces, lost.tolist(), strict=True))

    def _without(self, traces: list[Trace | None], band_hz) -> list[Trace | None]:
        return [
            trace
            if trace is None or MODALITY[name] != "EEG"
            else Trace(
                trace.samples_uv
                - np.nan_to_num(band_pass(trace.samples_uv, trace.rate_hz, band_hz)),
                trace.rate_hz,
            )
            for name, trace in zip(self.spec.lanes, traces, strict=True)
        ]
