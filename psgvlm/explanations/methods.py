"""Which part of an epoch's picture decided: by ablation, by gradient, by attention.

What is explained is the log-probability of a stage over the five, in nats; attention has a unit of
its own. Every method gives a heat for each pixel, positive for what speaks for the stage; lanes and
seconds follow by sums over their pixels, or, by ablation, by leaving them out themselves.

- `patches` (arXiv 2509.22810): what the stage loses when a patch of 14 x 14 pixels is blank.
- `ablation`: the same at a sixth of the cost. First 5 s of a lane are blank at a time, then every
  second of those that weigh most, then every patch of the heaviest of these.
- `gradient`: gradient times input, the input being what the processor makes of the picture less
  what it makes of the blank one: to first order, what blanking a pixel would cost.
- `attention`: from the places that write the answer to each image token, mean over layers and
  heads, less that to the same token of the blank picture: tokens are looked at for their place too.

What stands out is measured against a change that means nothing: the traces moved by a few pixels,
some hundredths of a second. A lane or second counts that weighs more than the most that does.
"""

import numpy as np

from psgvlm.errors import InputError
from psgvlm.explanations import tiles
from psgvlm.explanations.blanking import BATCH_SIZE, BlankableEpoch
from psgvlm.explanations.explanation import Explanation, stand_out
from psgvlm.images import geometry
from psgvlm.models import inference
from psgvlm.models.vlm import StagingModel
from psgvlm.stages import INDEX, STAGES

PATCH_PX = 14
STRETCH_S = 5
DIVIDED = 3  # stretches divided into seconds, seconds into patches
SHIFTS_PX = (-4, -2, 2, 4)


def explain(
    model: StagingModel,
    images: list,
    method: str = "ablation",
    stage: str | None = None,
    patch_px: int = PATCH_PX,
    batch_size: int = BATCH_SIZE,
) -> Explanation:
    """Explain the stage of one epoch, by default the one that the model finds most probable.

    `images` are RGB PIL images, the epoch's own with the model's `context` of neighbours on either
    side; only parts of the own one are explained. `patch_px` is for ablation. Raises `InputError`
    for an unknown method, and for `gradient` and `attention` where it is not known which pixels the
    model's image tokens stand for.
    """
    if method not in METHODS:
        raise InputError(f"method {method!r}: expected one of {', '.join(METHODS)}")
    if not 4 <= patch_px <= min(model.spec.size):
        raise InputError(f"patches of {patch_px} px; expected 4 to the picture's side")
    epoch = BlankableEpoch(model, images, batch_size)
    spec, index = model.spec, INDEX[stage] if stage else int(epoch.scores.argmax())
    heat = METHODS[method](epoch, index, patch_px)
    if method in ABLATIONS:
        lanes, seconds = whole(epoch, index)
    else:
        lanes, seconds = geometry.sum_by_lane(heat, spec), geometry.sum_by_second(heat, spec)
    threshold = float(_threshold(epoch, index, method, heat))
    parts = stand_out(spec, lanes, seconds, geometry.sum_by_cell(heat, spec), threshold)
    left = epoch.scores
    if parts:
        (left,) = epoch.without([np.any([part.mask(spec) for part in parts], axis=0)])
    return Explanation(
        spec, method, STAGES[index], np.exp(epoch.scores), heat.astype(np.float32), lanes, seconds,
        threshold, parts, np.exp(left),
    )  # fmt: skip


def _threshold(epoch: BlankableEpoch, index: int, method: str, heat: np.ndarray) -> float:
    """The most that moving the traces a little changes: the stage's score, or what is attended."""
    spec = epoch.model.spec
    moved = [geometry.shift_traces(epoch.picture, spec, columns) for columns in SHIFTS_PX]
    if method != "attention":
        return np.abs(epoch.score_pictures(moved)[:, index] - epoch.scores[index]).max()
    blank = _attended(epoch, index, epoch.blank)
    changes = [_attended(epoch, index, picture) - blank - heat for picture in moved]
    profiles = [
        f(change, spec)
        for change in changes
        for f in (geometry.sum_by_lane, geometry.sum_by_second)
    ]
    return max(np.abs(profile).max() for profile in profiles)


### Ablation


def whole(epoch: BlankableEpoch, index: int) -> tuple[np.ndarray, np.ndarray]:
    """What the stage loses without each lane, and without each second of all lanes."""
    spec = epoch.model.spec
    lanes, seconds = geometry.pixel_lanes(spec), geometry.pixel_seconds(spec)
    parts = [lanes == lane for lane in range(len(spec.lanes))]
    parts += [seconds == second for second in range(geometry.count_seconds(spec))]
    lost = epoch.scores[index] - epoch.without(parts)[:, index]
    return lost[: len(spec.lanes)], lost[len(spec.lanes) :]


