"""Explanations of a model that was constructed so that it is known what decides."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_vlms
import torch
from commands import ROOT
from PIL import Image

sys.path.append(str(ROOT / "bench"))

import explain as bench

from psgvlm.errors import InputError
from psgvlm.explanations import METHODS, draw, explain
from psgvlm.explanations.blanking import BlankableEpoch
from psgvlm.explanations.explanation import Explanation, ImagePart, find_parts
from psgvlm.image_spec import PRESETS, ImageSpec
from psgvlm.images import geometry, raster
from psgvlm.models import inference
from psgvlm.models.tiny import build_tiny
from psgvlm.models.vlm import StagingModel
from psgvlm.signals.traces import Trace
from psgvlm.stages import INDEX

SPEC = PRESETS["folded"]
# Where the constructed model looks: C4-M1 from 12.5 to 15 s, in the middle row, on whole patches.
DECISIVE = (slice(112, 140), slice(84, 168))


class Watcher(torch.nn.Module):
    """A model that answers N2 the more ink lies where `weight` is 1, and W if none does.

    Its attention to each image token is the ink of that kind in the token.
    """

    def __init__(self, answers, image_token, patch):
        super().__init__()
        weight = torch.zeros(SPEC.height, SPEC.width)
        weight[DECISIVE] = 1
        self.weight = torch.nn.Parameter(weight)
        self.answers, self.patch = answers, patch
        self.config = SimpleNamespace(
            model_type="llava", image_token_id=image_token, _attn_implementation="sdpa",
            vision_config=SimpleNamespace(image_size=SPEC.width, patch_size=patch),
        )  # fmt: skip
        self.device, self.dtype = torch.device("cpu"), torch.float32

    def set_attn_implementation(self, how):
        self.config._attn_implementation = how

    def forward(self, input_ids, pixel_values, output_attentions=False, **_):
        seen = -pixel_values.mean(dim=1) * self.weight  # white is 0, ink below
        logits = torch.zeros(len(input_ids), 1, 600)
        logits[:, 0, self.answers[INDEX["N2"]][0]] += seen.sum(dim=(1, 2)) / 100
        logits[:, 0, self.answers[INDEX["W"]][0]] += 4
        attentions = None
        if output_attentions and self.config._attn_implementation == "eager":
            tokens = torch.nn.functional.avg_pool2d(seen[:, None], self.patch).flatten()
            weights = torch.zeros(1, 1, *[input_ids.shape[1]] * 2)
            weights[0, 0, -1, input_ids[0] == self.config.image_token_id] = tokens / 10
            attentions = (weights,)
        return SimpleNamespace(logits=logits, attentions=attentions)


@pytest.fixture(scope="module")
def tiny():
    model, processor = build_tiny(SPEC, seed=3)
    return StagingModel(model.eval(), processor, SPEC)


@pytest.fixture(scope="module")
def watcher(tiny):
    answers = inference.answer_tokens(tiny.processor, SPEC.prompt)
    token = tiny.model.config.image_token_id
    return StagingModel(Watcher(answers, token, SPEC.width // 12), tiny.processor, SPEC)


def picture(spec=SPEC, seed=0):
    rng = np.random.default_rng(seed)
    lanes = [rng.normal(0, 20, 3000).astype(np.float32) for _ in spec.lanes]
    image = next(raster.draw([Trace(lane, 100.0) for lane in lanes], spec, [0.0]))
    return Image.fromarray(raster.to_rgb(image, spec))


@pytest.fixture(scope="module")
def image():
    return picture()


@pytest.mark.parametrize("method", METHODS)
def test_heat_lies_where_the_model_looks(watcher, image, method):
    why = explain(watcher, [image], method, patch_px=28)
    assert why.stage == "N2"
    assert why.heat[DECISIVE].sum() > 0.95 * np.abs(why.heat).sum()
    assert why.lanes.argmax() == 0
    assert np.flatnonzero(why.seconds > why.threshold).tolist() == [12, 13, 14]
    (part,) = why.parts
    assert part == ImagePart("C4-M1", ((12, 15),))
    assert why.probabilities_without_parts.argmax() == INDEX["W"]


def test_losses_are_those_of_an_image_painted_over_by_hand(watcher, image):
    why = explain(watcher, [image], "patches", patch_px=28)
    by_hand = np.array(image)
    by_hand[112:140] = raster.blank_image(SPEC)[112:140]  # the only row of the lane that counts
    (intact,), (blank,) = (
        inference.probabilities(watcher, [[shown]]) for shown in (image, Image.fromarray(by_hand))
    )
    stage = INDEX["N2"]
    assert np.allclose(why.probabilities, intact)
    assert why.lanes[0] == pytest.approx(np.log(intact[stage] / blank[stage]), abs=1e-5)
    assert why.lanes[1:].tolist() == pytest.approx([0, 0, 0], abs=1e-6)
    by_hand = np.array(image)
    by_hand[112:140, 84:112] = 255
    ((one,),) = [inference.probabilities(watcher, [[Image.fromarray(by_hand)]])]
    lost = np.log(intact[stage] / one[stage])
    assert why.heat[112:140, 84:112].sum() == pytest.approx(lost, rel=1e-3)


def test_gradient_times_input_is_the_directional_derivative(tiny, image):
    """The derivative in the direction of the blank image, by the tiny model's own inputs."""
    epoch = BlankableEpoch(tiny, [image])
    heat = METHODS["gradient"](epoch, 2, None)
    pixels, step = epoch.inputs["pixel_values"], 1e-3
    changed = pixels + step * (epoch.blank_pixels - pixels)
    (score,) = epoch._classify_batch({**epoch.inputs, "pixel_values": changed})
    assert heat.sum() == pytest.approx((epoch.log_probabilities[2] - score[2]) / step, rel=0.02)


