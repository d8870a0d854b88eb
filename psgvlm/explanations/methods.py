"""Four methods to measure which part of an epoch's image decided its stage.

Each method gives every pixel a number that is positive if the pixel speaks for the stage. For
ablation and gradient the number is a change of the stage's log-probability among the five stages,
in nats; attention has a unit of its own. The numbers of lanes and seconds are sums over their
pixels, except in ablation, which blanks each lane and each second itself.

- `patches` (arXiv 2509.22810): what the stage loses when a patch of 14 x 14 pixels is blank.
- `ablation`: the same at a sixth of the cost. It first blanks 5 s of a lane at a time, then each
  second of the stretches that lose most, then each patch of the seconds that lose most.
- `gradient`: gradient times input, where the input is the difference between the processed image
  and the processed blank image. To first order this is what blanking a pixel would cost.
- `attention`: the attention from the tokens that predict the answer to each image token, averaged
  over layers and heads, minus the same for the blank image, because some tokens get attention for
  their position alone.

A lane or second stands out if its number is larger than the change that a meaningless shift causes:
the traces moved by a few pixels, which is some hundredths of a second.
"""

import numpy as np

from psgvlm.errors import InputError
from psgvlm.explanations import tiles
from psgvlm.explanations.blanking import BATCH_SIZE, BlankableEpoch
from psgvlm.explanations.explanation import Explanation, find_parts
from psgvlm.images import geometry
from psgvlm.models import inference
from psgvlm.models.vlm import StagingModel
from psgvlm.stages import INDEX, STAGES

PATCH_PX = 14
STRETCH_S = 5
REFINED = 3  # how many stretches are divided into seconds, and seconds into patches
SHIFTS_PX = (-4, -2, 2, 4)


def explain(
    model: StagingModel,
    images: list,
    method: str = "ablation",
    stage: str | None = None,
    patch_px: int = PATCH_PX,
    batch_size: int = BATCH_SIZE,
) -> Explanation:
    """Measure which lanes and seconds of an epoch decide its stage.

    Parameters
    ----------
    model : StagingModel
    images : list of PIL images
        RGB images: the epoch's own, with `model.neighbours` neighbouring epochs on either side.
        Only parts of the epoch's own image are explained.
    method : str, default "ablation"
        `"ablation"`, `"patches"`, `"gradient"` or `"attention"`.
    stage : str, optional
        The stage to explain; by default the one that the model finds most probable.
    patch_px : int, default 14
        The side of the patches that ablation blanks.
    batch_size : int, default 16
        How many changed images the model is shown at a time.

    Returns
    -------
    Explanation

    Raises
    ------
    InputError
        If the method or the stage is unknown, if the images are not the ones that the model takes,
        or if the method is `"gradient"` or `"attention"` and it is not known which pixels the
        model's image tokens stand for.
    """
    if method not in METHODS:
        raise InputError(f"method {method!r}: expected one of {', '.join(METHODS)}", "method")
    if stage is not None and stage not in STAGES:
        raise InputError(f"stage {stage!r}: expected one of {', '.join(STAGES)}", "stage")
    if not 4 <= patch_px <= min(model.spec.size):
        raise InputError(f"patches of {patch_px} px; expected 4 to the shorter side of the image")
    epoch = BlankableEpoch(model, images, batch_size)
    spec, index = model.spec, INDEX[stage] if stage else int(epoch.log_probabilities.argmax())
    heat = METHODS[method](epoch, index, patch_px)
    if method in ABLATIONS:
        lanes, seconds = lane_and_second_losses(epoch, index)
    else:
        lanes, seconds = geometry.sum_by_lane(heat, spec), geometry.sum_by_second(heat, spec)
    threshold = float(_threshold(epoch, index, method, heat))
    parts = find_parts(spec, lanes, seconds, geometry.sum_by_cell(heat, spec), threshold)
    without_parts = epoch.log_probabilities
    if parts:
        (without_parts,) = epoch.without([np.any([part.mask(spec) for part in parts], axis=0)])
    return Explanation(
        spec, method, STAGES[index], np.exp(epoch.log_probabilities), heat.astype(np.float32),
        lanes, seconds, threshold, parts, np.exp(without_parts), images[model.neighbours],
    )  # fmt: skip


