"""The model's answer to an epoch after parts of its image are made blank.

A blank part looks like an empty lane: ground, grid and shade. Many changed images are classified in
one batch. If the model's image processor keeps pixels in place (as that of the tiny model does),
only the original and the blank image go through it, and the changed ones are combined from its two
outputs. A test image confirms that this gives the same result.
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
    """An epoch whose image can be made blank in parts, and what the model then answers.

    Parameters
    ----------
    model : StagingModel
    images : list of PIL images
        RGB images, as many as the model takes; the middle one is the epoch's own.
    batch_size : int
        How many changed images are classified at a time.

    Attributes
    ----------
    log_probabilities : ndarray, shape (5,)
        The log-probabilities of the stages for the unchanged image.

    Raises
    ------
    InputError
        If the number or the size of the images is not what the model takes.
    """

    def __init__(self, model: StagingModel, images: list, batch_size: int = BATCH_SIZE):
        self.model, self.images, self.batch_size = model, images, batch_size
        if len(images) != 2 * model.neighbours + 1:
            inference.inputs_of(model, [images])  # raises the error that says what is expected
        own = images[model.neighbours]
        if own.size != model.spec.size or own.mode != "RGB":
            raise InputError(
                f"an epoch's image has {own.width}x{own.height} pixels, {own.mode}; expected "
                f"{model.spec.width}x{model.spec.height}, RGB, as the model's image spec says"
            )
        self.picture = np.asarray(own)
        self.blank = raster.blank_image(model.spec)
        self.ink = (self.picture != self.blank).any(axis=-1)
        self.answers = inference.answer_tokens(model.processor, model.spec.prompt)
        self.inputs = inference.inputs_of(model, [images])
        blank = inference.inputs_of(model, [self.with_picture(self.blank)])
        self.blank_pixels = blank["pixel_values"]
        self.in_place = self._keeps_pixels_in_place()
        self.log_probabilities = self.classify_pictures([self.picture])[0]

    @cached_property
    def tiles(self) -> list[tiles.Tile]:
        """Where the model's input tiles lie in the image, see `tiles.locate`."""
        return tiles.locate(self.model)

    def with_picture(self, picture: np.ndarray) -> list:
        """Return the epoch's images with another one, a uint8 array, in place of its own."""
        from PIL import Image

        images = list(self.images)
        images[self.model.neighbours] = Image.fromarray(picture)
        return images

    def without(self, parts: Iterable[np.ndarray]) -> np.ndarray:
        """Return log-probabilities of the stages without each part, float64 of shape (n_parts, 5).

        A part is a bool array of shape (height, width), true where the image becomes blank. A part
        that is blank already is not classified again.
        """
        has_ink = []

        def parts_with_ink():
            for part in parts:
                has_ink.append((part & self.ink).any())
                if has_ink[-1]:
                    yield part

        if self.in_place:
            scored = self._classify_processed(self._combine(part) for part in parts_with_ink())
        else:
            scored = self.classify_pictures(
                np.where(part[..., None], self.blank, self.picture) for part in parts_with_ink()
            )
        scores = np.repeat(self.log_probabilities[None], len(has_ink), axis=0)
        scores[np.array(has_ink, bool)] = scored
        return scores

    def classify_pictures(self, pictures: Iterable[np.ndarray]) -> np.ndarray:
        """Return log-probabilities of the stages for each of these images, shape (n, 5).

        Each is a uint8 array of shape (height, width, 3) that takes the place of the epoch's own.
        """
        epochs = (self.with_picture(picture) for picture in pictures)
        scores = [np.empty((0, len(STAGES)))]
        while batch := list(islice(epochs, self.batch_size)):
            scores.append(self._classify_batch(inference.inputs_of(self.model, batch)))
        return np.concatenate(scores)

    def _classify_processed(self, pixels) -> np.ndarray:
        """Return the same for images that were processed already, each a tensor."""
        import torch

        scores = [np.empty((0, len(STAGES)))]
        while batch := list(islice(pixels, self.batch_size)):
            inputs = {
                name: x.expand(len(batch), *x.shape[1:])
                for name, x in self.inputs.items()
                if name != "pixel_values"
            }
            scores.append(self._classify_batch({**inputs, "pixel_values": torch.cat(batch)}))
        return np.concatenate(scores)

    def _classify_batch(self, inputs) -> np.ndarray:
        import torch

        with torch.inference_mode():
            scores = inference.log_probabilities(self.model, inputs, self.answers)
        if not torch.isfinite(scores).all():
            raise inference.NotFinite(0)
        return torch.log_softmax(scores.double(), dim=1).cpu().numpy()

    def _combine(self, part: np.ndarray):
        """Return what the processor would make of the epoch's image without a part."""
        import torch

        pixels, blank = self.inputs["pixel_values"], self.blank_pixels
        at = torch.from_numpy(part).to(pixels.device)
        return torch.where(at, blank, pixels)

    def _keeps_pixels_in_place(self) -> bool:
        """Return whether each processed pixel depends only on the pixel in the same place."""
        import torch

        pixels, size = self.inputs["pixel_values"], self.picture.shape[:2]
        # The other inputs, such as sizes and masks, must have one row for each epoch.
        one_row = all(len(x) == 1 for name, x in self.inputs.items() if name != "pixel_values")
        if pixels.shape != (len(self.images), 3, *size) or not one_row:
            return False
        row, column = np.indices(size) // 5
        part = (row + column) % 2 == 0
        picture = np.where(part[..., None], self.blank, self.picture)
        processed = inference.inputs_of(self.model, [self.with_picture(picture)])["pixel_values"]
        return torch.equal(processed, self._combine(part))
