"""Which rhythm decided: the model's answer to an epoch drawn without it.

A frequency band is removed from every EEG lane of the whole recording with the zero-phase filter
that the lanes are drawn with. This needs the signal, because an image shows too little of its fast
rhythms.
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
    """The traces of a recording's lanes without each of the bands `BANDS_HZ` in its EEG."""

    def __init__(self, traces: list[Trace | None], spec: ImageSpec):
        self.spec = spec
        self.traces = {band: self._without(traces, hz) for band, hz in BANDS_HZ.items()}

    def losses(
        self, model: StagingModel, images: list, stage: int, onset_s: float
    ) -> dict[str, float]:
        """Return what the stage's log-probability loses without each band, in nats.

        `images` are as for `explain`, `stage` is an index into `STAGES`, and `onset_s` is where the
        epoch starts in the stored samples, in seconds. Neighbouring epochs keep all their rhythms.
        """
        epoch = BlankableEpoch(model, images)
        pictures = [
            raster.to_rgb(next(raster.draw(traces, self.spec, [onset_s])), self.spec)
            for traces in self.traces.values()
        ]
        losses = epoch.log_probabilities[stage] - epoch.classify_pictures(pictures)[:, stage]
        return dict(zip(self.traces, losses.tolist(), strict=True))

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
