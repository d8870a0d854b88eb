"""Places in an image, compared with the drawing, and in the inputs of models, with processors."""

import numpy as np
import pytest
import tiny_vlms
import torch
from PIL import Image

from psgvlm.explanations import tiles
from psgvlm.image_spec import PRESETS, ImageSpec
from psgvlm.images import geometry, raster
from psgvlm.models import inference
from psgvlm.models.tiny import build_tiny
from psgvlm.models.vlm import StagingModel
from psgvlm.signals.traces import Trace

SPECS = [
    *PRESETS,
    "wide,colour=false",
    "folded,grid=true,fold=2",
    "square,context_s=12.5,grid=true",
]
RATE_HZ, ONSET_S = 100.0, 30.0


def traces(spec, seed=0):
    rng = np.random.default_rng(seed)
    lanes = [30 * np.sin(rng.uniform(0, 9, 9500).cumsum() / 9) for _ in spec.lanes]
    return [Trace(lane.astype(np.float32), RATE_HZ) for lane in lanes]


def drawn(spec, lanes, onset_s=ONSET_S):
    return raster.to_rgb(next(raster.draw(lanes, spec, [onset_s])), spec)


@pytest.mark.parametrize("name", SPECS)
def test_blanking_a_lane_is_drawing_without_it(name):
    spec = ImageSpec.parse(name)
    lanes = traces(spec)
    picture, blank = drawn(spec, lanes), raster.blank_image(spec)
    for index in range(len(lanes)):
        mask = geometry.pixel_lanes(spec) == index
        without = drawn(spec, [None if i == index else lane for i, lane in enumerate(lanes)])
        assert not np.array_equal(without, picture)
        assert np.array_equal(np.where(mask[..., None], blank, picture), without)


@pytest.mark.parametrize("name", [n for n in SPECS if n not in ("spectral", "paper")])
def test_a_seconds_ink_lies_in_its_second(name):
    """A trace of a single second is drawn where `pixel_seconds` places that second."""
    spec = ImageSpec.parse(name)
    reach = spec.line_px / 2 + 1  # of the pen, and of one sample
    for second in (0, 9, 17, 29):
        lanes = [Trace(np.full(9500, np.nan, np.float32), RATE_HZ) for _ in spec.lanes]
        start = round((ONSET_S + second) * RATE_HZ)
        for lane in lanes:
            lane.samples_uv[start : start + 101] = 20.0
        ink = (drawn(spec, lanes) != raster.blank_image(spec)).any(axis=-1)
        at = geometry.pixel_seconds(spec) + geometry.first_second(spec) == second
        off_s = np.abs(geometry.pixel_times_s(spec)[ink] - (second + 0.5)) - 0.5
        assert off_s.max() < reach * spec.shown_s / spec.fold / spec.width
        assert set(geometry.pixel_lanes(spec)[ink & at]) == set(range(len(spec.lanes)))


@pytest.mark.parametrize("columns", [-3, 2])
@pytest.mark.parametrize("name", ["square", "folded", "wide", "folded,grid=true,fold=2"])
def test_shifting_is_drawing_at_another_time(name, columns):
    spec = ImageSpec.parse(name)
    lanes = traces(spec)
    px_s = spec.shown_s / spec.fold / spec.width
    moved = geometry.shift_traces(drawn(spec, lanes), spec, columns)
    wanted = drawn(spec, lanes, ONSET_S - columns * px_s)
    time_s = geometry.pixel_times_s(spec)  # the image does not know what enters from outside
    known = (time_s > 4 * px_s) & (time_s < 30 - 4 * px_s)
    difference = np.abs(moved.astype(int) - wanted).max(axis=-1)[known]
    assert (difference > 24).mean() < 0.001  # a few shades of ink at the ends of rows
    assert not np.array_equal(moved, drawn(spec, lanes))


def test_sums_by_lane_second_and_cell_agree():
    spec = ImageSpec.parse("folded")
    heat = np.random.default_rng(1).random((spec.height, spec.width))
    cells = geometry.sum_by_cell(heat, spec)
    assert cells.shape == (4, 30)
    assert np.allclose(cells.sum(axis=1), geometry.sum_by_lane(heat, spec))
    assert np.allclose(cells.sum(axis=0), geometry.sum_by_second(heat, spec))
    assert np.isclose(cells.sum(), heat.sum())
    # C4-M1 at 12 s is the first lane of the second row, 67.2 px from the left.
    assert cells[0, 12] == pytest.approx(heat[112:140, 67:101].sum(), rel=0.05)


### Inputs and image tokens

SPEC = ImageSpec.parse("compact")


@pytest.fixture(scope="module", params=[*tiny_vlms.FAMILIES, "tiny"])
def model(request):
    torch.manual_seed(0)
    if request.param == "tiny":
        return StagingModel(*build_tiny(PRESETS["square"]), PRESETS["square"], 1)
    return StagingModel(*tiny_vlms.FAMILIES[request.param](), SPEC, 1)


@pytest.mark.parametrize("corner", [(20, 30), (150, 300), (200, 10)])
def test_a_change_in_the_image_is_located_in_the_models_inputs(model, corner):
    """A dark square is located in the inputs, and in the features of the image tokens."""
    size = (model.spec.height, model.spec.width)
    picture = np.full((*size, 3), 255, np.uint8)
    place = tuple(slice(at, at + 20) for at in corner)
    picture[place] = 40
    around = tuple(slice(max(0, at - 8), at + 28) for at in corner)
    white = Image.new("RGB", model.spec.size, "white")
    with_square = inference.inputs_of(model, [[white, Image.fromarray(picture), white]])
    without = inference.inputs_of(model, [[white, white, white]])
    located = tiles.locate(model)

    change = (with_square["pixel_values"] - without["pixel_values"]).abs()
    grids = tiles.arrays(model, with_square, change).sum(dim=1).numpy()
    painted = sum(t.paint(grid, size) for t, grid in zip(located, grids, strict=True))
    assert painted[around].sum() > 0.9 * painted.sum()

    change = (features(model, with_square) - features(model, without)).norm(dim=1)
    own = change.chunk(3)[1].double().numpy()
    grids = tiles.tokens_on(model, with_square, own)
    painted = sum(t.paint(grid, size) for t, grid in zip(located, grids, strict=True))
    # The places are as coarse as the tokens, and the square may lie on several.
    assert painted[place].mean() > 2 * painted.mean()
    assert painted[place].max() > 0.99 * painted.max()


def features(model, inputs):
    """Return the features of all image tokens in order, shape (tokens, numbers)."""
    text = {"input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids"}
    with torch.no_grad():
        output = model.model.get_image_features(**{k: inputs[k] for k in inputs.keys() - text})
    output = getattr(output, "pooler_output", output)
    output = torch.cat(list(output)) if isinstance(output, list | tuple) else output
    return output.reshape(-1, output.shape[-1])


def test_paint_keeps_the_sum():
    values = np.random.default_rng(2).random((7, 5))
    painted = tiles.Tile(10.3, 4.8, 60.1, 33.3).paint(values, (40, 80))
    assert np.isclose(painted.sum(), values.sum())
    outside = tiles.Tile(-20, 0, 20, 10).paint(np.ones((1, 4)), (10, 40))
    assert np.isclose(outside.sum(), 2)