def _threshold(epoch: BlankableEpoch, index: int, method: str, heat: np.ndarray) -> float:
    """Return the largest change that moving the traces by a few pixels causes.

    It is a change of the stage's log-probability, or of the attention to a lane or second.
    """
    spec = epoch.model.spec
    moved = [geometry.shift_traces(epoch.picture, spec, columns) for columns in SHIFTS_PX]
    if method != "attention":
        return np.abs(
            epoch.classify_pictures(moved)[:, index] - epoch.log_probabilities[index]
        ).max()
    blank = _attended(epoch, index, epoch.blank)
    changes = [_attended(epoch, index, picture) - blank - heat for picture in moved]
    profiles = [
        f(change, spec)
        for change in changes
        for f in (geometry.sum_by_lane, geometry.sum_by_second)
    ]
    return max(np.abs(profile).max() for profile in profiles)


### Ablation


def lane_and_second_losses(epoch: BlankableEpoch, index: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what the stage loses without each lane, and without each second of all lanes."""
    spec = epoch.model.spec
    lanes, seconds = geometry.pixel_lanes(spec), geometry.pixel_seconds(spec)
    parts = [lanes == lane for lane in range(len(spec.lanes))]
    parts += [seconds == second for second in range(geometry.count_seconds(spec))]
    lost = epoch.log_probabilities[index] - epoch.without(parts)[:, index]
    return lost[: len(spec.lanes)], lost[len(spec.lanes) :]


def patches(epoch: BlankableEpoch, index: int, patch_px: int) -> np.ndarray:
    """Return what the stage loses without each patch, spread over the patch's pixels.

    The shape is (height, width).
    """
    labels = geometry.pixel_patches(epoch.model.spec, patch_px)
    return _spread(epoch, index, labels, np.unique(labels), np.zeros(labels.shape))


def ablation(epoch: BlankableEpoch, index: int, patch_px: int) -> np.ndarray:
    """Return the same as `patches`, but resolve patches only where much is lost."""
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
        largest = chosen[np.argsort(losses, kind="stable")[::-1][:REFINED]]
        inside = np.isin(labels, largest) & (lanes >= 0)
    return heat


def _spread(epoch: BlankableEpoch, index: int, labels, chosen, heat: np.ndarray) -> np.ndarray:
    """Return the heat with the areas of the chosen labels set to what the stage loses without."""
    losses = epoch.log_probabilities[index] - epoch.without(labels == x for x in chosen)[:, index]
    loss = np.zeros(labels.max() + 1)
    loss[chosen] = losses / np.bincount(labels[labels >= 0])[chosen]
    return np.where(np.isin(labels, chosen), loss[labels], heat)


### Gradient and attention


def gradient(epoch: BlankableEpoch, index: int, _) -> np.ndarray:
    """Return the gradient of the stage's log-probability times the input, for each pixel."""
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
    """Return the attention to the image's pixels minus the attention to those of a blank image."""
    return _attended(epoch, index, epoch.picture) - _attended(epoch, index, epoch.blank)


def _attended(epoch: BlankableEpoch, index: int, picture: np.ndarray) -> np.ndarray:
    """Return the attention from the tokens that predict the answer to the pixels of an image."""
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
    """Return attention weights, averaged over heads, of shape (layers, from, to).

    Raises InputError if the model does not return the weights between all tokens.
    """
    import torch

    before = model.config._attn_implementation
    model.set_attn_implementation("eager")  # no other implementation returns weights
    try:
        with torch.inference_mode():
            layers = model(**inputs, output_attentions=True, use_cache=False).attentions
    finally:
        model.set_attn_implementation(before)
    length = inputs["input_ids"].shape[1]
    if not layers or any(x is None or x.shape[-2:] != (length, length) for x in layers):
        raise InputError(
            f"models of type {model.config.model_type} do not return the attention between all "
            "tokens; expected another method: ablation or gradient",
            "method",
        )
    return torch.stack([layer[0].float().mean(dim=0) for layer in layers])


ABLATIONS = {"ablation": ablation, "patches": patches}
METHODS = {**ABLATIONS, "gradient": gradient, "attention": attention}