def patches(epoch: BlankableEpoch, index: int, patch_px: int) -> np.ndarray:
    """What the stage loses without each patch, spread over its pixels, float of (height, width)."""
    labels = geometry.pixel_patches(epoch.model.spec, patch_px)
    return _spread(epoch, index, labels, np.unique(labels), np.zeros(labels.shape))


def ablation(epoch: BlankableEpoch, index: int, patch_px: int) -> np.ndarray:
    """The same, looked at closely only where much is lost."""
    spec = epoch.model.spec
    lanes, seconds = geometry.pixel_lanes(spec), geometry.pixel_seconds(spec)
    heat = np.zeros(lanes.shape)
    inside = lanes >= 0
    for labels in (
        lanes * geometry.count_seconds(spec) + seconds // STRETCH_S,
        lanes * geometry.count_seconds(spec) + seconds,
        geometry.pixel_patches(spec, patch_px),
    ):
        chosen = np.unique(labels[inside])
        heat = _spread(epoch, index, labels, chosen, heat)
        losses = [abs(heat[labels == label].sum()) for label in chosen]
        heaviest = chosen[np.argsort(losses, kind="stable")[::-1][:DIVIDED]]
        inside = np.isin(labels, heaviest) & (lanes >= 0)
    return heat


def _spread(epoch: BlankableEpoch, index: int, labels, chosen, heat: np.ndarray) -> np.ndarray:
    """Heat in which the areas chosen, by their labels, each have what the stage loses without."""
    losses = epoch.scores[index] - epoch.without(labels == x for x in chosen)[:, index]
    loss = np.zeros(labels.max() + 1)
    loss[chosen] = losses / np.bincount(labels[labels >= 0])[chosen]
    return np.where(np.isin(labels, chosen), loss[labels], heat)


### Gradient and attention


def gradient(epoch: BlankableEpoch, index: int, _) -> np.ndarray:
    """Gradient of the stage's log-probability times input, by the picture's pixels."""
    import torch

    model, located = epoch.model, epoch.tiles
    inputs = dict(epoch.inputs)
    pixels = inputs["pixel_values"].detach().clone().requires_grad_()
    with torch.enable_grad():
        scores = inference.log_probabilities(
            model, {**inputs, "pixel_values": pixels}, epoch.answers
        )
        score = torch.log_softmax(scores.double(), dim=1)[0, index]
        (slope,) = torch.autograd.grad(score, pixels)
    product = slope.float() * (inputs["pixel_values"] - epoch.blank_pixels).float()
    grids = tiles.arrays(model, inputs, product).sum(dim=1).double().cpu().numpy()
    size = epoch.picture.shape[:2]
    return sum(tile.paint(grid, size) for tile, grid in zip(located, grids, strict=True))


def attention(epoch: BlankableEpoch, index: int, _) -> np.ndarray:
    """Attention from the answer to the picture's pixels, beyond that to the blank picture's."""
    return _attended(epoch, index, epoch.picture) - _attended(epoch, index, epoch.blank)


def _attended(epoch: BlankableEpoch, index: int, picture: np.ndarray) -> np.ndarray:
    """Attention from the places that write the answer to the pixels of a picture."""
    import torch

    model, located = epoch.model, epoch.tiles
    inputs = dict(inference.inputs_of(model, [epoch.with_picture(picture)]))
    answer = torch.tensor([epoch.answers[index][:-1]], dtype=torch.long, device=model.model.device)
    asked = inputs["input_ids"]
    inputs["input_ids"] = torch.cat([asked, answer], dim=1)
    for name, value in (("attention_mask", 1), ("token_type_ids", 0), ("mm_token_type_ids", 0)):
        if name in inputs:
            inputs[name] = torch.cat([inputs[name], torch.full_like(answer, value)], dim=1)
    weights = _weights(model.model, inputs)[:, asked.shape[1] - 1 :].mean(dim=(0, 1))
    of_image = inputs["input_ids"][0] == model.model.config.image_token_id
    own = weights[of_image].chunk(2 * model.neighbours + 1)[model.neighbours]
    grids = tiles.tokens_on(model, inputs, own.double().cpu().numpy())
    size = epoch.picture.shape[:2]
    return sum(tile.paint(grid, size) for tile, grid in zip(located, grids, strict=True))


def _weights(model, inputs):
    """Attention weights, mean over heads, of shape (layers, from, to).

    Only eager attention has any. Raises `InputError` where the model gives none, or not all.
    """
    import torch

    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        with torch.inference_mode():
            found = model(**inputs, output_attentions=True, use_cache=False).attentions
    finally:
        model.set_attn_implementation(before)
    length = inputs["input_ids"].shape[1]
    if not found or any(x is None or x.shape[-2:] != (length, length) for x in found):
        raise InputError(
            f"models of type {model.config.model_type} do not tell their attention from every "
            "token to every other; expected another method: ablation, or gradient"
        )
    return torch.stack([layer[0].float().mean(dim=0) for layer in found])


ABLATIONS = {"ablation": ablation, "patches": patches}
METHODS = {**ABLATIONS, "gradient": gradient, "attention": attention}
