"""The vision-language model without its language, and without its training."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from psgvlm.errors import InputError
from psgvlm.evaluation.corpus_nights import CorpusNight, stage_counts
from psgvlm.models import inference
from psgvlm.models.vlm import StagingModel
from psgvlm.nights import neighbours
from psgvlm.stages import STAGES


class VisionOnly:
    """A linear probe on what the language model is given: does the language model add anything?

    An epoch's features are the mean over the picture's patches after vision tower and connector,
    both frozen as the model has them; the probe is a logistic regression on the training nights'.
    """

    name = "vision-only"

    def __init__(self, model: StagingModel, batch_size: int = 32):
        self.model, self.batch_size = model, batch_size

    def fit(self, train: list[CorpusNight], validation: list[CorpusNight]) -> "VisionOnly":
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if (stage_counts(train) > 0).sum() < 2:
            raise InputError("the training nights hold one stage only; expected at least two")
        features = np.concatenate([self._features(night) for night in train])
        self.probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        self.probe.fit(features, np.concatenate([night.stages for night in train]))
        return self

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        p = np.zeros((len(night.index), len(STAGES)))
        p[:, self.probe.classes_] = self.probe.predict_proba(self._features(night))
        return p

    def _features(self, night: CorpusNight) -> np.ndarray:
        return np.array(list(features(self.model, night.pictures(), self.batch_size)))


def features(model: StagingModel, pictures: Iterable, batch_size: int = 32) -> Iterator[np.ndarray]:
    """Yield each RGB picture's features, float64 (n_features,): the mean over its patches."""
    import torch

    pictures = iter(pictures)
    while batch := list(islice(pictures, batch_size)):
        inputs = model.processor.image_processor(
            images=[[picture] for picture in batch], return_tensors="pt"
        ).to(model.model.device, model.model.dtype)
        with torch.inference_mode():
            # A tensor of patches for each picture, however many tiles it was cut into.
            patches = model.model.get_image_features(**inputs).pooler_output
        for each in patches:
            yield each.reshape(-1, each.shape[-1]).double().mean(dim=0).cpu().numpy()


class ZeroShot:
    """The base model with the same pictures and question, the adapter switched off.

    Raises `InputError` for a model without an adapter: trained as a whole, or from scratch, it has
    no base to go back to.
    """

    name = "zero-shot"

    def __init__(self, model: StagingModel, batch_size: int = 32):
        if not getattr(model.model, "_hf_peft_config_loaded", False):
            raise InputError(
                "zero-shot: this model is no adapter, so there is no base model under it; expected "
                "one that was trained with --use_peft true: leave this baseline out"
            )
        self.model, self.batch_size = model, batch_size

    def fit(self, train: list[CorpusNight], validation: list[CorpusNight]) -> "ZeroShot":
        return self

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        self.model.model.disable_adapters()
        try:
            shown = with_neighbours(night, self.model.neighbours)
            return np.array(list(inference.probabilities(self.model, shown, self.batch_size)))
        finally:
            self.model.model.enable_adapters()


def with_neighbours(night: CorpusNight, count: int) -> Iterator[list]:
    """Each epoch's picture among `count` neighbours' on either side; blank where there is none."""
    if not count:
        yield from ([picture] for picture in night.pictures())
        return
    at = dict(zip(night.epochs.tolist(), night.pictures(), strict=True))
    blank = neighbours.blank(night.spec)
    for epoch in night.epochs.tolist():
        yield [at.get(epoch + step, blank) for step in range(-count, count + 1)]