def test_combined_and_processed_images_give_the_same_scores(tiny, image):
    epoch = BlankableEpoch(tiny, [image])
    assert epoch.in_place
    masks = [geometry.pixel_lanes(SPEC) == lane for lane in range(4)]
    masks.append(np.zeros_like(masks[0]))
    fast = epoch.without(iter(masks))
    epoch.in_place = False
    assert np.allclose(fast, epoch.without(iter(masks)), atol=1e-5)
    assert np.array_equal(fast[-1], epoch.log_probabilities)


def test_deterministic(tiny, image, tmp_path):
    for method in ("gradient", "ablation"):
        one, other = (explain(tiny, [image], method) for _ in range(2))
        assert np.array_equal(one.heat, other.heat) and one.sentence == other.sentence
    for name in ("one.png", "other.png"):
        draw(one, image, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "other.png").read_bytes()


@pytest.mark.parametrize("family", tiny_vlms.FAMILIES)
def test_families_with_neighbours(family):
    """Every method gives a heat map for families whose processors resize and cut images."""
    spec = replace(ImageSpec.parse("compact"), grid=False)
    torch.manual_seed(0)
    model, processor = tiny_vlms.FAMILIES[family]()
    model = StagingModel(model.eval(), processor, spec, 1)
    images = [picture(spec, seed) for seed in range(3)]
    assert not BlankableEpoch(model, images).in_place
    before = model.model.config._attn_implementation
    for method in ("gradient", "attention"):
        why = explain(model, images, method, stage="R")
        assert why.heat.shape == (spec.height, spec.width) and why.heat.any()
        assert why.stage == "R" and np.isfinite(why.heat).all()
    assert model.model.config._attn_implementation == before
    lost = METHODS["patches"](BlankableEpoch(model, images), 0, 112)
    assert lost.shape == why.heat.shape and len(np.unique(lost)) == 8


def test_refused(watcher, tiny, image, monkeypatch):
    with pytest.raises(InputError, match="method 'saliency': expected one of ablation"):
        explain(tiny, [image], "saliency")
    with pytest.raises(InputError, match="stage 'REM': expected one of W"):
        explain(tiny, [image], stage="REM")
    with pytest.raises(InputError, match="an epoch of 2 images; expected 1"):
        explain(tiny, [image, image])
    with pytest.raises(InputError, match="100x336 pixels, RGB; expected 336x336"):
        explain(tiny, [image.crop((0, 0, 100, 336))])
    monkeypatch.setattr(watcher.model.config, "model_type", "other")
    for method in ("gradient", "attention"):
        with pytest.raises(InputError, match=r"type other: .* explain by ablation"):
            explain(watcher, [image], method)
    assert explain(watcher, [image]).parts  # needs no map
    monkeypatch.setattr(watcher.model.config, "model_type", "llava")
    monkeypatch.setattr(watcher.model, "set_attn_implementation", lambda how: None)
    with pytest.raises(InputError, match="do not return the attention"):
        explain(watcher, [image], "attention")


### The sentence


def explanation(lanes, cells, threshold, without_parts, method="ablation"):
    lanes, cells = np.array(lanes), np.array(cells)
    parts = find_parts(SPEC, lanes, cells.sum(axis=0), cells, threshold)
    p = np.array([0.02, 0.03, 0.9, 0.03, 0.02])
    return Explanation(
        SPEC, method, "N2", p, np.zeros((336, 336)), lanes, cells.sum(axis=0), threshold, parts,
        np.array(without_parts),
    )  # fmt: skip


