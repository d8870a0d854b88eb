"""Fewer lanes and other wordings: the pictures and questions that a model gets."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from datasets import Dataset

from psgvlm.corpus import neighbours as neighbour_rows
from psgvlm.corpus import row_schema
from psgvlm.evaluation import contenders, variants
from psgvlm.evaluation.corpus_nights import CorpusNight
from psgvlm.image_spec import PRESETS
from psgvlm.images import raster
from psgvlm.images.pixels import png_pixel_hash
from psgvlm.models.vlm import StagingModel
from psgvlm.montages import MODALITY
from psgvlm.nights import neighbours
from psgvlm.signals.traces import Trace

RATE_HZ = 128
ONSETS_S = [0.0, 30.0, 60.0]
SPECS = {
    **PRESETS,
    "context": replace(PRESETS["wide"], context_s=15.0, colour=False),
    "all lanes": replace(PRESETS["folded"], montage="shhs", fold=2, height=400),
}


def drawn(spec, modalities):
    """Pictures of three epochs of noise taller than its lanes, as palette indices."""
    rng = np.random.default_rng(0)
    traces = []
    for name in spec.lanes:
        samples = rng.normal(0, 90, 90 * RATE_HZ).astype(np.float32)
        shown = MODALITY[name] in modalities
        traces.append(Trace(samples, RATE_HZ) if shown else None)
    return list(raster.draw(traces, spec, ONSETS_S))


def night(spec, neighbours=0):
    """The night of the same epochs with all lanes, as a corpus holds it."""
    pngs = [raster.to_png(image, spec) for image in drawn(spec, ("EEG", "EOG", "EMG", "ECG"))]
    where = {"cohort": "mass", "subject": "s", "recording": "r", "fold": None, "lanes": []}
    where["pixels"] = [png_pixel_hash(png) for png in pngs]
    stages = ["W", "N2", "R"]
    rows = row_schema.table(pngs, spec.prompt, stages, [None] * 3, range(3), ONSETS_S, **where)
    rows = neighbour_rows.attach(Dataset(rows), spec, neighbours)
    return CorpusNight(rows, np.arange(3), spec)


@dataclass
class Looker:
    """Takes the place of a model, and records each question with its pictures."""

    model: StagingModel
    name: str = "model"
    seen: list = field(default_factory=list)

    def with_prompt(self, prompt):
        model = replace(self.model, spec=replace(self.model.spec, prompt=prompt))
        return Looker(model, self.name, self.seen)

    def probabilities(self, night):
        shown = [[np.asarray(image) for image in row["images"]] for row in night.rows]
        self.seen.append((self.model.spec.prompt, shown))
        return np.tile([0.6, 0.1, 0.1, 0.1, 0.1], (len(shown), 1))


def staged(spec, kind, neighbours=0):
    """Questions and pictures of the unchanged model and of each variant, and the table."""
    looker, nights = Looker(StagingModel(None, None, spec)), [night(spec, neighbours)]
    frame, _ = contenders.stage_nights(looker, nights)
    (as_it_is,) = looker.seen
    looker.seen.clear()
    table = variants.stage_variants(looker, nights, [kind], frame)
    return as_it_is, looker.seen, table


@pytest.mark.parametrize("name", SPECS)
def test_removing_a_lane_equals_never_drawing_it(name):
    spec = SPECS[name]
    _, seen, table = staged(spec, "lanes")
    steps = table["variant"].unique().tolist()
    modalities = steps[-1].split(" + ")
    assert {MODALITY[lane] for lane in spec.lanes} == set(modalities)
    assert steps == [" + ".join(modalities[: n + 1]) for n in range(len(modalities))]
    assert len(seen) == len(steps) - 1
    for step, (_, shown) in zip(steps, seen, strict=False):
        wanted = [raster.to_rgb(image, spec) for image in drawn(spec, step.split(" + "))]
        assert all(np.array_equal(one, other) for (one,), other in zip(shown, wanted, strict=True))


def test_neighbours_lose_their_lanes_too():
    spec = PRESETS["spectral"]
    _, seen, _ = staged(spec, "lanes", neighbours=1)
    for kept, (_, shown) in zip((["EEG"], ["EEG", "EOG"]), seen, strict=True):
        own = [raster.to_rgb(image, spec) for image in drawn(spec, kept)]
        blank = np.asarray(neighbours.blank(spec))
        assert np.array_equal(shown, [[blank, *own[:2]], own, [*own[1:], blank]])


def test_the_last_lanes_and_the_first_wording_are_the_unchanged_model():
    spec = PRESETS["square"]
    for kind, place in (("lanes", -1), ("prompts", 0)):
        _, seen, table = staged(spec, kind)
        own = table[table["variant"] == table["variant"].unique()[place]]
        frame, _ = contenders.stage_nights(Looker(StagingModel(None, None, spec)), [night(spec)])
        assert own[frame.columns].reset_index(drop=True).equals(frame)
        assert set(table["kind"]) == {kind}
        assert set(table["model"]) == {"model"}
        assert len(table) == 3 * (len(seen) + 1)


@pytest.mark.parametrize("prompt", [variants.WORDINGS[0], variants.WORDINGS[3], "W to R: which?"])
def test_there_are_five_wordings_and_the_model_s_own_comes_first(prompt):
    spec = replace(PRESETS["square"], prompt=prompt)
    (_, as_it_is), seen, table = staged(spec, "prompts")
    asked = [prompt, *(text for text, _ in seen)]
    assert table["variant"].unique().tolist() == asked
    assert len(set(asked)) == 5
    assert set(asked[1:]) <= set(variants.WORDINGS)
    for _, shown in seen:  # the pictures stay
        assert np.array_equal(shown, as_it_is)
