"""What a model is shown of a night: each picture through processor and vision tower once.

An epoch's picture is its neighbours' context as well, and a blank one stands wherever there is
none. Pictures are known by their pixels, so nobody has to hand over the same object again; what
came of them is kept while the next batch may show them. Needs a family of transformers' whose
`forward` takes `mm_encoder_outputs`, what its own `get_image_features` made of the pictures.
"""

import hashlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass

from psgvlm.models.vlm import StagingModel

Batch = list[tuple[tuple, list[bytes]]]


def allowed(model: StagingModel) -> bool:
    """Whether the model's architecture takes pictures that went through its vision tower before."""
    return hasattr(model.model, "get_image_features") and any(
        "mm_encoder_outputs" in inspect.signature(type(module).forward).parameters
        for module in model.model.modules()
    )


@dataclass(frozen=True)
class Group:
    """New pictures of one size, each with its key, and what the processor made of them."""

    pictures: list[tuple[bytes, object]]
    tensors: dict


@dataclass(frozen=True)
class Seen:
    """A picture after vision tower and connector; `deep` is what Qwen3 adds to later layers.

    `layout` is what the model wants to know beside it, as the rows and columns of its patches.
    """

    pooled: object
    deep: list
    layout: dict


class Sight:
    """One night's pictures, in the order in which batches of epochs show them.

    `processed` gives the tensors of whole epochs, as the processor makes them. `prepare` may run
    ahead in a thread, batch by batch; `look` and `inputs` follow in the same order.
    """

    def __init__(self, model: StagingModel, processed: Callable):
        self.model, self.processed = model, processed
        self.text: dict[tuple, dict] = {}  # by the sizes of an epoch's pictures
        self.names: set[str] = set()  # of the tensors that are the pictures'
        self.last: set[bytes] = set()
        self.seen: dict[bytes, Seen] = {}

    def prepare(self, epochs: list[list]) -> tuple[Batch, list[Group]]:
        """Each epoch's kind of text and its pictures' keys; and the pictures not yet shown."""
        batch, new = [], {}
        for images in epochs:
            sizes = tuple(image.size for image in images)
            if sizes not in self.text:
                made = self.processed([images])
                shape = made["input_ids"].shape
                self.text[sizes] = {k: made[k] for k in made if made[k].shape == shape}
                self.names = made.keys() - self.text[sizes].keys()
            keys = [hashlib.sha256(image.tobytes()).digest() for image in images]
            for key, image in zip(keys, images, strict=True):
                if key not in self.last:
                    new.setdefault(image.size, {})[key] = image
            batch.append((sizes, keys))
        self.last = {key for _, keys in batch for key in keys}
        groups = [list(pictures.items()) for pictures in new.values()]
        return batch, [Group(pictures, self._tensors(pictures)) for pictures in groups]

    def _tensors(self, pictures: list[tuple[bytes, object]]) -> dict:
        from transformers import BatchFeature

        images = [[image] for _, image in pictures]
        made = self.model.processor.image_processor(images=images, return_tensors="pt")
        return BatchFeature({name: made[name] for name in self.names})

    def forget(self, batch: Batch) -> None:
        """Keep of what was seen only what this batch shows again."""
        again = {key for _, keys in batch for key in keys} & self.seen.keys()
        self.seen = {key: self.seen[key] for key in again}

    def look(self, pictures: list[tuple[bytes, object]], group: Group) -> None:
        """Send a group's pictures through the vision tower: all, or as many as memory holds."""
        import torch

        whole = len(pictures) == len(group.pictures)
        made = group.tensors if whole else self._tensors(pictures)
        shown = made.to(self.model.model.device, self.model.model.dtype)
        found = self.model.model.get_image_features(**shown, return_dict=True)
        layers = getattr(found, "deepstack_features", None) or []
        self.form = type(found), isinstance(found.pooler_output, torch.Tensor)
        for at, ((key, _), pooled) in enumerate(zip(pictures, found.pooler_output, strict=True)):
            layout = {k: v[at : at + 1] for k, v in shown.items() if not k.startswith("pixel_")}
            self.seen[key] = Seen(pooled, [layer[at] for layer in layers], layout)

    def inputs(self, batch: Batch) -> dict:
        """What the model's `forward` takes for these epochs, all of whose pictures were seen."""
        import torch

        texts = [self.text[sizes] for sizes, _ in batch]
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
        shown = [self.seen[key] for _, keys in batch for key in keys]
        for name in shown[0].layout:
            inputs[name] = torch.cat([each.layout[name] for each in shown])
        output, stacked = self.form
        pooled = [each.pooled for each in shown]
        looked = {"pooler_output": torch.stack(pooled) if stacked else pooled}
        if shown[0].deep:
            looked["deepstack_features"] = list(zip(*(each.deep for each in shown), strict=True))
        return inputs | {"mm_encoder_outputs": {"image": output(**looked)}}
