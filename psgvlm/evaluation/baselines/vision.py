"""Baselines made from the model itself: without the language model, and without the training."""

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from psgvlm.errors import InputError
from psgvlm.evaluation.corpus_nights import CorpusNight, stage_counts
from psgvlm.models import inference
from psgvlm.models.vlm import StagingModel
from psgvlm.nights import neighbours
from psgvlm.stages import STAGES


class VisionProbe:
    """A linear probe on the input of the language model: what does the language model add?

    The features of an epoch are the mean over the picture's patches after vision tower and
    connector, both frozen as they are in the model. The probe is a logistic regression, fitted on
    the training nights.
    """

    name = "vision-only"

    def __init__(self, model: StagingModel, batch_size: int = 32):
        self.model, self.batch_size = model, batch_size

    def fit(self, train: list[CorpusNight], validation: list[CorpusNight]) -> "VisionProbe":
        """Fit the logistic regression on the training nights."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        if (stage_counts(train) > 0).sum() < 2:
            raise InputError("the training nights hold one stage only; expected at least two")
        x = np.concatenate([self._features(night) for night in train])
        self.probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        self.probe.fit(x, np.concatenate([night.stages for night in train]))
        return self

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        """Return the probe's probabilities, shape (n_epochs, 5); 0 for a stage it never saw."""
        p = np.zeros((len(night.index), len(STAGES)))
        p[:, self.probe.classes_] = self.probe.predict_proba(self._features(night))
        return p

    def _features(self, night: CorpusNight) -> np.ndarray:
        return np.array(list(features(self.model, night.pictures(), self.batch_size)))


def features(model: StagingModel, pictures: Iterable, batch_size: int = 32) -> Iterator[np.ndarray]:
    """Yield the features of each RGB picture, float64 of shape (n_features,): a mean of patches."""
    import torch

    pictures = iter(pictures)
    while batch := list(islice(pictures, batch_size)):
        inputs = model.processor.image_processor(
            images=[[picture] for picture in batch], return_tensors="pt"
        ).to(model.model.device, model.model.dtype)
        with torch.inference_mode():
            # One tensor of patches per picture, however many tiles the picture was cut into.
            patches = model.model.get_image_features(**inputs).pooler_output
        for each in patches:
            yield each.reshape(-1, each.shape[-1]).double().mean(dim=0).cpu().numpy()


class ZeroShot:
    """The base model with the adapter switched off, given the same pictures and question.

    Raises `InputError` for a model that is not an adapter. A model that was trained as a whole or
    from random weights has no base model left to compare with.
    """

    name = "zero-shot"

    def __init__(self, model: StagingModel, batch_size: int = 32):
        if not getattr(model.model, "_hf_peft_config_loaded", False):
            raise InputError(
                "zero-shot: this model is not an adapter, so it has no base model; expected a "
                "model trained with use_peft: leave this baseline out",
                "baselines",
            )
        self.model, self.batch_size = model, batch_size

    def fit(self, train: list[CorpusNight], validation: list[CorpusNight]) -> "ZeroShot":
        """Do nothing: there is nothing to fit."""
        return self

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        """Return the base model's probabilities, shape (n_epochs, 5)."""
        count = self.model.neighbours
        epochs = neighbours.around(night.pictures(), night.spec, count, night.epochs)
        self.model.model.disable_adapters()
        try:
            return np.array(list(inference.probabilities(self.model, epochs, self.batch_size)))
        finally:
            self.model.model.enable_adapters()
