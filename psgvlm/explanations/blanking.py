"""An epoch scored again with parts of its picture replaced by blank ground.

What is blank then looks as the drawing leaves an empty lane: ground, grid and shade. Many such
pictures are scored in one batch. Where the model's image processor leaves pixels where they are (as
the tiny model's does), only the first picture goes through it: the others are put together from
its output and that of the blank picture, which a test picture confirms to be the same.
"""

from collections.abc import Iterable
from functools import cached_property
from itertools import islice

import numpy as np

from psgvlm.errors import InputError
from psgvlm.explanations import tiles
from psgvlm.images import raster
from psgvlm.models import inference
from psgvlm.models.vlm import StagingModel
from psgvlm.stages import STAGES

BATCH_SIZE = 16


class BlankableEpoch:
    """An epoch's images, of which the middle one is its own; what the model says without parts.

    `images` are RGB PIL images, as many as the model takes. Raises `InputError` where the own one
    is not of the size that the model's image spec says.
    """

    def __init__(self, model: StagingModel, images: list, batch_size: int = BATCH_SIZE):
        self.model, self.images, self.batch_size = model, images, batch_size
        if len(images) != 2 * model.neighbours + 1:
            inference.inputs_of(model, [images])  # says what is expected
        own = images[model.neighbours]
        if own.size != model.spec.size or own.mode != "RGB":
            raise InputError(
                f"an epoch's image of {own.width}x{own.height}, {own.mode}; expected "
                f"{model.spec.width}x{model.spec.height}, RGB, as the model's image spec says"
            )
        self.picture = np.asarray(own)
        self.blank = raster.blank_image(model.spec)
        self.ink = (self.picture != self.blank).any(axis=-1)
        self.answers = inference.answer_tokens(model.processor, model.spec.prompt)
        self.inputs = inference.inputs_of(model, [images])
        blank = inference.inputs_of(model, [self.with_picture(self.blank)])
        self.blank_pixels = blank["pixel_values"]
        self.in_place = self._in_place()
        self.scores = self.score_pictures([self.picture])[0]

    @cached_property
    def tiles(self) -> list[tiles.Tile]:
        """Where the model's inputs lie in the picture, see `tiles.locate`."""
        return tiles.locate(self.model)

    def with_picture(self, picture: np.ndarray) -> list:
        """The images of the epoch with another in the place of its own."""
        from PIL import Image

        images = list(self.images)
        images[self.model.neighbours] = Image.fromarray(picture)
        return images

    def without(self, parts: Iterable[np.ndarray]) -> np.ndarray:
        """Log-probabilities of the stages without parts of the picture, float64 of (parts, 5).

        A part is bool of shape (height, width), true for what is blank then. What is blank anyway
        costs nothing.
        """
        inked = []

        def shown():
            for part in parts:
                inked.append((part & self.ink).any())
                if inked[-1]:
                    yield part

        if self.in_place:
            scored = self._score(self._put_together(part) for part in shown())
        else:
            scored = self.score_pictures(
                np.where(part[..., None], self.blank, self.picture) for part in shown()
            )
        scores = np.repeat(self.scores[None], len(inked), axis=0)
        scores[np.array(inked, bool)] = scored
        return scores

    def score_pictures(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """Log-probabilities of the stages for other pictures in the place of the epoch's own."""
        epochs = (self.with_picture(picture) for picture in pictures)
        found = [np.empty((0, len(STAGES)))]
        while batch := list(islice(epochs, self.batch_size)):
            found.append(self._batch(inference.inputs_of(self.model, batch)))
        return np.concatenate(found)

    def _score(self, pixels) -> np.ndarray:
        """The same for the processor's output, a tensor for each picture."""
        import torch

        found = [np.empty((0, len(STAGES)))]
        while batch := list(islice(pixels, self.batch_size)):
            inputs = {
                name: x.expand(len(batch), *x.shape[1:])
                for name, x in self.inputs.items()
                if name != "pixel_values"
            }
            found.append(self._batch({**inputs, "pixel_values": torch.cat(batch)}))
        return np.concatenate(found)

    def _batch(self, inputs) -> np.ndarray:
        import torch

        with torch.inference_mode():
            scores = inference.log_probabilities(self.model, inputs, self.answers)
        if not torch.isfinite(scores).all():
            raise inference.NotFinite(0)
        return torch.log_softmax(scores.double(), dim=1).cpu().numpy()

    def _put_together(self, part: np.ndarray):
        """The processor's output for the epoch without a part."""
        import torch

        pixels, blank = self.inputs["pixel_values"], self.blank_pixels
        at = torch.from_numpy(part).to(pixels.device)
        return torch.where(at, blank, pixels)

    def _in_place(self) -> bool:
        """Whether the processor leaves pixels where they are, each depending on itself alone."""
        import torch

        pixels, size = self.inputs["pixel_values"], self.picture.shape[:2]
        # What else the model is told, such as sizes and masks, must have one row for each epoch.
        alike = all(len(x) == 1 for name, x in self.inputs.items() if name != "pixel_values")
        if pixels.shape != (len(self.images), 3, *size) or not alike:
            return False
        row, column = np.indices(size) // 5
        part = (row + column) % 2 == 0
        picture = np.where(part[..., None], self.blank, self.picture)
        processed = inference.inputs_of(self.model, [self.with_picture(picture)])["pixel_values"]
        return torch.equal(processed, self._put_together(part))
