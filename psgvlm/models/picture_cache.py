"""Encode each image of a night once, although several epochs show it.

An epoch's image is also shown as its neighbours' neighbour, and a blank image stands wherever there
is no neighbour. Images are recognised by their pixels. An encoded image is kept only while the next
batch may show it. The model's family in transformers must accept `mm_encoder_outputs` in `forward`:
the images as its `get_image_features` has encoded them.
"""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass

from psgvlm.models.vlm import StagingModel

# For each epoch of a batch: the sizes of its images, and their keys.
BatchKeys = list[tuple[tuple, list[bytes]]]


def is_supported(model: StagingModel) -> bool:
    """Return whether the model's architecture accepts images that are encoded already."""
    return hasattr(model.model, "get_image_features") and any(
        "mm_encoder_outputs" in inspect.signature(type(module).forward).parameters
        for module in model.model.modules()
    )


@dataclass(frozen=True)
class PictureGroup:
    """New images of one size, each with its key, and the processor's tensors of all of them."""

    pictures: list[tuple[bytes, object]]
    tensors: dict


@dataclass(frozen=True)
class EncodedPicture:
    """An image after vision tower and connector.

    `deep` is what Qwen3 adds to later layers. `layout` holds the other inputs that the model needs
    for the image, such as the rows and columns of its patches.
    """

    pooled: object
    deep: list
    layout: dict


class PictureCache:
    """The encoded images of one night, whose epochs come in batches in the order of time.

    Call `prepare` for each batch (a thread may call it ahead), then `keep_only`, `encode` and
    `inputs` in the same order of batches.

    Parameters
    ----------
    model : StagingModel
        The model; see `is_supported`.
    make_inputs : callable
        Turns a list of epochs into the model's inputs, as the processor makes them.
    """

    def __init__(self, model: StagingModel, make_inputs: Callable):
        self.model, self.make_inputs = model, make_inputs
        self.text_by_sizes: dict[tuple, dict] = {}
        self.picture_tensors: set[str] = set()  # the names of the inputs that belong to images
        self.last_keys: set[bytes] = set()
        self.encoded: dict[bytes, EncodedPicture] = {}

    def prepare(self, epochs: list[list]) -> tuple[BatchKeys, list[PictureGroup]]:
        """Return the keys of a batch's images, and the images that the last batch did not show."""
        batch, new = [], {}
        for images in epochs:
            sizes = tuple(image.size for image in images)
            if sizes not in self.text_by_sizes:
                self._prepare_text(sizes, images)
            keys = [hashlib.sha256(image.tobytes()).digest() for image in images]
            for key, image in zip(keys, images, strict=True):
                if key not in self.last_keys:
                    new.setdefault(image.size, {})[key] = image
            batch.append((sizes, keys))
        self.last_keys = {key for _, keys in batch for key in keys}
        groups = [list(pictures.items()) for pictures in new.values()]
        return batch, [PictureGroup(pictures, self._tensors(pictures)) for pictures in groups]

    def _prepare_text(self, sizes: tuple, images: list) -> None:
        """Store the inputs of the text, which are the same for all epochs of these sizes."""
        inputs = self.make_inputs([images])
        shape = inputs["input_ids"].shape
        text = {name: inputs[name] for name in inputs if inputs[name].shape == shape}
        self.text_by_sizes[sizes] = text
        self.picture_tensors = inputs.keys() - text.keys()

    def _tensors(self, pictures: list[tuple[bytes, object]]) -> dict:
        from transformers import BatchFeature

        images = [[image] for _, image in pictures]
        processed = self.model.processor.image_processor(images=images, return_tensors="pt")
        return BatchFeature({name: processed[name] for name in self.picture_tensors})

    def keep_only(self, batch: BatchKeys) -> None:
        """Forget the encoded images that this batch does not show."""
        wanted = {key for _, keys in batch for key in keys} & self.encoded.keys()
        self.encoded = {key: self.encoded[key] for key in wanted}

    def encode(self, pictures: list[tuple[bytes, object]], group: PictureGroup) -> None:
        """Send images of a group through the vision tower: all, or as many as the memory holds."""
        import torch

        complete = len(pictures) == len(group.pictures)
        tensors = group.tensors if complete else self._tensors(pictures)
        tensors = tensors.to(self.model.model.device, self.model.model.dtype)
        output = self.model.model.get_image_features(**tensors, return_dict=True)
        layers = getattr(output, "deepstack_features", None) or []
        self.output_form = type(output), isinstance(output.pooler_output, torch.Tensor)
        for i, ((key, _), pooled) in enumerate(zip(pictures, output.pooler_output, strict=True)):
            layout = {k: v[i : i + 1] for k, v in tensors.items() if not k.startswith("pixel_")}
            self.encoded[key] = EncodedPicture(pooled, [layer[i] for layer in layers], layout)

    def inputs(self, batch: BatchKeys) -> dict:
        """Return the model's inputs for epochs whose images have all been encoded."""
        import torch

        texts = [self.text_by_sizes[sizes] for sizes, _ in batch]
        length = max(text["input_ids"].shape[1] for text in texts)
        filler = {"input_ids": self.model.processor.tokenizer.pad_token_id}
        device = self.model.model.device
        inputs = {}
        for name in texts[0]:
            rows = [
                torch.nn.functional.pad(
                    text[name], (length - text[name].shape[1], 0), value=filler.get(name, 0)
                )
                for text in texts
            ]
            inputs[name] = torch.cat(rows).to(device)
        pictures = [self.encoded[key] for _, keys in batch for key in keys]
        for name in pictures[0].layout:
            inputs[name] = torch.cat([picture.layout[name] for picture in pictures])
        output, is_stacked = self.output_form
        pooled = [picture.pooled for picture in pictures]
        features = {"pooler_output": torch.stack(pooled) if is_stacked else pooled}
        if pictures[0].deep:
            layers = zip(*(picture.deep for picture in pictures), strict=True)
            features["deepstack_features"] = list(layers)
        return inputs | {"mm_encoder_outputs": {"image": output(**features)}}