def test_sentence_of_lanes_and_seconds():
    cells = np.zeros((4, 30))
    cells[0, [12, 13, 20]], cells[3] = 0.4, 0.01
    why = explanation([1.5, 0.05, -0.3, 0.4], cells, 0.1, [0.1, 0.6, 0.2, 0.05, 0.05])
    assert why.sentence == (
        "N2 (p 0.90), decided by C4-M1 at 12–14 and 20–21 s and by chin. With these parts blank, "
        "the model gives N1, and p(N2) is 0.20."
    )
    same = replace(why, probabilities_without_parts=np.array([0.1, 0.2, 0.5, 0.1, 0.1]))
    other = replace(same, probabilities=np.array([0.5, 0.1, 0.3, 0.1, 0.0]))  # the model gives W
    assert (
        "(p 0.30), leaning on C4-M1" in other.sentence and "the model gives N2," in other.sentence
    )
    assert "leaning on C4-M1" in same.sentence and "the model still gives N2," in same.sentence
    assert (
        "looking at C4-M1 at 12–14 and 20–21 s and at chin"
        in replace(why, method="attention").sentence
    )


def test_sentence_where_nothing_stands_out():
    cells = np.full((4, 30), 0.001)
    why = explanation([0.02, 0.05, -0.3, 0.04], cells, 0.1, [0.02, 0.03, 0.9, 0.03, 0.02])
    assert why.parts == ()
    assert why.sentence == (
        "N2 (p 0.90): nothing stands out. No lane or second weighs more than 0.05 nats of "
        "log p(N2), and moving the traces by a few pixels changes that by up to 0.1."
    )


def test_seconds_of_all_lanes_stand_out_where_no_lane_does():
    cells = np.zeros((4, 30))
    cells[:, 29] = 0.05
    why = explanation([0.05] * 4, cells, 0.1, [0.9, 0.03, 0.03, 0.02, 0.02])
    assert why.parts == (ImagePart(None, ((29, 30),)),)
    assert "decided by all lanes together at 29–30 s. With this part blank" in why.sentence
    assert why.parts[0].mask(SPEC).sum() == pytest.approx(336 * 336 / 30, rel=0.05)


def test_nothing_stands_out_of_a_blank_picture(watcher):
    why = explain(watcher, [Image.fromarray(raster.blank_image(SPEC))], stage="N2")
    assert not why.parts and not why.heat.any() and why.threshold == 0


### The measures of the benchmark: is a heat map true?


def test_measures_prefer_the_truth_and_shuffled_weights_lose(watcher, image):
    mask = np.zeros((336, 336), bool)
    mask[DECISIVE] = True
    epoch, labels = BlankableEpoch(watcher, [image]), geometry.pixel_patches(SPEC, 14)
    index = INDEX["N2"]
    shuffled = bench.shuffle(watcher)
    one, other = (model.model.weight.flatten() for model in (watcher, shuffled))
    assert torch.equal(one.sort()[0], other.sort()[0]) and not torch.equal(one, other)
    heats = {
        "true": explain(watcher, [image], "ablation", "N2").heat,
        "gradient": explain(watcher, [image], "gradient", "N2").heat,
        "shuffled": explain(shuffled, [image], "ablation", "N2").heat,
    }
    judged = {name: bench.judge(epoch, index, heat, mask, labels) for name, heat in heats.items()}
    for name in ("true", "gradient"):
        assert judged[name]["pointing"] == 1 and judged[name]["time"] == 1
        assert judged[name]["deletion"] < 0.5 * judged["shuffled"]["deletion"]
        assert judged[name]["insertion"] > 1.3 * judged["shuffled"]["insertion"]
    backwards = bench.judge(epoch, index, -heats["true"], mask, labels)
    assert backwards["pointing"] == 0 and backwards["time"] == 0
    assert backwards["deletion"] > judged["shuffled"]["deletion"] > judged["true"]["deletion"]


def test_events_are_placed_in_the_lanes_that_show_them():
    import pandas as pd

    truth = pd.DataFrame(
        [("spindle", 72.0, 1.0), ("k_complex", 85.0, 1.0), ("slow_wave", 61.0, 1.0)],
        columns=["kind", "onset_s", "duration_s"],
    )
    cells = geometry.sum_by_cell(bench.decisive(truth, "N2", 60.0, SPEC), SPEC)
    assert {second for lane, second in np.argwhere(cells)} == {11, 12, 13, 24, 25, 26}
    assert cells[0, 12] > 900 and cells[1, 12] == 0  # a spindle is no wave of the eyes' lanes
    assert cells[1, 25] == cells[0, 25] > 900 and not cells[3].any()
    assert geometry.sum_by_cell(bench.decisive(truth, "N3", 60.0, SPEC), SPEC)[0, 1] > 900
